//! Names of images in registries: `host/name[:tag]`.

use super::address;
use crate::digest::Digest;
use crate::error::{Failure, Kind, Result};
use crate::image::check;

/// The host that is meant when none is named.
const DOCKER_HUB: &str = "registry-1.docker.io";

/// Whether a name has credentials in it, or anything else before an `@` that no digest follows. What is
/// so may hold a password, and is never shown.
pub fn holds_credentials(text: &str) -> bool {
    let mut parts = text.split('@').skip(1).peekable();
    let mut others = false;
    while let Some(part) = parts.next() {
        let algorithm = part.split_once(':').map_or(part, |(algorithm, _)| algorithm);
        let is_digest = algorithm.starts_with("sha") && !part.contains('/');
        others |= !is_digest || parts.peek().is_some();
    }
    others
}

/// Checks that there are no credentials in an address.
///
/// # Errors
/// [`Kind::Usage`], without showing it.
pub fn check_no_credentials(text: &str) -> Result<()> {
    // A path on this machine may have any character.
    match text.contains("://") && holds_credentials(text) {
        true => Err(credentials_do_not_belong()),
        false => Ok(()),
    }
}

/// What is told of credentials in a name, without showing it.
pub fn credentials_do_not_belong() -> Failure {
    let message =
        "credentials do not belong into the name of an image, nor does `@` without a digest";
    Failure::new(Kind::Usage, message).hint(
        "write HOST/NAME:TAG, and log in with docker or podman, with --password-stdin or with \
         --copy-args '--dest-creds USER:PASSWORD'",
    )
}

/// A parsed name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Host and port to connect to.
    pub host: String,
    /// The repository, without host.
    pub repository: String,
    /// The tag.
    pub tag: String,
}

impl Reference {
    /// Parses what names an image to be read: `host/name[:tag][@digest]`. Where there is a digest the
    /// tag is for people.
    ///
    /// # Errors
    /// When there is no repository, or what is written cannot be a name, a tag or a digest.
    pub fn parse_with_digest(text: &str) -> Result<(Self, Option<Digest>)> {
        if holds_credentials(text) {
            return Err(credentials_do_not_belong());
        }
        let Some((name, digest)) = text.split_once('@') else {
            return Ok((Self::parse(text)?, None));
        };
        let doing = || format!("cannot use `{text}` as an image");
        let digest = Digest::parse(digest).map_err(|failure| {
            Failure::new(Kind::Usage, format!("{}: {}", doing(), failure.message()))
                .hint("write HOST/NAME:TAG or HOST/NAME@sha256:DIGEST")
        })?;
        Ok((Self::parse(name)?, Some(digest)))
    }

