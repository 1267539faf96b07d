# How a process is seen to be ready, in every way, and alive.
{
  processes = {
    asked = {
      exec = "asked";
      ready = {
        exec = "test -e /tmp/asked";
        initial_delay = 1;
        period = 2;
        probe_timeout = 3;
        timeout = 60;
        success_threshold = 4;
        failure_threshold = 5;
      };
    };
    http = { exec = "http"; ready.http.get = { port = 8080; path = "/health?full=1"; }; };
    # There is no TLS in PID 1.
    tls = { exec = "tls"; ready.http.get = { port = 443; scheme = "https"; }; };
    told = { exec = "told"; ready.notify = true; watchdog.usec = 20000000; };
    quiet = { exec = "quiet"; watchdog = { usec = 1; require_ready = false; }; };
    # Ports declared without a probe are one; of several the first by name.
    ports = { exec = "ports"; ports = { b.allocate = 2; a.allocate = 1; }; };
    socket = { exec = "socket"; ports.a.allocate = 1; listen = [ { name = "web"; kind = "tcp"; address = "[::]:443"; } ]; };
    timed = { exec = "timed"; ports.a.allocate = 1; ready.timeout = 7; };
    plain.exec = "plain";
  };
}
