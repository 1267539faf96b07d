# The static programs of this machine that every package is made of, imported by content.
{ lib, system }:
let
  program = { name, package, candidates }:
    let
      found = builtins.filter builtins.pathExists candidates;
    in
    if system != builtins.currentSystem then
      throw "cannot build for `${system}': this package set only holds programs of `${builtins.currentSystem}'\nhint: use the real nixpkgs for other systems"
    else if found == [ ] then
      throw "no static ${name} on this machine: looked for ${lib.concatMapStringsSep ", " toString candidates}\nhint: apt-get install ${package}"
    else
      builtins.path { inherit name; path = builtins.head found; };
in
{
  bash = program {
    name = "bash-static";
    package = "bash-static";
    candidates = [ /bin/bash-static /usr/bin/bash-static ];
  };
  busybox = program {
    name = "busybox-static";
    package = "busybox-static";
    candidates = [ /bin/busybox /usr/bin/busybox ];
  };
}
