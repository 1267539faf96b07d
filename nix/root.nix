# The files every image has beside the store and what the project copies: accounts, `/tmp`, the home
# folder, and links to the programs that have a fixed place.
{ lib }:
let
  inherit (lib) optional;
  accounts = import ./lib/accounts.nix { inherit lib; };

  root = { uid = 0; gid = 0; uname = "root"; gname = "root"; };
  home = "/env";
  isInHome = lib.hasPrefix "${home}/";
  # Volumes that are no folders every image has.
  own = volumes: lib.filter (path: !(lib.elem path [ "/root" "/tmp" home ])) (lib.unique volumes);
  # The folders on the way to a path below the home, that one included.
  wayTo = path: lib.filter (folder: folder != path && (folder == home || isInHome folder))
    (lib.foldl' (way: name: way ++ [ "${lib.last way}/${name}" ]) [ "" ] (lib.tail (lib.splitString "/" path)));
in
{
  inherit home;

  /**
    Of what is copied into the home: it belongs to `owner`, the user of the image, who may change it.
    Folders are entered by any user, so that `docker run --user` works.
  */
  ownedBy = owner: owner // { regex = ""; mode = "0755"; };

  /**
    The entries of the tree of files: `init` is the path of `devenv-init`; `shell` and `env` those of
    a shell and of `env`, null when the image has none; `links` are further entries for `/`, `users` those
    of the project.
  */
  files = { init, shell, env, links, users }:
    [
      { path = "/bin/devenv-init"; link = init; }
      { path = "/etc/passwd"; text = accounts.passwd users; accounts = true; }
      { path = "/etc/group"; text = accounts.group users; accounts = true; }
    ]
    ++ optional (shell != null) { path = "/bin/sh"; link = shell; }
    ++ optional (env != null) { path = "/usr/bin/env"; link = env; }
    ++ links;

  /**
    The folders with permissions of their own: `{ path, permissions }`. `makeHome` says whether `/env` must
    be made, because nothing that is copied makes it. It and `volumes` belong to `owner`: an engine that
    makes a volume for one gives it to the same user, and not to root.

    They are a tree apart from the files. Where it meets another tree in a folder, both must come to the
    same owner and mode: what is on the way to a volume in the home has those of what is copied there.
  */
  folders = { makeHome, volumes, owner }:
    [
      { path = "/root"; permissions = root // { mode = "0700"; }; }
      { path = "/tmp"; permissions = root // { mode = "1777"; }; }
    ]
    ++ map (path: { inherit path; permissions = owner // { mode = "0755"; }; })
      (lib.filter (path: !(lib.elem path (own volumes)))
        (lib.unique (optional makeHome home ++ lib.concatMap wayTo (lib.filter isInHome volumes))))
    ++ map (path: { inherit path; permissions = owner // { mode = "0755"; }; }) (own volumes);

  /**
    The permissions of `volumes` within a folder whose contents go to the home from a path of the store:
    it may hold them as well.
  */
  permissionsInHome = { volumes, owner }: inStore:
    map (path: owner // { mode = "0755"; regex = "^${lib.escapeRegex (inStore + lib.removePrefix home path)}$"; })
      (lib.filter isInHome (own volumes));

  /**
    The permissions of `folders` in a tree at a path of the store. Expressions are searched for in the
    whole path, hence the anchors.
  */
  permissions = tree: map ({ path, permissions }: permissions // { regex = "^${lib.escapeRegex (tree + path)}$"; });
}
