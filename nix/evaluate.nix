# Evaluates a project, with the core modules or with devenv's own.
{ lib, importPackages }:
let
  # What changes while people work and belongs to their machine, not to the project.
  leftOut = name:
    lib.elem name [ ".git" ".devenv" ".direnv" "result" ]
    || lib.hasPrefix ".devenv." name
    || lib.hasPrefix "result-" name;

  /**
    The project as it is copied into images, imported by content under a fixed name. Sockets and pipes of
    what runs in it are left out, which the store cannot hold.
  */
  source = project: builtins.path {
    name = "source";
    path = project;
    filter = path: type: type != "unknown" && !(dirOf path == toString project && leftOut (baseNameOf path));
  };

  # What the project says, in its own files or in the one file `entry`, for whoever is building
  # `building`, the name of a container or null.
  own = { project, entry, building }:
    (
      if entry != null then [ entry ]
      else map (file: project + "/${file}") (
        lib.filter (file: builtins.pathExists (project + "/${file}")) [ "devenv.nix" "devenv.local.nix" ]
      )
    )
    ++ lib.optional (building != null) {
      container.isBuilding = lib.mkForce true;
      containers.${building}.isBuilding = lib.mkForce true;
    };

  packages = { config, ... }: { _module.args.pkgs = importPackages config.overlays; };

  failed = config: lib.filter (one: !one.assertion) config.assertions;

  # Whoever asks for names alone is told neither of what would fail nor of warnings: who builds will be.
  check = checked: config:
    if !checked then config
    else if failed config != [ ] then
      throw "failed assertions:\n${lib.concatMapStringsSep "\n" (one: "- ${one.message}") (failed config)}"
    else lib.foldl' (rest: text: builtins.trace "warning: ${text}" rest) config config.warnings;
in
{
  inherit source;

  /**
    The configuration of `project`, a path of a folder with a `devenv.nix`, by the core modules. `entry`
    is the path of a file that is read in place of that; null is none. Unless it is `checked`, assertions
    may fail and warnings are not said.
    `imports` are further modules, which the project's own may override by priority.
  */
  core = { project, entry ? null, building, checked, imports, inputs }:
    check checked (lib.evalModules {
      specialArgs = { inherit inputs; projectSource = source project; };
      modules = [ ./modules packages { devenv.folder = toString project; } ] ++ imports ++ own { inherit project entry building; };
    }).config;

  /**
    The same by devenv's modules, which lie in the folder `modules`. `programs` sets
    `devenv-init.program`, `devenv-container.program` and `devenv-container.system`.
  */
  devenv = { project, entry ? null, building, checked, imports, inputs, modules, programs }:
    let
      # A module may read files of the project through it, and copies it as a whole by default.
      self = { outPath = source project; };
      # The modules adapt to the version of devenv's command line. For the one they came with the shell
      # does not run devenv's tasks by itself, with a program that an image does not hold.
      released = modules + "/latest-version";
      cli.version = if builtins.pathExists released then lib.trim (builtins.readFile released) else "2.1.0";
    in
    check checked (lib.evalModules {
      class = "devenv";
      specialArgs = inputs // { inherit self; inputs = inputs // { inherit self; }; };
      modules = [
        (modules + "/top-level.nix")
        ./devenv-module.nix
        programs
        packages
        {
          _module.args = { secretspec = null; devenvPrimops = { }; };
          devenv = {
            inherit cli;
            root = lib.mkDefault (toString project);
            dotfile = lib.mkDefault "${toString project}/.devenv";
            tmpdir = lib.mkDefault "/tmp";
            runtime = lib.mkDefault "/tmp/devenv";
          };
        }
      ] ++ imports ++ own { inherit project entry building; };
    }).config;
}
