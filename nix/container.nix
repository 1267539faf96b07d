# What a container runs and with which environment, decided from its options alone.
#
# Pure: it takes `{ lib }` and functions that name scripts, and never sees a package set.
{ lib }:
let
  command = import ./lib/command.nix { inherit lib; };
  accounts = import ./lib/accounts.nix { inherit lib; };
  fail = import ./lib/fail.nix;
  logging = import ./lib/logging.nix { inherit lib; };
  specs = import ./spec.nix { inherit lib; };

  # What a container is for. The two default ones keep their meaning until they get a command.
  kindOf = name: container:
    if container.startupCommand == null && lib.elem name [ "shell" "processes" ] then name else "command";

  # A command given by its absolute path outside the store is an artifact that was copied: it brings
  # what it needs, and the project's packages would only make the image larger.
  bringsItsOwn = parsed:
    !parsed.script && parsed.argv != [ ]
    && lib.hasPrefix "/" (lib.head parsed.argv)
    && !(lib.hasPrefix builtins.storeDir (lib.head parsed.argv));

  environmentOf = kind: parsed: container:
    if container.environment != null then container.environment
    else if kind == "shell" then "sourced"
    else if kind == "command" && bringsItsOwn parsed then "declared"
    else "baked";
in
{
  /**
    Decides everything that does not need the store: returns

    - `kind`: `processes`, `shell` or `command`;
    - `environment`: `baked`, `sourced` or `declared`;
    - `spec`: the spec as far as it is known now, with the variables given outright;
    - `entrypoint specFile` and `cmd`: the image's argument vectors, `cmd` null when it has none;
    - `usesBash`: whether anything in it needs a shell.

    `script name text` gives the path of an executable bash script, `bash` is the path of bash,
    `coreutils` that of the package, and `envScript` that of the script that sets up the whole shell.
  */
  plan = { name, container, config, script, bash, coreutils, envScript }:
    let
      kind = kindOf name container;
      parsed = command.parse container.startupCommand;
      environment = environmentOf kind parsed container;
      sourced = environment == "sourced";

      # Bash reads the one file when it is interactive and the other when it is not, as with `-c` or
      # without a terminal. Only this bash is meant, not those it starts.
      enterShell = script "enter" ''
        export BASH_ENV=${script "set-up" "unset BASH_ENV\nsource ${envScript}\n"}
        exec ${bash} --rcfile "$BASH_ENV" "$@"
      '';

      # Sets up the shell and then becomes the command it is given.
      runInShell = script "in-shell" ''
        source ${envScript}
        exec "$@"
      '';
      prefixed = argv: if sourced && argv != [ ] then [ runInShell ] ++ argv else argv;

      # The profile holds every package of the project.
      variables = removeAttrs (specs.variables config.env) (lib.optional (environment == "declared") "DEVENV_PROFILE");
      common = { inherit config; environment = variables; inherit (container) workingDir; };
      # Names that PID 1 would not find are found out now.
      known = process:
        let
          users = accounts.checked "containers.${name}.users" container.users;
          based = container.fromImage != null || container.fromRegistry != null;
          at = field: "${if process.kind == "task" then "tasks" else "processes"}.${process.name}.init.${field}";
        in
        builtins.seq users lib.all (numbers: builtins.deepSeq numbers true) [
          (map (accounts.userNumber based (at "user") users) (lib.optional (process ? user) process.user))
          (map (accounts.groupNumber based (at "group") users) (lib.optional (process ? group) process.group))
          (map (accounts.groupNumber based (at "supplementary_groups") users) (process.supplementary_groups or [ ]))
        ];
      processSpec = specs.processes (common // {
        inherit coreutils script;
        inherit (container) init;
        option = "containers.${name}.init";
      });

      # Others are passed on to the processes.
      stops = container.stopSignal == null || builtins.match "(SIG)?(TERM|INT)|2|15" container.stopSignal != null;
      obeys = kind != "processes" || container.entrypoint != [ ] || stops || fail
        "`containers.${name}.stopSignal`: processes are not stopped at ${toString container.stopSignal}, which is passed on to them"
        "leave it out and set `processes.<name>.shutdown.signal`";

      argv = if parsed.script then [ (script "command" "${lib.head parsed.argv}\n") ] else parsed.argv;
      verb = name: specFile: [ "/bin/devenv-init" name "--spec" "${specFile}" ];
      shown = logging.arguments {
        inherit (container) init;
        names = map (process: process.name) processSpec.processes;
        option = "containers.${name}.init";
      };
      # After `--` arguments of whoever runs the container are the shell's or the command's, options
      # like `-c` included.
      own = {
        processes = specFile: verb "up" specFile ++ shown;
        shell = specFile: verb "shell" specFile ++ [ "--" ];
        command = specFile: verb "exec" specFile ++ [ "--" ] ++ lib.optional sourced runInShell;
      }.${kind};
    in
    {
      inherit environment;
      kind = assert obeys; kind;
      usesBash = kind != "command" || parsed.script || sourced;
      spec = {
        processes = processSpec // {
          processes = map (process:
            assert known process;
            process // { command = prefixed process.command; }) processSpec.processes;
        };
        shell = specs.command (common // { shell = [ (if sourced then enterShell else bash) ]; });
        command = specs.command common;
      }.${kind};
      entrypoint = specFile: if container.entrypoint == [ ] then own specFile else map toString container.entrypoint;
      cmd = if argv == [ ] then null else argv;
    };
}
