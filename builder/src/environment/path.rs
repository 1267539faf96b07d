//! Search paths such as `PATH`, freed of what only a build needs.

use super::capture::Capture;

/// Variables of a build environment that name toolchain packages.
const NAMED_BY: [&str; 7] = [
    "NIX_CC",
    "NIX_CC_FOR_TARGET",
    "NIX_BINTOOLS",
    "NIX_BINTOOLS_FOR_TARGET",
    "stdenv",
    "defaultNativeBuildInputs",
    "defaultBuildInputs",
];

/// Variables that name what the project asked for itself; that is never left out.
const ASKED_FOR_BY: [&str; 4] =
    ["nativeBuildInputs", "buildInputs", "packages", "propagatedBuildInputs"];

/// Packages a compiler brings along without any variable naming them, by the beginning of their
/// names. A digit follows a bare name, so that `gcc-12.3.0` is one and `gcc-explorer` is not.
const BY_NAME: [(&str, bool); 11] = [
    ("gcc-wrapper-", false),
    ("clang-wrapper-", false),
    ("binutils-wrapper-", false),
    ("gcc-", true),
    ("clang-", true),
    ("llvm-binutils-", true),
    ("binutils-", true),
    ("glibc-", true),
    ("patchelf-", true),
    ("gnumake-", true),
    ("patch-", true),
];

/// The packages of a build environment that run-time programs do not need: the compiler, its
/// linker and C library tools, and what the standard environment adds to build with.
///
/// The base tools of the standard environment (coreutils, sed, grep and their like) are not part
/// of it: scripts of projects rely on them without asking for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Toolchain {
    packages: Vec<String>,
    asked_for: Vec<String>,
}

impl Toolchain {
    /// Learns from a captured environment what its toolchain is.
    pub fn of(capture: &Capture) -> Self {
        let named = |names: &[&str]| {
            names.iter().filter_map(|name| capture.words.get(*name)).flatten().cloned().collect()
        };
        Self { packages: named(&NAMED_BY), asked_for: named(&ASKED_FOR_BY) }
    }

    /// Whether an entry of a search path belongs to it.
    pub fn has(&self, entry: &str) -> bool {
        let is_in = |package: &String| {
            entry
                .strip_prefix(package.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        !self.asked_for.iter().any(is_in)
            && (self.packages.iter().any(is_in) || has_toolchain_name(entry))
    }
}

/// Whether a store path's name is one of [`BY_NAME`].
fn has_toolchain_name(entry: &str) -> bool {
    let Some(base) = entry.strip_prefix("/nix/store/").and_then(|rest| rest.split('/').next())
    else {
        return false;
    };
    let Some((_, name)) = base.split_once('-') else { return false };
    BY_NAME.iter().any(|(beginning, digit)| {
        name.strip_prefix(beginning)
            .is_some_and(|rest| !digit || rest.starts_with(|next: char| next.is_ascii_digit()))
    })
}

/// Whether a variable holds directories separated by colons that packages add to.
pub fn is_search_path(name: &str) -> bool {
    matches!(name, "PATH" | "XDG_DATA_DIRS" | "XDG_CONFIG_DIRS" | "MANPATH" | "INFOPATH")
}

/// Leaves out the toolchain's entries, repetitions and empty entries. An empty entry of `PATH`
/// means the working directory (POSIX); the trailing colon shells leave is not meant that way.
pub fn without_toolchain(value: &str, toolchain: &Toolchain) -> String {
    let mut entries: Vec<&str> = Vec::new();
    for entry in value.split(':') {
        if !entry.is_empty() && !toolchain.has(entry) && !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    entries.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toolchain(packages: &[&str], asked_for: &[&str]) -> Toolchain {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Toolchain { packages: owned(packages), asked_for: owned(asked_for) }
    }

    #[test]
    fn a_package_is_known_by_its_whole_path_or_by_its_name() {
        let toolchain = toolchain(&["/nix/store/a-cc"], &["/nix/store/g-gnumake-4.4"]);
        for (entry, expected) in [
            ("/nix/store/a-cc/bin", true),
            ("/nix/store/a-cc-tools/bin", false),
            ("/nix/store/b-gcc-12.3.0/bin", true),
            ("/nix/store/b-gcc-explorer-1/bin", false),
            ("/nix/store/b-gcc-wrapper-12.3.0/bin", true),
            ("/nix/store/b-glibc-2.38-bin/bin", true),
            ("/nix/store/b-glibc-locales-2.38/bin", false),
            ("/nix/store/g-gnumake-4.4/bin", false),
            ("/nix/store/h-gnumake-4.3/bin", true),
            ("/nix/store/b-coreutils-9/bin", false),
            ("/usr/bin/gcc-12", false),
        ] {
            assert_eq!(toolchain.has(entry), expected, "{entry}");
        }
    }

    #[test]
    fn empty_and_repeated_entries_go() {
        assert_eq!(without_toolchain("/a::/b:/a:", &Toolchain::default()), "/a:/b");
    }
}
