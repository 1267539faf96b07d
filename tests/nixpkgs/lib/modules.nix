# The module system: collects modules, declares options, merges definitions, names mistakes.
{ lib, lists, strings, attrsets, options }:
let
  inherit (lists) concatMap filter head length reverseList sort;
  inherit (options) isOption showDefs showOption;
  inherit (import ./properties.nix { inherit lists; }) properties discharge pushDown;
  inherit (import ./collect.nix { inherit lib strings; }) collect;

  # Declarations and definitions, taken apart name by name from the root of the option tree.
  mergeTree = loc: declarations: definitions:
    let
      names = lists.unique (concatMap (decl: builtins.attrNames decl.options) declarations);
      branches = lib.genAttrs names (name: mergeBranch (loc ++ [ name ]) (here name declarations) (inside name));
      inside = name: concatMap (def: if def.value ? ${name} then [ { inherit (def) file; value = def.value.${name}; } ] else [ ]) flat;
      here = name: concatMap (decl: if decl.options ? ${name} then [ { inherit (decl) file; options = decl.options.${name}; } ] else [ ]);
      flat = concatMap (def: map (value: { inherit (def) file; value = asSet loc def.file value; }) (pushDown def.value)) definitions;
      stray = concatMap (
        def: map (name: { inherit (def) file; path = [ name ]; value = def.value.${name}; })
          (filter (name: !(builtins.elem name names)) (builtins.attrNames def.value))
      ) flat;
    in
    {
      config = builtins.mapAttrs (_: branch: branch.config) branches;
      options = builtins.mapAttrs (_: branch: branch.options) branches;
      unmatched = stray ++ concatMap (
        name: map (def: def // { path = [ name ] ++ def.path; }) branches.${name}.unmatched
      ) names;
    };

  mergeBranch = loc: declarations: definitions:
    let
      declared = filter (decl: isOption decl.options) declarations;
      option = evalOption loc (head declared) definitions;
    in
    if declared == [ ] then mergeTree loc declarations definitions
    else if length declarations > 1 then
      throw "The option `${showOption loc}' in `${toString (head declarations).file}' is already declared in `${toString (lists.last declarations).file}'."
    else { config = option.value; options = option; unmatched = [ ]; };

  asSet = loc: file: value:
    if builtins.isAttrs value then value
    else throw "The option path `${showOption loc}' is a set of options, but its definition in `${toString file}' is of type `${builtins.typeOf value}'.";

  evalOption = loc: { file, options }@declaration: definitions:
    let
      option = declaration.options;
      fallback = if option ? default then [ { file = "the default of `${showOption loc}'"; value = mkOptionDefault option.default; } ] else [ ];
      merged = mergeDefinitions loc (option.type or lib.types.unspecified) (fallback ++ definitions);
    in
    option // {
      inherit loc;
      inherit (merged) isDefined highestPrio;
      definitions = map (def: def.value) merged.definitions;
      definitionsWithLocations = merged.definitions;
      files = map (def: def.file) merged.definitions;
      declarations = [ file ];
      value =
        # The default counts: to define a read-only option that has one is to define it twice.
        if (option.readOnly or false) && length (fallback ++ definitions) > 1 then
          throw "The option `${showOption loc}' is read-only, but it's set multiple times. Definition values:${showDefs merged.definitions}"
        else (option.apply or (x: x)) merged.value;
    };

  /** Discharges, sorts and merges the definitions of one option or of one element of it. */
  mergeDefinitions = loc: type: definitions:
    let
      discharged = concatMap (def: map (value: { inherit (def) file; inherit value; }) (discharge def.value)) definitions;
      priorityOf = def: if properties.isOverride def.value then def.value.priority else defaultOverridePriority;
      highestPrio = lists.foldl' (best: def: lib.min best (priorityOf def)) 9999 discharged;
      winners = concatMap (
        def:
        if properties.isOverride def.value then map (value: def // { inherit value; }) (discharge def.value.content) else [ def ]
      ) (filter (def: priorityOf def == highestPrio) discharged);
      orderOf = def: if properties.isOrder def.value then def.value.priority else 1000;
      ordered = map (
        def: if properties.isOrder def.value then def // { value = def.value.content; } else def
      ) (sort (a: b: orderOf a < orderOf b) winners);
      wrong = filter (def: !(type.check def.value)) ordered;
    in
    {
      inherit highestPrio;
      isDefined = discharged != [ ];
      definitions = ordered;
      value =
        if ordered == [ ] then
          type.emptyValue.value or (throw "The option `${showOption loc}' was accessed but has no value defined. Try setting the option.")
        else if wrong != [ ] then
          throw "A definition for option `${showOption loc}' is not of type `${type.description}'. Definition values:${showDefs wrong}"
        else type.merge loc ordered;
    };

  defaultOverridePriority = 100;
  mkOverride = priority: content: { _type = "override"; inherit priority content; };
  mkOptionDefault = mkOverride 1500;
  mkOrder = priority: content: { _type = "order"; inherit priority content; };

  # What every evaluation knows of itself.
  internal = {
    _file = "the module system";
    options._module = {
      args = lib.mkOption {
        type = lib.types.lazyAttrsOf lib.types.raw;
        default = { };
        description = "Further arguments of every module.";
      };
      freeformType = lib.mkOption {
        type = lib.types.raw;
        default = null;
        description = "The type of definitions that match no option; null refuses them.";
      };
    };
  };

  /**
    Evaluates modules together.

    Returns `config` (merged values), `options` (declarations with `value`, `isDefined` and
    `definitions`) and `extendModules`, which evaluates once more with further modules.
  */
  evalModules =
    { modules, prefix ? [ ], specialArgs ? { }, class ? null }@arguments:
    let
      args = specialArgs // { inherit lib config prefix; options = tree.options; };
      lookup = name:
        args.${name} or (config._module.args.${name}
          or (throw "The module argument `${name}' does not exist; set `_module.args.${name}'."));
      # Later modules come first: the order in which nixpkgs merges lists and lines.
      collected = reverseList (collect lookup args ([ internal ] ++ modules));
      tree = mergeTree prefix collected (map (module: { inherit (module) file; value = module.config; }) collected);
      freeform = tree.config._module.freeformType;
      freeDefs = map (def: { inherit (def) file; value = attrsets.setAttrByPath def.path def.value; }) tree.unmatched;
      config =
        if tree.config._module.freeformType == null then tree.config
        else attrsets.recursiveUpdate (mergeDefinitions prefix freeform freeDefs).value tree.config;
      unknown = head tree.unmatched;
      checked = value:
        if tree.unmatched == [ ] || freeform != null then value
        else throw "The option `${showOption (prefix ++ unknown.path)}' does not exist. Definition values:${showDefs [ unknown ]}";
    in
    {
      _type = "configuration";
      inherit class;
      config = checked (removeAttrs config [ "_module" ]);
      options = checked tree.options;
      extendModules = more: evalModules (arguments // {
        modules = modules ++ more.modules or [ ];
        specialArgs = specialArgs // more.specialArgs or { };
        prefix = more.prefix or prefix;
      });
    };
in
{
  inherit defaultOverridePriority evalModules mergeDefinitions mkOptionDefault mkOrder mkOverride;
  mkDefault = mkOverride 1000;
  mkForce = mkOverride 50;
  mkIf = condition: content: { _type = "if"; inherit condition content; };
  mkMerge = contents: { _type = "merge"; inherit contents; };
  mkBefore = mkOrder 500;
  mkAfter = mkOrder 1500;
  setDefaultModuleLocation = file: module: { _file = file; imports = [ module ]; };
}
