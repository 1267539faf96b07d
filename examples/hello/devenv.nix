{ pkgs, ... }:
{
  name = "myapp";

  packages = [ pkgs.procps ];

  processes = {
    hello-docker.exec = "while true; do echo 'Hello Docker!' && sleep 1; done";
    hello-nix.exec = "while true; do echo 'Hello Nix!' && sleep 1; done";
  };

  # Uncomment to exclude the source repo and reduce image size:
  # containers.processes.copyToRoot = null;
}
