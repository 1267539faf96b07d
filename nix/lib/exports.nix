# What a task hands on to those that wait for it, however indirectly: the variables of `exports`, and the
# JSON it writes to `DEVENV_TASK_OUTPUT_FILE`. The files and their form are devenv's.
#
# PID 1 knows nothing of it. The task and those that wait for it are started through scripts of a few
# lines, and only where something is handed on.
{ lib }:
let
  # The first is there with a read-only root, too. Both belong to everyone, whoever runs a task.
  folders = "/dev/shm /tmp";

  # No two tasks have the same: `app:a-b` is not `app:a:b`.
  fileName = lib.replaceStrings [ "-" ":" "/" ] [ "-d" "-c" "-s" ];

in
{
  /**
    Whether a task hands something on: variables by `exports`, or what its code itself writes to the files
    for that, by their names.
  */
  handsOn = task:
    task.exports != [ ]
    || lib.any (name: lib.hasInfix name (toString task.exec)) [ "DEVENV_TASK_OUTPUT_FILE" "DEVENV_TASK_EXPORTS_FILE" ];

  /** The end of a script in bash that hands on variables: those it has set. */
  export = { coreutils, variables }:
    lib.optionalString (variables != [ ]) ''
      for __name in ${lib.concatStringsSep " " variables}; do
        if [ -n "''${!__name+set}" ]; then
          __value=$(printf '%s' "''${!__name}" | ${coreutils}/bin/base64 -w0)
          printf '%s\0%s\0' "$__name" "$__value" >> "$DEVENV_TASK_EXPORTS_FILE"
        fi
      done
    '';

  /** A script that makes the files for the task `name` and becomes `command`. */
  giving = { coreutils, name, command }: ''
    for __folder in ${folders} ""; do
      if [ -z "$__folder" ]; then
        echo "cannot keep what the task ${name} hands on: neither of ${folders} can be written to" >&2
        exit 73
      fi
      __folder=$__folder/devenv-tasks
      if ${coreutils}/bin/mkdir -p -m 1777 "$__folder" 2> /dev/null && [ -w "$__folder" ]; then break; fi
    done
    export DEVENV_TASK_OUTPUT_FILE=$__folder/${fileName name}.json
    export DEVENV_TASK_EXPORTS_FILE=$__folder/${fileName name}.exports
    : > "$DEVENV_TASK_OUTPUT_FILE" && : > "$DEVENV_TASK_EXPORTS_FILE" || exit 73
    exec ${command}
  '';

  /**
    A script that takes what `tasks` handed on and becomes `command`. `own` are names of its own variables,
    which win. A task that was not run, or handed on nothing, has left no file or an empty one.
  */
  taking = { coreutils, tasks, own, command }: ''
    __outputs=
    for __task in ${toString tasks}; do
      __output=null
      __base=''${__task//-/-d}
      __base=''${__base//:/-c}
      __base=''${__base//\//-s}
      for __folder in ${folders}; do
        __file=$__folder/devenv-tasks/$__base
        if [ ! -r "$__file.exports" ]; then continue; fi
        while IFS= read -r -d "" __name && IFS= read -r -d "" __value; do
          case $__name in ${lib.concatStringsSep "|" ([ "\"\"" ] ++ own)}) continue ;; esac
          # Without the dot newlines at the end would be lost.
          __value=$(printf '%s' "$__value" | ${coreutils}/bin/base64 -d && printf .) || exit 73
          export "$__name=''${__value%.}"
        done < "$__file.exports"
        if [ -s "$__file.json" ]; then __output=$(< "$__file.json"); fi
        break
      done
      __outputs+=,\"$__task\":$__output
    done
    export DEVENV_TASKS_OUTPUTS="{''${__outputs#,}}"
    exec ${command}
  '';
}
