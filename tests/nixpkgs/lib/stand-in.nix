# Puts the parts of the stand-in `lib` together: every function is reachable at the top level and
# under the name of its part, as in nixpkgs.
let
  trivial = import ./trivial.nix;
  lists = import ./lists.nix;
  attrsets = import ./attrsets.nix { inherit lists; };
  strings = import ./strings.nix { inherit lists; };
  meta = import ./meta.nix;
  options = import ./options.nix { inherit lists strings; };
  types = import ./types.nix {
    inherit lib lists strings attrsets options;
  };
  modules = import ./modules.nix {
    inherit lib lists strings attrsets options;
  };
  lib =
    trivial // lists // attrsets // strings // meta // options // modules
    // {
      inherit trivial lists attrsets strings meta options modules types;
    };
in
lib
