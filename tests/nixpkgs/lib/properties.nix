# `mkIf`, `mkMerge`, `mkOverride` and `mkOrder` on definitions: how they are resolved and how they
# move from a set of definitions down to its members.
{ lists }:
let
  is = type: x: builtins.isAttrs x && (x._type or null) == type;
in
rec {
  properties = {
    isIf = is "if";
    isMerge = is "merge";
    isOverride = is "override";
    isOrder = is "order";
  };

  /**
    The definitions that hold: false conditions are gone, merges are taken apart. What an override
    holds is not looked at, since it may lose.
  */
  discharge = value:
    if properties.isMerge value then lists.concatMap discharge value.contents
    else if properties.isIf value then (if value.condition then discharge value.content else [ ])
    else [ value ];

  /** The sets a definition of a set stands for, with its conditions moved to their members. */
  pushDown = value:
    if properties.isMerge value then lists.concatMap pushDown value.contents
    else if properties.isIf value || properties.isOverride value then
      map (builtins.mapAttrs (_: content: value // { inherit content; })) (pushDown value.content)
    else [ value ];
}
