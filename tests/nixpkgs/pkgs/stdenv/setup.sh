# Sourced by builders and shells: fills the environment a build expects from the attributes of its
# derivation. The variables set here are those a real stdenv leaves behind in a shell.

export NIX_CC NIX_BINTOOLS
export CONFIG_SHELL="$SHELL"
export CC=gcc CXX=g++ LD=ld AR=ar AS=as NM=nm RANLIB=ranlib STRIP=strip
export NIX_CC_WRAPPER_TARGET_HOST_x86_64_unknown_linux_gnu=1
export NIX_BINTOOLS_WRAPPER_TARGET_HOST_x86_64_unknown_linux_gnu=1
export NIX_ENFORCE_NO_NATIVE=1
export NIX_HARDENING_ENABLE="bindnow format fortify pic relro stackprotector"
export NIX_CFLAGS_COMPILE=" -frandom-seed=${out##*/}"
export NIX_LDFLAGS="-rpath $out/lib"
export NIX_STORE="${NIX_STORE:-/nix/store}"
export SOURCE_DATE_EPOCH=315532800
export DETERMINISTIC_BUILD=1 PYTHONHASHSEED=0 PYTHONNOUSERSITE=1

addToSearchPath() {
    local name=$1 folder=$2
    [[ -d $folder ]] || return 0
    export "$name=${!name:+${!name}:}$folder"
}

# The hooks of a package run once its folders are known.
addPackage() {
    local package=$1 propagated
    addToSearchPath PATH "$package/bin"
    addToSearchPath XDG_DATA_DIRS "$package/share"
    if [[ -e $package/nix-support/setup-hook ]]; then source "$package/nix-support/setup-hook"; fi
    if [[ -e $package/nix-support/propagated-build-inputs ]]; then
        for propagated in $(< "$package/nix-support/propagated-build-inputs"); do addPackage "$propagated"; done
    fi
}

PATH=
XDG_DATA_DIRS=
for package in $nativeBuildInputs $buildInputs $defaultNativeBuildInputs; do addPackage "$package"; done
HOST_PATH=
for package in $buildInputs $initialPath; do addToSearchPath HOST_PATH "$package/bin"; done
for package in $initialPath; do addToSearchPath PATH "$package/bin"; done
export PATH HOST_PATH XDG_DATA_DIRS="${XDG_DATA_DIRS:-}:"
unset package

# A phase is a function or, failing that, a variable with its text.
runPhase() {
    local phase=$1
    if [[ -n ${!phase:-} ]]; then eval "${!phase}"; else "$phase"; fi
}

unpackPhase() {
    [[ -n ${src:-} ]] || return 0
    cp -r "$src" source
    chmod -R u+w source
    cd source
}
buildPhase() { :; }
installPhase() { echo "no installPhase" >&2; return 1; }

genericBuild() {
    local phase
    for phase in ${phases:-unpackPhase buildPhase installPhase}; do runPhase "$phase"; done
}
