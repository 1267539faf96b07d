# A shell with what only a script can carry over: functions, aliases and `enterShell`.
#
# The program that writes the script is in Python. That of this machine is used, outside the sandbox.
{ pkgs, ... }:
{
  name = "mk-shell-bin";

  overlays = [
    (final: _: { python3 = final.writeShellScriptBin "python3" ''exec ${builtins.getEnv "PYTHON"} "$@"''; })
  ];

  packages = [ pkgs.hello ];
  env.TEXT = "a  b'c";
  enterShell = ''
    say() { echo "said $TEXT"; }
    say
  '';

  processes.hello = { exec = ''hello; echo "$TEXT"''; restart.on = "never"; };
}
