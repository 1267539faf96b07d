# One entry of `containers.<name>.layers`, with the names of nix2container's `buildLayer`.
{ lib }:
let
  inherit (lib) mkOption types;
  option = type: default: description: mkOption { inherit type default description; };

  permission = types.submodule {
    options = {
      path = mkOption { type = types.pathInStore; description = "The store path it is about."; };
      regex = option (types.nullOr types.str) null "Which of its files, by the whole path; null is all.";
      mode = option (types.nullOr types.str) null "Octal permissions.";
      uid = option (types.nullOr types.ints.unsigned) null "The owner's number.";
      gid = option (types.nullOr types.ints.unsigned) null "The group's number.";
      uname = option (types.nullOr types.str) null "The owner's name.";
      gname = option (types.nullOr types.str) null "The group's name.";
    };
  };
in
{
  layer = types.submodule {
    options = {
      deps = option (types.listOf types.package) [ ] "Store paths of the layer, with all they need.";
      copyToRoot = option (types.listOf types.package) [ ] "Store paths whose contents go to `/`.";
      reproducible = option types.bool true "Whether the layer can be made again from its paths.";
      maxLayers = option types.ints.positive 1 "How many layers it becomes at the most.";
      perms = option (types.listOf permission) [ ] "Permissions, which the store itself does not keep.";
      ignore = option (types.nullOr types.pathInStore) null "A store path to leave out, though not what it needs.";
    };
  };
}
