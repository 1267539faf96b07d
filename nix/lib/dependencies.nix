# The start order: from devenv's `after` and `before`, lists of names with suffixes, to the edges of
# the spec.
{ lib }:
let
  inherit (lib) concatMap elem elemAt filter length mapAttrsToList splitString;

  conditionsOf = {
    service = { default = "ready"; started = "started"; ready = "ready"; completed = "completed"; };
    task = { default = "succeeded"; started = "started"; succeeded = "succeeded"; completed = "completed"; };
  };

  suffixesOf = kind: lib.concatMapStringsSep ", " (suffix: "@${suffix}") (
    filter (suffix: suffix != "default") (builtins.attrNames conditionsOf.${kind})
  );

  /**
    Parses one entry: `reference at nodes text`.

    `at` is the option's path for messages, `nodes` the units that exist, by full name. Returns
    `{ node, condition }`. The condition of an entry without a suffix is `ready` for a process and
    `succeeded` for a task.
  */
  reference = at: nodes: text:
    let
      parts = splitString "@" text;
      node = builtins.head parts;
      suffix = if length parts > 1 then elemAt parts 1 else "default";
      kind = nodes.${node}.kind;
    in
    if length parts > 2 then
      throw "`${at}`: `${text}` has more than one `@`\nhint: write `<name>` or `<name>@<condition>`"
    else if !(nodes ? ${node}) then
      throw "`${at}`: `${node}` is neither a process nor a task\nhint: there are ${listed nodes}"
    else if suffix == "default" && length parts > 1 || !(conditionsOf.${kind} ? ${suffix}) then
      throw "`${at}`: `@${suffix}` is not a condition of ${kindName kind} `${node}`\nhint: use one of ${suffixesOf kind}"
    else
      { inherit node; condition = conditionsOf.${kind}.${suffix}; };

  kindName = kind: if kind == "service" then "the process" else "the task";
  listed = nodes: lib.concatMapStringsSep ", " (name: "`${name}`") (builtins.attrNames nodes);
in
{
  inherit reference;

  /**
    All edges of all units: `{ <node> = [ { node, condition } ]; }`.

    `nodes` maps full names to `{ kind, option, after, before }`, `option` being the path of the
    unit's options. An edge said twice, by `after` on one side and `before` on the other, is kept
    once; two edges to one node with different conditions are both kept, both must hold.
  */
  edges = nodes:
    let
      forward = mapAttrsToList (name: unit: {
        from = name;
        to = map (reference "${unit.option}.after" nodes) unit.after;
      }) nodes;
      # `a.before = [ "b@started" ]` says of `a` what `b` waits for: the suffix is about `a`.
      backward = concatMap (entry: entry) (mapAttrsToList (name: unit: map (text:
        let
          parts = splitString "@" text;
          suffix = if length parts > 1 then "@${elemAt parts 1}" else "";
          target = reference "${unit.option}.before" nodes (builtins.head parts);
        in
        {
          from = target.node;
          to = [ (reference "${unit.option}.before" nodes (name + suffix)) ];
        }) unit.before) nodes);
      of = name: lib.unique (concatMap (edge: if edge.from == name then edge.to else [ ]) (forward ++ backward));
    in
    builtins.mapAttrs (name: _: of name) nodes;

  /** The nodes that `roots` need, themselves included, in the order of their names. */
  closure = edges: roots:
    let
      reached = map (item: item.key) (builtins.genericClosure {
        startSet = map (key: { inherit key; }) roots;
        operator = item: map (edge: { key = edge.node; }) edges.${item.key};
      });
    in
    filter (name: elem name reached) (builtins.attrNames edges);

  /** A cycle as a list of nodes that starts and ends with the same one; null when there is none. */
  cycle = edges:
    let
      # A node on a cycle is one that its own dependencies reach.
      successors = name: map (edge: edge.node) edges.${name};
      reach = name: map (item: item.key) (builtins.genericClosure {
        startSet = map (key: { inherit key; }) (successors name);
        operator = item: map (key: { inherit key; }) (successors item.key);
      });
      looping = filter (name: elem name (reach name)) (builtins.attrNames edges);
      start = builtins.head looping;
      # From the start, always on to a successor from which the start is still reached.
      walk = path:
        let
          here = lib.last path;
          next = builtins.head (filter (name: name == start || elem start (reach name)) (
            filter (name: name == start || !(elem name path)) (successors here)
          ));
        in
        if here == start && length path > 1 then path else walk (path ++ [ next ]);
    in
    if looping == [ ] then null else walk [ start ];

  /** The options that say what a path of nodes says, one for each step, each once. */
  saidBy = nodes: path:
    let
      names = map (entry: builtins.head (splitString "@" entry));
      step = from: to: if elem to (names nodes.${from}.after) then "${nodes.${from}.option}.after" else "${nodes.${to}.option}.before";
    in
    lib.unique (lib.zipListsWith step path (lib.tail path));

  /**
    The chain of nodes whose weights sum up to the most, as `{ weight, nodes }`: a node, what it waits
    for, what that waits for. `edges` must have no cycle; nodes without a weight weigh nothing.
  */
  heaviest = edges: weights:
    let
      from = lib.genAttrs (builtins.attrNames edges) (name:
        let
          rest = best (map (edge: from.${edge.node}) edges.${name});
        in
        { weight = (weights.${name} or 0) + rest.weight; nodes = [ name ] ++ rest.nodes; });
      best = lib.foldl' (a: b: if b.weight > a.weight then b else a) { weight = 0; nodes = [ ]; };
    in
    best (builtins.attrValues from);
}
