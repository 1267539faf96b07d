# Whether one of the processes, options as they are set, says by itself or when asked how it is.
{ lib }: processes:
let
  answers = process:
    process.ready or null != null
    || process.ports or { } != { }
    || lib.any (socket: socket.kind == "tcp") (process.listen or [ ])
    || process.watchdog or null != null
    || process.init.live != null
    || process.init.ready.log_line != null;
in
lib.any answers (lib.attrValues processes)
