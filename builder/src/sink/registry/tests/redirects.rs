//! Requests that are sent elsewhere, bodies and all.

use super::*;

#[test]
fn a_request_with_a_body_is_made_again_where_it_is_redirected() {
    let moved = "/v2/app/blobs/uploads/?moved";
    for (method, part, status, to) in [
        ("POST", "/uploads/", 307, moved),
        ("POST", "/uploads/", 308, moved),
        ("PUT", "/manifests/", 307, "/v2/app/manifests/v1?moved"),
        ("PUT", "/manifests/", 308, "/v2/app/manifests/v1?moved"),
        ("HEAD", "/manifests/", 301, "/v2/app/manifests/v1?moved"),
        ("HEAD", "/blobs/", 302, "/v2/app/blobs/sha256:00?moved"),
    ] {
        // Credentials go along within the registry.
        for access in [Access::Open, Access::Basic] {
            let world = World::new(access);
            world.fake.fault(method, part, Fault::Redirect(status, to.to_owned()));
            let published = world.push_as(me()).unwrap_or_else(|e| panic!("{method} {part}: {e}"));
            world.assert_published(&published);
            assert!(world.fake.state().requests.iter().any(|asked| asked.ends_with("?moved")));
        }
    }
}

#[test]
fn the_body_of_a_blob_goes_where_it_is_redirected_and_credentials_do_not() {
    for after in ["PUT", "POST"] {
        let (world, store) = (World::new(Access::Basic), FakeRegistry::start(Access::Open));
        store.state().uploads.insert(7, Vec::new());
        let largest = image(world.directory.path(), world.large).layers[1].clone();
        let (digest, size) =
            crate::image::blob::write(&largest, &largest.codec.permit(), &mut std::io::sink())
                .unwrap();
        let upload = format!("http://{}/v2/app/blobs/uploads/7", store.address());
        match after {
            "PUT" => {
                let part = &*format!("digest={digest}").leak();
                world.fake.fault(
                    "PUT",
                    part,
                    Fault::Redirect(307, format!("{upload}?digest={digest}")),
                );
            }
            _ => {
                let headers = &*format!("Location: {upload}\r\n").leak();
                world.fake.fault("POST", "/uploads/", Fault::Status(202, headers));
            }
        }
        let published = world.push_as(me());
        published.unwrap_or_else(|error| panic!("{after}: {error}"));
        let there = store.state();
        assert_eq!(there.authorized, 0, "{after}: credentials went to another host");
        assert_eq!(there.blobs.len(), 1, "{after}");
        if after == "PUT" {
            assert_eq!(there.blobs.values().next().map(Vec::len), usize::try_from(size).ok());
        }
    }
}

#[test]
fn a_manifest_is_not_sent_to_another_host_with_our_credentials() {
    let (world, other) = (World::new(Access::Basic), FakeRegistry::start(Access::Basic));
    let place = format!("http://{}/v2/app/manifests/v1", other.address());
    world.fake.fault("PUT", "/manifests/", Fault::Redirect(307, place));
    let failure = world.push_as(me()).unwrap_err();
    assert_eq!(failure.kind(), Kind::Permission, "{failure}");
    assert!(failure.to_string().contains(other.address()), "{failure}");
    assert_eq!(other.state().authorized, 0);
    world.assert_nothing_published();
}

#[test]
fn a_registry_that_sends_round_in_circles_is_given_up() {
    let world = World::new(Access::Open);
    for _ in 0..100 {
        let place = "/v2/app/manifests/v1".to_owned();
        world.fake.fault("PUT", "/manifests/", Fault::Redirect(307, place));
    }
    let failure = world.push().unwrap_err().to_string();
    assert!(failure.contains("from place to place"), "{failure}");
    assert!(world.requests("PUT") < 20);
    world.assert_nothing_published();
}

#[test]
fn what_would_become_another_request_is_not_followed() {
    let world = World::new(Access::Open);
    world.fake.fault("POST", "/uploads/", Fault::Redirect(302, "/elsewhere".to_owned()));
    let failure = world.push().unwrap_err().to_string();
    assert!(failure.contains("refuses to begin an upload of blob sha256:"), "{failure}");
    assert!(!world.fake.state().requests.iter().any(|asked| asked.contains("/elsewhere")));
}

#[test]
fn a_host_that_cannot_be_reached_is_named_when_a_registry_sends_there() {
    for (method, part) in [("POST", "/uploads/"), ("PUT", "/manifests/"), ("HEAD", "/manifests/")] {
        let world = World::new(Access::Open);
        let silent = World { policy: Policy { times: 0, ..world.policy }, ..world };
        // Nobody listens on this port.
        let nowhere = "http://127.0.0.1:1/somewhere".to_owned();
        silent.fake.fault(method, part, Fault::Redirect(307, nowhere));
        let failure = silent.push().unwrap_err();
        let expected =
            format!("cannot talk to 127.0.0.1:1, where {} sends: ", silent.fake.address());
        assert!(failure.message().starts_with(&expected), "{method} {part}: {failure}");
    }
}
