# The two programs, built by a package set: `{ devenv-init, devenv-container }`.
{ pkgs }:
let
  top = ../.;
  # What cargo looks at. It wants every member of the workspace, the tests too.
  wanted = [ "Cargo.lock" "Cargo.toml" "builder" "nix" "share" "supervisor" "tests" ];

  build = rustPlatform: name: attributes: rustPlatform.buildRustPackage ({
    pname = name;
    inherit ((builtins.fromTOML (builtins.readFile (top + "/Cargo.toml"))).workspace.package) version;
    src = builtins.path {
      name = "devenv-init-source";
      path = top;
      filter = path: _: dirOf path != toString top || builtins.elem (baseNameOf path) wanted;
    };
    cargoLock.lockFile = top + "/Cargo.lock";
    cargoBuildFlags = [ "--package" name ];
    # The tests want a kernel, Nix and Docker, which a build does not get: `make test` runs them.
    doCheck = false;
  } // attributes);

  # Completions and the manual page of one program.
  documents = name: ''
    (cd share && find . -name '${name}*' -o -name '_${name}') | while read -r file; do
      install -D -m 644 "share/$file" "$out/share/$file"
    done
  '';

  meta = name: description: {
    inherit description;
    mainProgram = name;
    license = pkgs.lib.licenses.asl20;
    platforms = pkgs.lib.platforms.linux;
  };
in
rec {
  # Static, so that it is all that an image needs to have a PID 1.
  devenv-init = build pkgs.pkgsStatic.rustPlatform "devenv-init" {
    postInstall = documents "devenv-init";
    meta = meta "devenv-init" "PID 1 for devenv containers: starts, supervises, stops and reports every process";
  };

  # It looks for the other one beside itself.
  devenv-container = build pkgs.rustPlatform "devenv-container" {
    postInstall = documents "devenv-container" + "ln -s ${devenv-init}/bin/devenv-init $out/bin/devenv-init";
    meta = meta "devenv-container" "Builds, runs and copies OCI containers from a devenv project";
  };
}
