# The core modules: what a project may say in `devenv.nix` when it is evaluated without devenv's own
# modules. Names, types and defaults are devenv's.
{
  imports = [
    ./project.nix
    ./devenv.nix
    ./processes.nix
    ./tasks.nix
    ./scripts.nix
    ./containers.nix
  ];
}
