# Health and figures over HTTP, as Kubernetes and Prometheus ask for them. Here a process of the
# container asks itself; outside, publish the port: `devenv-container run processes -p 9300:9300`.
{ pkgs, ... }:
{
  name = "http";

  packages = [ pkgs.busybox ];

  processes.web = {
    exec = ''
      mkdir -p /tmp/web
      echo "hello" > /tmp/web/index.html
      exec busybox httpd -f -p 127.0.0.1:8002 -h /tmp/web
    '';
    ready.http.get = { port = 8002; path = "/"; };
    ready.period = 1;
  };

  processes.curious = {
    exec = ''
      busybox wget -q -O - "http://127.0.0.1:9300/readyz?verbose"
      busybox wget -q -O - http://127.0.0.1:9300/metrics | grep 'ready.*web'
    '';
    after = [ "devenv:processes:web@ready" ];
    restart.on = "never";
  };

  containers.processes.init = {
    http.listen = ":9300";
    exit = "any_ended";
  };
}
