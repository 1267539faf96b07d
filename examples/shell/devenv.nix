# The shell as a container: `devenv-container run shell` shows `(devenv) bash-5.2$ `.
{ pkgs, ... }:
{
  name = "simple-shell";

  packages = [ pkgs.hello pkgs.procps ];

  env.GREETING = "Welcome to the container";

  scripts.greet.exec = ''
    echo "$GREETING"
  '';

  enterShell = ''
    alias ll="ls -l"
    greet
  '';
}
