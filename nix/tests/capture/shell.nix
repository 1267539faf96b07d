# A shell with values that are easily mangled, captured by `own`.
let
  pkgs = import ../../../tests/nixpkgs { };
  values = import ./values.nix;
  shell = pkgs.mkShell ({
    name = "awkward";
    packages = [ pkgs.hello ];
    shellHook = ''
      HOOK="ran in ''${BASH##*/}"
      alias hi=hello
    '';
    nativeBuildInputs = [ hook ];
  } // values);
  # What only a set-up hook can make: arrays, functions, variables of other kinds. Hooks are sourced by
  # a function, hence `-g`.
  hook = pkgs.writeTextDir "nix-support/setup-hook" ''
    words=(one "two words" $'three\nlines')
    declare -gA table=([key]="a value" ["a key"]='$x')
    declare -gi number=7
    plain="not exported"
    export fromHook="a 'quoted' value"
    greet() { printf 'hello %s\n' "$1"; }
  '';
  captured = (import ../../capture.nix { without = [ "unwanted" ]; }).own shell;
in
pkgs.runCommand "captured" { inherit (captured) json script; expected = builtins.toJSON values; passAsFile = [ "expected" ]; } ''
  mkdir "$out"
  cp "$json" "$out/env.json"
  cp "$script" "$out/env.sh"
  cp "$expectedPath" "$out/values.json"
''
