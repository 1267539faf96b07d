# The image a container builds on.
{ lib, ... }:
let
  bases = import ../base.nix { inherit lib; arch = "amd64"; };
  place = bases.placeIn [ ./fixtures "/nix/store/00000000000000000000000000000000-source" ];
in
{
  "a base is found in the project, under whatever name that has" = {
    expr = map place [ ./fixtures/dist/mybinary "/nix/store/00000000000000000000000000000000-source/a.tar" ];
    expected = [ "/dist/mybinary" "/a.tar" ];
  };
  "others are elsewhere" = {
    expr = map place [ null ./fixtures ./fixtures/../base.nix { outPath = toString ./fixtures/dist; } ];
    expected = [ null null null null ];
  };
}
