//! A registry that keeps its connections open and says nothing.

use super::*;

/// Short for a registry, and long for one on this machine.
const SHORT: Duration = Duration::from_millis(500);

fn impatient(access: Access) -> World {
    World { silence: SHORT, ..World::new(access) }
}

#[test]
fn a_registry_that_falls_silent_is_asked_again() {
    for (access, method, part, fault) in [
        (Access::Open, "HEAD", "/blobs/", Fault::Stall),
        (Access::Open, "PUT", "/uploads/", Fault::Stall),
        (Access::Bearer, "GET", "/token", Fault::Stall),
        (Access::Bearer, "GET", "/token", Fault::HalfAnswer(200)),
    ] {
        let mut world = impatient(access);
        let about = if method == "PUT" { the_larger(&mut world) } else { part.to_owned() };
        world.fake.fault(method, about.leak(), fault.clone());
        let credentials = if access == Access::Open { Credentials::Anonymous } else { me() };
        let (published, events) = world.push_to("app", credentials);
        let published = published.unwrap_or_else(|e| panic!("{method} {part} {fault:?}: {e}"));
        world.assert_published(&published);
        assert!(world.fake.state().faults.is_empty(), "{method} {part} {fault:?} never was");
        let waits = |event: &&Event| matches!(event.step, Step::Waiting { .. });
        assert!(events.iter().any(|event| waits(&event)) || part == "/token", "{method} {part}");
    }
}

#[test]
fn what_the_silence_was_is_told_when_it_lasts() {
    for (method, part, fault, expected) in [
        ("HEAD", "/manifests/", Fault::Stall, "it has sent nothing for 0.5 s"),
        ("PUT", "/uploads/", Fault::Stall, "it has taken nothing for 0.5 s"),
        // Its status has been heard.
        ("POST", "/uploads/", Fault::HalfAnswer(400), "(status 400)"),
    ] {
        let mut world = impatient(Access::Open);
        world.policy.times = 0;
        let about = if method == "PUT" { the_larger(&mut world) } else { part.to_owned() };
        world.fake.fault(method, about.leak(), fault.clone());
        let failure = world.push().unwrap_err();
        assert!(failure.to_string().contains(expected), "{method} {part}: {failure}");
        assert!(failure.to_string().contains(world.fake.address()), "{failure}");
        world.assert_nothing_published();
    }
}

#[test]
fn a_manifest_that_never_ends_is_asked_for_again() {
    let world = impatient(Access::Open);
    world.push().unwrap();
    world.fake.fault("GET", "/manifests/", Fault::HalfAnswer(200));
    let current = world.reading("app", Credentials::Anonymous).current().unwrap();
    assert_eq!(current.unwrap().layers.len(), 2);
    for _ in 0..100 {
        world.fake.fault("GET", "/manifests/", Fault::HalfAnswer(200));
    }
    let impatient = World { policy: Policy { times: 0, ..world.policy }, ..world };
    let failure = impatient.reading("app", Credentials::Anonymous).current().unwrap_err();
    assert!(failure.to_string().contains("it has sent nothing for 0.5 s"), "{failure}");
}

/// What the upload of the larger layer has in its address; it is more than fits into the buffers on the
/// way.
fn the_larger(world: &mut World) -> String {
    world.large = 9_000_000;
    let layer = image(world.directory.path(), world.large).layers[1].clone();
    let permit = layer.codec.permit();
    let (digest, _) = crate::image::blob::write(&layer, &permit, &mut io::sink()).unwrap();
    format!("digest={digest}")
}
