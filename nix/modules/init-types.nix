# `processes.<name>.init` and `tasks.<name>.init`: what devenv-init does and devenv has no option for.
#
# They are kept below one name so that no later option of devenv is ever in their way. The core modules
# and the module for devenv share them. Times are in seconds unless a name says otherwise.
{ lib }:
let
  inherit (lib) mkOption types;
  option = type: default: description: mkOption { inherit type default description; };
  required = type: description: mkOption { inherit type description; };
  set = options: types.submodule { inherit options; };

  # A check and when it is made, with the names and defaults of devenv's `ready`.
  probe = set {
    exec = option (types.nullOr types.str) null "Bash code that ends with 0 when all is well.";
    http = option (types.nullOr (set {
      host = option types.str "127.0.0.1" "An address, or a name of `/etc/hosts`.";
      port = required types.port "Port to connect to.";
      path = option types.str "/" "Path and query to request.";
      headers = option (types.attrsOf types.str) { } "Further header lines.";
      status = option (types.nullOr (types.ints.between 100 599)) null "The one good status; null is any from 200 to 299.";
    })) null "An HTTP request that succeeds when all is well.";
    tcp = option (types.nullOr (set {
      host = option types.str "127.0.0.1" "An address, or a name of `/etc/hosts`.";
      port = required types.port "Port to connect to.";
    })) null "A TCP connection that is accepted when all is well.";
    initial_delay = option types.ints.unsigned 0 "Seconds before the first check.";
    period = option types.ints.positive 10 "Seconds between checks.";
    probe_timeout = option types.ints.positive 1 "Seconds one check may take.";
    success_threshold = option types.ints.positive 1 "Successes in a row that make a good state of a bad one.";
    failure_threshold = option types.ints.positive 3 "Failures in a row that make a bad state of a good one.";
  };

  common = {
    user = option (types.nullOr types.str) null ''
      As whom it runs: a number, or a name as for `containers.<name>.user`. The container must then start as
      root (`containers.<name>.user = "0"`). Null is the user of the container.
    '';
    group = option (types.nullOr types.str) null "Its group, a number or a name as for `containers.<name>.user`; null is the user's.";
    supplementary_groups = option (types.nullOr (types.listOf types.str)) null "The further groups it is in, and no others; null are the user's.";
    umask = option (types.nullOr (types.strMatching "[0-7]{1,4}")) null "Permission bits that files it makes do not get, in octal.";
    limits = option (types.attrsOf (types.either types.int types.str)) { } ''
      Resource limits by the names of `getrlimit(2)`: one value or `SOFT:HARD`, each a number in the unit
      of `getrlimit(2)` or `unlimited`. For example `{ nofile = 4096; core = "0:unlimited"; }`.
    '';
    nice = option (types.nullOr (types.ints.between (-20) 19)) null "How much it lets others go first.";
    oom_score_adj = option (types.nullOr (types.ints.between (-1000) 1000)) null "How readily the kernel kills it when memory runs out; -1000 is never.";
    no_new_privileges = option types.bool false "Whether no program it executes may gain rights, as by being set-user-ID.";
    tty = option types.bool false "Whether it has a terminal of its own to write to: of the size of the container's, or 80 columns and 24 lines.";
    exit = option (types.enum [ "on_failure" "on_end" "never" ]) "on_failure" ''
      Whether its end is that of the container: when it failed for good, whenever it ended for good, or
      never; then its failure does not count for the exit code either.
    '';
    success_exit_codes = option (types.listOf (types.ints.between 0 255)) [ ] "Exit codes beside 0 that count as a good end.";
    stop_command = option (types.nullOr types.str) null ''
      Bash code that stops it, run instead of sending the signal, with its environment and its id in
      `MAINPID`. When it fails, the signal is sent after all; the grace goes on meanwhile.
    '';
    restart = {
      backoff_ms = option (types.nullOr types.ints.unsigned) null "Milliseconds before the first restart, doubled with each that follows; null is 500.";
      backoff_max_ms = option (types.nullOr types.ints.unsigned) null "Milliseconds the wait never goes beyond; null is 30000.";
      backoff_jitter_percent = option (types.nullOr (types.ints.between 0 100)) null "By how many hundredths at the most a wait is shortened, differently each time; null is 10.";
      healthy_after_ms = option (types.nullOr types.ints.unsigned) null "Milliseconds a run must last for the wait to begin anew; null is 10000.";
    };
  };
in
{
  process = common // {
    replicas = option (types.nullOr types.ints.positive) null ''
      How many of it there are: `web.1`, `web.2`, and so on, each with its number in `DEVENV_REPLICA`. A
      `PORT` in its `env`, and the port of a check that is the same, are higher by one for each; sockets
      of `listen` are shared. Whoever waits for it waits for all.
    '';
    ready = {
      log_line = option (types.nullOr types.str) null ''
        A text: the process is ready once a line of its output holds it. The timings of `ready` do not
        matter then, except `ready.timeout`.
      '';
      http = {
        headers = option (types.attrsOf types.str) { } "Further header lines of the request of `ready.http.get`.";
        status = option (types.nullOr (types.ints.between 100 599)) null "The one good status of `ready.http.get`; null is any from 200 to 299.";
      };
    };
    live = option (types.nullOr probe) null ''
      How to tell that it is still of use. After `failure_threshold` failures in a row it is stopped and
      has failed; `restart` says what follows.
    '';
    signals = option (types.attrsOf (types.nullOr types.str)) { } ''
      What it gets in the place of its stop signal, or of one of HUP, QUIT, USR1, USR2 and WINCH, which
      are passed on; null is nothing. For example `{ SIGHUP = "SIGUSR1"; }`.
    '';
  };

  task = common // {
    retries = option types.ints.unsigned 0 "How often it is run again when it fails.";
    shutdown = {
      signal = option (types.nullOr (types.ints.between 1 31)) null "Number of the signal that asks it to stop; null is 15, SIGTERM.";
      grace = option (types.nullOr types.ints.unsigned) null "Seconds between that signal and SIGKILL; null is 5.";
    };
  };
}
