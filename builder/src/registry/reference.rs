//! Names of images in registries: `host/name[:tag]`.

use crate::error::{Failure, Kind, Result};

/// The host that is meant when none is named.
const DOCKER_HUB: &str = "registry-1.docker.io";

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
    /// Parses what follows `docker://`. The first component is a host when it has a dot or a
    /// port or is `localhost`, as Docker has it.
    ///
    /// # Errors
    /// When there is no repository, or the tag is a digest: that one is known only after a push.
    pub fn parse(text: &str) -> Result<Self> {
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
        host == "localhost" || host == "::1" || host.starts_with("127.")
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
        ] {
            assert!(Reference::parse(text).is_err(), "{text}");
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
