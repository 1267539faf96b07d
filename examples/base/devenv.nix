# An image on top of one that somebody else made. `./build` puts that one into `base/`, then
# `devenv-container run app` starts what is built on it.
{ pkgs, ... }:
{
  name = "base";

  packages = [ pkgs.busybox ];

  # The image of somebody else. In a project of your own `skopeo copy docker://debian:12 oci:base`
  # would be in the place of `./build`, and this would not be here.
  containers.theirs = {
    copyToRoot = null;
    layers = [ { copyToRoot = [ (pkgs.writeTextDir "etc/made-by" "somebody else\n") ]; } ];
    labels."org.example.base" = "theirs";
    startupCommand = "true";
  };

  # Its files are below ours, its labels, variables and accounts stay.
  containers.app = {
    fromImage = ./base;
    copyToRoot = null;
    startupCommand = [ "busybox" "cat" "/etc/made-by" ];
  };
}
