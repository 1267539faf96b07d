# Functions on strings.
{ lists }:
rec {
  inherit (builtins)
    concatStringsSep isString match replaceStrings split stringLength substring toJSON
    ;
  concatStrings = concatStringsSep "";
  concatMapStrings = f: xs: concatStrings (map f xs);
  concatMapStringsSep = separator: f: xs: concatStringsSep separator (map f xs);
  concatLines = concatMapStrings (line: line + "\n");
  optionalString = condition: text: if condition then text else "";
  hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;
  hasSuffix = suffix: text:
    let at = stringLength text - stringLength suffix;
    in at >= 0 && substring at (-1) text == suffix;
  hasInfix = infix: text:
    lists.any (at: substring at (stringLength infix) text == infix)
      (lists.genList (n: n) (stringLength text + 1));
  removePrefix = prefix: text:
    if hasPrefix prefix text then substring (stringLength prefix) (-1) text else text;
  removeSuffix = suffix: text:
    if hasSuffix suffix text then substring 0 (stringLength text - stringLength suffix) text else text;
  escapeRegex = escape (stringToCharacters "\\[{()^$?*+|.");
  escape = characters: replaceStrings characters (map (c: "\\" + c) characters);
  stringToCharacters = text: lists.genList (n: substring n 1 text) (stringLength text);
  splitString = separator: text:
    lists.filter isString
      (split (escapeRegex separator) (builtins.unsafeDiscardStringContext text));
  escapeShellArg = value:
    let text = toString value;
    in if match "[[:alnum:],._+:@%/-]+" text == null then "'${replaceStrings [ "'" ] [ "'\\''" ] text}'" else text;
  escapeShellArgs = concatMapStringsSep " " escapeShellArg;
  lowerChars = stringToCharacters "abcdefghijklmnopqrstuvwxyz";
  upperChars = stringToCharacters "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  toLower = replaceStrings upperChars lowerChars;
  toUpper = replaceStrings lowerChars upperChars;
  toInt = text:
    let value = builtins.fromJSON text;
    in if match "-?(0|[1-9][0-9]*)" text != null then value
    else throw "toInt: could not convert ${toJSON text} to an integer";
  makeSearchPath = folder: packages:
    concatStringsSep ":" (map (package: "${toString package}/${folder}") packages);
  makeBinPath = makeSearchPath "bin";
  isStringLike = x: isString x || builtins.isPath x || x ? outPath || x ? __toString;
  trim = text:
    let found = match "[[:space:]]*(.*[^[:space:]])?[[:space:]]*" text;
    in if found == null || lists.head found == null then "" else lists.head found;
}
