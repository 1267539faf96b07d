# What `mkDerivation` runs: the environment, then the phases.
source "$stdenv/setup"
genericBuild
