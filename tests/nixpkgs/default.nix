# A package set small enough to be built without a network, laid out like nixpkgs: the same way to
# be imported, the same names, real derivations. Its programs are static ones of this machine, so
# it serves tests and examples and nothing else.
{ system ? builtins.currentSystem, config ? { }, overlays ? [ ], ... }:
let
  lib = import ./lib;

  base = final: {
    inherit config lib overlays system;
    host = import ./pkgs/host.nix { inherit lib system; };
    callPackage = path: arguments:
      let function = import path;
      in function (builtins.intersectAttrs (builtins.functionArgs function) final // arguments);
  };
  builders = final: prev: import ./pkgs/builders.nix { inherit (final) bash coreutils findutils host system; };
  packages = final: prev: import ./pkgs/packages.nix { pkgs = final; };
  stdenvs = final: prev: import ./pkgs/stdenv { pkgs = final; };
  # Every program here is static.
  rust = final: prev: import ./pkgs/rust.nix { pkgs = final; } // { pkgsStatic = final; };

  # The usual fixed point: an overlay sees the final set and the one before it.
  extend = self: layer: final: let prev = self final; in prev // layer final prev;
  layers = [ builders packages stdenvs rust ] ++ overlays;
  build = builtins.foldl' extend base layers;
  pkgs = build pkgs;
in
pkgs
