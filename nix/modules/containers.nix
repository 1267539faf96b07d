# `containers.<name>` and `container.isBuilding`. Two containers are always there: `shell` enters the
# project's shell, `processes` runs its processes.
{ config, lib, projectSource, ... }:
let
  inherit (lib) mkOption types;
  project = config;
  probed = import ../lib/probed.nix { inherit lib; };
  images = import ../lib/image-name.nix { inherit lib; };
  inherit (import ./layer-types.nix { inherit lib; }) layer;

  container = types.submodule ({ name, ... }: {
    options = import ./container-options.nix { inherit lib; } // {
      name = mkOption {
        type = types.nullOr types.str;
        default = images.of project.name name;
        apply = images.unless (images.of project.name name);
        defaultText = lib.literalMD "`<name of the project>-<container>`; `shell` and `processes` for the two default containers";
        description = "The image's name; null is the default.";
      };

      version = mkOption {
        type = types.nullOr types.str;
        default = images.version;
        apply = images.unless images.version;
        description = "The image's tag; null is the default.";
      };

      copyToRoot = mkOption {
        type = types.nullOr (types.either types.path (types.listOf types.path));
        default = projectSource;
        defaultText = lib.literalMD "the project, without `.git`, `.devenv*`, `.direnv`, `result*` and what `fromImage` names in it";
        description = ''
          What is copied into the image: the contents of folders, and single files, go to `/env`. What
          lies at the top of a local folder given here is also reachable from `/`. Null copies nothing.
        '';
        example = lib.literalExpression "./dist";
      };

      startupCommand = mkOption {
        type = types.nullOr (types.oneOf [ types.str types.package (types.listOf types.str) ]);
        default = null;
        description = ''
          What the container runs. A list is an argument vector. A package is its main program. A
          string of plain words is split at its spaces; any other string is a line of bash. Null is
          the container's own meaning: the shell of `shell`, the processes of `processes`, and for any
          other the command given when it is run.
        '';
        example = "/mybinary serve";
      };

      entrypoint = mkOption {
        type = types.listOf types.anything;
        default = [ ];
        defaultText = lib.literalMD "`devenv-init` with what the container is for";
        description = "The program, with its first arguments, that is PID 1. Empty is `devenv-init`.";
      };

      workingDir = mkOption {
        type = types.str;
        default = "/env";
        description = "The folder the container starts in.";
      };

      registry = mkOption {
        type = types.nullOr types.str;
        default = "docker-daemon:";
        description = "Where the image is copied to: a prefix of `<name>:<version>`.";
        example = "docker://registry.example.com/";
      };

      defaultCopyArgs = mkOption {
        type = types.listOf types.str;
        default = [ ];
        description = "Arguments of the copy when none are given, as words of bash: a token may be fetched there at that moment.";
      };

      maxLayers = mkOption {
        type = types.nullOr types.ints.positive;
        default = null;
        defaultText = lib.literalMD "as many as are worth it, 60 at the most; in devenv 1";
        description = ''
          How many layers the image has at the most, beside those of `layers`. By default each package has
          one of its own as long as they last, what the project builds is in the last but one, and what it
          copies in the last: a small change of the project is a small copy.
        '';
      };

      layers = mkOption {
        type = types.listOf layer;
        default = [ ];
        description = ''
          Layers below the container's own, from the lowest up, so that what rarely changes is not moved
          with what often does. A store path goes into the first that holds it.
        '';
      };

      enableLayerDeduplication = mkOption {
        type = types.bool;
        default = true;
        description = ''
          Whether a store path of one layer is left out of those after it. Without it each of `layers`
          is what it is whatever comes before it; the container's own layers never repeat them.
        '';
      };

      fromImage = mkOption {
        type = types.nullOr (types.either types.package types.path);
        default = null;
        description = ''
          An image to build on: an OCI layout, a folder that skopeo copied to (`dir:`), an archive of
          either or of `docker save`, or what nix2container's `pullImage` makes. Its layers come first
          and count among those an engine takes. Variables, labels, ports and volumes are those of both
          (the container's own win, `PATH` has its own entries first); its program, arguments, health check
          and stop signal are left out. Its accounts stay as they are; one that is to be named in `user`
          must be in `users`, too, with the numbers it has. `/bin/sh` is its own. A file or folder of the
          project that is named here stays out of the copy of the project in `/env`; `copyToRoot = [ ./. ]`
          takes everything.
        '';
        example = lib.literalExpression "./debian.tar";
      };

      isBuilding = mkOption {
        type = types.bool;
        default = false;
        description = "Whether this container is being built.";
      };
    };
  });
in
{
  options = {
    containers = mkOption {
      type = types.attrsOf container;
      default = { };
      description = "Containers that can be built, copied and run.";
    };

    container.isBuilding = mkOption {
      type = types.bool;
      default = false;
      description = "Whether any container is being built.";
      example = lib.literalExpression "packages = lib.optionals (!config.container.isBuilding) [ pkgs.git ];";
    };
  };

  config.containers = {
    shell = { };
    processes.healthcheck = lib.mkDefault (if probed config.processes then { } else null);
    processes.exposedPorts = lib.mkDefault (
      lib.concatMap (process: lib.mapAttrsToList (_: port: port.value) process.ports) (lib.attrValues config.processes)
    );
  };
}
