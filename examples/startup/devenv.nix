# The three kinds of `startupCommand`, and the arguments they pass on exactly as they are.
{ pkgs, ... }:
let
  script = pkgs.writeShellScript "arguments" ''
    printf '<%s>' "$@"
    echo
  '';
in
{
  name = "startup";

  packages = [ pkgs.hello ];

  containers = {
    # Plain words are an argument vector; no shell runs.
    words.startupCommand = "hello --quiet";

    # Anything else is a line of bash.
    line.startupCommand = "hello && echo \"from $USER\"";

    # A package is its main program.
    package.startupCommand = pkgs.hello;

    # A list is an argument vector, quotes, spaces and dollars included.
    list.startupCommand = [ "${script}" "a b" "$HOME" "*" "" ];
  };
}
