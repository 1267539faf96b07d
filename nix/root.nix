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

  owner = { inherit uid gid; uname = "user"; gname = "user"; };
  # An expression is searched for in the whole path in the store, so it is tied down at both ends:
  # `/env` alone would fit `/usr/bin/env` as well.
  within = tree: path: permissions: permissions // { regex = "^${lib.escapeRegex (tree + path)}$"; };
in
{
  home = "/env";

  # Folders are entered by any user, so that `docker run --user` works; what is copied belongs to the
  # user of the image, who may change it.
  ownedByUser = owner // { regex = ""; mode = "0755"; };

  /**
    The entries of the tree: `init` is the path of `devenv-init`; `shell` and `env` those of a shell
    and of `env`, null when the image has none; `links` further entries for `/`; `home` whether `/env`
    must be made here, because nothing is copied to it.
  */
  entries = { init, shell, env, links, home }:
    [
      { path = "/bin/devenv-init"; link = init; }
      { path = "/etc/passwd"; text = lines accounts; }
      { path = "/etc/group"; text = lines groups; }
      { path = "/root"; directory = true; }
      { path = "/tmp"; directory = true; }
    ]
    ++ optional home { path = "/env"; directory = true; }
    ++ optional (shell != null) { path = "/bin/sh"; link = shell; }
    ++ optional (env != null) { path = "/usr/bin/env"; link = env; }
    ++ links;

  /** Permissions of the entries that do not have the usual ones; `tree` is the tree's path in the store. */
  permissions = { tree, home }:
    let at = within tree; in
    [
      (at "/tmp" { mode = "1777"; uid = 0; gid = 0; uname = "root"; gname = "root"; })
      (at "/root" { mode = "0700"; uid = 0; gid = 0; uname = "root"; gname = "root"; })
    ]
    ++ optional home (at "/env" (owner // { mode = "0755"; }));
}
