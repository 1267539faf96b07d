# Packages that are there while people work and stay out of images.
{ pkgs, config, lib, ... }:
{
  name = "building";

  packages =
    [ pkgs.hello ]
    # Not in any image.
    ++ lib.optionals (!config.container.isBuilding) [ pkgs.wget ]
    # Not in the image of the processes.
    ++ lib.optionals (!config.containers."processes".isBuilding) [ pkgs.netcat ];

  processes.hello.exec = "hello; command -v nc || echo 'no nc here'";
}
