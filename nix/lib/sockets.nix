# The sockets a process is handed when it starts, as devenv describes them in `listen`.
{ lib }:
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
}
