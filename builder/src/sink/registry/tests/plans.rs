//! What is asked before anything is sent, with the right to read alone.

use super::*;

/// A blob of the image, with its size.
fn blob(world: &World) -> (Digest, u64) {
    let state = world.fake.state();
    let ((_, digest), bytes) = state.blobs.iter().next().unwrap();
    (Digest::parse(digest).unwrap(), bytes.len() as u64)
}

#[test]
fn a_neighbour_that_refuses_is_as_if_it_had_nothing() {
    for status in [400, 401, 403, 404, 405, 500, 502] {
        let world = World::new(Access::Open);
        world.push_to("base", Credentials::Anonymous).0.unwrap();
        let (digest, size) = blob(&world);
        let registry = world.reading("app", Credentials::Anonymous);
        assert_eq!(registry.neighbour(&digest, size), Some("base".to_owned()));
        for _ in 0..10 {
            world.fake.fault("HEAD", "/v2/base/", Fault::Status(status, ""));
        }
        assert_eq!(registry.neighbour(&digest, size), None, "{status}");
    }
}

#[test]
fn a_neighbour_one_gets_no_token_for_is_as_if_it_had_nothing() {
    let mut world = World::new(Access::Open);
    world.push().unwrap();
    let (digest, size) = blob(&world);
    let there = world.fake.clone();
    world.fake = FakeRegistry::start(Access::Bearer);
    world.fake.state().blobs = there.state().blobs.clone();
    world.named = vec!["base".to_owned()];
    let registry = world.reading("app", me());
    assert!(registry.has_blob(&digest, size).unwrap());
    world.fake.fault("GET", "/token", Fault::Status(403, ""));
    assert_eq!(registry.neighbour(&digest, size), None);
}

#[test]
fn who_reads_asks_for_no_more_than_that() {
    let world = World::new(Access::Bearer);
    world.push_as(me()).unwrap();
    world.fake.state().requests.clear();
    assert!(world.reading("app", me()).digest().unwrap().is_some());
    let asked = world.fake.state().requests.clone();
    let tokens: Vec<_> = asked.iter().filter(|asked| asked.contains("/token")).collect();
    assert_eq!(tokens.len(), 1, "{asked:?}");
    assert!(tokens[0].ends_with("scope=repository%3Aapp%3Apull"), "{tokens:?}");
}

#[test]
fn a_manifest_whose_digest_is_not_told_or_told_otherwise_is_known_by_its_bytes() {
    for fault in [Fault::NoDigest, Fault::Status(200, "Docker-Content-Digest: sha512:00\r\n")] {
        let world = World::new(Access::Open);
        let published = world.push().unwrap();
        world.fake.fault("HEAD", "/manifests/", fault.clone());
        let digest = world.reading("app", Credentials::Anonymous).digest().unwrap();
        assert_eq!(digest.as_ref(), Some(&published.digest), "{fault:?}");
        // So it need not be sent again either.
        world.fake.fault("HEAD", "/manifests/", fault);
        world.fake.state().requests.clear();
        assert!(world.push().unwrap().unchanged);
        assert_eq!(world.requests("PUT"), 0);
    }
}

#[test]
fn an_image_without_its_configuration_is_told_as_far_as_it_goes() {
    let world = World::new(Access::Open);
    world.push().unwrap();
    let huge = &*" ".repeat(5 * 1024 * 1024).leak();
    for (status, body) in [(403, ""), (404, ""), (200, "{"), (200, huge)] {
        world.fake.fault("GET", "/blobs/", Fault::Say(status, body));
        let registry = world.reading("app", Credentials::Anonymous);
        let current = registry.current().unwrap().unwrap();
        assert_eq!((current.layers.len(), current.config), (2, serde_json::Value::Null));
        assert!(current.unread.is_some(), "{status}");
    }
}
