# Sourced by the test suites: lets Nix build for root where its group of build users does not exist, as
# with Debian's nix-bin without its daemon. `devenv-container` does the same.
if [ "$(id -u)" = 0 ] && ! getent group nixbld > /dev/null; then
    export NIX_CONFIG="${NIX_CONFIG-}
build-users-group ="
fi
