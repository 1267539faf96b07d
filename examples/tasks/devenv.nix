# Tasks run before the processes that wait for them, and hand on what they found out.
{ ... }:
{
  name = "tasks";

  tasks = {
    # What it exports, others have as a variable.
    "app:token" = {
      exec = "TOKEN=\"made at $(cat /proc/sys/kernel/ostype) time\"";
      exports = [ "TOKEN" ];
    };

    # What else there is to say is JSON. `input` comes the same way.
    "app:port" = {
      exec = ''
        echo "asked for $DEVENV_TASK_INPUT"
        echo '{ "port": 8080 }' > "$DEVENV_TASK_OUTPUT_FILE"
      '';
      input.kind = "http";
      after = [ "app:token" ];
    };

    # Nothing to do: the status says so.
    "app:done" = {
      exec = "echo 'never run'";
      status = "test -d /env";
    };
  };

  processes.web = {
    exec = ''
      echo "$TOKEN"
      echo "$DEVENV_TASKS_OUTPUTS"
    '';
    after = [ "app:port" "app:done" ];
    restart.on = "never";
  };
}
