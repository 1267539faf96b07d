# Ways to make a store path: the trivial builders of nixpkgs, by name and by meaning.
{ bash, coreutils, findutils, host, system }:
rec {
  # A name as the store allows it: nixpkgs puts a dash in place of anything else as well.
  storeName = name:
    builtins.concatStringsSep "" (
      map (part: if builtins.isString part then part else "-") (builtins.split "[^0-9a-zA-Z+._?=-]+" name)
    );

  # The one derivation function everything below goes through. The `bash` package itself is built
  # with it, hence the bare program of the machine as the builder.
  build = name: attributes: script:
    let
      drv = derivation ({
        inherit system;
        name = storeName name;
        builder = host.bash;
        args = [ "-euc" script ];
        allowSubstitutes = false;
        preferLocalBuild = true;
      } // removeAttrs attributes [ "meta" "passthru" ]);
    in
    drv // { meta = attributes.meta or { }; } // attributes.passthru or { };

  # `busybox` looks at the name it was called by; the imported file is not called like an applet.
  applets = ''
    applet() { local name=$1; shift; (exec -a "$name" ${host.busybox} "$@"); }
  '';

  runCommand = name: attributes: script:
    build name ({ PATH = "${coreutils}/bin:${findutils}/bin"; } // attributes) script;
  runCommandLocal = runCommand;

  writeTextFile =
    { name, text, executable ? false, destination ? "", meta ? { }, checkPhase ? null, ... }:
    build name {
      inherit text destination meta;
      executable = if executable then "1" else "";
    } ''
      ${applets}
      target=$out$destination
      [[ -z $destination ]] || applet mkdir -p "''${target%/*}"
      printf %s "$text" > "$target"
      [[ -z $executable ]] || applet chmod +x "$target"
    '';
  writeText = name: text: writeTextFile { inherit name text; };
  writeTextDir = path: text: writeTextFile {
    name = baseNameOf path;
    destination = "/${path}";
    inherit text;
  };
  writeScript = name: text: writeTextFile { inherit name text; executable = true; };
  writeShellScript = name: text: writeScript name "#!${bash}/bin/bash\n${text}";
  writeScriptBin = name: text: writeTextFile {
    inherit name text;
    executable = true;
    destination = "/bin/${name}";
    meta.mainProgram = name;
  };
  writeShellScriptBin = name: text: writeScriptBin name "#!${bash}/bin/bash\n${text}";

  symlinkJoin = { name, paths, ... }: buildEnv { inherit name paths; };

  /** Links the files of several packages into one tree; the first package to bring a file wins. */
  buildEnv = { name, paths, pathsToLink ? [ "/" ], ... }:
    runCommand name { paths = map toString paths; inherit pathsToLink; } ''
      mkdir -p "$out"
      for package in $paths; do
        for part in $pathsToLink; do
          [[ -d $package$part ]] || continue
          (cd "$package" && find ".$part" -type d) | while read -r folder; do mkdir -p "$out/$folder"; done
          (cd "$package" && find ".$part" ! -type d) | while read -r file; do
            [[ -e $out/$file || -L $out/$file ]] || ln -s "$package/''${file#./}" "$out/$file"
          done
        done
      done
    '';
}
