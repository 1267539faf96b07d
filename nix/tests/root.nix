# The files and folders every image has.
{ lib, ... }:
let
  root = import ../root.nix { inherit lib; };
  all = { init = "/i"; shell = "/s"; env = "/e"; links = [ { path = "/a"; link = "/env/a"; } ]; users = { }; };
  paths = map (entry: entry.path);
  permissions = root.permissions "/nix/store/x-root" (root.folders { makeHome = true; volumes = [ "/data" "/tmp" ]; owner = postgres; });
  postgres = { uid = 70; gid = 70; uname = "postgres"; gname = "postgres"; };
  fits = path: lib.filter (perm: builtins.match perm.regex path != null) permissions;
in
{
  "all files" = {
    expr = paths (root.files all);
    expected = [ "/bin/devenv-init" "/etc/passwd" "/etc/group" "/bin/sh" "/usr/bin/env" "/a" ];
  };
  "the least files" = {
    expr = paths (root.files (all // { shell = null; env = null; links = [ ]; }));
    expected = [ "/bin/devenv-init" "/etc/passwd" "/etc/group" ];
  };
  "the home is made when nothing copied makes it" = {
    expr = map (makeHome: paths (root.folders { inherit makeHome; volumes = [ ]; owner = { }; })) [ true false ];
    expected = [ [ "/root" "/tmp" "/env" ] [ "/root" "/tmp" ] ];
  };
  "anyone may write to /tmp" = { expr = map (perm: perm.mode) (fits "/nix/store/x-root/tmp"); expected = [ "1777" ]; };
  "the user owns its home" = { expr = map (perm: perm.uid) (fits "/nix/store/x-root/env"); expected = [ 70 ]; };
  "a volume belongs to whom the container runs as" = { expr = map (perm: perm.uname) (fits "/nix/store/x-root/data"); expected = [ "postgres" ]; };
  "a folder of the image stays as it is though it is a volume" = { expr = map (perm: perm.mode) (fits "/nix/store/x-root/tmp"); expected = [ "1777" ]; };
  "a name that ends like the home is not it" = { expr = fits "/nix/store/x-root/usr/bin/env"; expected = [ ]; };
  "what is on the way to a volume in the home is the user's" = {
    expr = map (entry: { inherit (entry) path; inherit (entry.permissions) uid mode; })
      (lib.drop 2 (root.folders { makeHome = false; volumes = [ "/env/a/b/c" "/env/a/b" "/environment/x" ]; owner = postgres; }));
    expected = [
      { path = "/env"; uid = 70; mode = "0755"; }
      { path = "/env/a"; uid = 70; mode = "0755"; }
      { path = "/env/a/b/c"; uid = 70; mode = "0755"; }
      { path = "/env/a/b"; uid = 70; mode = "0755"; }
      { path = "/environment/x"; uid = 70; mode = "0755"; }
    ];
  };
  "a volume in the home that is copied there, too, is its owner's" = {
    expr = map (perm: { inherit (perm) regex uid; })
      (root.permissionsInHome { volumes = [ "/data" "/env/a.b" ]; owner = postgres; } "/nix/store/x-app");
    expected = [ { regex = "^/nix/store/x-app/a\\.b$"; uid = 70; } ];
  };
  "the tree itself has no permissions of its own" = { expr = fits "/nix/store/x-root"; expected = [ ]; };
}
