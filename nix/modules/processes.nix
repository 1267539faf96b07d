# `processes.<name>`: what the `processes` container runs, with devenv's names and defaults.
{ lib, ... }:
let
  inherit (lib) mkOption types;
  inherit (import ./process-types.nix { inherit lib; }) listen ports ready restart shutdown watch watchdog;
  init = (import ./init-types.nix { inherit lib; }).process;

  process = types.submodule ({ name, ... }: {
    options = {
      inherit init;
      exec = mkOption {
        type = types.str;
        description = "Bash code of the process, run with `set -e`.";
      };
      start.enable = mkOption {
        type = types.bool;
        default = true;
        description = "Whether it is started with the container. Otherwise only on request.";
      };
      env = mkOption {
        type = types.attrsOf types.str;
        default = { };
        description = "Variables of this process only. They win over every other source.";
      };
      cwd = mkOption {
        type = types.nullOr types.str;
        default = null;
        description = "The folder it starts in; null is the container's working directory.";
      };
      after = mkOption {
        type = types.listOf types.str;
        default = [ ];
        description = ''
          What must hold before it starts: names of processes (`devenv:processes:<name>`) and tasks
          with an optional `@started`, `@ready` (the default of processes), `@succeeded` (the default
          of tasks) or `@completed`.
        '';
        example = [ "devenv:processes:database" "app:migrate@succeeded" ];
      };
      before = mkOption {
        type = types.listOf types.str;
        default = [ ];
        description = "What starts only after this process; suffixes as in `after`, said of this process.";
      };
      ports = mkOption {
        type = types.attrsOf ports;
        default = { };
        description = "Ports it listens on. The `processes` container exposes them.";
        example = { http.allocate = 8080; };
      };
      restart = mkOption {
        type = restart;
        default = { };
        description = "When it is started again.";
      };
      shutdown = mkOption {
        type = shutdown;
        default = { };
        description = "How it is stopped.";
      };
      ready = mkOption {
        type = types.nullOr ready;
        default = null;
        description = ''
          How to tell that it is ready for what waits for it. Null: once its first TCP socket of `listen`,
          or else its first port by name, can be connected to; as soon as it runs when it has neither.
        '';
      };
      listen = mkOption {
        type = types.listOf listen;
        default = [ ];
        description = ''
          Sockets opened for it before it starts and kept while it is restarted. It finds them from
          descriptor 3 on, by `LISTEN_FDS` and `LISTEN_FDNAMES`.
        '';
      };
      watchdog = mkOption {
        type = types.nullOr watchdog;
        default = null;
        description = "How often it must say that it is alive, by `WATCHDOG=1` on `NOTIFY_SOCKET`. Otherwise it has failed.";
      };
      linux.capabilities = mkOption {
        type = types.listOf types.str;
        default = [ ];
        description = "Linux capabilities it has besides the rights of its user. The container must have them to give.";
      };
      watch = mkOption {
        type = watch;
        default = { };
        description = ''
          Files whose change has it stopped and started again, also after it has ended. Those of the
          project are meant below the container's working directory, where it is mounted while people work on
          it. Changes within 100 ms are one; none of the restarts of `restart` is used up.
        '';
      };
      process-compose = mkOption {
        type = types.attrs;
        default = { };
        description = "Attributes for process-compose. Containers are run by devenv-init, which does not read them.";
      };
    };
  });
in
{
  options = {
    processes = mkOption {
      type = types.attrsOf process;
      default = { };
      description = "Processes of the project. The `processes` container runs them all.";
    };
    process.manager = mkOption {
      type = types.lazyAttrsOf types.anything;
      default = { };
      description = "The process manager of `devenv up`. Containers are run by devenv-init whatever it is.";
    };
    process.managers = mkOption {
      type = types.lazyAttrsOf types.anything;
      default = { };
      description = "Settings of process managers, which containers do not use.";
    };
  };
}
