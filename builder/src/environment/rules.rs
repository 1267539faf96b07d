//! Which exported variables are left out of an image, each with the reason.

const OF_THE_SHELL: &str = "belongs to the shell that was captured";
const OF_THE_SANDBOX: &str = "describes the sandbox the capture ran in";
const OF_THE_BUILD: &str = "describes how the shell's package would be built";
const OF_THE_INPUTS: &str = "lists build inputs; what they add is in PATH and its like";
const OF_THE_TOOLCHAIN: &str = "points to the compiler, which would be shipped with the image";
const OF_DEVELOPMENT: &str =
    "lists headers and libraries to build against, which would be shipped too";
const OF_THE_CONTAINER: &str = "is for the container to set";
const OF_CAPTURE: &str = "was read by the capture itself";

/// Name or pattern (one `*` at either end) and reason, looked through from the top.
const RULES: &[(&str, &str)] = &[
    // The shell.
    ("_", OF_THE_SHELL),
    ("BASH*", OF_THE_SHELL),
    ("COMP_*", OF_THE_SHELL),
    ("DIRSTACK", OF_THE_SHELL),
    ("EPOCH*", OF_THE_SHELL),
    ("EUID", OF_THE_SHELL),
    ("FUNCNAME", OF_THE_SHELL),
    ("GROUPS", OF_THE_SHELL),
    ("HISTCMD", OF_THE_SHELL),
    ("HOSTTYPE", OF_THE_SHELL),
    ("IFS", OF_THE_SHELL),
    ("LINENO", OF_THE_SHELL),
    ("MACHTYPE", OF_THE_SHELL),
    ("OLDPWD", OF_THE_SHELL),
    ("OPTERR", OF_THE_SHELL),
    ("OPTIND", OF_THE_SHELL),
    ("OSTYPE", OF_THE_SHELL),
    ("PIPESTATUS", OF_THE_SHELL),
    ("PPID", OF_THE_SHELL),
    ("PS4", OF_THE_SHELL),
    ("PWD", OF_THE_SHELL),
    ("RANDOM", OF_THE_SHELL),
    ("SECONDS", OF_THE_SHELL),
    ("SHELL", OF_THE_SHELL),
    ("SHELLOPTS", OF_THE_SHELL),
    ("SHLVL", OF_THE_SHELL),
    ("SRANDOM", OF_THE_SHELL),
    ("UID", OF_THE_SHELL),
    // The container.
    ("HOME", OF_THE_CONTAINER),
    ("HOSTNAME", OF_THE_CONTAINER),
    ("LOGNAME", OF_THE_CONTAINER),
    ("TERM", OF_THE_CONTAINER),
    ("TZ", OF_THE_CONTAINER),
    ("USER", OF_THE_CONTAINER),
    // The sandbox. Nix points certificates to a file that does not exist, so that builds do not
    // use the network: of all its settings this one would break programs in the image.
    ("SSL_CERT_FILE", OF_THE_SANDBOX),
    ("NIX_SSL_CERT_FILE", OF_THE_SANDBOX),
    ("TEMP", OF_THE_SANDBOX),
    ("TEMPDIR", OF_THE_SANDBOX),
    ("TMP", OF_THE_SANDBOX),
    ("TMPDIR", OF_THE_SANDBOX),
    ("IN_NIX_SHELL", OF_THE_SANDBOX),
    ("NIX_ATTRS_*", OF_THE_SANDBOX),
    ("NIX_BUILD_CORES", OF_THE_SANDBOX),
    ("NIX_BUILD_TOP", OF_THE_SANDBOX),
    ("NIX_ENFORCE_*", OF_THE_SANDBOX),
    ("NIX_LOG_FD", OF_THE_SANDBOX),
    ("NIX_REMOTE", OF_THE_SANDBOX),
    ("NIX_STORE", OF_THE_SANDBOX),
    // The toolchain.
    ("AR", OF_THE_TOOLCHAIN),
    ("AS", OF_THE_TOOLCHAIN),
    ("CC", OF_THE_TOOLCHAIN),
    ("CONFIG_SHELL", OF_THE_TOOLCHAIN),
    ("CPP", OF_THE_TOOLCHAIN),
    ("CXX", OF_THE_TOOLCHAIN),
    ("HOST_PATH", OF_THE_TOOLCHAIN),
    ("LD", OF_THE_TOOLCHAIN),
    ("NM", OF_THE_TOOLCHAIN),
    ("OBJCOPY", OF_THE_TOOLCHAIN),
    ("OBJDUMP", OF_THE_TOOLCHAIN),
    ("RANLIB", OF_THE_TOOLCHAIN),
    ("READELF", OF_THE_TOOLCHAIN),
    ("SIZE", OF_THE_TOOLCHAIN),
    ("STRINGS", OF_THE_TOOLCHAIN),
    ("STRIP", OF_THE_TOOLCHAIN),
    ("NIX_BINTOOLS*", OF_THE_TOOLCHAIN),
    ("NIX_CC*", OF_THE_TOOLCHAIN),
    ("NIX_CFLAGS_*", OF_THE_TOOLCHAIN),
    ("NIX_CXXSTDLIB_*", OF_THE_TOOLCHAIN),
    ("NIX_DONT_SET_RPATH*", OF_THE_TOOLCHAIN),
    ("NIX_HARDENING_ENABLE", OF_THE_TOOLCHAIN),
    ("NIX_IGNORE_LD_THROUGH_GCC", OF_THE_TOOLCHAIN),
    ("NIX_LDFLAGS*", OF_THE_TOOLCHAIN),
    ("NIX_NO_SELF_RPATH", OF_THE_TOOLCHAIN),
    ("NIX_PKG_CONFIG_*", OF_THE_TOOLCHAIN),
    ("NIX_INDENT_MAKE", OF_THE_TOOLCHAIN),
    ("PKG_CONFIG", OF_THE_TOOLCHAIN),
    ("cmakeFlags", OF_THE_TOOLCHAIN),
    ("hardeningDisable", OF_THE_TOOLCHAIN),
    ("hardeningEnable", OF_THE_TOOLCHAIN),
    ("mesonFlags", OF_THE_TOOLCHAIN),
    // What to build against: hooks of packages fill these with the outputs for development.
    ("ACLOCAL_PATH", OF_DEVELOPMENT),
    ("CMAKE_INCLUDE_PATH", OF_DEVELOPMENT),
    ("CMAKE_LIBRARY_PATH", OF_DEVELOPMENT),
    ("CMAKE_PREFIX_PATH", OF_DEVELOPMENT),
    ("NIXPKGS_CMAKE_PREFIX_PATH", OF_DEVELOPMENT),
    ("PKG_CONFIG_PATH*", OF_DEVELOPMENT),
    // Inputs.
    ("*Inputs", OF_THE_INPUTS),
    ("depsBuild*", OF_THE_INPUTS),
    ("depsHost*", OF_THE_INPUTS),
    ("depsTarget*", OF_THE_INPUTS),
    ("packages", OF_THE_INPUTS),
    // The build.
    ("*Phase", OF_THE_BUILD),
    ("*Phases", OF_THE_BUILD),
    ("phases", OF_THE_BUILD),
    ("*Flags", OF_THE_BUILD),
    ("*FlagsArray", OF_THE_BUILD),
    ("__*", OF_THE_BUILD),
    ("DETERMINISTIC_BUILD", OF_THE_BUILD),
    ("PYTHONHASHSEED", OF_THE_BUILD),
    ("PYTHONNOUSERSITE", OF_THE_BUILD),
    ("SOURCE_DATE_EPOCH", OF_THE_BUILD),
    ("ZERO_AR_DATE", OF_THE_BUILD),
    ("GZIP_NO_TIMESTAMPS", OF_THE_BUILD),
    ("allowSubstitutes", OF_THE_BUILD),
    ("allowedReferences", OF_THE_BUILD),
    ("allowedRequisites", OF_THE_BUILD),
    ("args", OF_THE_BUILD),
    ("buildCommand", OF_THE_BUILD),
    ("buildCommandPath", OF_THE_BUILD),
    ("builder", OF_THE_BUILD),
    ("disallowedReferences", OF_THE_BUILD),
    ("disallowedRequisites", OF_THE_BUILD),
    ("doCheck", OF_THE_BUILD),
    ("doInstallCheck", OF_THE_BUILD),
    ("dont*", OF_THE_BUILD),
    ("enableParallel*", OF_THE_BUILD),
    ("exitHooks", OF_THE_BUILD),
    ("failureHooks", OF_THE_BUILD),
    ("impureEnvVars", OF_THE_BUILD),
    ("initialPath", OF_THE_BUILD),
    ("name", OF_THE_BUILD),
    ("out", OF_THE_BUILD),
    ("outputChecks", OF_THE_BUILD),
    ("outputHash*", OF_THE_BUILD),
    ("outputs", OF_THE_BUILD),
    ("passAsFile", OF_THE_BUILD),
    ("patches", OF_THE_BUILD),
    ("pname", OF_THE_BUILD),
    ("preferLocalBuild", OF_THE_BUILD),
    ("prefix", OF_THE_BUILD),
    ("separateDebugInfo", OF_THE_BUILD),
    ("shell", OF_THE_BUILD),
    ("shellHook", OF_CAPTURE),
    ("src", OF_THE_BUILD),
    ("srcs", OF_THE_BUILD),
    ("stdenv", OF_THE_BUILD),
    ("strictDeps", OF_THE_BUILD),
    ("system", OF_THE_BUILD),
    ("userHook", OF_THE_BUILD),
    ("version", OF_THE_BUILD),
];

