# The parts of a process that are sets of their own. Times are in seconds unless a name says
# otherwise, as in devenv.
{ lib }:
let
  inherit (lib) mkOption types;
  option = type: default: description: mkOption { inherit type default description; };
  required = type: description: mkOption { inherit type description; };
  set = options: types.submodule { inherit options; };
in
{
  ports = types.submodule ({ config, ... }: {
    options = {
      allocate = required types.port "The port.";
      value = mkOption {
        type = types.port;
        default = config.allocate;
        defaultText = lib.literalMD "the value of `allocate`";
        readOnly = true;
        description = "The port in use. Inside a container nothing competes for it, so it is `allocate`.";
      };
    };
  });

  restart = set {
    on = option (types.enum [ "never" "always" "on_failure" ]) "on_failure" "After which ends it is started again.";
    max = option (types.nullOr types.int) 5 "How often at the most; null is without limit.";
    window = option (types.nullOr types.ints.unsigned) null "Seconds within which restarts are counted; null counts over the whole life.";
  };

  shutdown = set {
    signal = option (types.ints.between 1 31) 15 "Number of the signal that asks it to stop.";
    grace = option types.ints.unsigned 5 "Seconds between that signal and SIGKILL.";
  };

  ready = set {
    exec = option (types.nullOr types.str) null "Bash code that ends with 0 once the process is ready.";
    http.get = option (types.nullOr (set {
      host = option types.str "127.0.0.1" "Host to connect to.";
      port = required types.port "Port to connect to.";
      path = option types.str "/" "Path to request.";
      scheme = option types.str "http" "`http` or `https`; of https only whether its port can be connected to.";
    })) null "An HTTP request that succeeds once the process is ready.";
    notify = option types.bool false "Whether the process says so itself through `NOTIFY_SOCKET`.";
    initial_delay = option types.int 0 "Seconds before the first probe.";
    period = option types.int 10 "Seconds between probes.";
    probe_timeout = option types.int 1 "Seconds one probe may take.";
    timeout = option (types.nullOr types.ints.unsigned) null "Seconds until it must be ready; null is without limit.";
    success_threshold = option types.int 1 "Successes in a row that make it ready.";
    failure_threshold = option types.int 3 "Failures in a row that make it unready.";
  };

  listen = set {
    name = required types.str "The socket's name.";
    kind = required (types.enum [ "tcp" "unix_stream" ]) "The kind of socket.";
    address = option (types.nullOr types.str) null "Address and port of a TCP socket.";
    path = option (types.nullOr types.str) null "Path of a Unix socket; variables of `env` may be used in it.";
    backlog = option (types.nullOr types.int) 128 "Connections that may wait.";
    mode = option (types.nullOr types.int) null "Permissions of a Unix socket.";
  };

  watchdog = set {
    usec = required types.int "Microseconds between signs of life.";
    require_ready = option types.bool true "Whether to wait for the first readiness.";
  };

  watch = set {
    paths = option (types.listOf types.path) [ ] "Files, and folders with all below them. They need not exist yet.";
    extensions = option (types.listOf types.str) [ ] "File extensions to watch; all when empty.";
    ignore = option (types.listOf types.str) [ ] "Patterns of what to leave out, by the rules of `.gitignore` without `!`, with `{a,b}` besides.";
  };
}
