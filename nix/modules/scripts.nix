# `scripts.<name>`: commands of the project, found in the shell and by the processes.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;

  script = types.submodule ({ name, config, ... }: {
    options = {
      exec = mkOption {
        type = types.either types.str types.path;
        description = "The script: its text, or a file that holds it.";
      };
      package = mkOption {
        type = types.package;
        default = pkgs.bash;
        defaultText = lib.literalExpression "pkgs.bash";
        description = "The package of the interpreter.";
      };
      binary = mkOption {
        type = types.nullOr types.str;
        default = null;
        description = "The interpreter's name in `package`; null is the package's main program.";
      };
      description = mkOption {
        type = types.str;
        default = "";
        description = "What the script is for.";
      };
      scriptPackage = mkOption {
        type = types.package;
        internal = true;
        description = "The package that holds the script under its name.";
        default =
          let
            interpreter =
              if config.binary != null then "${lib.getBin config.package}/bin/${config.binary}"
              else lib.getExe config.package;
            text = if builtins.isPath config.exec then builtins.readFile config.exec else config.exec;
          in
          pkgs.writeScriptBin name "#!${interpreter}\n${text}";
      };
    };
  });
in
{
  options.scripts = mkOption {
    type = types.attrsOf script;
    default = { };
    description = "Scripts that become commands under their names.";
  };

  config.packages = lib.mapAttrsToList (_: one: one.scriptPackage) config.scripts;
}
