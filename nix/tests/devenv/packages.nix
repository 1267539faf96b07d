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
  formats = { inherit json; yaml = json; toml = json; ini = json; keyValue = json; };
}
