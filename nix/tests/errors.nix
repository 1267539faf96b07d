# Mistakes and what must be said about them: `{ <name> = { expr, says = [ <part of the message> ]; }; }`.
#
# An evaluation can find out that another one fails but not why, so `run` evaluates each by itself.
let
  lib = import ../../tests/nixpkgs/lib;
  specs = import ../spec.nix { inherit lib; };

  core = module: (lib.evalModules {
    specialArgs = { inputs = { }; projectSource = "/nix/store/00000000000000000000000000000000-source"; };
    modules = [ ../modules { _file = "devenv.nix"; imports = [ module ]; } { _module.args.pkgs = throw "a pure function looked at the package set"; } ];
  }).config;
  spec = module: specs.processes {
    config = core module;
    script = name: text: "${name}: ${text}";
    coreutils = "/coreutils";
    environment = { };
    workingDir = "/env";
    inherit ((core module).containers.processes) init;
    option = "containers.processes.init";
  };
  # What the container of the processes runs.
  plan = module: (planOf module).spec;
  planOf = module:
    let config = core module; in
    removeAttrs ((import ../container.nix { inherit lib; }).plan {
      inherit config;
      name = "processes";
      container = config.containers.processes;
      script = name: text: "${name}: ${text}";
      bash = "/bash";
      coreutils = "/coreutils";
      envScript = "/env-script";
    }) [ "entrypoint" ];
  process = options: spec { processes.web = { exec = "web"; } // options; processes.db.exec = "db"; tasks."a:b".exec = "b"; };
  # The image a container builds on, by the lock file of `project`.
  base = arch: container: project: (import ../base.nix { inherit lib arch; }).source {
    inherit container project;
    option = "containers.app";
    build = _: _: attributes: builtins.toJSON attributes;
  };
  cli = arguments: import ../cli.nix ({
    project = ./fixtures/names;
    nixpkgs = ../../tests/nixpkgs;
    initProgram = ./run;
    containerProgram = ./run;
  } // arguments);
in
{
  packages-are-nowhere = {
    expr = (builtins.scopedImport { __nixPath = [ ]; } ../cli.nix {
      project = ./fixtures/names;
      initProgram = ./run;
      containerProgram = ./run;
    }).names;
    says = [ "`inputs.nixpkgs` is not locked" "hint: run `devenv-container lock` or `devenv update`, or give `--nixpkgs PATH`" ];
  };
  our-module-without-devenv = {
    expr = (cli { imports = [ ../devenv-module.nix ]; }).names;
    says = null;
  };
  any-name = {
    expr = map (one: one.drvPath) (builtins.attrValues (cli { }).images);
    says = null;
  };
  unknown-option = {
    expr = spec { proceses.web.exec = "web"; };
    says = [ "The option `proceses' does not exist" ];
  };
  unknown-process-option = {
    expr = process { exce = "web"; };
    says = [ "The option `processes.web.exce' does not exist" "devenv.nix" ];
  };
  missing-exec = {
    expr = spec { processes.web.env.A = "1"; };
    says = [ "The option `processes.web.exec' was accessed but has no value defined" ];
  };
  wrong-type = {
    expr = process { restart.max = "many"; };
    says = [ "A definition for option `processes.web.restart.max' is not of type `null or signed integer'" "many" ];
  };
  not-a-choice = {
    expr = process { restart.on = "sometimes"; };
    says = [ "processes.web.restart.on' is not of type `one of" "sometimes" ];
  };
  conflict = {
    expr = spec { imports = [ { processes.web.exec = "one"; } { processes.web.exec = "two"; } ]; };
    says = [ "The option `processes.web.exec' has conflicting definition values" "one" "two" ];
  };
  read-only = {
    expr = (core { processes.web.ports.http = { allocate = 80; value = 81; }; }).processes.web.ports.http.value;
    says = [ "The option `processes.web.ports.http.value' is read-only, but it's set multiple times" ];
  };
  a-set-was-expected = {
    expr = (core { devenv = "x"; }).devenv.root;
    says = [ "devenv" "devenv.nix" ];
  };
  no-image-name = {
    expr = (core { name = null; containers.app = { }; }).containers.app.name;
    says = [ "container `app` has no name" "hint: set `name = \"myproject\";`" ];
  };
  unknown-dependency = {
    expr = process { after = [ "devenv:processes:dbb" ]; };
    says = [ "`processes.web.after`: `devenv:processes:dbb` is neither a process nor a task" "hint: there are `a:b`, `devenv:processes:db`, `devenv:processes:web`" ];
  };
  dependency-by-short-name = {
    expr = process { before = [ "db" ]; };
    says = [ "`processes.web.before`: `db` is neither a process nor a task" ];
  };
  unknown-condition = {
    expr = process { after = [ "devenv:processes:db@succeeded" ]; };
    says = [ "`@succeeded` is not a condition of the process `devenv:processes:db`" "hint: use one of @completed, @ready, @started" ];
  };
  condition-of-a-task = {
    expr = process { after = [ "a:b@ready" ]; };
    says = [ "`@ready` is not a condition of the task `a:b`" "hint: use one of @completed, @started, @succeeded" ];
  };
  two-conditions = {
    expr = process { after = [ "a:b@ready@started" ]; };
    says = [ "has more than one `@`" ];
  };
  cycle = {
    expr = spec {
      processes.a = { exec = "a"; after = [ "devenv:processes:b" ]; };
      processes.b = { exec = "b"; after = [ "devenv:processes:a" ]; };
    };
    says = [ "processes and tasks wait for each other: devenv:processes:a -> devenv:processes:b -> devenv:processes:a" "hint: one of these says too much: `processes.a.after`, `processes.b.after`" ];
  };
  cycle-through-before = {
    expr = spec {
      processes.a = { exec = "a"; after = [ "t:t@started" ]; };
      tasks."t:t" = { exec = "t"; };
      processes.b = { exec = "b"; after = [ "devenv:processes:a" ]; before = [ "t:t" ]; };
    };
    says = [ "hint: one of these says too much: `processes.a.after`, `processes.b.before`, `processes.b.after`" ];
  };
  stop-signal-that-does-not-stop = {
    expr = planOf { containers.processes.stopSignal = "SIGQUIT"; processes.web.exec = "web"; };
    says = [ "`containers.processes.stopSignal`: processes are not stopped at SIGQUIT" "hint: leave it out and set `processes.<name>.shutdown.signal`" ];
  };
  no-signal = {
    expr = planOf { containers.processes.stopSignal = "SIGFOO"; };
    says = [ "containers.processes.stopSignal' is not of type" "SIGFOO" ];
  };
  no-port = {
    expr = (core { containers.processes.exposedPorts = [ "http" ]; }).containers.processes.exposedPorts;
    says = [ "containers.processes.exposedPorts." "http" ];
  };
  volume-somewhere = {
    expr = (core { containers.processes.volumes = [ "data" ]; }).containers.processes.volumes;
    says = [ "containers.processes.volumes." "data" ];
  };
  watched-in-the-store = {
    expr = process { watch.paths = [ "${builtins.storeDir}/00000000000000000000000000000000-source/src" ]; };
    says = [ "`processes.web.watch.paths`: " "-source/src is in the store, where nothing ever changes" "hint: name what is in the project: \"\${config.devenv.root}/src\"" ];
  };
  a-pattern-in-the-store = {
    expr = spec {
      processes.web = { exec = "web"; after = [ "a:b" ]; };
      tasks."a:b" = { exec = "b"; execIfModified = [ "!${builtins.storeDir}/00000000000000000000000000000000-source/*.ts" ]; };
    };
    says = [ "`tasks.a:b.execIfModified`: " "hint: name what is in the project: \"\${config.devenv.root}/*.ts\"" ];
  };
  stop-budget = {
    expr = spec {
      containers.processes.init.stopTimeout = 12;
      processes.db = { exec = "db"; shutdown.grace = 10; };
      processes.web = { exec = "web"; after = [ "devenv:processes:db" ]; };
    };
    says = [ "`containers.processes.init.stopTimeout`: 12 seconds are not enough to stop web, then db" "sums up to 15" "hint: set it to 15 or more" ];
  };
  stop-budget-of-docker = {
    expr = spec {
      processes.db = { exec = "db"; shutdown.grace = 30; };
      processes.web = { exec = "web"; after = [ "devenv:processes:db" ]; };
    };
    says = [ "`containers.processes.init.stopTimeout`: 9 seconds (its default) are not enough to stop web, then db" "sums up to 35" "docker stop --time 36" ];
  };
  stop-budget-of-those-who-say-nothing = {
    expr = spec {
      processes.db.exec = "db";
      processes.web = { exec = "web"; after = [ "devenv:processes:db" ]; };
    };
    says = null;
  };
  stop-budget-of-a-task = {
    expr = spec {
      containers.processes.init.stopTimeout = 20;
      processes.db = { exec = "db"; shutdown.grace = 10; };
      tasks."db:load" = { exec = "load"; after = [ "devenv:processes:db" ]; init.shutdown.grace = 11; };
      processes.web = { exec = "web"; after = [ "db:load" ]; };
    };
    says = [ "20 seconds are not enough to stop db:load, then db" "sums up to 21" ];
  };
  task-without-exec = {
    expr = spec { tasks."a:b" = { }; processes.web = { exec = "web"; after = [ "a:b" ]; }; };
    says = [ "`tasks.a:b.exec` is not set" ];
  };
  no-probe = {
    expr = process { ready.timeout = 5; };
    says = [ "`processes.web.ready` says when to look and not how" "hint: set `exec`, `http.get` or `notify`, or declare `ports`" ];
  };
  two-probes = {
    expr = process { ready = { exec = "true"; http.get.port = 80; }; };
    says = [ "`processes.web.ready`: `exec` and `http.get` cannot be used together" ];
  };
  probe-beside-notify = {
    expr = process { ready = { exec = "true"; notify = true; }; };
    says = [ "`processes.web.ready`: `exec` and `http.get` are not looked at where `notify` is set" ];
  };
  probe-by-another-protocol = {
    expr = process { ready.http.get = { port = 21; scheme = "ftp"; }; };
    says = [ "`processes.web.ready.http.get.scheme`: `ftp` is unknown" "hint: it is one of http, https" ];
  };
  probe-without-pause = {
    expr = process { ready = { exec = "true"; period = 0; }; };
    says = [ "`processes.web.ready.period`: 0 is too little" "hint: set it to 1 or more" ];
  };
  tcp-socket-without-address = {
    expr = process { listen = [ { name = "a"; kind = "tcp"; } ]; };
    says = [ "`processes.web.listen`: a socket of kind `tcp` needs `address`" ];
  };
  unix-socket-without-path = {
    expr = process { listen = [ { name = "a"; kind = "unix_stream"; } ]; };
    says = [ "`processes.web.listen`: a socket of kind `unix_stream` needs `path`" ];
  };
  socket-in-an-unknown-place = {
    expr = process { listen = [ { name = "a"; kind = "unix_stream"; path = "$XDG_RUNTIME_DIR/a"; } ]; };
    says = [ "`processes.web.listen.path`: `XDG_RUNTIME_DIR` in `$XDG_RUNTIME_DIR/a` is not a variable of `env`" ];
  };
  liveness-in-two-ways = {
    expr = process { init.live = { exec = "true"; tcp.port = 80; }; };
    says = [ "`processes.web.init.live` must have exactly one of `exec`, `http` and `tcp`, and has 2" ];
  };
  liveness-in-no-way = {
    expr = process { init.live.period = 5; };
    says = [ "`processes.web.init.live` must have exactly one of" "and has 0" ];
  };
  log-line-beside-a-probe = {
    expr = process { ready.exec = "true"; init.ready.log_line = "up"; };
    says = [ "`processes.web.init.ready.log_line` cannot be used beside another way in `processes.web.ready`" ];
  };
  quiet-about-nothing = {
    expr = (import ../lib/logging.nix { inherit lib; }).arguments {
      inherit ((core { containers.processes.init.log.quiet = [ "wbe" ]; }).containers.processes) init;
      names = [ "web" "db" ];
      option = "containers.processes.init";
    };
    says = [ "`containers.processes.init.log.quiet`: nothing is called `wbe`" "hint: there are `web`, `db`" ];
  };
  unknown-user = {
    expr = plan { processes.web = { exec = "web"; init.user = "postgres"; }; };
    says = [ "`processes.web.init.user`: the image has no user `postgres`" "hint: there are `nobody`, `root`, `user`; more come from `containers.<name>.users`" ];
  };
  unknown-group = {
    expr = plan { processes.web = { exec = "web"; init.supplementary_groups = [ "audio" ]; }; };
    says = [ "`processes.web.init.supplementary_groups`: the image has no group `audio`" "any number will do" ];
  };
  a-user-of-the-base = {
    expr = plan { containers.processes.fromImage = ./fixtures; processes.web = { exec = "web"; init.user = "www-data"; }; };
    says = [ "the image has no user `www-data`" "as in `containers.<name>.users.www-data.uid = 33`" ];
  };
  a-group-of-the-base = {
    expr = plan { containers.processes.fromRegistry = "debian:12"; processes.web = { exec = "web"; init.group = "audio"; }; };
    says = [ "the image has no group `audio`" "one of the base is given by its number" ];
  };
  a-user-that-is-there = {
    expr = plan { containers.processes.users.nobody.uid = 5; processes.web = { exec = "web"; init.user = "0"; }; };
    says = [ "`containers.processes.users.nobody`: every image has a user of this name" ];
  };
  two-users-of-one-number = {
    expr = plan { containers.processes.users = { a.uid = 5; b.uid = 5; }; processes.web = { exec = "web"; init.user = "a"; }; };
    says = [ "`containers.processes.users`: `b` and `a` have the same `uid`" ];
  };
  known-users = {
    expr = plan { containers.processes.users.postgres.uid = 70; processes.web = { exec = "web"; init = { user = "postgres"; group = "nogroup"; }; }; };
    says = null;
  };
  nothing-to-copy = {
    expr = (import ../copied.nix { inherit lib; }).items {
      copyToRoot = [ ./fixtures ./fixtures/missing ];
      projectSource = "/nix/store/00000000000000000000000000000000-source";
      option = "containers.app.copyToRoot";
    };
    says = [ "`containers.app.copyToRoot`:" "fixtures/missing does not exist" "hint: build it first" ];
  };
  no-base = {
    expr = base "amd64" { fromImage = ./fixtures/missing; fromRegistry = null; } ./fixtures;
    says = [ "`containers.app.fromImage`:" "fixtures/missing does not exist" "hint: put the image there first" ];
  };
  base-that-is-not-locked = {
    expr = base "amd64" { fromImage = null; fromRegistry = "debian:13"; } ./fixtures/damaged;
    says = [ "`containers.app.fromRegistry`: devenv-container.lock does not say what debian:13 is for amd64" "hint: run `devenv-container lock`" ];
  };
  base-without-hash = {
    expr = base "amd64" { fromImage = null; fromRegistry = "debian:12"; } ./fixtures/damaged;
    says = [ "`containers.app.fromRegistry`: cannot read " "/devenv-container.lock: the `hash` of debian:12 for amd64 is none" "hint: put back the last version" ];
  };
  base-that-is-a-number = {
    expr = base "arm64" { fromImage = null; fromRegistry = "debian:12"; } ./fixtures/damaged;
    says = [ "/devenv-container.lock: where a set should be it has none" "hint: put back the last version" ];
  };
  certificates-that-are-not-there = {
    expr = (import ../lib/certificates.nix).links "containers.app.caCertificates" ./fixtures/missing.pem;
    says = [ "`containers.app.caCertificates`:" "fixtures/missing.pem does not exist" "hint: put the file there first" ];
  };
  certificates-outside-the-image = {
    expr = (import ../lib/certificates.nix).links "containers.app.caCertificates" "/etc/ssl/certs/ca-bundle.crt";
    says = [ "`containers.app.caCertificates`: the image would not have /etc/ssl/certs/ca-bundle.crt" "hint: name a file of the project or of this machine without quotes" ];
  };
  certificates-of-the-project = {
    expr = (import ../lib/certificates.nix).links "containers.app.caCertificates" ./fixtures/dist/etc/app.conf;
    says = null;
  };
  # The same project without a mistake, so that every case above fails for its own reason.
  control = {
    expr = process { };
    says = null;
  };
}
