//! Pushing, against a registry that misbehaves.

use std::path::Path;
use std::time::Duration;

use super::fake::{Access, FakeRegistry, Fault};
use super::*;
use crate::image::Source;
use crate::image::{Codec, Config, History, codec};
use crate::registry::{Credentials, Options, Reference};

/// An image of two layers, whose bytes are in files.
fn image(directory: &Path) -> Image {
    let layer = |name: &str, size: usize| {
        // Bytes that do not compress, so that a body is too long to be sent at once.
        let mut seed = size as u64 | 1;
        let bytes: Vec<u8> = (0..size)
            .map(|_| {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                seed.to_le_bytes()[0]
            })
            .collect();
        let file = directory.join(name);
        std::fs::write(&file, &bytes).unwrap();
        Layer {
            digest: Digest::of(&bytes),
            size: bytes.len() as u64,
            diff_id: Digest::of(&bytes),
            media_type: codec::TAR.to_owned(),
            source: Source::File(file),
            history: History::default(),
            codec: Codec::default(),
        }
    };
    Image {
        name: Some("app".into()),
        tag: Some("v1".into()),
        architecture: "amd64".into(),
        created: Some("1970-01-01T00:00:01Z".into()),
        config: Config::default(),
        layers: vec![layer("small", 10_000), layer("large", 400_000)],
    }
}

struct World {
    directory: tempfile::TempDir,
    fake: FakeRegistry,
}

impl World {
    fn new(access: Access) -> Self {
        Self { directory: tempfile::tempdir().unwrap(), fake: FakeRegistry::start(access) }
    }

    fn push_as(&self, credentials: Credentials) -> Result<Published> {
        let reference = Reference::parse(&format!("{}/app:v1", self.fake.address())).unwrap();
        let options = Options {
            credentials,
            verify_tls: true,
            certificates: None,
            retries: 3,
            pause: Duration::from_millis(1),
        };
        let cache = Cache::at(self.directory.path().join("cache"));
        let client = Client::new(reference, options)?;
        Registry::new(client, cache).put(&image(self.directory.path()))
    }

    fn push(&self) -> Result<Published> {
        self.push_as(Credentials::Anonymous)
    }

    /// The manifest is there, and so is every blob it names.
    fn assert_published(&self, published: &Published) {
        let state = self.fake.state();
        let manifest = &state.manifests["v1"];
        assert_eq!(Digest::of(manifest), published.digest);
        let manifest: serde_json::Value = serde_json::from_slice(manifest).unwrap();
        let layers = manifest["layers"].as_array().unwrap();
        assert_eq!(layers.len(), 2);
        for descriptor in layers.iter().chain([&manifest["config"]]) {
            let blob = &state.blobs[descriptor["digest"].as_str().unwrap()];
            assert_eq!(Some(blob.len() as u64), descriptor["size"].as_u64());
        }
    }
}

fn me() -> Credentials {
    Credentials::parse("me:secret").unwrap()
}

#[test]
fn an_image_that_is_there_costs_one_request() {
    let world = World::new(Access::Open);
    let first = world.push().unwrap();
    world.assert_published(&first);
    world.fake.state().requests.clear();
    let second = world.push().unwrap();
    assert!(second.unchanged && !first.unchanged);
    let requests: Vec<String> = world.fake.state().requests.clone();
    assert_eq!(requests, ["HEAD /v2/app/manifests/v1"]);
}

#[test]
fn blobs_that_are_there_are_not_sent_again() {
    let world = World::new(Access::Open);
    let published = world.push().unwrap();
    world.fake.state().manifests.clear();
    world.fake.state().requests.clear();
    assert_eq!(world.push().unwrap().digest, published.digest);
    let state = world.fake.state();
    assert!(!state.requests.iter().any(|request| request.starts_with("POST")), "{state:?}");
}

#[test]
fn passwords_and_tokens_are_shown_when_asked_for() {
    for access in [Access::Basic, Access::Bearer] {
        let world = World::new(access);
        let published = world.push_as(me()).unwrap();
        world.assert_published(&published);
        let failure = World::new(access).push().unwrap_err();
        assert_eq!(failure.kind(), Kind::Permission, "{access:?}: {failure}");
        assert!(failure.way_out().is_some());
    }
}

#[test]
fn a_bad_moment_of_the_registry_passes() {
    for (method, part, fault) in [
        ("PUT", "/uploads/", Fault::Status(503, "")),
        ("PUT", "/uploads/", Fault::Status(429, "Retry-After: 0\r\n")),
        ("PUT", "/uploads/", Fault::HangUp),
        ("POST", "/uploads/", Fault::Status(500, "")),
        ("HEAD", "/blobs/", Fault::Status(502, "")),
        ("PUT", "/manifests/", Fault::Status(504, "")),
        ("PUT", "/manifests/", Fault::HangUp),
    ] {
        let world = World::new(Access::Open);
        world.fake.fault(method, part, fault.clone());
        let published = world.push().unwrap_or_else(|e| panic!("{method} {part} {fault:?}: {e}"));
        world.assert_published(&published);
        assert!(world.fake.state().faults.is_empty(), "{method} {part} {fault:?} did not happen");
    }
}

#[test]
fn a_registry_that_keeps_failing_has_nothing_half_published() {
    let world = World::new(Access::Open);
    for _ in 0..100 {
        world.fake.fault("PUT", "/uploads/", Fault::Status(500, ""));
    }
    let failure = world.push().unwrap_err();
    assert!(failure.to_string().contains("status 500"), "{failure}");
    assert!(world.fake.state().manifests.is_empty());
}

#[test]
fn a_refusal_is_not_repeated_and_says_what_the_registry_said() {
    let world = World::new(Access::Open);
    world.fake.fault("POST", "/uploads/", Fault::Status(403, ""));
    world.fake.fault("POST", "/uploads/", Fault::Status(403, ""));
    let failure = world.push().unwrap_err();
    assert_eq!(failure.kind(), Kind::Permission);
    assert!(world.fake.state().manifests.is_empty());
}

#[test]
fn a_registry_that_stored_something_else_is_found_out() {
    let world = World::new(Access::Open);
    world.fake.fault("PUT", "/manifests/", Fault::WrongDigest);
    let failure = world.push().unwrap_err();
    assert!(failure.to_string().contains("the registry stored"), "{failure}");
}