/// Why an exported variable is left out, or `None` when it belongs to the project.
pub fn reason_to_drop(name: &str) -> Option<&'static str> {
    RULES.iter().find(|(pattern, _)| matches(pattern, name)).map(|(_, reason)| *reason)
}

fn matches(pattern: &str, name: &str) -> bool {
    if let Some(end) = pattern.strip_prefix('*') {
        name.ends_with(end)
    } else if let Some(beginning) = pattern.strip_suffix('*') {
        name.starts_with(beginning)
    } else {
        pattern == name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_a_project_is_kept() {
        for name in [
            "PATH",
            "XDG_DATA_DIRS",
            "LD_LIBRARY_PATH",
            "JAVA_HOME",
            "PYTHONPATH",
            "GOPATH",
            "LOCALE_ARCHIVE",
            "DEVENV_ROOT",
            "NIX_PATH",
            "GREETING",
            "GI_TYPELIB_PATH",
        ] {
            assert_eq!(reason_to_drop(name), None, "{name}");
        }
    }

    #[test]
    fn what_belongs_to_a_build_is_dropped() {
        for name in [
            "buildPhase",
            "nativeBuildInputs",
            "depsBuildBuild",
            "stdenv",
            "out",
            "CC",
            "NIX_CFLAGS_COMPILE",
            "NIX_CC_WRAPPER_TARGET_HOST_x86_64_unknown_linux_gnu",
            "SSL_CERT_FILE",
            "HOME",
            "BASHOPTS",
            "configureFlags",
            "hardeningDisable",
            "dontUnpack",
            "outputHashAlgo",
            "PKG_CONFIG_PATH_FOR_TARGET",
            "NIXPKGS_CMAKE_PREFIX_PATH",
        ] {
            assert!(reason_to_drop(name).is_some(), "{name}");
        }
    }

    #[test]
    fn every_pattern_has_at_most_one_star_at_an_end() {
        for (pattern, _) in RULES {
            let inner = pattern.trim_start_matches('*').trim_end_matches('*');
            assert!(!inner.contains('*') && pattern.matches('*').count() <= 1, "{pattern}");
        }
    }
}
