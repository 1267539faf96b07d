//! Where blobs may be mounted from, as far as that can be told before anything is sent: what the user
//! names, and the image that is built on.

use super::common::ProjectArguments;
use super::copy;
use super::copy_options::MountOptions;
use crate::error::{Failure, Kind, Result};
use crate::image::{Codec, Image, check};
use crate::nix::{Container, Evaluation};
use crate::registry::{Places, Reference, reference};

/// Checks that what is named can be a repository of the registry of `reference`.
///
/// # Errors
/// [`Kind::Usage`], naming what cannot.
pub fn check(named: &[String], reference: &Reference) -> Result<()> {
    named.iter().try_for_each(|name| {
        if reference::holds_credentials(name) {
            return Err(reference::credentials_do_not_belong());
        }
        let first = name.split('/').next().unwrap_or_default();
        let is_host = first == reference.host
            || first == reference.certificates_key()
            || (name.contains('/') && (first == "localhost" || first.contains(':')));
        let why = if name.trim().is_empty() {
            "it is empty"
        } else if name.contains(char::is_whitespace) {
            "it has blanks"
        } else if is_host {
            "it begins with a registry"
        } else if name.contains([':', '@']) {
            "it has a tag or a digest"
        } else if !check::is_name(name) {
            "it is no name of a repository"
        } else {
            return Ok(());
        };
        Err(Failure::new(Kind::Usage, format!("cannot mount from `{name}`: {why}"))
            .hint("name a repository of the registry that is pushed to: --mount-from team/base"))
    })
}

/// Where the blobs of these images may be mounted from in the registry of `reference`. The image they
/// build on is known from what is `declared` about the container, which is looked up where nobody has
/// yet.
///
/// # Errors
/// When the project cannot be evaluated.
pub fn places(
    options: &MountOptions,
    reference: &Reference,
    images: &[Image],
    name: &str,
    declared: Option<&(Evaluation, Container)>,
    project: &ProjectArguments,
) -> Result<Places> {
    let places = options.places();
    // Nobody but the base brings blobs that are left as they are.
    let layers = images.iter().flat_map(|image| &image.layers);
    let blobs = layers.filter(|layer| layer.codec == Codec::AsIs).map(|layer| layer.digest.clone());
    let blobs: std::collections::BTreeSet<_> = blobs.collect();
    if blobs.is_empty() {
        return Ok(places);
    }
    let looked_up = match declared {
        Some(_) => None,
        None => copy::declared(name, &project.for_first_platform())?,
    };
    let base = declared.or(looked_up.as_ref()).and_then(|(_, container)| {
        let (base, _) = Reference::parse_with_digest(container.from_registry.as_deref()?).ok()?;
        (base.host == reference.host).then_some(base.repository)
    });
    Ok(match base {
        Some(repository) => places.with_base(repository, blobs),
        None => places,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_repository_there_is_told_before_anything_is_built() {
        let reference = Reference::parse("r.example/app").unwrap();
        let check = |name: &str| check(&[name.to_owned()], &reference);
        for name in ["base", "team/base", "my.project/a_b", "library/debian"] {
            assert!(check(name).is_ok(), "{name}");
        }
        for (name, why) in [
            ("", "is empty"),
            (" ", "is empty"),
            ("a b", "blanks"),
            ("r.example/base", "begins with a registry"),
            ("127.0.0.1:5000/a/b", "begins with a registry"),
            ("localhost/a", "begins with a registry"),
            ("a/b:v1", "tag"),
            ("UPPER", "no name"),
            ("a?b", "no name"),
            ("é", "no name"),
        ] {
            let failure = check(name).unwrap_err();
            assert_eq!(failure.kind(), Kind::Usage);
            assert!(failure.message().contains(why), "{name}: {failure}");
        }
        let failure = check("me:s3cr3t@r.example/base").unwrap_err().to_string();
        assert!(!failure.contains("s3cr3t"), "{failure}");
    }
}
