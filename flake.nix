{
  description = "Containers from devenv environments, with a PID 1 that behaves";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixpkgs-unstable";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" ];
      forEach = nixpkgs.lib.genAttrs systems;
      pkgsOf = system: nixpkgs.legacyPackages.${system};
      packagesOf = system: self.packages.${system} or (throw
        "devenv-init has no packages for ${system}\nhint: there are those for ${nixpkgs.lib.concatStringsSep " and " systems}");
    in
    {
      packages = forEach (system:
        let packages = import ./nix/packages.nix { pkgs = pkgsOf system; }; in
        packages // { default = packages.devenv-container; });

      # What a project imports to have devenv build these images.
      devenvModules.default = { lib, pkgs, ... }:
        let packages = packagesOf pkgs.stdenv.hostPlatform.system; in
        {
          imports = [ ./nix/devenv-module.nix ];
          devenv-init.package = lib.mkDefault packages.devenv-init;
          devenv-container.package = lib.mkDefault packages.devenv-container;
        };

      # The containers of a project without the devenv command line:
      #
      #     (devenv-init.lib.containers { project = ./.; system = "x86_64-linux"; }).images.processes
      #
      # Further arguments are those of nix/cli.nix.
      lib.containers = { system, ... }@arguments: import ./nix/cli.nix ({
        nixpkgs = "${nixpkgs}";
        initProgram = "${(packagesOf system).devenv-init}/bin/devenv-init";
        containerProgram = "${(packagesOf system).devenv-container}/bin/devenv-container";
        containerSystem = system;
      } // arguments);

      templates.default = {
        path = ./nix/template;
        description = "A devenv project with containers";
      };

      checks = forEach (system:
        let
          example = name: container:
            (self.lib.containers { project = ./examples + "/${name}"; inherit system; }).images.${container};
        in
        {
          inherit (self.packages.${system}) devenv-init devenv-container;
          # Their evaluation is the test: it fails when one of them does.
          pure-functions = (pkgsOf system).writeText "pure-functions" (import ./nix/tests { inherit (nixpkgs) lib; });
          processes = example "hello" "processes";
          shell = example "shell" "shell";
          command = example "startup" "list";
        });
    };
}
