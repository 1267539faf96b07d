# `devenv-container run processes` starts the processes in a container, `devenv-container run shell`
# enters this environment in one.
{ pkgs, ... }:
{
  name = "myapp";

  packages = [ pkgs.python3 ];

  processes.serve.exec = "python -m http.server --directory $HOME 8080";
  processes.serve.ports.http.allocate = 8080;
}
