# Options of `containers.<name>` that devenv does not have. The core modules and the module for devenv
# share them.
{ lib }:
let
  inherit (lib) mkOption types;
  # The largest number of 32 bits means none, for the kernel.
  account = types.ints.between 0 4294967294;
in
{
  environment = mkOption {
    type = types.nullOr (types.enum [ "baked" "sourced" "declared" ]);
    default = null;
    defaultText = lib.literalMD "`sourced` for `shell`, `declared` for a command outside the store given by its absolute path, otherwise `baked`";
    description = ''
      Where variables come from. `baked`: the shell's environment, captured while the image is
      built, without what only builds need. `sourced`: the same, and the shell's whole set-up is
      run at the start, functions and `enterShell` included; compilers of the shell come along.
      `declared`: only the variables of `env`.
    '';
  };

  user = mkOption {
    type = types.strMatching "[^:]+(:[^:]+)?";
    default = "1000:1000";
    description = ''
      The user, and after a `:` the group, it runs as: numbers, or names of `root`, `user`, `nobody` (with the
      groups `root`, `user`, `nogroup`) and of `users`. Names in the image it builds on are not known while
      the project is evaluated: there the user is declared with the number it has, `users.www-data.uid = 33`,
      and a group is given by its number.
    '';
  };

  users = mkOption {
    type = types.attrsOf (types.submodule {
      options = {
        uid = mkOption { type = account; description = "The user's number."; };
        gid = mkOption {
          type = types.nullOr account;
          default = null;
          description = "The number of its group, which has the user's name unless it is that of `root`, `user` or `nogroup`; null is `uid`.";
        };
        home = mkOption { type = types.strMatching "/[^:\n]*"; default = "/"; description = "Its home folder, which must be made by someone else. A user the base has keeps its own."; };
      };
    });
    default = { };
    description = ''
      Users the image knows besides root, user (1000) and nobody (65534), for `user` and for
      `processes.<name>.init.user`. One that the image it builds on has as well must have the numbers it has
      there and stays what it is; the build fails when a name has other numbers in the base, or a number
      belongs to another name.
    '';
    example = { postgres.uid = 70; };
  };

  exposedPorts = mkOption {
    type = types.listOf (types.either types.port (types.strMatching "[0-9]+(/(tcp|udp|sctp))?"));
    default = [ ];
    defaultText = lib.literalMD "for `processes` the ports of its processes";
    description = "Ports the image declares, as numbers or as `<port>/tcp` or `<port>/udp`.";
    example = [ 8080 "53/udp" ];
  };

  fromRegistry = mkOption {
    type = types.nullOr types.str;
    default = null;
    description = ''
      An image of a registry to build on, in the way of `fromImage`: `debian:12`,
      `registry.example.com/me/base:1` or `registry.example.com/me/base@sha256:…`. Which image this is
      for which processor is written down in `devenv-container.lock` by `devenv-container lock`, and stays so
      until `lock --update`. The `digest` there is what counts: after another has been written down, `lock`
      sets the `hash` that belongs to it.
    '';
    example = "debian:12";
  };

  volumes = mkOption {
    type = types.listOf (types.strMatching "/.*[^/]");
    default = [ ];
    description = "Folders whose contents outlive the container. They belong to its user, also those in `/env`.";
  };

  annotations = mkOption {
    type = types.attrsOf types.str;
    default = { };
    description = "Annotations of the image's manifest, for registries and tools. Engines do not show them to containers.";
    example = { "org.opencontainers.image.licenses" = "Apache-2.0"; };
  };

  caCertificates = mkOption {
    type = types.nullOr types.path;
    default = null;
    description = ''
      A file in PEM form with certificates to trust in TLS connections. It is found where programs look
      for it, at `/etc/ssl/certs/ca-certificates.crt`, and by `SSL_CERT_FILE`.
    '';
    example = lib.literalExpression ''"''${pkgs.cacert}/etc/ssl/certs/ca-bundle.crt"'';
  };

  labels = mkOption {
    type = types.attrsOf types.str;
    default = { };
    description = "Labels of the image.";
    example = { "org.opencontainers.image.source" = "https://example.org/app"; };
  };

  healthcheck = mkOption {
    type = types.nullOr (types.submodule {
      options = {
        command = mkOption {
          type = types.listOf types.str;
          default = [ "/bin/devenv-init" "healthcheck" ];
          description = "Argument vector of a program that ends with 0 when all is well and with 1 otherwise.";
        };
        interval = mkOption { type = types.ints.positive; default = 10; description = "Seconds between two checks."; };
        timeout = mkOption { type = types.ints.positive; default = 5; description = "Seconds one check may take."; };
        startPeriod = mkOption { type = types.ints.unsigned; default = 60; description = "Seconds from the start during which failures do not count."; };
        retries = mkOption { type = types.ints.positive; default = 3; description = "Failures in a row that make it unhealthy."; };
      };
    });
    default = null;
    defaultText = lib.literalMD "`{ }` for `processes` when one of them has a readiness or liveness check";
    description = ''
      How an engine tells whether the container is healthy; null is not at all. By default devenv-init
      answers: every process is ready, and every task has ended well or is at work.
    '';
  };

  stopSignal = mkOption {
    type = types.nullOr (types.strMatching (import ../lib/signals.nix).pattern);
    default = null;
    description = ''
      The signal that asks the container to stop; null is the engine's own, SIGTERM. A container of
      processes stops in order at SIGTERM and SIGINT alone: `processes.<name>.shutdown.signal` is theirs.
    '';
  };

  init = {
    log = {
      format = mkOption {
        type = types.enum [ "text" "json" ];
        default = "text";
        description = "How output is written: as lines of text like honcho's, or one JSON object a line.";
      };
      timestamps = mkOption {
        type = types.nullOr types.str;
        default = "%H:%M:%S";
        description = "The time in front of lines of text, as of `strftime(3)`; null is none.";
        example = "%Y-%m-%dT%H:%M:%S%:z";
      };
      prefix = mkOption {
        type = types.bool;
        default = true;
        description = "Whether time and name stand in front of lines of text.";
      };
      quiet = mkOption {
        type = types.listOf types.str;
        default = [ ];
        description = "Names of processes and tasks whose output is not shown.";
      };
      directory = mkOption {
        type = types.nullOr (types.strMatching "/.*");
        default = null;
        description = ''
          A directory where the output of each process is kept as well, also of quiet ones: a file each,
          `NAME.REPLICA.log`, every line with its date and time. It is made when it is not there, and must
          be one the container's user may write to, as a volume; null keeps no files.
        '';
        example = "/var/log/app";
      };
      file = mkOption {
        type = types.nullOr (types.strMatching "/.*");
        default = null;
        description = ''
          A file where all that is shown is kept as well, exactly as it is shown. Its directory must be there
          and be one the container's user may write to, as a volume; null keeps none.
        '';
        example = "/var/log/app.log";
      };
      size = mkOption {
        type = types.strMatching "[1-9][0-9]*[KMG]?";
        default = "10M";
        description = ''
          The size at which a file makes room for a new one: bytes, or with `K`, `M` or `G` behind the
          number 1024 of them, and so on. No line is cut for that.
        '';
      };
      older = mkOption {
        type = types.ints.unsigned;
        default = 3;
        description = "How many older files are kept of each, as `NAME.REPLICA.log.1` and so on.";
      };
    };

    secrets = mkOption {
      type = types.listOf (types.strMatching "[A-Za-z_][A-Za-z0-9_]*");
      default = [ ];
      description = ''
        Names of variables whose values are never shown in the output of processes: `***` stands there.
        The values themselves are given when the container is run and are no part of the image. What a
        task exports under such a name is hidden from then on.
      '';
      example = [ "DATABASE_PASSWORD" ];
    };

    control = mkOption {
      type = types.bool;
      default = true;
      description = "Whether processes can be looked at and told what to do in the container: `docker exec <container> /bin/devenv-init status`.";
    };

    http.listen = mkOption {
      type = types.nullOr (types.strMatching "(localhost|[0-9]{1,3}([.][0-9]{1,3}){3}|[[][0-9a-fA-F:.]+[]])?:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])");
      default = null;
      description = ''
        Where a container of processes answers HTTP: an address and a port, or a port alone for every
        address; null is nowhere. `/livez` and `/readyz` say whether all is well and what is not, also
        of one process (`/readyz/<name>`) and in full (`?verbose`); `/metrics` has figures of every
        process as OpenMetrics. The probes of Kubernetes and Prometheus come from outside, so for them it
        is a port alone, and one to be named in `exposedPorts`.
      '';
      example = ":9300";
    };

    postMortem = mkOption {
      type = types.bool;
      default = true;
      description = "Whether a bad end is explained in the output: who failed first, why, and with which last words.";
    };

    exit = mkOption {
      type = types.enum [ "first_failure" "any_ended" "all_ended" ];
      default = "first_failure";
      description = ''
        When a container of processes ends by itself: when the first of them failed for good, when the
        first ended at all, or only when all have. It also ends once nothing is left to run.
      '';
    };

    stopTimeout = mkOption {
      type = types.nullOr types.ints.positive;
      default = null;
      defaultText = lib.literalMD "9 seconds, one less than `docker stop` waits";
      description = ''
        Seconds the stop of the whole container may take before everything left is killed. It must be
        enough for the processes to use up `shutdown.grace` one after the other, those that wait for
        others first; where it is not set, only chains count in which a process sets a grace of its own.
        Engines have a limit of their own: `docker stop --time`.
      '';
      example = 60;
    };
  };
}
