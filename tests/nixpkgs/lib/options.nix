# What an option is, how its definitions are marked, and the words used when they do not fit.
{ lists, strings }:
rec {
  mkOption = attrs: attrs // { _type = "option"; };
  isOption = x: (x._type or null) == "option";
  mkEnableOption = what: mkOption {
    default = false;
    example = true;
    description = "Whether to enable ${what}.";
    type = { name = "bool"; description = "boolean"; check = builtins.isBool; merge = mergeEqualOption; getSubOptions = _: { }; };
  };
  literalExpression = text: { _type = "literalExpression"; inherit text; };
  literalMD = text: { _type = "literalMD"; inherit text; };

  /** `a.b."c.d"`: how an option's path is shown to a reader. */
  showOption = strings.concatMapStringsSep "." (
    part: if builtins.match "[a-zA-Z_*<][a-zA-Z0-9_'*>-]*" part != null then part else builtins.toJSON part
  );

  /** One line a definition: where it stands and, for plain values, what it says. */
  showDefs = strings.concatMapStrings (def: "\n- In `${toString def.file}'${showValue def.value}");
  showValue = value:
    if builtins.isString value || builtins.isInt value || builtins.isBool value || value == null
    then ": ${builtins.toJSON value}"
    else " (${builtins.typeOf value})";

  /** The value of the only definition; two are an error. */
  mergeOneOption = loc: defs:
    if lists.length defs == 1 then (lists.head defs).value
    else throw "The option `${showOption loc}' is defined multiple times while it's expected to be unique.\nDefinition values:${showDefs defs}";

  /** The one value all definitions agree on. */
  mergeEqualOption = loc: defs:
    if lists.all (def: def.value == (lists.head defs).value) defs then (lists.head defs).value
    else throw "The option `${showOption loc}' has conflicting definition values:${showDefs defs}";
}
