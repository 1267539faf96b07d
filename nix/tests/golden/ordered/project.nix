# Everything version 1 can say: an order through tasks, own variables, restarts, stops.
{
  name = null;
  env.LEVEL = 3;
  containers.processes.init = { exit = "all_ended"; stopTimeout = 60; };
  tasks = {
    "app:migrate" = {
      exec = "migrate";
      cwd = "db";
      after = [ "devenv:processes:database@ready" ];
      before = [ "devenv:processes:web" ];
    };
    "app:unrelated".exec = "never part of a container";
  };
  processes = {
    database = {
      exec = "database";
      restart = { on = "always"; max = null; window = 60; };
      shutdown = { signal = 2; grace = 30; };
    };
    web = {
      exec = "web";
      cwd = "/srv";
      env.PORT = "80";
      after = [ "devenv:processes:database@started" ];
    };
    console = {
      exec = "console";
      start.enable = false;
      restart.on = "never";
    };
  };
}
