# Everything of `init`, which devenv has no options for.
{
  processes = {
    everything = {
      exec = "everything";
      restart.on = "always";
      ports.http.allocate = 80;
      ready.http.get.port = 80;
      init = {
        user = "postgres";
        group = "1000";
        supplementary_groups = [ "audio" "27" ];
        umask = "027";
        limits = { nofile = 4096; core = "0:unlimited"; };
        nice = 0;
        oom_score_adj = -5;
        no_new_privileges = true;
        tty = true;
        exit = "on_end";
        success_exit_codes = [ 3 143 ];
        stop_command = "everything --stop";
        restart = { backoff_ms = 0; backoff_max_ms = 1000; backoff_jitter_percent = 50; healthy_after_ms = 2000; };
        ready.http = { headers.Host = "app.example"; status = 204; };
        live = {
          http = { port = 81; path = "/live"; headers.Accept = "*/*"; };
          initial_delay = 1;
          period = 2;
          probe_timeout = 3;
          success_threshold = 4;
          failure_threshold = 5;
        };
        signals = { SIGHUP = "SIGUSR1"; SIGWINCH = null; };
      };
    };
    many = { exec = "many"; init.replicas = 3; };
    said = {
      exec = "said";
      ready.timeout = 9;
      after = [ "app:once" ];
      init = { ready.log_line = "listening"; live.exec = "said --alive"; supplementary_groups = [ ]; exit = "never"; };
    };
    connected = { exec = "connected"; init = { ready.log_line = "up"; live.tcp.port = 5432; }; };
  };
  tasks."app:once" = {
    exec = "once";
    init = { user = "0"; retries = 2; shutdown = { signal = 2; grace = 1; }; restart.backoff_ms = 100; };
  };
}
