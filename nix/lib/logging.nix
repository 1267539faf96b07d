# What `devenv-init up` writes and whom it listens to: from options below `init` to its arguments.
{ lib }:
let
  fail = import ./fail.nix;
in
{
  /**
    The arguments; none for what is the default anyway. `names` are the processes and tasks there are,
    `option` is the path of `init` for messages.
  */
  arguments = { init, names, option }:
    let
      inherit (init) log secrets;
      unknown = lib.filter (name: !(lib.elem name names)) log.quiet;
    in
    if unknown != [ ] then
      fail "`${option}.log.quiet`: nothing is called `${lib.head unknown}`"
        "there are ${lib.concatMapStringsSep ", " (name: "`${name}`") names}"
    else
      lib.optional (log.format != "text") "--log-format=${log.format}"
      ++ lib.optional (log.timestamps != "%H:%M:%S") "--timestamps=${if log.timestamps == null then "none" else log.timestamps}"
      ++ lib.optional (!log.prefix) "--no-prefix"
      ++ lib.optional (log.quiet != [ ]) "--quiet=${lib.concatStringsSep "," log.quiet}"
      ++ lib.optional (secrets != [ ]) "--secret=${lib.concatStringsSep "," secrets}"
      ++ lib.optional (!init.control) "--control=none"
      ++ lib.optional (init.http.listen != null) "--http=${init.http.listen}"
      ++ lib.optional (!init.postMortem) "--no-post-mortem"
      ++ lib.optional (log.directory != null) "--log-dir=${log.directory}"
      ++ lib.optional (log.file != null) "--log-file=${log.file}"
      ++ lib.optionals (log.directory != null || log.file != null) [
        "--log-size=${log.size}"
        "--log-older=${toString log.older}"
      ];
}
