# Values of variables, by name.
{
  EMPTY = "";
  QUOTES = "a \"b\" 'c' \\ `d` $e $(f)";
  LINES = "one\ntwo\n\nfour\n";
  # Looks like the beginning of another variable where values are printed line by line.
  DECLARE = "x\ndeclare -x FAKE=\"y\"";
  TABS = "a\tb\rc";
  CONTROL = "a${builtins.fromJSON "\"\\u0001\\u001b\\u001f\""}b";
  UNICODE = "grüße — ☃";
  BRACES = "} { }";
  lower_case = "kept";
  unwanted = "left out";
}
