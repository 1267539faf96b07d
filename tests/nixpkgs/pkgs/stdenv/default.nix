# A small `stdenv`: `mkDerivation`, `mkShell` and a compiler that compiles nothing. What matters is
# that the environment it makes has the shape of a real one, build-only variables included, and
# that its compiler drags a closure along that has no business in an image.
{ pkgs }:
let
  inherit (pkgs) bash build busybox coreutils findutils gawk gnugrep gnused gnutar gzip lib system writeShellScriptBin symlinkJoin;

  initialPath = [ coreutils findutils gnused gnugrep gawk gnutar gzip bash ];

  gcc-unwrapped = pkgs.writeTextDir "lib/libgcc.a" "a library that only a linker wants\n";
  tool = package: name: writeShellScriptBin name ''
    echo "${name}: this is the compiler of a test, it compiles nothing (${package})" >&2
    exit 1
  '';
  bintools = symlinkJoin {
    name = "binutils-wrapper-1";
    paths = map (tool gcc-unwrapped) [ "ar" "as" "ld" "nm" "ranlib" "strip" ];
  };
  gcc = symlinkJoin {
    name = "gcc-wrapper-1";
    paths = map (tool gcc-unwrapped) [ "cc" "gcc" "c++" "g++" ];
  };

  hostPlatform = {
    inherit system;
    config = builtins.replaceStrings [ "-" ] [ "-unknown-" ] system + "-gnu";
    isLinux = lib.hasSuffix "-linux" system;
    isDarwin = lib.hasSuffix "-darwin" system;
    isx86_64 = lib.hasPrefix "x86_64" system;
    isAarch64 = lib.hasPrefix "aarch64" system;
  };

  stdenv = build "stdenv-linux" {
    setup = ./setup.sh;
    initialPath = map toString initialPath;
    shell = "${bash}/bin/bash";
    cc = gcc;
    inherit bintools;
    passthru = {
      inherit cc hostPlatform initialPath mkDerivation system;
      buildPlatform = hostPlatform;
      shell = "${bash}/bin/bash";
      override = _: stdenv;
    };
  } ''
    ${pkgs.applets}
    applet mkdir -p "$out"
    {
      printf 'export SHELL=%q\nshell=%q\ninitialPath=%q\n' "$shell" "$shell" "$initialPath"
      printf 'defaultNativeBuildInputs=%q\n' "$cc $bintools"
      printf 'NIX_CC=%q\nNIX_BINTOOLS=%q\n' "$cc" "$bintools"
      applet cat "$setup"
    } > "$out/setup"
  '';
  cc = gcc;

  # Lists become words, as Nix itself does; empty lists are still variables, as in a real stdenv.
  dependencyLists = [
    "depsBuildBuild" "depsBuildBuildPropagated" "depsBuildTarget" "depsBuildTargetPropagated"
    "depsHostHost" "depsHostHostPropagated" "depsTargetTarget" "depsTargetTargetPropagated"
    "buildInputs" "nativeBuildInputs" "propagatedBuildInputs" "propagatedNativeBuildInputs"
    "configureFlags" "cmakeFlags" "mesonFlags" "patches"
  ];

  mkDerivation = attributes:
    let
      name = attributes.name or "${attributes.pname}-${attributes.version}";
      drv = derivation ({
        inherit name stdenv system;
        builder = "${bash}/bin/bash";
        args = [ "-e" ./builder.sh ];
        outputs = [ "out" ];
        strictDeps = false;
        doCheck = false;
        doInstallCheck = false;
        __structuredAttrs = false;
        allowSubstitutes = false;
      }
      // lib.genAttrs dependencyLists (_: [ ])
      // removeAttrs attributes [ "meta" "passthru" ]
      );
    in
    drv // { meta = attributes.meta or { }; inherit (drv) drvAttrs; } // attributes.passthru or { };

  mkShellWith = { stdenv }:
    { name ? "nix-shell", packages ? [ ], inputsFrom ? [ ], buildInputs ? [ ], nativeBuildInputs ? [ ], shellHook ? "", ... }@arguments:
    let
      from = key: lib.concatMap (package: package.drvAttrs.${key} or [ ]) inputsFrom;
    in
    stdenv.mkDerivation ({
      inherit name shellHook;
      buildInputs = buildInputs ++ from "buildInputs";
      nativeBuildInputs = packages ++ nativeBuildInputs ++ from "nativeBuildInputs";
      phases = [ "buildPhase" ];
      buildPhase = ''
        { echo "A shell's environment; it holds nothing."; export; } > "$out"
      '';
      preferLocalBuild = true;
    } // removeAttrs arguments [ "name" "packages" "inputsFrom" "buildInputs" "nativeBuildInputs" "shellHook" ]);
in
{
  inherit stdenv gcc gcc-unwrapped bintools;
  stdenvNoCC = stdenv;
  inherit mkDerivation;
  mkShell = {
    __functor = _: mkShellWith { inherit stdenv; };
    override = mkShellWith;
  };
}
