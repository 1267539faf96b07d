# Signal numbers and names.
{ lib, ... }:
let
  inherit (import ../lib/signals.nix) nameOf;
in
{
  "the first, the last and the usual" = {
    expr = map nameOf [ 1 2 3 9 10 12 15 28 31 ];
    expected = [ "SIGHUP" "SIGINT" "SIGQUIT" "SIGKILL" "SIGUSR1" "SIGUSR2" "SIGTERM" "SIGWINCH" "SIGSYS" ];
  };
  "every number has a name of its own" = {
    expr = lib.length (lib.unique (lib.genList (n: nameOf (n + 1)) 31));
    expected = 31;
  };
}
