# A container for one of the processes: `devenv-container run serve`.
{ config, pkgs, ... }:
{
  packages = [ pkgs.busybox ];

  processes.serve = {
    exec = "busybox httpd -f -p 8080 -h /env/public";
    ports.http.allocate = 8080;
  };

  containers."serve" = {
    name = "myapp";
    startupCommand = config.processes.serve.exec;
    exposedPorts = [ config.processes.serve.ports.http.value ];
  };
}
