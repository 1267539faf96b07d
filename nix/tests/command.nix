# Startup commands become argument vectors.
{ lib, ... }:
let
  inherit (import ../lib/command.nix { inherit lib; }) parse;
  vector = argv: { inherit argv; script = false; };
  line = text: { argv = [ text ]; script = true; };
  package = name: meta: { type = "derivation"; inherit name meta; outPath = "/nix/store/x-${name}"; };
in
{
  "null is no command" = { expr = parse null; expected = vector [ ]; };
  "a list is kept exactly" = { expr = parse [ "printf" "%s|" "a b" "$HOME" "" ]; expected = vector [ "printf" "%s|" "a b" "$HOME" "" ]; };
  "plain words are split" = { expr = parse "/mybinary serve  --port=80"; expected = vector [ "/mybinary" "serve" "--port=80" ]; };
  "an option with a comma is plain" = { expr = parse "a -x,y 10%"; expected = vector [ "a" "-x,y" "10%" ]; };
  "a variable needs a shell" = { expr = parse "serve --port $PORT"; expected = line "serve --port $PORT"; };
  "quotes need a shell" = { expr = parse "echo 'a b'"; expected = line "echo 'a b'"; };
  "operators need a shell" = { expr = parse "a && b"; expected = line "a && b"; };
  "several lines need a shell" = { expr = parse "a\nb"; expected = line "a\nb"; };
  "a glob needs a shell" = { expr = parse "ls *.c"; expected = line "ls *.c"; };
  "a tilde needs a shell" = { expr = parse "ls ~"; expected = line "ls ~"; };
  "a variable before the command needs a shell" = { expr = parse "A=1 serve"; expected = line "A=1 serve"; };
  "a variable after the command is an argument" = { expr = parse "env A=1 serve"; expected = vector [ "env" "A=1" "serve" ]; };
  "a builtin needs a shell" = { expr = parse "exec serve"; expected = line "exec serve"; };
  "a package is its main program" = {
    expr = parse (package "serve-1" { mainProgram = "serve"; });
    expected = vector [ "/nix/store/x-serve-1/bin/serve" ];
  };
  "a package without one is itself the program" = {
    expr = parse (package "script" { });
    expected = vector [ "/nix/store/x-script" ];
  };
}
