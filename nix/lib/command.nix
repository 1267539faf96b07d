# From `startupCommand` to an argument vector that needs no shell to be understood.
{ lib }:
let
  # A word that means itself in every POSIX shell: no quote, expansion, redirection or operator.
  plainWord = "[A-Za-z0-9_@%+:,./=-]+";

  # Words that only a shell can run, and which no program of the same name replaces.
  shellWords = [
    "." ":" "[[" "alias" "break" "builtin" "case" "cd" "command" "continue" "declare" "eval" "exec"
    "exit" "export" "for" "function" "hash" "if" "let" "local" "popd" "pushd" "read" "readonly"
    "return" "select" "set" "shift" "shopt" "source" "time" "trap" "type" "typeset" "ulimit" "umask"
    "unalias" "unset" "until" "wait" "while"
  ];

  isPlain = line:
    let words = wordsOf line;
    in words != [ ]
      && lib.all (word: builtins.match plainWord word != null) words
      && !(lib.elem (builtins.head words) shellWords)
      && builtins.match ".*=.*" (builtins.head words) == null;

  # Splits at spaces and keeps the string's context, so that the store paths in it stay known.
  wordsOf = line:
    map (word: builtins.appendContext word (builtins.getContext line))
      (lib.filter (word: builtins.isString word && word != "") (builtins.split "[ \t]+" (builtins.unsafeDiscardStringContext line)));
in
{
  /**
    `{ argv, script }` of a startup command: `argv` is the vector; `script` is true when the one
    word of `argv` is a line of bash that must become a script first.
  */
  parse = command:
    if command == null then { argv = [ ]; script = false; }
    else if builtins.isList command then { argv = command; script = false; }
    else if lib.isDerivation command then
      { argv = [ (if command.meta ? mainProgram then lib.getExe command else "${command}") ]; script = false; }
    else if isPlain command then { argv = wordsOf command; script = false; }
    else { argv = [ command ]; script = true; };
}
