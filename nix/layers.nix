# `containers.<name>.layers`: what these bring into the image. How store paths are spread over layers
# is decided by the builder, by how much depends on each; a layer here raises their number.
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
in
{
  /** The layers' paths with a place or with permissions of their own, as the builder takes them. */
  special = layers: lib.concatMap (layer: map (copied layer) layer.copyToRoot ++ kept layer) layers;

  /** The paths whose closures the layers bring. */
  roots = layers: lib.unique (lib.concatMap (layer: map toString layer.deps) layers);

  /** How many layers they are. */
  count = layers: lib.foldl' (sum: layer: sum + layer.maxLayers) 0 layers;

  /** The options of layers that this cannot honour. */
  unsupported = layers: lib.optional (lib.any (layer: layer.ignore != null) layers) "ignore";
}
