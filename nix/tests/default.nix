# Runs the tests of the pure functions: evaluates to a report, or fails when a test does.
#
#     nix-instantiate --eval --strict --json nix/tests --arg lib 'import tests/nixpkgs/lib'
#
# Each file is a function of `{ lib, core, throwing }` that returns `{ <test> = { expr, expected }; }`.
# `throwing` stands where a package set would: a test passes only when nobody looks at it.
{ lib }:
let
  throwing = throw "a pure function looked at the package set";

  # Evaluates the core modules with a project's module and without a package set.
  core = module: (lib.evalModules {
    specialArgs = { inputs = { }; projectSource = "/nix/store/00000000000000000000000000000000-source"; };
    modules = [ ../modules module { _module.args.pkgs = throwing; } ];
  }).config;

  files = {
    accounts = ./accounts.nix;
    base = ./base.nix;
    command = ./command.nix;
    container = ./container.nix;
    copied = ./copied.nix;
    dependencies = ./dependencies.nix;
    modules = ./modules.nix;
    root = ./root.nix;
    signals = ./signals.nix;
    spec = ./spec.nix;
    store-paths = ./store-paths.nix;
  };

  results = lib.concatLists (lib.mapAttrsToList (file: path:
    lib.mapAttrsToList (name: test: {
      name = "${file}: ${name}";
      inherit (test) expr expected;
      # A test that throws has failed as well; the others still run.
      outcome = builtins.tryEval (builtins.deepSeq test.expr (test.expr == test.expected));
    }) (import path { inherit lib core throwing; })
  ) files);

  failed = lib.filter (result: !(result.outcome.success && result.outcome.value)) results;
  describe = result:
    "FAILED ${result.name}\n  expected ${builtins.toJSON result.expected}\n  got      ${
      if result.outcome.success then builtins.toJSON result.expr else "an error"}";
  summary = "${toString (lib.length results - lib.length failed)} passed, ${toString (lib.length failed)} failed";
in
if failed == [ ] then summary
else throw "\n${lib.concatMapStringsSep "\n" describe failed}\n${summary}"
