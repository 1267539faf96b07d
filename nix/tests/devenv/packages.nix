# What devenv's modules look at in a package set before anything of it is used.
final: prev:
let
  json = _: {
    type = final.lib.types.anything;
    generate = name: value: final.writeText name (builtins.toJSON value);
  };
in
{
  pkg-config = final.writeShellScriptBin "pkg-config" "exit 1";
  glibcLocalesUtf8 = null;
  redis = final.writeShellScriptBin "redis-server" "exit 1";
  # The managers of `devenv up` and what its tasks need: no image has any of them.
  inherit (builtins.mapAttrs (name: _: final.writeShellScriptBin name "exit 1") {
    honcho = { }; hivemind = { }; jq = { }; mprocs = { }; overmind = { }; process-compose = { };
  }) honcho hivemind jq mprocs overmind process-compose;
  formats = { inherit json; yaml = json; toml = json; ini = json; keyValue = json; };
}
