# `containers.<name>.layers`: what these bring into the image, below the container's own layers. Which
# store paths share one of a layer's `maxLayers` is decided by the builder, by how much depends on each.
{ lib }:
let
  permission = { path, ... }@one: { inherit path; value = removeAttrs one [ "path" ]; };
  permissionsOf = layer: path:
    map (one: one.value) (lib.filter (one: "${one.path}" == path) (map permission layer.perms));

  copied = layer: path: {
    path = "${path}";
    rewrite = { regex = "^${lib.escapeRegex (builtins.unsafeDiscardStringContext "${path}")}"; repl = ""; };
    perms = permissionsOf layer "${path}";
  };
  # Permissions of paths that stay in the store.
  kept = layer:
    let
      moved = map (path: "${path}") layer.copyToRoot;
      paths = lib.unique (map (one: "${one.path}") layer.perms);
    in
    map (path: { inherit path; perms = permissionsOf layer path; }) (lib.filter (path: !(lib.elem path moved)) paths);

  reason = what: path: { inherit what; path = "${path}"; };
in
{
  /** Which option asks for which store path, for whoever wants to know why it is there. */
  reasons = layers: lib.concatLists (lib.imap0 (at: layer:
    let
      option = name: "layers[${toString at}].${name}";
    in
    map (reason (option "deps")) layer.deps
    ++ map (path: reason (option "copyToRoot") path // { placed = true; }) layer.copyToRoot
    ++ map (entry: reason (option "perms") entry.path) (kept layer)) layers);

  /** The layers as the builder takes them, each with its store paths and those that it places itself. */
  groups = map (layer: {
    deps = map toString layer.deps;
    paths = map (copied layer) layer.copyToRoot ++ kept layer;
    inherit (layer) maxLayers;
  } // lib.optionalAttrs (layer.ignore != null) { ignore = "${layer.ignore}"; });
}
