{
  description = "An offline package set laid out like nixpkgs";

  # Reading the programs of this machine is impure: evaluate with `--impure`.
  outputs = _: {
    lib = import ./lib;
    legacyPackages.${builtins.currentSystem} = import ./. { };
  };
}
