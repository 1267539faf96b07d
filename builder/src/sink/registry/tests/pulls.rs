//! Getting back what has been pushed.

use super::*;
use crate::registry::pull::pull;

/// Pulls what the tag stands for into a directory of its own.
fn pulled(world: &World, name: &str) -> (Result<Digest>, std::path::PathBuf) {
    let reference = Reference::parse(&format!("{}/app:v1", world.fake.address())).unwrap();
    let options = Options { policy: world.policy, ..Options::anonymous() };
    let client = Client::new(reference, options).unwrap();
    let directory = world.directory.path().join(name);
    (pull(&client, "v1", "amd64", &directory), directory.join("blobs/sha256"))
}

#[test]
fn a_blob_is_taken_as_long_as_it_is_said_to_be_and_no_longer() {
    let world = World::new(Access::Open);
    let published = world.push().unwrap();
    let (digest, blobs) = pulled(&world, "whole");
    assert_eq!(digest.unwrap(), published.digest);
    let large = {
        let state = world.fake.state();
        let (key, _) = state.blobs.iter().max_by_key(|(_, blob)| blob.len()).unwrap();
        key.clone()
    };
    let file = Digest::parse(&large.1).unwrap().hex();
    assert_eq!(std::fs::read(blobs.join(&file)).unwrap(), world.fake.state().blobs[&large]);

    world.fake.state().blobs.get_mut(&large).unwrap().extend([0; 1000]);
    let (result, blobs) = pulled(&world, "more");
    let failure = result.unwrap_err().to_string();
    assert!(failure.contains("sends more than the "), "{failure}");
    assert!(!blobs.join(&file).exists());
}