    /// Parses what follows `docker://`. The first component is a host when it has a dot or a
    /// port or is `localhost`, as Docker has it.
    ///
    /// # Errors
    /// When there is no repository, or the tag is a digest: that one is known only after a push.
    /// When a registry could take neither the name nor the tag.
    pub fn parse(text: &str) -> Result<Self> {
        if holds_credentials(text) {
            return Err(credentials_do_not_belong());
        }
        let wrong = |why: &str| {
            Failure::new(Kind::Usage, format!("cannot use `{text}` as an image: {why}"))
                .hint("write HOST/NAME:TAG")
        };
        if text.contains('@') {
            return Err(wrong("it must have a tag and not a digest"));
        }
        let (host, rest) = match text.split_once('/') {
            Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (host, rest),
            _ => ("docker.io", text),
        };
        let (repository, tag) = match rest.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, tag),
            _ => (rest, "latest"),
        };
        if repository.is_empty() || repository.split('/').any(str::is_empty) || tag.is_empty() {
            return Err(wrong("the name is not complete"));
        }
        if repository.contains(':') {
            return Err(wrong("the name of the repository has a colon"));
        }
        if repository.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(wrong("names of repositories are lower-case"));
        }
        if !check::is_name(repository) {
            return Err(wrong(&format!("`{repository}` is no name of a repository")));
        }
        if !check::is_tag(tag) {
            return Err(wrong(&format!("`{tag}` is no tag")));
        }
        if !check::is_host(host) {
            return Err(wrong(&format!("`{host}` is no host")));
        }
        let hub = matches!(host, "docker.io" | "index.docker.io" | "registry-1.docker.io");
        let repository = if hub && !repository.contains('/') {
            format!("library/{repository}")
        } else {
            repository.to_owned()
        };
        let host = if hub { DOCKER_HUB } else { host };
        Ok(Self { host: host.to_owned(), repository, tag: tag.to_owned() })
    }

    /// The keys under which credentials for this registry may be kept, the best first.
    pub fn credential_keys(&self) -> Vec<String> {
        let host = if self.host == DOCKER_HUB { "docker.io" } else { &self.host };
        let mut keys = Vec::new();
        // Podman keeps credentials for a namespace, too.
        let mut path = format!("{host}/{}", self.repository);
        while path.len() > host.len() {
            keys.push(path.clone());
            path.truncate(path.rfind('/').unwrap_or(0));
        }
        keys.push(host.to_owned());
        if host == "docker.io" {
            keys.push("https://index.docker.io/v1/".to_owned());
            keys.push("index.docker.io".to_owned());
        }
        keys.push(format!("https://{host}"));
        keys
    }

    /// The name of its directory among those of certificates (`certs.d`): host and port as people write
    /// them.
    pub fn certificates_key(&self) -> &str {
        if self.host == DOCKER_HUB { "docker.io" } else { &self.host }
    }

    /// The key under which `docker login` would keep credentials for this registry.
    pub fn login_key(&self) -> &str {
        if self.host == DOCKER_HUB { "https://index.docker.io/v1/" } else { &self.host }
    }

    /// Whether it is on this machine, where people run registries without encryption.
    pub fn is_local(&self) -> bool {
        let host = match self.host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or(rest),
            None => self.host.split(':').next().unwrap_or(&self.host),
        };
        address::is_local(host)
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "docker://{}/{}:{}", self.host, self.repository, self.tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_hosts_repositories_and_tags() {
        for (text, host, repository, tag) in [
            ("registry.example.com/me/app:v1", "registry.example.com", "me/app", "v1"),
            ("localhost:5000/app", "localhost:5000", "app", "latest"),
            ("alpine", DOCKER_HUB, "library/alpine", "latest"),
            ("docker.io/me/app:1", DOCKER_HUB, "me/app", "1"),
            ("me/app", DOCKER_HUB, "me/app", "latest"),
        ] {
            let parsed = Reference::parse(text).unwrap();
            assert_eq!(
                (parsed.host.as_str(), parsed.repository.as_str(), parsed.tag.as_str()),
                (host, repository, tag)
            );
        }
        for text in [
            "registry.example.com/",
            "registry.example.com/a//b",
            "a:",
            "a@sha256:00",
            "registry.example.com/Me/app",
            // What a registry without a slash at the end and a name come to.
            "localhost:5998processes:latest",
            "registry.example.com/app:v1:v2",
            "registry.example.com/app:-bad",
            "registry.example.com/app:té",
            "registry.example.com/a b",
            "registry.example.com/a..b",
            "regi stry.example.com/app",
            "registry.example.com:port/app",
            "registry.example.com?x=/app",
            &format!("registry.example.com/app:{}", "x".repeat(129)),
        ] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_image_to_be_read_may_be_named_by_its_digest() {
        let digest = Digest::of(b"image");
        let named = |text: &str| Reference::parse_with_digest(text);
        for (text, tag, expected) in [
            (format!("r.example/a@{digest}"), "latest", Some(&digest)),
            (format!("r.example:5000/a:v1@{digest}"), "v1", Some(&digest)),
            ("r.example/a:v1".to_owned(), "v1", None),
        ] {
            let (reference, found) = named(&text).unwrap();
            assert_eq!((reference.tag.as_str(), found.as_ref()), (tag, expected), "{text}");
            assert_eq!(reference.repository, "a");
        }
        for text in ["r.example/a@sha256:00", "r.example/a@v1", "r.example/@sha256:00"] {
            assert_eq!(named(text).unwrap_err().kind(), Kind::Usage, "{text}");
        }
    }

    #[test]
    fn credentials_in_a_name_are_told_and_not_shown() {
        for text in [
            "me:s3cr3t@r.example/a",
            "me:s3cr3t@r.example/a:v1",
            "s3cr3t@r.example/a",
            "me:s3c/r3t@r.example:5000/a",
            "me:s3@cr3t@r.example/a",
            "me:s3cr3t@r.example",
            "me:s3cr3t@r.example/a@sha256:00",
        ] {
            for failure in [
                Reference::parse(text).unwrap_err(),
                Reference::parse_with_digest(text).unwrap_err(),
                check_no_credentials(&format!("docker://{text}")).unwrap_err(),
            ] {
                assert_eq!(failure.kind(), Kind::Usage);
                assert!(failure.message().starts_with("credentials do not belong"), "{failure}");
            }
        }
        for text in ["oci:a@b", "docker://r.example/a@sha256:00", "docker://alpine@sha256:00"] {
            assert!(check_no_credentials(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn addresses_of_this_machine_are_local_and_names_that_begin_like_them_are_not() {
        for (host, local) in [
            ("localhost:5000", true),
            ("127.0.0.1:5000", true),
            ("127.1.2.3", true),
            ("[::1]:5000", true),
            ("127.0.0.1.example.com", false),
            ("localhost.example.com", false),
            ("128.0.0.1:5000", false),
            ("[2001:db8::1]:5000", false),
        ] {
            let reference = Reference::parse(&format!("{host}/app")).unwrap();
            assert_eq!(reference.is_local(), local, "{host}");
        }
    }

    #[test]
    fn credentials_of_a_namespace_come_before_those_of_the_host() {
        let keys = Reference::parse("registry.example.com/me/app").unwrap().credential_keys();
        assert_eq!(
            keys,
            [
                "registry.example.com/me/app",
                "registry.example.com/me",
                "registry.example.com",
                "https://registry.example.com"
            ]
        );
    }
}
