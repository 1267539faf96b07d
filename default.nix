# What the flake offers, for those who do not use flakes:
#
#     nix-build -A devenv-container
#     devenvModule    the module that a devenv project imports
#     containers      the containers of a project; its arguments are those of nix/cli.nix
{ nixpkgs ? <nixpkgs>, system ? builtins.currentSystem, pkgs ? import nixpkgs { inherit system; } }:
let
  packages = import ./nix/packages.nix { inherit pkgs; };
in
packages // {
  devenvModule = ./nix/devenv-module.nix;
  containers = arguments: import ./nix/cli.nix ({
    inherit nixpkgs system;
    initProgram = "${packages.devenv-init}/bin/devenv-init";
    containerProgram = "${packages.devenv-container}/bin/devenv-container";
    containerSystem = system;
  } // arguments);
}
