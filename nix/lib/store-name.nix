# A name as a path of the store may have it. Anything that may not be in one becomes a dash.
name:
builtins.concatStringsSep "" (
  map (part: if builtins.isString part then part else "-") (builtins.split "[^a-zA-Z0-9+._?=-]" name)
)
