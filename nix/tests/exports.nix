# What tasks hand on has a file for each.
{ lib, ... }:
let
  inherit (import ../lib/exports.nix { inherit lib; }) giving;
  file = name:
    let lines = lib.splitString "\n" (giving { coreutils = ""; inherit name; command = "x"; }); in
    lib.filter (lib.hasPrefix "export DEVENV_TASK_EXPORTS_FILE") lines;
  names = [ "app:a-b" "app:a:b" "app:a--b" "app:a-:b" "app:a:-b" "app:a/b" "app:a-d-b" "app:a-cb" "app:a-sb" ];
in
{
  "no two tasks share a file" = { expr = lib.length (lib.unique (map file names)); expected = lib.length names; };
}
