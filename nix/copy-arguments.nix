# `containers.<name>.defaultCopyArgs` as a program that prints them, a zero byte after each.
#
# They are words of bash, as in devenv, so that they can ask for a token at the moment of the copy. A
# command among them that fails is seen in an assignment, and would not be as a word of another command.
{ bash, writeScript }: words: writeScript "copy-arguments" ''
  #!${bash}/bin/bash
  set -eu
  words=(${toString words})
  for word in "''${words[@]}"; do printf '%s\0' "$word"; done
''
