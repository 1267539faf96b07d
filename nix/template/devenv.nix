# `devenv-container run processes` starts the processes in a container, `devenv-container run shell`
# enters this environment in one.
{ pkgs, ... }:
{
  name = "myapp";

  packages = [ pkgs.hello ];

  processes.hello.exec = "while hello; do sleep 1; done";
}
