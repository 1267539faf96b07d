# A service of devenv brings its probe and its place in the order along.
{ ... }:
{
  name = "service";
  services.redis.enable = true;
  processes.app = {
    exec = "exec sleep 1000";
    after = [ "devenv:processes:redis" ];
    ports.http.allocate = 8080;
    watchdog.usec = 5000000;
  };
}
