# `rustPlatform` without a compiler: a package is the program of its name in the folder that the
# environment variable RUST_PROGRAMS names, for tests that have compiled it before.
{ pkgs }:
let
  programs = builtins.getEnv "RUST_PROGRAMS";
in
{
  rustPlatform.buildRustPackage =
    { pname, version, src, cargoLock, postInstall ? "", meta ? { }, ... }:
    if programs == "" then throw "cannot build ${pname}: this package set has no Rust compiler\nhint: name a folder with the program by RUST_PROGRAMS"
    else pkgs.runCommand "${pname}-${version}" {
      inherit meta src;
      # A crate may only come from where the lock file says.
      lock = cargoLock.lockFile;
      program = builtins.path { name = pname; path = /. + "${programs}/${pname}"; };
    } ''
      [[ $(< "$lock") == "$(< "$src/Cargo.lock")" ]]
      mkdir -p "$out/bin"
      cp "$program" "$out/bin/${pname}"
      ${postInstall}
    '';
}
