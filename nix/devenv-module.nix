# The module a devenv project imports: `devenv container build|run|copy` then make, run and copy images
# whose PID 1 is `devenv-init`.
#
# It keeps every option of `containers.<name>` and replaces what devenv builds from them. Neither
# nix2container nor skopeo is used, nor are the inputs for them needed.
{ config, lib, options, pkgs, self, inputs ? { }, ... }:
let
  inherit (lib) mkOption types;
  probed = import ./lib/probed.nix { inherit lib; };
  specs = import ./spec.nix { inherit lib; };
  names = import ./lib/image-name.nix { inherit lib; };
  project = config;

  # The same as devenv's own default of `copyToRoot`, by which that default is recognised.
  projectSource = builtins.path { path = self; name = "source"; };

  captures = import ./capture.nix { without = specs.runnerVariables; };
  capture =
    if inputs ? mk-shell-bin then captures.mkShellBin inputs.mk-shell-bin.lib.mkShellBin pkgs
    else captures.own;

  initProgram = config.devenv-init.program;
  containerProgram = config.devenv-container.program;

  images = import ./image.nix {
    inherit lib initProgram containerProgram capture;
    inherit (pkgs.stdenv.hostPlatform) system;
    containerSystem = config.devenv-container.system;
    inherit (pkgs) bash bashInteractive coreutils writeScript;
  };

  # devenv adds a layer with the files of `copyToRoot`. Those are placed by the image itself.
  isHome = layer: layer.copyToRoot != [ ] && lib.all (path: (path.name or "") == "devenv-container-home") layer.copyToRoot;
  ownLayers = config // {
    containers = builtins.mapAttrs (_: container: container // {
      layers = lib.filter (layer: !(isHome layer)) container.layers;
    }) config.containers;
  };

  # `devenv container copy` calls it with the image, a registry or `false`, and arguments for the copy.
  # Default arguments are lines of shell, as in devenv, so that they can ask for a token.
  copyScript = container: pkgs.writeShellScript "copy-container" ''
    set -eu
    image=$1
    registry=$2
    shift 2
    if [[ $registry == false ]]; then registry=${lib.escapeShellArg container.registry}; fi
    # A command that fails is seen in an assignment only.
    if [[ $# == 0 ]]; then
      words=(${toString container.defaultCopyArgs})
    else
      words=("$@")
    fi
    # As arguments everybody could see them, a token among them.
    if [[ ''${#words[@]} == 0 ]]; then
      exec ${containerProgram} copy "$image" --registry "$registry"
    fi
    exec ${containerProgram} copy "$image" --registry "$registry" --copy-args-file <(printf '%s\0' "''${words[@]}")
  '';

  # The same for `devenv-container`, which takes them from whatever made the image.
  copyArguments = import ./copy-arguments.nix { inherit (pkgs) bash writeScript; };

  runScript = container: pkgs.writeShellScript "docker-run" ''
    exec ${containerProgram} run ${container.derivation} -- "$@"
  '';

  extension = types.submodule ({ name, config, ... }: {
    options = import ./modules/container-options.nix { inherit lib; } // {
      copyArguments = mkOption {
        type = types.package;
        internal = true;
        readOnly = true;
        default = copyArguments config.defaultCopyArgs;
        description = "The program that prints `defaultCopyArgs`.";
      };
      # devenv's own options, which take null and then have no use for it.
      name = mkOption { apply = names.unless (names.of project.name name); };
      version = mkOption { apply = names.unless names.version; };
    };
    config = {
      # Stronger than the default of an option and weaker than anything a person writes.
      entrypoint = lib.mkOverride 1400 [ ];
      # devenv makes one layer of everything by default.
      maxLayers = lib.mkOverride 1400 null;
      derivation = lib.mkForce (images.image {
        inherit name projectSource;
        inherit (project.devenv-container) project;
        config = ownLayers;
      });
      copyScript = lib.mkForce (copyScript config);
      dockerRun = lib.mkForce (runScript config);
    };
  });

  withInit = init: types.attrsOf (types.submodule { options = { inherit init; }; });
  initTypes = import ./modules/init-types.nix { inherit lib; };

  # Built with the project's own package set, unless the flake's module brings its packages.
  packages = import ./packages.nix { inherit pkgs; };
  package = name: what: mkOption {
    type = types.package;
    default = packages.${name};
    defaultText = lib.literalMD "`${name}` of this flake";
    description = "The package with `bin/${name}`, ${what}.";
  };
  program = name: default: mkOption {
    type = types.str;
    internal = true;
    inherit default;
    description = "The path of `${name}`, for those who have it without a package.";
  };
in
{
  options = {
    devenv-init = {
      package = package "devenv-init" "PID 1 of the images";
      program = program "devenv-init" "${config.devenv-init.package}/bin/devenv-init";
    };
    devenv-container = {
      package = package "devenv-container" "which builds, copies and runs the images";
      program = program "devenv-container" "${config.devenv-container.package}/bin/devenv-container";
      system = mkOption {
        type = types.str;
        internal = true;
        default = config.devenv-container.package.system;
        description = "The system `devenv-container` is a program of.";
      };
      project = mkOption {
        type = types.str;
        internal = true;
        default = toString self;
        description = "The project's folder, be it in the store or not.";
      };
    };
    containers = mkOption { type = types.attrsOf extension; };
    processes = mkOption { type = withInit initTypes.process; };
    tasks = mkOption { type = withInit initTypes.task; };
  };

  # Managers of `devenv up` are packages of the project, some with a whole Python. No container uses one,
  # and the one of devenv itself is none.
  config.process.manager = lib.optionalAttrs (options.process.managers ? native) {
    implementation = lib.mkIf config.container.isBuilding (lib.mkForce "native");
  };

  config.containers = {
    # devenv gives these two a command of their own, weakly. Without one they mean what they are called.
    shell.startupCommand = lib.mkOverride 999 null;
    processes.startupCommand = lib.mkOverride 999 null;
    processes.healthcheck = lib.mkDefault (if probed config.processes then { } else null);
    processes.exposedPorts = lib.mkDefault (
      lib.concatMap (process: lib.mapAttrsToList (_: port: port.value) process.ports) (lib.attrValues config.processes)
    );
  };
}
