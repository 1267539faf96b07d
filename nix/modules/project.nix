# The project itself: its name, packages, variables and shell.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
in
{
  options = {
    name = mkOption {
      type = types.nullOr types.str;
      default = "devenv-shell";
      description = "Name of the project. Custom containers are called `<name>-<container>` by default.";
    };

    packages = mkOption {
      type = types.listOf types.package;
      default = [ ];
      description = "Packages whose programs are found in the shell and by the processes.";
      example = lib.literalExpression "[ pkgs.procps ]";
    };

    inputsFrom = mkOption {
      type = types.listOf types.package;
      default = [ ];
      description = "Derivations whose build inputs join the shell.";
    };

    env = mkOption {
      type = types.submodule { freeformType = types.lazyAttrsOf types.anything; };
      default = { };
      description = "Variables of the shell and of every process. They win over what packages set.";
      example = { DATABASE_URL = "postgres://localhost/app"; };
    };

    enterShell = mkOption {
      type = types.lines;
      default = "";
      description = ''
        Bash code run when the shell is entered. Processes do not run it: their environment is
        captured while the image is built.
      '';
    };

    overlays = mkOption {
      type = types.listOf (types.functionTo (types.functionTo types.attrs));
      default = [ ];
      description = "Overlays of the package set, each a function of the final and the previous set.";
    };

    stdenv = mkOption {
      type = types.package;
      default = pkgs.stdenv;
      defaultText = lib.literalExpression "pkgs.stdenv";
      description = "The `stdenv` the shell is made with.";
    };

    shell = mkOption {
      type = types.package;
      internal = true;
      description = "The shell's derivation, whose environment is captured.";
      default = (pkgs.mkShell.override { inherit (config) stdenv; }) (
        {
          name = lib.strings.sanitizeDerivationName or lib.id (if config.name == null then "devenv-shell" else config.name);
          inherit (config) inputsFrom packages;
          shellHook = config.enterShell;
        }
        // lib.filterAttrs (_: value: value != null) config.env
      );
    };

    assertions = mkOption {
      type = types.listOf types.unspecified;
      internal = true;
      default = [ ];
      description = "Conditions that must hold, each `{ assertion, message }`.";
    };

    warnings = mkOption {
      type = types.listOf types.str;
      internal = true;
      default = [ ];
      description = "Messages shown when the project is evaluated.";
    };
  };
}
