# What a container runs, from its options alone.
{ lib, core, ... }:
let
  containers = import ../container.nix { inherit lib; };
  planOf = name: module:
    let
      config = core module;
    in
    containers.plan {
      inherit name config;
      container = config.containers.${name};
      script = title: _: "/script/${title}";
      bash = "/bash";
      coreutils = "/coreutils";
      envScript = "/env-script";
    };
  of = options: planOf "app" { containers.app = options; };
  run = plan: plan.entrypoint "/spec.json" ++ (if plan.cmd == null then [ ] else plan.cmd);
  exec = [ "/bin/devenv-init" "exec" "--spec" "/spec.json" "--" ];
in
{
  "processes are started" = {
    expr = run (planOf "processes" { });
    expected = [ "/bin/devenv-init" "up" "--spec" "/spec.json" ];
  };
  "output is written as the project says" = {
    expr = run (planOf "processes" {
      processes.web.exec = "web";
      containers.processes.init = {
        log = {
          format = "json"; timestamps = null; prefix = false; quiet = [ "web" ]; directory = "/logs"; file = "/logs/all"; older = 1;
        };
        secrets = [ "TOKEN" "KEY" ];
        control = false;
        http.listen = "[::1]:9300";
        postMortem = false;
      };
    });
    expected = [
      "/bin/devenv-init" "up" "--spec" "/spec.json"
      "--log-format=json" "--timestamps=none" "--no-prefix" "--quiet=web" "--secret=TOKEN,KEY"
      "--control=none" "--http=[::1]:9300" "--no-post-mortem"
      "--log-dir=/logs" "--log-file=/logs/all" "--log-size=10M" "--log-older=1"
    ];
  };
  "the shell is entered" = {
    expr = let plan = planOf "shell" { }; in { run = run plan; inherit (plan.spec) shell; inherit (plan) environment; };
    expected = {
      run = [ "/bin/devenv-init" "shell" "--spec" "/spec.json" "--" ];
      shell.command = [ "/script/enter" ];
      environment = "sourced";
    };
  };
  "a baked shell reads no script" = {
    expr = (planOf "shell" { containers.shell.environment = "baked"; }).spec.shell.command;
    expected = [ "/bash" ];
  };
  "arguments are kept exactly" = {
    expr = run (of { startupCommand = [ "printf" "%s|" "a b" "$HOME" ]; });
    expected = exec ++ [ "printf" "%s|" "a b" "$HOME" ];
  };
  "a line of bash becomes a script" = { expr = run (of { startupCommand = "a | b"; }); expected = exec ++ [ "/script/command" ]; };
  "an artifact brings what it needs" = {
    expr = let plan = of { startupCommand = "/mybinary serve"; }; in { inherit (plan) environment usesBash; };
    expected = { environment = "declared"; usesBash = false; };
  };
  "a command looked up by name gets the environment" = {
    expr = let plan = of { startupCommand = "python -m http.server"; }; in { inherit (plan) environment usesBash; };
    expected = { environment = "baked"; usesBash = false; };
  };
  "a program of the store gets the environment" = {
    expr = (of { startupCommand = "${builtins.storeDir}/x/bin/serve"; }).environment;
    expected = "baked";
  };
  "a sourced environment is set up before the command" = {
    expr = run (of { startupCommand = [ "serve" ]; environment = "sourced"; });
    expected = exec ++ [ "/script/in-shell" "serve" ];
  };
  "sourced processes set it up as well" = {
    expr = map (process: process.command) (planOf "processes" { processes.web.exec = "serve"; containers.processes.environment = "sourced"; }).spec.processes;
    expected = [ [ "/script/in-shell" "/script/web" ] ];
  };
  "the entrypoint can be replaced" = {
    expr = run (of { entrypoint = [ "/my/init" ]; startupCommand = [ "x" ]; });
    expected = [ "/my/init" "x" ];
  };
  "a default container with a command runs it" = {
    expr = run (planOf "processes" { containers.processes.startupCommand = "serve"; });
    expected = exec ++ [ "serve" ];
  };
  "no command is left to the one who runs it" = { expr = (of { }).cmd; expected = null; };
  "only the project's own variables are known before the build" = {
    expr = removeAttrs (planOf "processes" { env = { A = 1; B = true; C = null; D = "d"; }; }).spec.environment
      [ "DEVENV_ROOT" "DEVENV_DOTFILE" "DEVENV_STATE" "DEVENV_RUNTIME" ];
    expected = { A = "1"; B = "1"; D = "d"; };
  };
}
