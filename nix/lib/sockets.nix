# The sockets a process is handed when it starts: from devenv's `listen` to that of the spec.
{ lib }:
let
  fail = import ./fail.nix;

  octal = number: if number < 8 then toString number else octal (number / 8) + toString (number - number / 8 * 8);

  # Variables are expanded here: PID 1 takes paths as they are.
  expand = option: env: path:
    let
      value = name:
        if (env.${name} or null) != null then toString env.${name}
        else fail "`${option}`: `${name}` in `${path}` is not a variable of `env`" "set it in `env` or write the path out";
      parts = builtins.split "\\$(\\{([A-Za-z_][A-Za-z0-9_]*)}|([A-Za-z_][A-Za-z0-9_]*))" path;
      named = groups: if lib.elemAt groups 1 != null then lib.elemAt groups 1 else lib.elemAt groups 2;
    in
    lib.concatMapStrings (part: if builtins.isList part then value (named part) else part) parts;

  set = option: listen: name:
    if listen.${name} != null then listen.${name}
    else fail "`${option}`: a socket of kind `${listen.kind}` needs `${name}`" "set `${name}`";
in
{
  /**
    Where a socket can be connected to from within the container, as `{ host, port }`; null for one
    that is not TCP. One that listens on every address is reached at the host's own.
  */
  address = listen:
    let
      parts = builtins.match "(.*):0*([1-9][0-9]*)" listen.address;
      host = lib.removePrefix "[" (lib.removeSuffix "]" (lib.head parts));
    in
    if listen.kind != "tcp" || listen.address == null || parts == null then null
    else {
      host = if lib.elem host [ "0.0.0.0" "::" ] then "localhost" else host;
      port = builtins.fromJSON (lib.elemAt parts 1);
    };

  /** One socket as the spec has it. `env` are variables that may be used in its path. */
  socket = option: env: listen:
    { inherit (listen) name; }
    // lib.optionalAttrs (listen.backlog != null) { inherit (listen) backlog; }
    // (
      if listen.kind == "tcp" then { address = set option listen "address"; }
      else { path = expand "${option}.path" env (set option listen "path"); }
        // lib.optionalAttrs (listen.mode != null) { mode = "0${octal listen.mode}"; }
    );
}
