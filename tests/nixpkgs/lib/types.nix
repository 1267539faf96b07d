# The option types: each says what fits (`check`) and how several definitions become one (`merge`).
{ lib, lists, strings, attrsets, options }:
let
  inherit (lists) concatMap filter head imap1 length;
  inherit (options) mergeEqualOption mergeOneOption showOption;
  inherit (import ./properties.nix { inherit lists; }) pushDown;

  mkOptionType = { name, description ? name, check ? (_: true), merge ? mergeEqualOption, ... }@type:
    { getSubOptions = _: { }; } // type // { _type = "option-type"; inherit name description check merge; };

  isStorePath = x: strings.isStringLike x && strings.hasPrefix "${builtins.storeDir}/" (toString x);
  isInt = low: high: x: builtins.isInt x && x >= low && (high == null || x <= high);

  attrsOfWith = lazy: elem: mkOptionType {
    name = if lazy then "lazyAttrsOf" else "attrsOf";
    description = "${if lazy then "lazy " else ""}attribute set of ${elem.description}";
    check = builtins.isAttrs;
    emptyValue.value = { };
    getSubOptions = prefix: elem.getSubOptions (prefix ++ [ "<name>" ]);
    merge = loc: defs:
      let
        withFile = def: builtins.mapAttrs (_: value: { inherit (def) file; inherit value; });
        merged = builtins.zipAttrsWith (name: lib.mergeDefinitions (loc ++ [ name ]) elem)
          (concatMap (def: map (withFile def) (pushDown def.value)) defs);
      in
      builtins.mapAttrs (_: one: one.value) (if lazy then merged else attrsets.filterAttrs (_: one: one.isDefined) merged);
  };

  submoduleWith = { modules, specialArgs ? { }, shorthandOnlyDefinesConfig ? false, description ? null, class ? null }:
    let
      asModule = def:
        if builtins.isAttrs def.value && shorthandOnlyDefinesConfig then { _file = def.file; config = def.value; }
        else lib.setDefaultModuleLocation def.file def.value;
    in
    mkOptionType {
      name = "submodule";
      description = if description != null then description else "submodule";
      check = x: builtins.isAttrs x || builtins.isFunction x || builtins.isPath x;
      emptyValue.value = { };
      # Nobody has named it, so it is called by what stands for a name in documentation.
      getSubOptions = prefix: (lib.evalModules {
        inherit specialArgs class prefix;
        modules = modules ++ [ { _module.args.name = lib.mkOptionDefault "<name>"; } ];
      }).options;
      merge = loc: defs: (lib.evalModules {
        inherit specialArgs class;
        modules = modules ++ [ { _module.args.name = lists.last loc; } ] ++ map asModule defs;
        prefix = loc;
      }).config;
    };

  types = {
    inherit mkOptionType submoduleWith;
    unspecified = mkOptionType { name = "unspecified"; description = "unspecified value"; merge = mergeOneOption; };
    raw = mkOptionType { name = "raw"; description = "raw value"; merge = mergeOneOption; };
    anything = mkOptionType {
      name = "anything";
      merge = loc: defs:
        if length defs == 1 then (head defs).value
        else if lists.all (def: builtins.isAttrs def.value && !(attrsets.isDerivation def.value)) defs
        then (types.lazyAttrsOf types.anything).merge loc defs
        else mergeEqualOption loc defs;
    };
    bool = mkOptionType { name = "bool"; description = "boolean"; check = builtins.isBool; };
    int = mkOptionType { name = "int"; description = "signed integer"; check = builtins.isInt; };
    ints = {
      between = low: high: mkOptionType {
        name = "intBetween";
        description = "integer between ${toString low} and ${toString high} (both inclusive)";
        check = isInt low high;
      };
      unsigned = mkOptionType { name = "unsignedInt"; description = "unsigned integer, meaning >=0"; check = isInt 0 null; };
      positive = mkOptionType { name = "positiveInt"; description = "positive integer, meaning >0"; check = isInt 1 null; };
    };
    port = mkOptionType {
      name = "unsignedInt16";
      description = "16 bit unsigned integer; between 0 and 65535 (both inclusive)";
      check = isInt 0 65535;
    };
    str = mkOptionType { name = "str"; description = "string"; check = builtins.isString; };
    strMatching = pattern: mkOptionType {
      name = "strMatching ${builtins.toJSON pattern}";
      description = "string matching the pattern ${pattern}";
      check = x: builtins.isString x && builtins.match pattern x != null;
    };
    nonEmptyStr = mkOptionType {
      name = "nonEmptyStr";
      description = "non-empty string";
      check = x: builtins.isString x && builtins.match "[ \t\n]*" x == null;
    };
    separatedString = separator: mkOptionType {
      name = "separatedString";
      description = if separator == "" then "Concatenated string" else "strings concatenated with ${builtins.toJSON separator}";
      check = builtins.isString;
      merge = _: defs: strings.concatMapStringsSep separator (def: def.value) defs;
    };
    lines = types.separatedString "\n";
    path = mkOptionType {
      name = "path";
      description = "absolute path";
      check = x: strings.isStringLike x && strings.hasPrefix "/" (toString x);
    };
    pathInStore = mkOptionType { name = "pathInStore"; description = "path in the Nix store"; check = isStorePath; };
    package = mkOptionType {
      name = "package";
      check = x: attrsets.isDerivation x || isStorePath x;
      merge = loc: defs: mergeOneOption loc defs;
    };
    enum = values: mkOptionType {
      name = "enum";
      description = "one of ${strings.concatMapStringsSep ", " builtins.toJSON values}";
      check = x: builtins.elem x values;
    };
    attrs = mkOptionType {
      name = "attrs";
      description = "attribute set";
      check = builtins.isAttrs;
      emptyValue.value = { };
      merge = _: defs: attrsets.mergeAttrsList (map (def: def.value) defs);
    };
    attrsOf = attrsOfWith false;
    lazyAttrsOf = attrsOfWith true;
    listOf = elem: mkOptionType {
      name = "listOf";
      description = "list of ${elem.description}";
      check = builtins.isList;
      emptyValue.value = [ ];
      getSubOptions = prefix: elem.getSubOptions (prefix ++ [ "*" ]);
      merge = loc: defs:
        map (one: one.value) (filter (one: one.isDefined) (lists.concatLists (imap1 (n: def: imap1 (m: value:
          lib.mergeDefinitions (loc ++ [ "[definition ${toString n}-entry ${toString m}]" ]) elem [ { inherit (def) file; inherit value; } ]
        ) def.value) defs)));
    };
    nullOr = elem: mkOptionType {
      name = "nullOr";
      description = "null or ${elem.description}";
      check = x: x == null || elem.check x;
      emptyValue.value = null;
      inherit (elem) getSubOptions;
      merge = loc: defs:
        let nulls = lists.count (def: def.value == null) defs; in
        if nulls == length defs then null
        else if nulls != 0 then throw "The option `${showOption loc}' is defined both null and not null.${options.showDefs defs}"
        else elem.merge loc defs;
    };
    either = a: b: mkOptionType {
      name = "either";
      description = "${a.description} or ${b.description}";
      check = x: a.check x || b.check x;
      getSubOptions = prefix: a.getSubOptions prefix // b.getSubOptions prefix;
      merge = loc: defs:
        let fits = type: lists.all (def: type.check def.value) defs; in
        if fits a then a.merge loc defs
        else if fits b then b.merge loc defs
        else mergeOneOption loc defs;
    };
    oneOf = choices: lists.foldl' types.either (head choices) (lists.tail choices);
    functionTo = elem: mkOptionType {
      name = "functionTo";
      description = "function that evaluates to a(n) ${elem.description}";
      check = builtins.isFunction;
      merge = loc: defs: argument:
        (lib.mergeDefinitions (loc ++ [ "<function body>" ]) elem (map (def: def // { value = def.value argument; }) defs)).value;
    };
    submodule = modules: submoduleWith {
      shorthandOnlyDefinesConfig = true;
      modules = lists.toList modules;
    };
  };
in
types
