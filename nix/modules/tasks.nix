# `tasks.<name>`: commands that run once. A container runs those its processes wait for.
{ lib, ... }:
let
  inherit (lib) mkOption types;
  option = type: default: description: mkOption { inherit type default description; };

  task = types.submodule {
    options = {
      init = (import ./init-types.nix { inherit lib; }).task;
      exec = option (types.nullOr types.str) null "Bash code of the task, run with `set -e`.";
      description = option types.str "" "What the task is for.";
      env = option (types.attrsOf types.str) { } "Variables of this task only.";
      cwd = option (types.nullOr types.str) null "The folder it starts in; null is the container's working directory.";
      after = option (types.listOf types.str) [ ] "What must hold before it starts, as `processes.<name>.after`.";
      before = option (types.listOf types.str) [ ] "What starts only after it, as `processes.<name>.before`.";
      status = option (types.nullOr types.str) null "Bash code that ends with 0 when there is nothing to do: then the task has succeeded, and hands on what it did last.";
      execIfModified = option (types.listOf types.str) [ ] ''
        Patterns of paths, as `src/**/*.ts`, without whose change since the task last ended well there is
        nothing to do; one that begins with `!` takes paths away. Relative ones begin at the container's
        working directory. It is remembered below `$DEVENV_STATE/tasks`: only what is kept there, as by a
        volume, outlives a container.
      '';
      exports = option (types.listOf types.str) [ ] ''
        Variables that it hands to what waits for it, as they are at its end. What else it has to say, as
        JSON, it writes to `$DEVENV_TASK_OUTPUT_FILE`; what waits for it finds it in `DEVENV_TASKS_OUTPUTS`.
      '';
      input = option (types.attrsOf types.anything) { } "Values handed to it as JSON.";
      binary = option (types.nullOr types.str) null "The interpreter, when it is not bash.";
      showOutput = option types.bool false "Whether its output is always shown; in a container it always is.";
    };
  };
in
{
  options.tasks = mkOption {
    type = types.attrsOf task;
    default = { };
    description = "Tasks of the project. Names have at least one `:`.";
  };
}
