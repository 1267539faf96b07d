# Functions on attribute sets.
{ lists }:
rec {
  inherit (builtins) attrNames attrValues catAttrs getAttr hasAttr intersectAttrs isAttrs listToAttrs mapAttrs;
  inherit (builtins) removeAttrs;
  nameValuePair = name: value: { inherit name value; };
  optionalAttrs = condition: set: if condition then set else { };
  filterAttrs = holds: set:
    removeAttrs set (builtins.filter (name: !(holds name set.${name})) (attrNames set));
  mapAttrsToList = f: set: map (name: f name set.${name}) (attrNames set);
  mapAttrs' = f: set: listToAttrs (mapAttrsToList f set);
  concatMapAttrs = f: set: mergeAttrsList (attrValues (mapAttrs f set));
  mergeAttrsList = builtins.foldl' (a: b: a // b) { };
  genAttrs = names: f: listToAttrs (map (name: nameValuePair name (f name)) names);
  attrsToList = mapAttrsToList nameValuePair;
  foldlAttrs = f: start: set:
    builtins.foldl' (acc: name: f acc name set.${name}) start (attrNames set);
  attrByPath = path: default: set:
    if path == [ ] then set
    else if set ? ${lists.head path} then attrByPath (lists.tail path) default set.${lists.head path}
    else default;
  hasAttrByPath = path: set:
    path == [ ]
    || (builtins.isAttrs set && set ? ${lists.head path}
      && hasAttrByPath (lists.tail path) set.${lists.head path});
  setAttrByPath = path: value:
    if path == [ ] then value
    else { ${lists.head path} = setAttrByPath (lists.tail path) value; };
  getAttrFromPath = path: set: lists.foldl' (at: name: at.${name}) set path;
  isDerivation = x: (x.type or null) == "derivation";

  /** The right side wins, attribute by attribute, down to what is not a set. */
  recursiveUpdate = a: b:
    if isAttrs a && isAttrs b && !isDerivation a && !isDerivation b then
      a // mapAttrs (name: value: if a ? ${name} then recursiveUpdate a.${name} value else value) b
    else
      b;
  zipAttrsWith = builtins.zipAttrsWith;
}
