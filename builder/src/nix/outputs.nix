# The containers among the outputs of a flake, in the shape of cli.nix.
#
# Arguments
#   flake   where the flake is, as Nix itself writes it once it has locked it
#   system  the system the images are for
#
# A container `web` is, in this order: the image `packages.<system>.web`; `packages.<system>.container-web`,
# as devenv's module for flake-parts names it; or the container of this name of the shell
# `devShells.<system>.default` that devenv has made.
{ flake, system ? builtins.currentSystem }:
let
  inherit (builtins) attrNames attrValues filter listToAttrs mapAttrs match head;

  outputs = builtins.getFlake flake;
  packages = outputs.packages.${system} or { };
  project = outputs.devShells.${system}.default.config.containers or { };

  prefixed = listToAttrs (map (name: { name = head (match "container-(.*)" name); value = packages.${name}; })
    (filter (name: match "container-.*" name != null) (attrNames packages)));

  isImage = package: match "image-.*[.]json" (package.name or "") != null;
  # A package that cannot be evaluated is the concern of those who want it.
  isImageIfAny = name: let tried = builtins.tryEval (isImage packages.${name}); in tried.success && tried.value;
  named = listToAttrs (map (name: { inherit name; value = packages.${name}; }) (filter isImageIfAny (filter (name: match "container-.*" name == null) (attrNames packages))));

  containers = mapAttrs (_: one: one.derivation) project // prefixed // named;

  about = name: image: {
    inherit name;
    image = image.imageName or project.${name}.name or name;
    version = image.imageTag or project.${name}.version or "latest";
    registry = project.${name}.registry or null;
    copyArgs = project.${name}.defaultCopyArgs or [ ];
  };
in
{
  names = attrValues (mapAttrs about containers);
  # Only the one that is asked for is looked at.
  images = packages // mapAttrs (_: one: one.derivation) project // prefixed // named;
  copyArguments = mapAttrs (_: one: one.copyArguments) project;
}
