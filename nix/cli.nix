# What `devenv-container` evaluates: a project's containers and their images.
#
# Arguments
#   project           the folder that holds `devenv.nix`, as a path or a string
#   container         the container being built: `names` is then evaluated for it; null for none
#   nixpkgs           the package set's folder, as a path or a string; null is `<nixpkgs>`
#   nixpkgsConfig     its `config`
#   system            the system the image is for
#   initProgram       `devenv-init`: a file of this machine, or a path in the store
#   containerProgram  `devenv-container`, in the same way; it builds the derivations
#   mkShellBin        the function of mk-shell-bin when the project has it as an input
#
# Result
#   names             one `{ name, image, version, registry, copyArgs }` a container, by name
#   images            by container: the derivation of its image, whose output is the image's JSON
{
  project,
  container ? null,
  nixpkgs ? null,
  nixpkgsConfig ? { },
  system ? builtins.currentSystem,
  initProgram,
  containerProgram,
  mkShellBin ? null,
}:
let
  path = given: if builtins.isString given then /. + given else given;
  nixpkgsPath = if nixpkgs == null then <nixpkgs> else path nixpkgs;
  lib = import (nixpkgsPath + "/lib");

  # Programs are imported by content under fixed names, so that it does not matter where they lie.
  program = name: given:
    if lib.hasPrefix "${builtins.storeDir}/" (toString given) then builtins.storePath given
    else builtins.path { inherit name; path = path given; };

  importPackages = overlays: import nixpkgsPath { inherit system overlays; config = nixpkgsConfig; };
  inherit (import ./evaluate.nix { inherit lib importPackages; }) evaluate source;
  captures = import ./capture.nix { };

  imageOf = name:
    let
      root = path project;
      config = evaluate { project = root; building = name; };
      pkgs = importPackages config.overlays;
      images = import ./image.nix {
        inherit lib system;
        initProgram = program "devenv-init" initProgram;
        containerProgram = program "devenv-container" containerProgram;
        capture = if mkShellBin == null then captures.own else captures.mkShellBin mkShellBin pkgs;
        inherit (pkgs) bash bashInteractive coreutils writeScript;
      };
    in
    images.image { inherit name config; projectSource = source root; };

  config = evaluate { project = path project; building = container; };
in
{
  names = lib.mapAttrsToList (name: one: {
    inherit name;
    image = one.name;
    inherit (one) version registry;
    copyArgs = one.defaultCopyArgs;
  }) config.containers;

  # Each image has an evaluation of its own: `isBuilding` of its container is part of the project.
  images = lib.mapAttrs (name: _: imageOf name) (evaluate { project = path project; }).containers;
}
