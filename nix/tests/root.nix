# The files every image has.
{ lib, ... }:
let
  root = import ../root.nix { inherit lib; };
  all = { init = "/i"; shell = "/s"; env = "/e"; links = [ { path = "/a"; link = "/env/a"; } ]; home = true; };
  paths = arguments: map (entry: entry.path) (root.entries arguments);
  permissions = root.permissions { tree = "/nix/store/x-root"; home = true; };
  fits = path: lib.filter (perm: builtins.match perm.regex path != null) permissions;
in
{
  "everything" = {
    expr = paths all;
    expected = [ "/bin/devenv-init" "/etc/passwd" "/etc/group" "/root" "/tmp" "/env" "/bin/sh" "/usr/bin/env" "/a" ];
  };
  "the least" = {
    expr = paths (all // { shell = null; env = null; links = [ ]; home = false; });
    expected = [ "/bin/devenv-init" "/etc/passwd" "/etc/group" "/root" "/tmp" ];
  };
  "anyone may write to /tmp" = { expr = map (perm: perm.mode) (fits "/nix/store/x-root/tmp"); expected = [ "1777" ]; };
  "the user owns its home" = { expr = map (perm: { inherit (perm) uid mode; }) (fits "/nix/store/x-root/env"); expected = [ { uid = 1000; mode = "0755"; } ]; };
  "/usr/bin/env is not the home" = { expr = map (perm: perm.uid) (fits "/nix/store/x-root/usr/bin/env"); expected = [ ]; };
  "the tree itself has no permissions of its own" = { expr = fits "/nix/store/x-root"; expected = [ ]; };
}
