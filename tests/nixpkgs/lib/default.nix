# The `lib` of this package set: nixpkgs' own when NIXPKGS_LIB names a checkout of it, otherwise
# the stand-in beside this file, which knows the few functions the project's modules use.
let
  checkout = builtins.getEnv "NIXPKGS_LIB";
in
if checkout != "" then import (/. + checkout) else import ./stand-in.nix
