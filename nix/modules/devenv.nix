# Where things live, `devenv.*`, and the variables that tell programs about it.
#
# An image is the only thing this module set builds, so the places are those inside the image.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  place = default: description: mkOption {
    type = types.str;
    inherit default description;
    internal = true;
  };
in
{
  options.devenv = {
    root = place "/env" "The project's folder.";
    folder = place config.devenv.root "The project's folder where the project is evaluated.";
    dotfile = place "${config.devenv.root}/.devenv" "The folder devenv keeps its own files in.";
    state = place "${config.devenv.dotfile}/state" "Where services keep their data.";
    tmpdir = place "/tmp" "The folder for temporary files.";
    runtime = place "${config.devenv.tmpdir}/devenv" "Where services put their sockets.";
  };

  config.env = {
    DEVENV_ROOT = config.devenv.root;
    DEVENV_DOTFILE = config.devenv.dotfile;
    DEVENV_STATE = config.devenv.state;
    DEVENV_RUNTIME = config.devenv.runtime;
  };
}
