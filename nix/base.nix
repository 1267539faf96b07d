# The image a container builds on: given outright by `fromImage`, or by its name in a registry and what
# the project's lock file says this name stands for.
{ lib, arch }:
let
  fail = import ./lib/fail.nix;
  file = "devenv-container.lock";

  # What the lock file says, or what it should. Its type is checked as far as this needs it.
  locked = { option, name, project }:
    let
      path = project + "/${file}";
      # What is no JSON Nix tells about by itself; its newer versions tell this as well.
      known = builtins.addErrorContext "while reading ${toString path}, which is written anew by `devenv-container lock` once it is removed"
        (builtins.fromJSON (builtins.readFile path));
      at = set: key: if !(builtins.isAttrs set) then damaged "where a set should be it has none" else set.${key} or null;
      damaged = why: fail "`${option}`: cannot read ${toString path}: ${why}"
        "put back the last version that was kept with the project, or remove the file and run `devenv-container lock`";
      text = form: key: one:
        let value = at one key; in
        if builtins.isString value && builtins.match form value != null then value
        else damaged "the `${key}` of ${name} for ${arch} is none";
      image = if builtins.pathExists path then at (at known "images") name else null;
      one = if image == null then null else at image arch;
    in
    if one == null then fail
      "`${option}`: ${file} does not say what ${name} is for ${arch}"
      "run `devenv-container lock` and keep the file with the project; in a flake, git must know it too"
    else {
      digest = text "sha256:[0-9a-f]{64}" "digest" one;
      hash = text "sha256:[0-9a-z]{52}" "hash" one;
    };

  # Where an image that a path names is within the project, `/debian.tar`; null when it is elsewhere.
  # The project is looked for under all its names.
  placeIn = projects: image:
    let
      path = builtins.unsafeDiscardStringContext (toString image);
      holds = project: lib.hasPrefix "${project}/" path;
      holding = lib.filter holds (map (project: builtins.unsafeDiscardStringContext (toString project)) projects);
    in
    if !(builtins.isPath image || builtins.isString image) || holding == [ ] then null
    else lib.removePrefix (lib.head holding) path;
in
{
  inherit placeIn;

  /**
    What `nix-base` gets, or null. `build` makes a derivation of a name, a subcommand and attributes,
    `option` is the container's path for messages, and `project` the folder with the lock file.
  */
  source = { container, option, project, build }:
    if container.fromImage != null && container.fromRegistry != null then
      fail "`${option}`: both `fromImage` and `fromRegistry` are set" "an image builds on one image"
    else if builtins.isPath container.fromImage && !(builtins.pathExists container.fromImage) then
      fail "`${option}.fromImage`: ${toString container.fromImage} does not exist"
        "put the image there first, as with skopeo copy; in a flake, git must know it too"
    else if container.fromImage != null then "${container.fromImage}"
    else if container.fromRegistry != null then
      let
        one = locked { option = "${option}.fromRegistry"; name = container.fromRegistry; inherit project; };
      in
      # Nix takes what it has by name and hash. With the digest in the name, all of it, another one is
      # another image: it is fetched, and found not to have the hash.
      "${build "base-image-${lib.removePrefix "sha256:" one.digest}" "nix-pull" {
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
          "SSL_CERT_FILE" "SSL_CERT_DIR" "NIX_SSL_CERT_FILE"
        ];
      }}"
    else null;
}
