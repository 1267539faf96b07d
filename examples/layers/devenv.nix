# An image in several layers, so that a new version of the project moves little.
{ pkgs, ... }:
{
  name = "layers";

  packages = [ pkgs.hello ];
  processes.hello.exec = "hello";

  containers.processes = {
    maxLayers = 4;
    layers = [
      {
        deps = [ pkgs.procps ];
        copyToRoot = [ (pkgs.writeTextDir "etc/motd" "Built in layers.\n") ];
      }
    ];
  };
}
