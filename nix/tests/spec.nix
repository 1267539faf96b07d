# Golden specs: every folder of `golden/` holds a project module and the spec it must become.
#
# Scripts stand in the spec as their name and text, so that a change of either shows.
{ lib, core, ... }:
let
  specs = import ../spec.nix { inherit lib; };
  specOf = module:
    let config = core module; in
    specs.processes {
      inherit config;
      script = name: text: "${name}: ${text}";
      environment = removeAttrs (specs.variables config.env) [ "DEVENV_ROOT" "DEVENV_DOTFILE" "DEVENV_STATE" "DEVENV_RUNTIME" ];
      workingDir = "/env";
      inherit (config.containers.processes) init;
      option = "containers.processes.init";
    };
  golden = builtins.attrNames (builtins.readDir ./golden);
in
lib.listToAttrs (map (name: lib.nameValuePair name {
  expr = specOf (./golden + "/${name}/project.nix");
  expected = lib.importJSON (./golden + "/${name}/spec.json");
}) golden)
