# What `copyToRoot` accepts. Contents of folders and single files are found in `/env`.
{ pkgs, ... }:
let
  show = [ "ls" "-A" "/env" ];
in
{
  name = "copy";

  containers = {
    # Nothing of the project.
    nothing = {
      copyToRoot = null;
      startupCommand = show;
    };

    # One folder: what it contains.
    folder = {
      copyToRoot = ./site;
      startupCommand = show;
    };

    # One file, under its own name.
    file = {
      copyToRoot = ./site/index.html;
      startupCommand = show;
    };

    # Several of both.
    several = {
      copyToRoot = [ ./site ./config.toml ];
      startupCommand = show;
    };

    # Something that Nix builds.
    built = {
      copyToRoot = pkgs.symlinkJoin { name = "tools"; paths = [ pkgs.hello ]; };
      startupCommand = show;
    };
  };
}
