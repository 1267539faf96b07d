# The packages: shells, the tools of busybox under the package names people know, and a library.
{ pkgs }:
let
  inherit (pkgs) applets build busybox host lib;

  # A package whose programs are links to busybox. An applet this busybox lacks fails the build, so
  # that a package never silently holds less than it says.
  toolbox = name: mainProgram: programs: build name {
    inherit programs;
    meta = { inherit mainProgram; };
  } ''
    ${applets}
    available=" $(echo $(applet busybox --list)) "
    applet mkdir -p "$out/bin"
    for program in $programs; do
      if [[ $available != *" $program "* ]]; then
        echo "busybox of this machine has no applet \`$program'" >&2
        exit 1
      fi
      applet ln -s ${busybox}/bin/busybox "$out/bin/$program"
    done
  '';
in
rec {
  bash = build "bash-5" { meta.mainProgram = "bash"; } ''
    ${applets}
    applet mkdir -p "$out/bin"
    applet cp ${host.bash} "$out/bin/bash"
    applet ln -s bash "$out/bin/sh"
  '';
  bashInteractive = bash;

  busybox = build "busybox-1" { meta.mainProgram = "busybox"; } ''
    ${applets}
    applet mkdir -p "$out/bin"
    applet cp ${host.busybox} "$out/bin/busybox"
  '';

  coreutils = toolbox "coreutils-1" "coreutils" [
    "base64" "basename" "cat" "chgrp" "chmod" "chown" "cp" "cut" "date" "dd" "df" "dirname" "du" "echo" "env"
    "expr" "false" "head" "hostname" "id" "ln" "ls" "md5sum" "mkdir" "mkfifo"
    "mktemp" "mv" "nproc" "od" "printf" "pwd" "readlink" "realpath" "rm" "rmdir" "seq" "sha256sum"
    "sleep" "sort" "stat" "sync" "tail" "tee" "test" "timeout" "touch" "tr" "true" "tty" "uname"
    "uniq" "wc" "whoami" "yes"
  ];
  coreutils-full = coreutils;
  findutils = toolbox "findutils-1" "find" [ "find" "xargs" ];
  gnugrep = toolbox "gnugrep-1" "grep" [ "grep" "egrep" "fgrep" ];
  gnused = toolbox "gnused-1" "sed" [ "sed" ];
  gawk = toolbox "gawk-1" "awk" [ "awk" ];
  gzip = toolbox "gzip-1" "gzip" [ "gzip" "gunzip" "zcat" ];
  gnutar = toolbox "gnutar-1" "tar" [ "tar" ];
  procps = toolbox "procps-1" "ps" [ "free" "kill" "pidof" "ps" "sysctl" "top" "uptime" "watch" ];
  netcat = toolbox "netcat-1" "nc" [ "nc" ];
  wget = toolbox "wget-1" "wget" [ "wget" ];
  which = toolbox "which-1" "which" [ "which" ];

  hello = pkgs.writeShellScriptBin "hello" ''
    echo "Hello, world!"
  '';
}
