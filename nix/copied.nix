# What `copyToRoot` puts into an image: which store paths go where, and the links that make local
# files reachable from `/` as well.
{ lib }:
let
  root = import ./root.nix { inherit lib; };

  # Names at `/` that belong to the image or to the engine that runs it.
  reserved = [
    "bin" "boot" "dev" "env" "etc" "home" "lib" "lib64" "mnt" "nix" "opt" "proc" "root" "run" "sbin"
    "srv" "sys" "tmp" "usr" "var"
  ];

  # Whether the path is there while the project is evaluated. What a derivation will hold is not known
  # before it is built, and a build must not be part of the evaluation.
  isLocal = inStore:
    lib.all (origin: !(origin ? outputs) && !(origin ? allOutputs)) (lib.attrValues (builtins.getContext inStore));

  isFolder = inStore:
    let
      typeOf = builtins.readFileType or (path: (builtins.readDir (dirOf path)).${baseNameOf path});
    in
    !(isLocal inStore) || typeOf (builtins.unsafeDiscardStringContext inStore) == "directory";

  # The name of a file in the image: without the hash it has in the store.
  plainName = inStore:
    let
      name = baseNameOf (builtins.unsafeDiscardStringContext inStore);
      hashed = builtins.match "[0-9a-z]{32}-(.*)" name;
    in
    if hashed == null then name else builtins.head hashed;
in
{
  /** A `copyToRoot` as a list of store paths. */
  paths = copyToRoot:
    map (path: "${path}") (
      if copyToRoot == null then [ ]
      else if builtins.isList copyToRoot then copyToRoot
      else [ copyToRoot ]
    );

  /**
    One store path with its place in the image, as the builder takes it: the contents of a folder go
    to `/env`, a file goes into it under its own name. Outputs of derivations are taken for folders.
  */
  special = inStore: {
    path = inStore;
    rewrite = {
      regex = "^${lib.escapeRegex (builtins.unsafeDiscardStringContext inStore)}";
      repl = if isFolder inStore then root.home else "${root.home}/${plainName inStore}";
    };
    perms = [ root.ownedByUser ];
  };

  inherit isFolder;

  /** Links from `/` to what lies at the top of a local folder, or to a local file. */
  links = inStore:
    let
      names =
        if !(isLocal inStore) then [ ]
        else if isFolder inStore then builtins.attrNames (builtins.readDir inStore)
        else [ (plainName inStore) ];
    in
    map (name: { path = "/${name}"; link = "${root.home}/${name}"; })
      (lib.filter (name: !(lib.elem name reserved)) names);
}
