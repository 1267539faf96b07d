# What `copyToRoot` puts where, tried on the files of `fixtures/`.
{ lib, ... }:
let
  copied = import ../copied.nix { inherit lib; };
  special = copied.special { volumes = [ ]; owner = { }; };
  projectSource = "/nix/store/00000000000000000000000000000000-source";
  items = copyToRoot: copied.items { inherit copyToRoot projectSource; option = "containers.app.copyToRoot"; };
  places = copyToRoot: map (one: (special one).rewrite.repl) (items copyToRoot);
  links = copyToRoot: map (entry: entry.path) (copied.links (items copyToRoot));
  # A derivation, as far as this is concerned: a text that something must build.
  built = builtins.appendContext "/nix/store/11111111111111111111111111111111-app" {
    ${builtins.unsafeDiscardStringContext (derivation { name = "app"; builder = "x"; system = "x"; }).drvPath}.outputs = [ "out" ];
  };
in
{
  "null is nothing" = { expr = items null; expected = [ ]; };
  "folders go to /env and files keep their names" = {
    expr = places [ ./fixtures/dist ./fixtures/dist/mybinary ];
    expected = [ "/env" "/env/mybinary" ];
  };
  "one path is a list of one" = { expr = places ./fixtures/dist; expected = [ "/env" ]; };
  "a folder's top is linked from /, but not over the image's own names" = {
    expr = links ./fixtures/dist;
    expected = [ "/assets" "/mybinary" ];
  };
  "a link leads to the home folder" = {
    expr = (lib.head (copied.links (items ./fixtures/dist))).link;
    expected = "/env/assets";
  };
  "a name is linked once" = { expr = links [ ./fixtures/dist ./fixtures/dist/mybinary ]; expected = [ "/assets" "/mybinary" ]; };
  "the project is copied without links" = {
    expr = { places = places projectSource; links = links projectSource; };
    expected = { places = [ "/env" ]; links = [ ]; };
  };
  "what is yet to be built is taken for a folder" = {
    expr = { places = places built; links = links built; };
    expected = { places = [ "/env" ]; links = [ ]; };
  };
  "the expression takes away the path and no more" = {
    expr = builtins.match "${(special (lib.head (items projectSource))).rewrite.regex}(.*)" "${projectSource}/a";
    expected = [ "/a" ];
  };
}
