# Numbers of signals, as `processes.<name>.shutdown.signal` gives them, and their names in the spec.
#
# The numbers are those of Linux on every processor an image is built for (signal(7)).
let
  names = [
    "HUP" "INT" "QUIT" "ILL" "TRAP" "ABRT" "BUS" "FPE" "KILL" "USR1" "SEGV" "USR2" "PIPE" "ALRM"
    "TERM" "STKFLT" "CHLD" "CONT" "STOP" "TSTP" "TTIN" "TTOU" "URG" "XCPU" "XFSZ" "VTALRM" "PROF"
    "WINCH" "IO" "PWR" "SYS"
  ];
in
{
  /** The name of a signal from 1 to 31, with its `SIG`. */
  nameOf = number: "SIG${builtins.elemAt names (number - 1)}";

  /** What a signal is called, with or without `SIG`, those for real time included, or its number. */
  pattern = "(SIG)?(${builtins.concatStringsSep "|" names}|RTMIN([+][0-9]+)?|RTMAX(-[0-9]+)?)|[0-9]+";
}
