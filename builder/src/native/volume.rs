//! Files and directories of the host that are shown in a container, as `-v` names them.

use std::path::{Component, Path, PathBuf};

use crate::error::{Failure, Kind, Result};

/// Something of the host shown in the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// On the host, absolute.
    pub source: PathBuf,
    /// In the container, absolute, without `.`, `..` and doubled slashes.
    pub target: PathBuf,
    /// Whether it may not be written to.
    pub read_only: bool,
}

impl Volume {
    /// Reads `HOST:CONTAINER[:OPTION[,OPTION]]`. Options are `ro` and `rw`, and `z` and `Z`, which are
    /// about SELinux and mean nothing here.
    ///
    /// # Errors
    /// When a part is missing, not absolute in the container, its root, or an unknown option.
    pub fn parse(text: &str, current: &Path) -> Result<Self> {
        let wrong = |why: &str| {
            Failure::new(Kind::Usage, format!("cannot mount `{text}`: {why}"))
                .hint("write -v HOST:CONTAINER or -v HOST:CONTAINER:ro")
        };
        let mut parts = text.split(':');
        let (Some(source), Some(target)) = (parts.next(), parts.next()) else {
            return Err(wrong("no path in the container"));
        };
        let options = parts.next();
        if parts.next().is_some() {
            return Err(wrong("it has too many parts"));
        }
        let mut mode = None;
        for option in options.into_iter().flat_map(|options| options.split(',')) {
            match option {
                "ro" | "rw" if mode.is_none_or(|before| before == option) => mode = Some(option),
                "ro" | "rw" => return Err(wrong("it cannot be both ro and rw")),
                "z" | "Z" => {}
                _ => return Err(wrong(&format!("there is no option `{option}`"))),
            }
        }
        if source.is_empty() || !target.starts_with('/') {
            return Err(wrong("the path in the container must be absolute"));
        }
        if !source.contains('/') && !source.starts_with('.') {
            return Err(wrong("named volumes exist in Docker only"));
        }
        let target = plain(Path::new(target));
        if target == Path::new("/") {
            return Err(wrong("nothing can take the place of the whole image"));
        }
        Ok(Self { source: current.join(source), target, read_only: mode == Some("ro") })
    }

    /// Reads several, and finds what is to be shown. Those that lie below others come after them, so that
    /// none is hidden.
    ///
    /// # Errors
    /// As [`Volume::parse`]; when there is no such file; when two are to be in one place.
    pub fn all(texts: &[String], current: &Path) -> Result<Vec<Self>> {
        let mut volumes: Vec<Self> = Vec::with_capacity(texts.len());
        for text in texts {
            let mut volume = Self::parse(text, current)?;
            let target = volume.target.display();
            if volumes.iter().any(|other| other.target == volume.target) {
                return Err(Failure::new(
                    Kind::Usage,
                    format!("cannot mount `{text}`: duplicate mount point {target}"),
                )
                .hint("name each place in the container once"));
            }
            let source = volume.source.canonicalize();
            volume.source = source.map_err(|error| {
                let source = volume.source.display();
                let failure = Failure::new(
                    Kind::NoInput,
                    format!("cannot mount {source} at {target}: {error}"),
                );
                match error.kind() {
                    std::io::ErrorKind::NotFound => {
                        failure.hint(format!("make it first: mkdir -p {source}"))
                    }
                    _ => failure.hint("name a file or directory that you may read"),
                }
            })?;
            volumes.push(volume);
        }
        // Those of the same depth stay in the order they were given in.
        volumes.sort_by_key(|volume| volume.target.components().count());
        Ok(volumes)
    }
}

/// A path without `.`, `..` and what else says nothing; nothing is above the root.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(part) => plain.push(part),
            Component::ParentDir => {
                plain.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_are_paths_on_both_sides() {
        let current = Path::new("/here");
        let volume = Volume::parse("./data:/data:ro", current).unwrap();
        assert_eq!(volume.source, Path::new("/here/./data"));
        assert!(volume.read_only);
        for (text, read_only) in
            [("/a:/b:rw", false), ("/a:/b:z", false), ("/a:/b:Z,ro", true), ("/a:/b:ro,z", true)]
        {
            assert_eq!(Volume::parse(text, current).unwrap().read_only, read_only, "{text}");
        }
        for text in [
            "/a",
            "/a:b",
            "name:/a",
            "/a:/b:zz",
            ":/b",
            "/a:/b:ro,rw",
            "/a:/b:ro:z",
            "/a:/b:",
            "/a:/",
            "/a:/b/..",
            "/a:/./",
        ] {
            let failure = Volume::parse(text, current).unwrap_err();
            assert!(failure.way_out().is_some() && failure.message().contains(text), "{failure}");
        }
    }

    #[test]
    fn what_lies_deeper_comes_later_and_no_place_is_taken_twice() {
        let world = tempfile::tempdir().unwrap();
        std::fs::create_dir(world.path().join("a")).unwrap();
        let all = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
            Volume::all(&texts, world.path())
        };
        let targets = |texts: &[&str]| -> Vec<PathBuf> {
            all(texts).unwrap().into_iter().map(|volume| volume.target).collect()
        };
        let found = targets(&["./a:/x/y/../z", "./a:/b/", "./a:/a", "./a:/x//"]);
        assert_eq!(found, ["/b", "/a", "/x", "/x/z"].map(PathBuf::from));
        let twice = all(&["./a:/x", "./a:/y/../x/"]).unwrap_err();
        assert_eq!(
            (twice.kind(), twice.message().ends_with("duplicate mount point /x")),
            (Kind::Usage, true)
        );
        let missing = all(&["./b:/x"]).unwrap_err();
        assert!(missing.way_out().unwrap().starts_with("make it first: mkdir -p /"), "{missing}");
    }
}
