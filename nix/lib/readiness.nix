# When a process is ready: from devenv's `ready`, `listen` and `ports` to the `ready` of the spec.
{ lib }:
let
  fail = import ./fail.nix;
  sockets = import ./sockets.nix { inherit lib; };
  # devenv looks ten times a second until the first success. Here a check goes on as long as the
  # process lives, and servers log each connection.
  portPeriod = 1;

  milliseconds = seconds: seconds * 1000;
  atLeast = least: option: value:
    if value >= least then value
    else fail "`${option}`: ${toString value} is too little" "set it to ${toString least} or more";

  # What can be connected to without being asked: the first TCP socket, or else the first port.
  declared = process:
    let
      addresses = lib.filter (address: address != null) (map sockets.address (process.listen or [ ]));
      ports = map (port: { host = "localhost"; port = port.value; }) (builtins.attrValues (process.ports or { }));
    in
    lib.take 1 (addresses ++ ports);

  http = option: get: more:
    # TLS would make PID 1 larger by a third, in every image.
    if get.scheme == "https" then
      builtins.trace
        "warning: `${option}.scheme`: `https` is not asked, it is ready once its port can be connected to; for more use `ready.exec` with a program that speaks TLS"
        { tcp = { inherit (get) host port; }; }
    else if get.scheme != "http" then
      fail "`${option}.scheme`: `${get.scheme}` is unknown" "it is one of http, https"
    else {
      http = { inherit (get) host port path; }
        // lib.optionalAttrs (more.headers != { }) { inherit (more) headers; }
        // lib.optionalAttrs (more.status != null) { inherit (more) status; };
    };

  timing = option: ready: {
    initial_delay_ms = milliseconds (atLeast 0 "${option}.initial_delay" ready.initial_delay);
    period_ms = milliseconds (atLeast 1 "${option}.period" ready.period);
    timeout_ms = milliseconds (atLeast 1 "${option}.probe_timeout" ready.probe_timeout);
    success_threshold = atLeast 1 "${option}.success_threshold" ready.success_threshold;
    failure_threshold = atLeast 1 "${option}.failure_threshold" ready.failure_threshold;
  };
in
{
  /**
    The `ready` of the spec for a process, as a set to be merged into it: empty when the process is
    ready as soon as it runs.

    A line of output, and what else a request needs, are set in `init.ready`, which devenv does not have.
    Without a probe of its own a process that declares a TCP socket or a port is ready once that can be
    connected to, as in devenv. `script name text` gives the path of an executable bash script, `name`
    is the process's, `option` the path of its options for messages.
  */
  of = { script, name, option, process }:
    let
      ready = process.ready or null;
      more = process.init.ready;
      at = "${option}.ready";
      asked = declared process;
      check =
        if ready.notify then
          if ready.exec != null || ready.http.get != null then
            fail "`${at}`: `exec` and `http.get` are not looked at where `notify` is set" "set only one of them"
          else "notify"
        else if ready.exec != null && ready.http.get != null then
          fail "`${at}`: `exec` and `http.get` cannot be used together" "put both into one `exec`"
        else if ready.exec != null then { exec.command = [ (script "${name}-ready" "${ready.exec}\n") ]; }
        else if ready.http.get != null then http "${at}.http.get" ready.http.get more.http
        else if asked != [ ] then { tcp = lib.head asked; }
        else fail "`${at}` says when to look and not how" "set `exec`, `http.get` or `notify`, or declare `ports`";
    in
    if more.log_line != null then
      if ready != null && (ready.notify || ready.exec != null || ready.http.get != null) then
        fail "`${option}.init.ready.log_line` cannot be used beside another way in `${at}`" "set only one of them"
      else {
        ready = {
          check.log_line.contains = more.log_line;
          deadline_ms = if ready == null || ready.timeout == null then null else milliseconds ready.timeout;
        };
      }
    else if ready != null then {
      ready = {
        inherit check;
        timing = timing at ready;
        deadline_ms = if ready.timeout == null then null else milliseconds ready.timeout;
      };
    }
    else lib.optionalAttrs (asked != [ ]) {
      ready = {
        check.tcp = lib.head asked;
        timing.period_ms = milliseconds portPeriod;
      };
    };
}
