# From the project's options to `spec.json` version 1, as an attribute set.
#
# Pure: it takes `{ lib }` and a function `script` that gives the path of an executable file with a
# text, and the path of `coreutils`, and never sees a package set.
{ lib }:
let
  inherit (lib) filterAttrs mapAttrs' mapAttrsToList nameValuePair optionalAttrs;
  dependencies = import ./lib/dependencies.nix { inherit lib; };
  exports = import ./lib/exports.nix { inherit lib; };
  fail = import ./lib/fail.nix;
  readiness = import ./lib/readiness.nix { inherit lib; };
  signals = import ./lib/signals.nix;
  sockets = import ./lib/sockets.nix { inherit lib; };
  stopBudget = import ./lib/stop-budget.nix { inherit lib dependencies; };
  supervision = import ./lib/supervision.nix { inherit lib; };
  watching = import ./lib/watching.nix { inherit lib; };

  version = 1;
  processPrefix = "devenv:processes:";
  # Processes are shown under their own names; tasks, which have a `:`, under their full ones.
  shownName = lib.removePrefix processPrefix;

  # They name every task of the project, and with it all that any of them uses: an image has no need.
  runnerVariables = [ "DEVENV_TASKS" "DEVENV_TASK_FILE" ];

  # Every process and task as a node of the start order.
  nodesOf = config:
    mapAttrs' (name: process: nameValuePair "${processPrefix}${name}" {
      kind = "service";
      option = "processes.${name}";
      inherit (process) after before;
    }) config.processes
    // builtins.mapAttrs (name: task: {
      kind = "task";
      option = "tasks.${name}";
      inherit (task) after before;
    }) (oneShots config);

  # devenv keeps a task for every process as well; the process itself says more.
  oneShots = config: filterAttrs (_: task: (task.type or "oneshot") == "oneshot") config.tasks;

  # What the options can say and PID 1 does not do. An image that ignored it would be wrong.
  unsupported = config: option: unit: map (name: "${option}.${name}") (
    # devenv has made the script by itself, for whatever interpreter. Before 2.0.4 its scripts told
    # devenv's own runner what they export, in lines of their output, which PID 1 does not read.
    lib.optional ((unit.exports or [ ]) != [ ] && unit ? command && !(lib.versionAtLeast (toString config.devenv.cli.version) "2.0.4")) "exports"
    ++ lib.optional (!(unit ? command) && (unit.binary or null) != null) "binary"
  );

  refuse = options: value:
    if options == [ ] then value
    else fail
      "${lib.concatMapStringsSep ", " (option: "`${option}`") options}: not supported in containers by this version"
      "set it only while no container is built: lib.mkIf (!config.container.isBuilding)";

  milliseconds = seconds: if seconds == null then null else seconds * 1000;

  scriptName = node: lib.replaceStrings [ ":" ] [ "-" ] (shownName node);

  # devenv's own modules have made it already.
  commandOf = { script, coreutils, ... }: node: unit:
    if (unit.command or null) != null then "${unit.command}"
    else script (scriptName node) "set -e\n${unit.exec}\n${exports.export { inherit coreutils; variables = unit.exports or [ ]; }}";

  common = { config, edges, ... }@setting: { node, unit, option }:
    refuse (unsupported config option unit) {
      name = shownName node;
      command = [ (commandOf setting node unit) ];
      environment = unit.env;
      after = map (edge: { process = shownName edge.node; inherit (edge) condition; }) edges.${node};
    }
    // optionalAttrs (unit.cwd != null) { working_dir = unit.cwd; };

  folderOf = config: config.devenv.folder or config.devenv.root;

  stopOf = shutdown:
    optionalAttrs (shutdown.signal != null) { signal = signals.nameOf shutdown.signal; }
    // optionalAttrs (shutdown.grace != null) { grace_ms = milliseconds shutdown.grace; };

  service = { script, config, ... }@setting: name: process:
    let
      node = "${processPrefix}${name}";
      option = "processes.${name}";
    in
    common setting { inherit node option; unit = process; }
    // readiness.of { inherit script option process; name = scriptName node; }
    // {
      kind = "service";
      enabled = process.start.enable;
    }
    // supervision.of {
      inherit script;
      inherit (process) init;
      name = scriptName node;
      option = "${option}.init";
      stop = stopOf process.shutdown;
      restart = {
        inherit (process.restart) on;
        max_restarts = process.restart.max;
        window_ms = milliseconds process.restart.window;
      };
    }
    // watching.of { inherit option process; folder = folderOf config; }
    // optionalAttrs ((process.watchdog or null) != null) { watchdog = { inherit (process.watchdog) usec require_ready; }; }
    // optionalAttrs ((process.listen or [ ]) != [ ]) { listen = map (sockets.socket "${option}.listen" config.env) process.listen; }
    // optionalAttrs ((process.linux.capabilities or [ ]) != [ ]) { inherit (process.linux) capabilities; };

  statusOf = script: name: unit:
    if (unit.statusCommand or null) != null then "${unit.statusCommand}"
    else script "${scriptName name}-status" "${unit.status}\n";

  task = { script, config, ... }@setting: name: unit:
    if unit.exec == null then throw "`tasks.${name}.exec` is not set, but a process waits for the task"
    else if unit.status != null && (unit.execIfModified or [ ]) != [ ] then
      fail "`tasks.${name}.execIfModified` cannot be used together with `status`" "use one of them"
    else common setting { inherit unit; node = name; option = "tasks.${name}"; } // {
      kind = "task";
      environment = optionalAttrs (unit.input != { }) { DEVENV_TASK_INPUT = builtins.toJSON unit.input; } // unit.env;
    }
    // optionalAttrs (unit.status != null) { status = [ (statusOf script name unit) ]; }
    // optionalAttrs ((unit.execIfModified or [ ]) != [ ]) {
      exec_if_modified = watching.patterns { folder = folderOf config; option = "tasks.${name}"; } unit.execIfModified;
    }
    // supervision.of {
      inherit script;
      inherit (unit) init;
      name = scriptName name;
      option = "tasks.${name}.init";
      stop = stopOf unit.init.shutdown;
      restart = if unit.init.retries == 0 then { } else { on = "on_failure"; max_restarts = unit.init.retries; };
    };
