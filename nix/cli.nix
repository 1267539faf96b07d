# What `devenv-container` evaluates: a project's containers and their images.
#
# Arguments
#   project           the folder that holds `devenv.nix`, as a path or a string
#   file              the file that describes the project in place of its `devenv.nix`, as a path or a
#                     string; null for none
#   container         the container being built: `names` is then evaluated for it; null for none
#   nixpkgs           the package set's folder, as a path or a string; null is `<nixpkgs>`
#   nixpkgsConfig     its `config`
#   system            the system the image is for
#   initProgram       `devenv-init`: a file of this machine, a path in the store, or that of a package; it
#                     may be left out where only `names` is evaluated
#   containerProgram  `devenv-container`, in the same way; it builds the derivations
#   containerSystem   the system it is a program of: this machine's, whatever the image is for
#   inputs            the project's inputs, which its modules get as `inputs`
#   imports           modules of the project beside those of its folder, as paths
#   devenvModules     the folder of devenv's own modules (`src/modules` of the input `devenv`): with it
#                     all options of devenv are there; null evaluates with the core modules
#   mkShellBin        the function of mk-shell-bin; by default that of the input of this name
#
# Result
#   names             one `{ name, image, version, registry, fromRegistry, copyArgs }` a container, by name
#   images            by container: the derivation of its image, whose output is the image's JSON
#   copyArguments     by container: a program that prints its `defaultCopyArgs`, a zero byte after each
{
  project,
  file ? null,
  container ? null,
  nixpkgs ? null,
  nixpkgsConfig ? { },
  system ? builtins.currentSystem,
  initProgram ? import ./lib/fail.nix "there is no `initProgram` for an image" "name the program that is to be PID 1",
  containerProgram,
  containerSystem ? builtins.currentSystem,
  inputs ? { },
  imports ? [ ],
  devenvModules ? null,
  mkShellBin ? inputs.mk-shell-bin.lib.mkShellBin or null,
}:
let
  fail = import ./lib/fail.nix;

  # A fetched folder is a string that knows where it comes from, and stays one.
  path = given: if builtins.isString given && builtins.getContext given == { } then /. + given else given;
  found = builtins.tryEval <nixpkgs>;
  nixpkgsPath =
    if nixpkgs != null then path nixpkgs
    else if found.success then found.value
    else fail "there are no packages: `inputs.nixpkgs` is not locked, and there is no `<nixpkgs>`"
      "run `devenv-container lock` or `devenv update`, or give `--nixpkgs PATH`";
  # Package sets that wrap nixpkgs have its functions only as an output.
  lib = if builtins.pathExists (nixpkgsPath + "/lib") then import (nixpkgsPath + "/lib") else inputs.nixpkgs.lib;

  # Programs are imported by content under fixed names, so that it does not matter where they lie.
  program = name: given:
    if builtins.isString given && builtins.getContext given != { } then given
    else if lib.hasPrefix "${builtins.storeDir}/" (toString given) then builtins.storePath given
    else builtins.path { inherit name; path = path given; };

  importPackages = overlays: import nixpkgsPath { inherit system overlays; config = nixpkgsConfig; };
  evaluations = import ./evaluate.nix { inherit lib importPackages; };
  captures = import ./capture.nix { };

  root = path project;
  entry = if file == null then null else path file;
  programs = {
    inherit containerSystem;
    initProgram = program "devenv-init" initProgram;
    containerProgram = program "devenv-container" containerProgram;
  };

  # Our module for devenv's own. A project imports it for devenv's command line, and the core modules have
  # all it declares. It may be that of another version, so it is known by its neighbours.
  isDevenvModule = file:
    baseNameOf file == "devenv-module.nix" && builtins.pathExists (dirOf file + "/spec.schema.json");

  evaluate = { building, checked }:
    if devenvModules == null then evaluations.core {
      inherit building checked inputs entry;
      imports = lib.filter (file: !(isDevenvModule file)) imports;
      project = root;
    }
    else evaluations.devenv {
      inherit building checked imports inputs entry;
      project = root;
      modules = path devenvModules;
      programs = {
        devenv-container.project = toString root;
        devenv-init.program = "${programs.initProgram}";
        devenv-container.program = "${programs.containerProgram}";
        devenv-container.system = programs.containerSystem;
      };
    };

  # Each image has an evaluation of its own: `isBuilding` of its container is part of the project.
  imageOf = name:
    let
      config = evaluate { building = name; checked = true; };
      pkgs = importPackages config.overlays;
      images = import ./image.nix ({
        inherit lib system;
        capture = if mkShellBin == null then captures.own else captures.mkShellBin mkShellBin pkgs;
        inherit (pkgs) bash bashInteractive coreutils writeScript;
      } // programs);
    in
    if devenvModules != null then config.containers.${name}.derivation
    else images.image { inherit name config; projectSource = evaluations.source root; project = root; };
in
{
  names = lib.mapAttrsToList (name: one: {
    inherit name;
    image = one.name;
    inherit (one) version registry fromRegistry;
    copyArgs = one.defaultCopyArgs;
  }) (evaluate { building = container; checked = true; }).containers;

  images =
    builtins.mapAttrs (name: _: imageOf name) (evaluate { building = null; checked = false; }).containers;

  copyArguments =
    let
      project = evaluate { building = null; checked = true; };
      program = import ./copy-arguments.nix { inherit (importPackages project.overlays) bash writeScript; };
    in
    builtins.mapAttrs (_: one: program one.defaultCopyArgs) project.containers;
}
