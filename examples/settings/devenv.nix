# How a process runs, beyond what devenv has options for: `init` below a process, and below a container.
{ pkgs, ... }:
{
  name = "settings";

  packages = [ pkgs.busybox ];

  processes = {
    # Starts as root, to be another user at once.
    modest = {
      exec = ''
        read -ra stat < /proc/self/stat
        echo "$USER $(id -u):$(id -g), files $(ulimit -n), umask $(umask), nice ''${stat[18]}"
        touch /tmp/modest
        exec sleep 1000
      '';
      init = {
        user = "worker";
        umask = "077";
        limits.nofile = 256;
        nice = 5;
        no_new_privileges = true;
        # It stops in its own words; TERM would have been the other way.
        stop_command = "echo stopping $MAINPID; kill -INT $MAINPID";
      };
    };

    # It never answers on a port: a line of its output says that it can be used.
    slow = {
      exec = "sleep 1; echo 'ready for work'; exec sleep 1000";
      init.ready.log_line = "ready for work";
    };

    # Lives on, but of no use: it is found out, stopped, and started again, but only once.
    stuck = {
      exec = "rm -f /tmp/alive; echo begins; exec sleep 1000";
      after = [ "devenv:processes:slow" ];
      restart.max = 1;
      init = {
        live = { exec = "test -e /tmp/alive"; period = 1; failure_threshold = 1; };
        restart.backoff_ms = 100;
        # The container goes on without it.
        exit = "never";
      };
    };

    # Ends well with a code of its own, and with it the whole.
    last = {
      exec = "sleep 3; exit 3";
      after = [ "devenv:processes:slow" ];
      restart.on = "never";
      init = { success_exit_codes = [ 3 ]; exit = "on_end"; };
    };
  };

  containers.processes = {
    user = "0";
    users.worker.uid = 70;
    volumes = [ "/data" ];
    init.log.timestamps = null;
  };
}
