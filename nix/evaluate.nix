# Evaluates a project with the core modules.
{ lib, importPackages }:
let
  # What changes while people work and belongs to their machine, not to the project.
  leftOut = name:
    lib.elem name [ ".git" ".devenv" ".direnv" "result" ]
    || lib.hasPrefix ".devenv." name
    || lib.hasPrefix "result-" name;

  /** The project as it is copied into images, imported by content under a fixed name. */
  source = project: builtins.path {
    name = "source";
    path = project;
    filter = path: _: !(dirOf path == toString project && leftOut (baseNameOf path));
  };

  failed = config: lib.filter (one: !one.assertion) config.assertions;

  check = config:
    if failed config != [ ] then
      throw "failed assertions:\n${lib.concatMapStringsSep "\n" (one: "- ${one.message}") (failed config)}"
    else lib.foldl' (rest: text: builtins.trace "warning: ${text}" rest) config config.warnings;
in
{
  inherit source;

  /**
    The configuration of `project`, a path of a folder with a `devenv.nix`, while `building` (the name
    of a container, or null) is being built.
  */
  evaluate = { project, building ? null, inputs ? { } }:
    let
      evaluated = lib.evalModules {
        specialArgs = { inherit inputs; projectSource = source project; };
        modules =
          [ ./modules ({ config, ... }: { _module.args.pkgs = importPackages config.overlays; }) ]
          ++ map (file: project + "/${file}") (
            lib.filter (file: builtins.pathExists (project + "/${file}")) [ "devenv.nix" "devenv.local.nix" ]
          )
          ++ lib.optional (building != null) {
            container.isBuilding = true;
            containers.${building}.isBuilding = true;
          };
      };
    in
    check evaluated.config;
}
