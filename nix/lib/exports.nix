# The variables of `exports`, written at the end of a task's script to the file that PID 1 reads them
# from. The file and its form are devenv's, as is what else a task writes, to `DEVENV_TASK_OUTPUT_FILE`.
{ lib }:
{
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
}
