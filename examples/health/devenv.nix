# Processes that wait until others can do their work. The client asks once, and then all is over.
{ pkgs, ... }:
{
  name = "health";

  packages = [ pkgs.busybox ];

  # A declared port is a probe: it is ready once it can be connected to.
  processes.backend = {
    exec = ''
      mkdir -p /tmp/backend
      echo "the backend answers" > /tmp/backend/index.html
      # It takes a while to start, as servers do.
      sleep 1
      exec busybox httpd -f -p 127.0.0.1:8001 -h /tmp/backend
    '';
    ports.http.allocate = 8001;
  };

  processes.frontend = {
    exec = ''
      mkdir -p /tmp/frontend
      busybox wget -q -O /tmp/frontend/index.html http://127.0.0.1:8001/
      exec busybox httpd -f -p 127.0.0.1:8000 -h /tmp/frontend
    '';
    ready.http.get = { port = 8000; path = "/index.html"; };
    ready.period = 1;
    after = [ "devenv:processes:backend" ];
    # What fails although all it waits for is ready, fails for good.
    restart.on = "never";
  };

  processes.client = {
    exec = "busybox wget -q -O - http://127.0.0.1:8000/";
    after = [ "devenv:processes:frontend@ready" ];
    restart.on = "never";
  };

  containers.processes.init.exit = "any_ended";
}
