//! Which destinations a registry and a name come to, and what is refused.

use super::*;

#[test]
fn a_registry_ends_where_a_name_may_begin() {
    let image = Image {
        name: Some("app".to_owned()),
        tag: Some("v1".to_owned()),
        architecture: "amd64".to_owned(),
        annotations: Default::default(),
        origin: Default::default(),
        created: None,
        config: Default::default(),
        layers: Vec::new(),
    };
    for (registry, expected) in [
        ("docker://r.example.com/", "docker://r.example.com/app:v1"),
        ("docker://r.example.com/me/", "docker://r.example.com/me/app:v1"),
        ("docker://r.example.com/me/our-", "docker://r.example.com/me/our-app:v1"),
        ("docker-daemon:", "docker-daemon:"),
        ("oci:images/", "oci:images/app:v1"),
    ] {
        assert_eq!(in_registry(registry, &image).unwrap().to_string(), expected, "{registry}");
    }
    for registry in ["docker://localhost:5998", "docker://r.example.com", "docker://r.io/me"] {
        let failure = in_registry(registry, &image).unwrap_err();
        assert!(failure.to_string().contains(&format!("{registry}app:v1")), "{failure}");
        assert!(failure.way_out().is_some_and(|hint| hint.ends_with(&format!("{registry}/"))));
        assert!(check_registry(registry).is_err(), "{registry}");
    }
}

#[test]
fn what_is_no_registry_is_told_without_an_image() {
    for registry in ["docker://r.example.com/", "docker://r.example.com/me/our-", "oci:images/"] {
        assert!(check_registry(registry).is_ok(), "{registry}");
    }
    for (registry, why) in [
        ("ftp://x/", "unknown transport"),
        ("x", "unknown transport"),
        ("docker://r.example.com", "r.example.comNAME:TAG"),
        ("docker://r.example.com/Me/", "lower-case"),
        ("docker://me:s3cr3t@r.example.com/", "credentials do not belong"),
    ] {
        let failure = check_registry(registry).unwrap_err();
        assert_eq!(failure.kind(), Kind::Usage);
        assert!(failure.message().contains(why), "{registry}: {failure}");
        assert!(!failure.to_string().contains("s3cr3t"), "{failure}");
    }
}
