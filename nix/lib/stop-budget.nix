# Whether the time a container is given to stop is enough for what its processes ask for.
{ lib, dependencies }:
let
  /** Seconds where `init.stopTimeout` is not set: one less than `docker stop` waits. */
  default = 9;

  # Seconds that devenv gives a process that says nothing, and PID 1 a task. It is a limit that hardly
  # any process comes near, so it is no reason to refuse a container that says nothing either.
  unsaid = 5;
in
{
  inherit default unsaid;

  /**
    Null, or what is wrong as `{ what, hint }`.

    Processes stop after everything that waits for them, so in the worst case the graces along a chain
    are used up one after the other. A task that others wait for is over before they start: while one
    is at work, only what it waits for itself is alive.

    `services` and `tasks` are the graces in seconds by node, `limit` is `init.stopTimeout` or null, and
    `option` the path of the options it is one of. A limit that was set must be enough for every chain.
    The default one must be enough for the chains in which somebody has set a grace.
  */
  fault = { edges, services, tasks, limit, option, shownName }:
    let
      during = task: grace:
        let below = dependencies.closure edges [ task ]; in
        dependencies.heaviest edges (lib.filterAttrs (name: _: lib.elem name below) services // { ${task} = grace; });
      chains = [ (dependencies.heaviest edges services) ] ++ lib.mapAttrsToList during tasks;
      longest = lib.foldl' (a: b: if b.weight > a.weight then b else a) (lib.head chains) chains;
      # Links of a chain that are never alive together with the rest weigh nothing and are not named.
      graces = services // tasks;
      nodes = lib.filter (name: graces ? ${name}) longest.nodes;
      said = limit != null || lib.any (name: graces.${name} != unsaid) nodes;
      seconds = if limit != null then limit else default;
      need = toString longest.weight;
    in
    if longest.weight <= seconds || !said then null
    else {
      what = lib.concatStrings [
        "`${option}.stopTimeout`: ${toString seconds} seconds${lib.optionalString (limit == null) " (its default)"} are not "
        "enough to stop ${lib.concatMapStringsSep ", then " shownName nodes}: "
        "their `shutdown.grace` sums up to ${need}"
      ];
      hint = "set it to ${need} or more${lib.optionalString (longest.weight >= 10) ", and stop the container with `docker stop --time ${toString (longest.weight + 1)}`"}";
    };
}