in
{
  inherit version;

  /**
    The spec of the `processes` container. It holds every process, and of the tasks those that a
    process waits for, however indirectly.

    `environment` are the variables given outright, which win over captured ones. `init` are the
    options of the same name, `option` is their path for messages.
  */
  processes = { config, script, coreutils, environment, workingDir, init, option }:
    let
      nodes = nodesOf config;
      edges = dependencies.edges nodes;
      needed = dependencies.closure edges (map (name: "${processPrefix}${name}") (builtins.attrNames config.processes));
      tasks = filterAttrs (name: _: builtins.elem name needed) (oneShots config);
      cycle = dependencies.cycle edges;
      setting = {
        inherit config coreutils edges script;
      };
      late = stopBudget.fault {
        inherit edges option shownName;
        limit = init.stopTimeout;
        services = mapAttrs' (name: process: nameValuePair "${processPrefix}${name}" process.shutdown.grace) config.processes;
        tasks = builtins.mapAttrs (_: task: if task.init.shutdown.grace == null then stopBudget.unsaid else task.init.shutdown.grace) tasks;
      };
    in
    if cycle != null then
      fail "processes and tasks wait for each other: ${lib.concatStringsSep " -> " cycle}"
        "one of these says too much: ${lib.concatMapStringsSep ", " (option: "`${option}`") (dependencies.saidBy nodes cycle)}"
    else if late != null then fail late.what late.hint
    else {
      inherit version environment;
      inherit (init) exit;
      working_dir = workingDir;
      processes = mapAttrsToList (task setting) tasks ++ mapAttrsToList (service setting) config.processes;
    }
    // optionalAttrs (config.name != null) { inherit (config) name; }
    // optionalAttrs (init.stopTimeout != null) { stop_timeout_ms = milliseconds init.stopTimeout; };

  /** The spec of a container that runs one command, or one shell when `shell` is an argument vector. */
  command = { config, environment, workingDir, shell ? null }:
    {
      inherit version environment;
      working_dir = workingDir;
      processes = [ ];
    }
    // optionalAttrs (config.name != null) { inherit (config) name; }
    // optionalAttrs (shell != null) { shell.command = shell; };

  /**
    Variables as strings, in Nix's own way of making them; nulls are left out, and so is what only
    devenv's own runner reads.
  */
  variables = env: builtins.mapAttrs (_: toString) (removeAttrs (filterAttrs (_: value: value != null) env) runnerVariables);

  inherit runnerVariables;
}
