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
      coreutils = "/coreutils";
      environment = removeAttrs (specs.variables config.env) [ "DEVENV_ROOT" "DEVENV_DOTFILE" "DEVENV_STATE" "DEVENV_RUNTIME" ];
      workingDir = "/env";
      inherit (config.containers.processes) init;
      option = "containers.processes.init";
    };
  golden = builtins.attrNames (builtins.readDir ./golden);
  module = name: ./golden + "/${name}/project.nix";

  # The names of all fields the schema knows, and of those that some golden project sets.
  schema = lib.importJSON ../spec.schema.json;
  variants = definition: [ definition ] ++ lib.concatMap variants (definition.oneOf or [ ] ++ lib.attrValues (definition.properties or { }));
  fieldsOf = definition: lib.concatMap (one: builtins.attrNames (one.properties or { })) (variants definition);
  known = lib.unique (lib.concatMap fieldsOf ([ schema ] ++ lib.attrValues schema."$defs"));
  keys = value:
    if builtins.isAttrs value then builtins.attrNames value ++ lib.concatMap keys (lib.attrValues value)
    else if builtins.isList value then lib.concatMap keys value
    else [ ];
  set = lib.concatMap (name: keys (specOf (module name))) golden;
in
{
  # The shell is that of another container.
  "every field of the schema can be set by an option" = {
    expr = lib.filter (field: !(lib.elem field set)) known;
    expected = [ "shell" ];
  };
}
// lib.listToAttrs (map (name: lib.nameValuePair name {
  expr = specOf (module name);
  expected = lib.importJSON (./golden + "/${name}/spec.json");
}) golden)
