# The image a container builds on: given outright by `fromImage`, or by its name in a registry and what
# the project's lock file says this name stands for.
{ lib, arch }:
let
  fail = import ./lib/fail.nix;
  file = "devenv-container.lock";

  locked = { option, name, projectSource }:
    let
      path = projectSource + "/${file}";
      lock = if builtins.pathExists path then builtins.fromJSON (builtins.readFile path) else { };
    in
    lock.images.${name}.${arch} or (fail
      "`${option}`: ${file} does not say what ${name} is for ${arch}"
      "run `devenv-container lock` and keep the file with the project; in a flake, git must know it too");
in
{
  /**
    What `nix-base` gets, or null. `build` makes a derivation of a name, a subcommand and attributes, and
    `option` is the container's path for messages.
  */
  source = { container, option, projectSource, build }:
    if container.fromImage != null && container.fromRegistry != null then
      fail "`${option}`: both `fromImage` and `fromRegistry` are set" "an image builds on one image"
    else if builtins.isPath container.fromImage && !(builtins.pathExists container.fromImage) then
      fail "`${option}.fromImage`: ${toString container.fromImage} does not exist"
        "put the image there first, as with skopeo copy; in a flake, git must know it too"
    else if container.fromImage != null then "${container.fromImage}"
    else if container.fromRegistry != null then
      let
        one = locked { option = "${option}.fromRegistry"; name = container.fromRegistry; inherit projectSource; };
      in
      "${build "base-image" "nix-pull" {
        reference = container.fromRegistry;
        inherit (one) digest;
        inherit arch;
        # Nix lets what it can check reach the network. `devenv-container lock` has put it there already.
        outputHashMode = "recursive";
        outputHashAlgo = "sha256";
        outputHash = one.hash;
        # How this machine reaches the network.
        impureEnvVars = [
          "http_proxy" "https_proxy" "all_proxy" "no_proxy"
          "HTTP_PROXY" "HTTPS_PROXY" "ALL_PROXY" "NO_PROXY"
          "SSL_CERT_FILE" "NIX_SSL_CERT_FILE"
        ];
      }}"
    else null;
}
