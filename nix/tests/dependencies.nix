# The start order from `after` and `before`.
{ lib, ... }:
let
  inherit (import ../lib/dependencies.nix { inherit lib; }) closure cycle edges heaviest reference;
  service = after: before: { kind = "service"; option = "processes.x"; inherit after before; };
  task = after: before: { kind = "task"; option = "tasks.x"; inherit after before; };
  nodes = { "p:a" = service [ ] [ ]; "t:b" = task [ ] [ ]; };
  of = text: (reference "processes.x.after" nodes text).condition;
  to = node: condition: { inherit node condition; };
in
{
  "a process is waited for until ready" = { expr = of "p:a"; expected = "ready"; };
  "a task is waited for until it succeeded" = { expr = of "t:b"; expected = "succeeded"; };
  "suffixes say otherwise" = { expr = map of [ "p:a@started" "p:a@completed" "p:a@ready" "t:b@completed" "t:b@started" ]; expected = [ "started" "completed" "ready" "completed" "started" ]; };
  "edges go both ways" = {
    expr = edges { a = service [ "b" ] [ ]; b = service [ ] [ ]; c = service [ ] [ "b@started" ]; };
    expected = { a = [ (to "b" "ready") ]; b = [ (to "c" "started") ]; c = [ ]; };
  };
  "an edge said twice is kept once" = {
    expr = edges { a = service [ "b" ] [ ]; b = service [ ] [ "a" ]; };
    expected = { a = [ (to "b" "ready") ]; b = [ ]; };
  };
  "the default suffix of before is that of the unit itself" = {
    expr = edges { t = task [ ] [ "p" ]; p = service [ ] [ ]; };
    expected = { t = [ ]; p = [ (to "t" "succeeded") ]; };
  };
  "the closure follows edges" = {
    expr = closure (edges { a = service [ "b" ] [ ]; b = task [ "c" ] [ ]; c = task [ ] [ ]; d = task [ ] [ ]; }) [ "a" ];
    expected = [ "a" "b" "c" ];
  };
  "no cycle" = { expr = cycle (edges { a = service [ "b" ] [ ]; b = service [ ] [ ]; }); expected = null; };
  "a cycle is shown whole" = {
    expr = cycle (edges { a = service [ "b" ] [ ]; b = service [ "c" ] [ ]; c = service [ "a" ] [ ]; d = service [ "a" ] [ ]; });
    expected = [ "a" "b" "c" "a" ];
  };
  "a cycle beside a dead end is found" = {
    expr = cycle (edges { a = service [ "b" "z" ] [ ]; b = service [ "a0" "c" ] [ ]; c = service [ "a" ] [ ]; a0 = service [ ] [ ]; z = service [ ] [ ]; });
    expected = [ "a" "b" "c" "a" ];
  };
  "a unit that waits for itself is a cycle" = {
    expr = cycle (edges { a = service [ "a" ] [ ]; });
    expected = [ "a" "a" ];
  };
  "the heaviest chain adds up what waits for each other" = {
    expr = heaviest (edges { a = service [ "b" "c" ] [ ]; b = service [ ] [ ]; c = service [ "d" ] [ ]; d = service [ ] [ ]; }) { a = 1; b = 5; c = 2; d = 4; };
    expected = { weight = 7; nodes = [ "a" "c" "d" ]; };
  };
  "no nodes weigh nothing" = { expr = heaviest { } { }; expected = { weight = 0; nodes = [ ]; }; };
}
