//! Destinations as users write them: a transport, a colon and what the transport makes of the rest.

use std::path::PathBuf;

use super::file::is_standard_output;
use crate::error::{Failure, Kind, Result};
use crate::image::check;
use crate::registry::{Reference, reference};

/// A parsed destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// `docker-daemon:[name[:tag]]`.
    DockerDaemon(Option<String>),
    /// `docker-archive:FILE[:name:tag]`.
    DockerArchive(PathBuf, Option<String>),
    /// `oci:DIR[:tag]`.
    OciLayout(PathBuf, Option<String>),
    /// `oci-archive:FILE[:tag]`.
    OciArchive(PathBuf, Option<String>),
    /// `podman:[name[:tag]]`.
    Podman(Option<String>),
    /// `rootfs:DIR`.
    RootFs(PathBuf),
    /// `docker://host/name[:tag]`.
    Registry(String),
}

impl Destination {
    /// Parses a destination.
    ///
    /// # Errors
    /// [`Kind::Usage`], naming the transports there are.
    pub fn parse(text: &str) -> Result<Self> {
        reference::check_no_credentials(text)?;
        let wrong = |why: &str| {
            Failure::new(Kind::Usage, format!("cannot copy to `{text}`: {why}")).hint(
                "use docker-daemon:[NAME[:TAG]], podman:[NAME[:TAG]], docker-archive:FILE[:NAME:TAG], \
                 oci:DIR[:TAG], oci-archive:FILE[:TAG], rootfs:DIR or docker://HOST/NAME[:TAG]",
            )
        };
        let (transport, rest) = text.split_once(':').ok_or_else(|| wrong("no transport"))?;
        let path_and_rest = |rest: &str| {
            let (path, name) = match rest.split_once(':') {
                Some((path, name)) => (path, Some(name.to_owned()).filter(|name| !name.is_empty())),
                None => (rest, None),
            };
            if path.is_empty() { Err(wrong("no path")) } else { Ok((PathBuf::from(path), name)) }
        };
        let destination = match transport {
            "docker-daemon" => {
                Ok(Self::DockerDaemon(Some(rest.to_owned()).filter(|name| !name.is_empty())))
            }
            "docker-archive" => {
                path_and_rest(rest).map(|(path, name)| Self::DockerArchive(path, name))
            }
            "oci" => path_and_rest(rest).map(|(path, tag)| Self::OciLayout(path, tag)),
            "oci-archive" => path_and_rest(rest).map(|(path, tag)| Self::OciArchive(path, tag)),
            "podman" => Ok(Self::Podman(Some(rest.to_owned()).filter(|name| !name.is_empty()))),
            "rootfs" if rest.is_empty() => Err(wrong("no path")),
            "rootfs" => Ok(Self::RootFs(PathBuf::from(rest))),
            "docker" => match rest.strip_prefix("//") {
                Some(reference) if !reference.is_empty() => {
                    Ok(Self::Registry(reference.to_owned()))
                }
                _ => Err(wrong("two slashes and a name must follow")),
            },
            _ => Err(wrong("unknown transport")),
        }?;
        // What nobody could take is told before anything is built.
        match &destination {
            Self::Registry(reference) => {
                Reference::parse(reference)?;
            }
            Self::DockerDaemon(Some(name))
            | Self::DockerArchive(_, Some(name))
            | Self::Podman(Some(name))
                if !is_reference(name) =>
            {
                return Err(wrong(&format!("`{name}` is no name of an image")));
            }
            _ => {}
        }
        Ok(destination)
    }

    /// Whether the image itself goes to standard output, so that nothing else may.
    pub fn is_standard_output(&self) -> bool {
        match self {
            Self::DockerArchive(file, _) | Self::OciArchive(file, _) => is_standard_output(file),
            _ => false,
        }
    }
}

impl std::fmt::Display for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (transport, path, rest) = match self {
            Self::DockerDaemon(name) => return write!(f, "docker-daemon:{}", text(name)),
            Self::Podman(name) => return write!(f, "podman:{}", text(name)),
            Self::RootFs(directory) => return write!(f, "rootfs:{}", directory.display()),
            Self::Registry(reference) => return write!(f, "docker://{reference}"),
            Self::DockerArchive(file, name) => ("docker-archive", file, name),
            Self::OciLayout(directory, tag) => ("oci", directory, tag),
            Self::OciArchive(file, tag) => ("oci-archive", file, tag),
        };
        write!(f, "{transport}:{}", path.display())?;
        rest.as_ref().map_or(Ok(()), |rest| write!(f, ":{rest}"))
    }
}

fn text(name: &Option<String>) -> &str {
    name.as_deref().unwrap_or_default()
}

/// Whether it is a name with a tag or without one.
fn is_reference(name: &str) -> bool {
    let whole = with_tag(name);
    whole.rsplit_once(':').is_some_and(|(name, tag)| check::is_name(name) && check::is_tag(tag))
}

/// Adds the tag `latest` to a name that has none.
pub fn with_tag(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains(':') { name.to_owned() } else { format!("{name}:latest") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_transport_is_understood() {
        let some = |text: &str| Some(text.to_owned());
        for (text, expected) in [
            ("docker-daemon:", Destination::DockerDaemon(None)),
            ("docker-daemon:a:b", Destination::DockerDaemon(some("a:b"))),
            ("oci:dir", Destination::OciLayout("dir".into(), None)),
            ("oci:/a/dir:v1", Destination::OciLayout("/a/dir".into(), some("v1"))),
            ("docker-archive:a.tar:n:t", Destination::DockerArchive("a.tar".into(), some("n:t"))),
            ("oci-archive:a.tar:v1", Destination::OciArchive("a.tar".into(), some("v1"))),
            ("podman:", Destination::Podman(None)),
            ("podman:a:b", Destination::Podman(some("a:b"))),
            ("rootfs:/a:b", Destination::RootFs("/a:b".into())),
            ("docker://localhost:5000/a", Destination::Registry("localhost:5000/a".into())),
        ] {
            assert_eq!(Destination::parse(text).unwrap(), expected, "{text}");
            assert_eq!(expected.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_destination_is_refused_with_those_there_are() {
        for text in ["", "web", "oci:", "rootfs:", "docker:", "docker:/a", "ftp:a"] {
            let failure = Destination::parse(text).unwrap_err();
            assert_eq!(failure.kind(), Kind::Usage);
            assert!(failure.to_string().contains("oci:DIR"), "{failure}");
        }
    }

    #[test]
    fn a_port_is_not_a_tag() {
        assert_eq!(with_tag("localhost:5000/a"), "localhost:5000/a:latest");
        assert_eq!(with_tag("a:1"), "a:1");
    }
}
