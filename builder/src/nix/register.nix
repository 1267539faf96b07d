# Adds a text to the store that holds on to other paths, and returns its path.
#
#     name        its name
#     text        the file that holds it
#     references  a file with a JSON list of the store paths it mentions
{ name, text, references }:
let
  paths = builtins.fromJSON (builtins.readFile references);
  context = builtins.listToAttrs (map (path: { name = path; value = { path = true; }; }) paths);
in
builtins.toFile name (builtins.appendContext (builtins.readFile text) context)
