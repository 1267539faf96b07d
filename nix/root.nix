# The files every image has beside the store and what the project copies: accounts, `/tmp`, the home
# folder, and links to the programs that have a fixed place.
{ lib }:
let
  inherit (lib) optional;
  uid = 1000;
  gid = 1000;

  accounts = [
    "root:x:0:0:root:/root:/bin/sh"
    "user:x:${toString uid}:${toString gid}:user:/env:/bin/sh"
    "nobody:x:65534:65534:nobody:/:/bin/sh"
  ];
  groups = [ "root:x:0:" "user:x:${toString gid}:" "nogroup:x:65534:" ];
  lines = lib.concatMapStrings (line: "${line}\n");

  root = { uid = 0; gid = 0; uname = "root"; gname = "root"; };
  user = { inherit uid gid; uname = "user"; gname = "user"; };
in
{
  home = "/env";

  # Folders are entered by any user, so that `docker run --user` works; what is copied belongs to the
  # user of the image, who may change it.
  ownedByUser = user // { regex = ""; mode = "0755"; };

  /**
    The entries of the tree of files: `init` is the path of `devenv-init`; `shell` and `env` those of
    a shell and of `env`, null when the image has none; `links` are further entries for `/`.
  */
  files = { init, shell, env, links }:
    [
      { path = "/bin/devenv-init"; link = init; }
      { path = "/etc/passwd"; text = lines accounts; }
      { path = "/etc/group"; text = lines groups; }
    ]
    ++ optional (shell != null) { path = "/bin/sh"; link = shell; }
    ++ optional (env != null) { path = "/usr/bin/env"; link = env; }
    ++ links;

  /**
    The folders with permissions of their own: `{ path, permissions }`. `home` says whether `/env` must
    be made, because nothing that is copied makes it.

    They are a tree apart from the files: where two trees meet in a folder both must ask for the same
    permissions, and the tree of the files, which asks for none, then meets any other.
  */
  folders = { home }:
    [
      { path = "/root"; permissions = root // { mode = "0700"; }; }
      { path = "/tmp"; permissions = root // { mode = "1777"; }; }
    ]
    ++ optional home { path = "/env"; permissions = user // { mode = "0755"; }; };

  /**
    The permissions of `folders` in a tree at a path of the store. Expressions are searched for in the
    whole path, hence the anchors.
  */
  permissions = tree: map ({ path, permissions }: permissions // { regex = "^${lib.escapeRegex (tree + path)}$"; });
}
