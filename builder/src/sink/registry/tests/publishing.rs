//! The last step: what became of the manifest.

use super::*;
use crate::image::manifest::Descriptor;

/// Sends a manifest of its own, with trouble that may also meet whoever asks for it afterwards.
fn put(trouble: &[(&'static str, Fault)]) -> (Result<()>, World) {
    let world = World::new(Access::Open);
    for (method, fault) in trouble {
        for _ in 0..100 {
            world.fake.fault(method, "/manifests/", fault.clone());
        }
    }
    let registry = world.registry("app", Credentials::Anonymous, Arc::new(Silent)).unwrap();
    let (bytes, url) = (b"{}", registry.manifest_url());
    let about = Descriptor::new("application/json", Digest::of(bytes), bytes.len() as u64);
    (registry.put_manifest(&url, bytes, &about), world)
}

#[test]
fn a_manifest_whose_answer_is_lost_is_asked_for() {
    let (result, world) = put(&[("PUT", Fault::LoseAnswer)]);
    result.unwrap();
    assert_eq!((world.requests("PUT"), world.requests("HEAD")), (1, 1));

    let (result, world) = put(&[("PUT", Fault::LoseAnswer), ("HEAD", Fault::Status(500, ""))]);
    let failure = result.unwrap_err();
    let told = failure.to_string();
    assert!(told.contains("it is not known whether app:v1 is published"), "{told}");
    assert!(!told.contains("nothing has been published"), "{told}");
    assert!(!world.fake.state().manifests.is_empty(), "which is why");

    let (result, world) = put(&[("PUT", Fault::HangUp)]);
    let told = result.unwrap_err().to_string();
    assert!(told.contains("nothing has been published"), "{told}");
    world.assert_nothing_published();
}

#[test]
fn an_answer_that_is_no_registry_s_is_believed_only_when_the_manifest_is_there() {
    for status in [200, 202, 204] {
        let (result, _) = put(&[("PUT", Fault::AnswerAs(status))]);
        result.unwrap_or_else(|error| panic!("{status}: {error}"));
        let (result, world) = put(&[("PUT", Fault::Status(status, "Content-Type: text/html\r\n"))]);
        let told = result.unwrap_err().to_string();
        assert!(told.contains("has not got it") && told.contains("hint: "), "{status}: {told}");
        world.assert_nothing_published();
    }
}

#[test]
fn another_manifest_than_the_one_that_was_sent_is_told_with_its_place() {
    let (result, world) = put(&[("PUT", Fault::WrongDigest)]);
    let told = result.unwrap_err().to_string();
    assert!(told.contains(world.fake.address()) && told.contains("as app:v1"), "{told}");
}

#[test]
fn an_image_in_docker_s_format_is_found_again_by_it_and_by_no_other() {
    let world = World::new(Access::Open);
    let push = |format| {
        let watch = Arc::new(Silent);
        let registry = world.registry("app", Credentials::Anonymous, watch).unwrap();
        registry.in_format(format).put(&image(world.directory.path(), world.large)).unwrap()
    };
    let first = push(Format::Docker);
    world.assert_published(&first);
    let manifest: serde_json::Value =
        serde_json::from_slice(&world.fake.state().manifests["v1"]).unwrap();
    let docker = "application/vnd.docker.";
    let types = [&manifest, &manifest["config"], &manifest["layers"][1]];
    for one in types.map(|one| one["mediaType"].as_str().unwrap()) {
        assert!(one.starts_with(docker), "{one}");
    }
    assert!(push(Format::Docker).unchanged);
    let other = push(Format::Oci);
    assert!(!other.unchanged && other.digest != first.digest);
}
