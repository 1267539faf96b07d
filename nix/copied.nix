# What `copyToRoot` puts into an image: which store paths go where, and the links that make local
# files reachable from `/` as well.
{ lib }:
let
  fail = import ./lib/fail.nix;
  root = import ./root.nix { inherit lib; };

  # Names at `/` that belong to the image or to the engine that runs it.
  reserved = [
    "bin" "boot" "dev" "env" "etc" "home" "lib" "lib64" "mnt" "nix" "opt" "proc" "root" "run" "sbin"
    "srv" "sys" "tmp" "usr" "var"
  ];

  # Whether the path is there while the project is evaluated. What a derivation will hold is not known
  # before it is built, and a build must not be part of the evaluation.
  isLocal = path:
    builtins.isPath path
    || lib.all (origin: !(origin ? outputs || origin ? allOutputs)) (lib.attrValues (builtins.getContext "${path}"));

  isFolder = path:
    let
      typeOf = builtins.readFileType or (path: (builtins.readDir (dirOf path)).${baseNameOf path});
    in
    typeOf (if builtins.isPath path then path else builtins.unsafeDiscardStringContext "${path}") == "directory";

  # The name of a file in the image: without the hash it has in the store.
  plainName = inStore:
    let
      name = baseNameOf (builtins.unsafeDiscardStringContext inStore);
      hashed = builtins.match "[0-9a-z]{32}-(.*)" name;
    in
    if hashed == null then name else builtins.head hashed;

  # The project without what lies in it at a path below it.
  without = projectSource: path: builtins.path {
    name = "source";
    path = projectSource;
    filter = other: _: other != "${projectSource}${path}";
  };

  item = option: projectSource: base: path:
    if builtins.isPath path && !(builtins.pathExists path) then
      fail "`${option}`: ${toString path} does not exist" "build it first; in a flake, git must know it too"
    else if path == projectSource then {
      inherit path;
      inStore = if base == null then path else without projectSource base;
      folder = true;
      top = [ ];
    }
    else if !(isLocal path) then { inherit path; inStore = "${path}"; folder = true; top = [ ]; }
    else rec {
      inherit path;
      inStore = "${path}";
      folder = isFolder path;
      top = if folder then builtins.attrNames (builtins.readDir path) else [ (plainName inStore) ];
    };
in
{
  /**
    The items of a `copyToRoot`: `inStore` is the path in the store, `folder` says whether it is one,
    `top` are the names to link from `/`. `option` is the option's path for messages, and `base` that of
    the image to build on within the project, `/debian.tar`, or null: it is in the image already, so the
    project as a whole comes without it.

    Outputs of derivations are taken for folders. They, and the project itself, are not linked: what
    the first hold is unknown, and the second is the home folder of people, not an artifact.
  */
  items = { copyToRoot, projectSource, option, base ? null }:
    map (item option projectSource base) (
      if copyToRoot == null then [ ]
      else if builtins.isList copyToRoot then lib.unique copyToRoot
      else [ copyToRoot ]
    );

  /**
    One item with its place in the image, as the builder takes it: the contents of a folder go to
    `/env`, a file goes into it under its own name. `owned` are the `volumes` of the container and
    their `owner`.
  */
  special = owned: { inStore, folder, ... }: {
    path = inStore;
    rewrite = {
      regex = "^${lib.escapeRegex (builtins.unsafeDiscardStringContext inStore)}";
      repl = if folder then root.home else "${root.home}/${plainName inStore}";
    };
    perms = [ (root.ownedBy owned.owner) ]
      ++ lib.optionals folder (root.permissionsInHome owned (builtins.unsafeDiscardStringContext inStore));
  };

  /** Links from `/` to the top of all items. */
  links = items:
    map (name: { path = "/${name}"; link = "${root.home}/${name}"; })
      (lib.filter (name: !(lib.elem name reserved)) (lib.unique (lib.concatMap (one: one.top) items)));
}
