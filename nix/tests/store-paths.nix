# Store paths in texts.
{ lib, ... }:
let
  inherit (import ../lib/store-paths.nix) mentioned;
  a = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-a-1.0";
  b = "/nix/store/zyxwvsrqpnmlkjihgfdcba9876543210-b";
in
{
  "none" = { expr = mentioned "/usr/bin/env /nix/store/short-x"; expected = [ ]; };
  "each once, in order" = { expr = mentioned "${b}/bin/b ${a}/bin/a --data=${b}:${a}"; expected = [ b a ]; };
  "in quoted text" = { expr = mentioned (builtins.toJSON [ "${a}/x" ]); expected = [ a ]; };
  "the context stays" = {
    expr = builtins.attrNames (builtins.getContext (lib.head (mentioned "run ${builtins.toFile "x" "y"} now")));
    expected = [ "${builtins.unsafeDiscardStringContext (builtins.toFile "x" "y")}" ];
  };
}
