# A project evaluated by devenv's own modules, with our module in it: as the stock `devenv` command
# line does it while it builds `container`.
{ devenv, project, container, devenvInit, devenvContainer, manager ? null }:
let
  pkgs = import ../../../tests/nixpkgs { overlays = [ (import ./packages.nix) ]; };
  inherit (pkgs) lib;
  self = /. + project;
  program = name: path: pkgs.runCommand name { program = builtins.path { inherit name; path = /. + path; }; } ''
    mkdir -p "$out/bin"
    cp "$program" "$out/bin/$name"
  '';
  evaluated = lib.evalModules {
    class = "devenv";
    specialArgs = { inherit self; inputs = { inherit self; }; };
    modules = [
      (/. + devenv + "/src/modules/top-level.nix")
      ../../devenv-module.nix
      (self + "/devenv.nix")
      (lib.mkIf (manager != null) { process.manager.implementation = manager; })
      ({ config, ... }: {
        _module.args = { inherit pkgs; secretspec = null; devenvPrimops = { }; };
        devenv = {
          root = toString self;
          dotfile = "${toString self}/.devenv";
          tmpdir = "/tmp";
          runtime = "/tmp/devenv-test";
          cli.version = "2.2.2";
        };
        devenv-init.package = program "devenv-init" devenvInit;
        devenv-container.package = program "devenv-container" devenvContainer;
        container.isBuilding = lib.mkForce true;
        containers.${container}.isBuilding = lib.mkForce true;
      })
    ];
  };
in
{
  inherit (evaluated) config options;
  inherit (evaluated.config.containers.${container}.derivation) spec;
  image = evaluated.config.containers.${container}.derivation;
  inherit (evaluated.config.containers.${container}) copyScript dockerRun;
}
