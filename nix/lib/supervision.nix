# How a process or task runs, ends and is looked after: from `init` to the fields of the spec.
#
# What is not set is not written, so that the defaults are those of the spec alone.
{ lib }:
let
  given = lib.filterAttrs (_: value: value != null && value != [ ] && value != { } && value != false);

  milliseconds = seconds: seconds * 1000;

  checkOf = { script, name, option, probe }:
    let
      checks = given {
        exec = if probe.exec == null then null else { command = [ (script name "${probe.exec}\n") ]; };
        http = if probe.http == null then null else { inherit (probe.http) host port path status; } // given { inherit (probe.http) headers; };
        inherit (probe) tcp;
      };
    in
    if lib.length (lib.attrNames checks) == 1 then checks
    else import ./fail.nix
      "`${option}` must have exactly one of `exec`, `http` and `tcp`, and has ${toString (lib.length (lib.attrNames checks))}"
      "put several into one `exec`";
in
{
  /**
    The fields of a process or a task as a set to be merged into it. `restart` and `stop` are those it
    has so far and come back with more.

    `script name text` gives the path of an executable bash script, `name` is the unit's, `option` the
    path of its `init` for messages.
  */
  of = { script, name, option, init, restart, stop }:
    given {
      inherit (init) group limits nice no_new_privileges oom_score_adj success_exit_codes supplementary_groups tty umask user;
      replicas = init.replicas or null;
    }
    // lib.optionalAttrs (init.supplementary_groups == [ ]) { supplementary_groups = [ ]; }
    // lib.optionalAttrs (init.limits != { }) { limits = builtins.mapAttrs (_: toString) init.limits; }
    // lib.optionalAttrs (init.exit != "on_failure") { inherit (init) exit; }
    // lib.optionalAttrs ((init.signals or { }) != { }) { inherit (init) signals; }
    // given {
      restart = restart // given init.restart;
      stop = stop // lib.optionalAttrs (init.stop_command != null) {
        command = [ (script "${name}-stop" "${init.stop_command}\n") ];
      };
    }
    // lib.optionalAttrs ((init.live or null) != null) {
      live = {
        check = checkOf { inherit script; name = "${name}-live"; option = "${option}.live"; probe = init.live; };
        timing = {
          initial_delay_ms = milliseconds init.live.initial_delay;
          period_ms = milliseconds init.live.period;
          timeout_ms = milliseconds init.live.probe_timeout;
          inherit (init.live) success_threshold failure_threshold;
        };
      };
    };
}
