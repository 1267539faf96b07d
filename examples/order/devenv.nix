# Processes that wait for each other and for a task, and that stop in their own ways.
{ ... }:
{
  name = "order";

  tasks."order:migrate" = {
    exec = "echo migrating; sleep 1; echo migrated";
    after = [ "devenv:processes:database" ];
  };

  processes = {
    database = {
      exec = "trap 'echo bye; exit 0' INT; echo listening; while true; do sleep 1; done";
      shutdown = { signal = 2; grace = 3; };
    };
    web = {
      exec = "echo serving; exec sleep 1000";
      after = [ "order:migrate@succeeded" ];
      restart = { on = "always"; max = 3; window = 60; };
    };
    console = {
      exec = "echo only when asked for";
      start.enable = false;
    };
  };
}
