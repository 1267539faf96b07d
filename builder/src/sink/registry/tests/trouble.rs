//! Moments of trouble, and trouble that stays.

use super::*;

/// Every request a push makes, with the ways in which each can go wrong for a moment.
#[test]
fn a_bad_moment_of_the_registry_passes_whichever_request_it_meets() {
    let faults = [
        Fault::Status(500, ""),
        Fault::Status(502, ""),
        Fault::Status(503, ""),
        Fault::Status(504, ""),
        Fault::Status(408, ""),
        Fault::Status(429, "Retry-After: 0\r\n"),
        Fault::Status(429, "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n"),
        Fault::HangUp,
        Fault::LoseAnswer,
    ];
    for (method, part) in
        [("HEAD", "/blobs/"), ("POST", "/uploads/"), ("PUT", "/uploads/"), ("PUT", "/manifests/")]
    {
        for fault in &faults {
            let world = World::new(Access::Open);
            world.fake.fault(method, part, fault.clone());
            let (published, events) = world.push_to("app", Credentials::Anonymous);
            let published = published.unwrap_or_else(|e| panic!("{method} {part} {fault:?}: {e}"));
            world.assert_published(&published);
            assert!(world.fake.state().faults.is_empty(), "{method} {part} {fault:?} never was");
            let waits = events.iter().filter(|e| matches!(e.step, Step::Waiting { .. })).count();
            // What comes too often is sent again by itself, after a pause too short to tell.
            let told = part != "/manifests/" && !matches!(fault, Fault::Status(429, _));
            assert_eq!(waits, usize::from(told), "{method} {part} {fault:?}");
        }
    }
}

#[test]
fn a_pause_the_registry_asks_for_is_kept() {
    let world = World::new(Access::Open);
    world.fake.fault("PUT", "/manifests/", Fault::Status(429, "Retry-After: 1\r\n"));
    let began = std::time::Instant::now();
    world.push().unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
}

#[test]
fn a_registry_that_keeps_failing_has_nothing_half_published() {
    for (method, part) in
        [("HEAD", "/blobs/"), ("POST", "/uploads/"), ("PUT", "/uploads/"), ("PUT", "/manifests/")]
    {
        let world = World::new(Access::Open);
        for _ in 0..100 {
            world.fake.fault(method, part, Fault::Status(500, ""));
        }
        let failure = world.push().unwrap_err().to_string();
        assert!(failure.contains("status 500"), "{method} {part}: {failure}");
        // What cannot be done, and with what of the image.
        let of = if part == "/manifests/" { "app:v1" } else { "blob sha256:" };
        assert!(failure.contains(" is unable to ") && failure.contains(of), "{part}: {failure}");
        assert!(failure.contains("app"), "{part}: {failure}");
        world.assert_nothing_published();
    }
    let world = World::new(Access::Open);
    for _ in 0..100 {
        world.fake.fault("PUT", "/uploads/", Fault::HangUp);
    }
    let failure = world.push().unwrap_err();
    assert_eq!(failure.kind(), Kind::Io);
    assert!(failure.to_string().contains("nothing has been published"), "{failure}");
    world.assert_nothing_published();
}

#[test]
fn a_refusal_is_not_repeated_and_says_what_the_registry_said() {
    for (status, kind) in [(403, Kind::Permission), (400, Kind::Protocol), (405, Kind::Protocol)] {
        let world = World::new(Access::Open);
        for _ in 0..3 {
            world.fake.fault("POST", "/uploads/", Fault::Status(status, ""));
        }
        let failure = world.push().unwrap_err();
        assert_eq!(failure.kind(), kind, "{failure}");
        assert!(failure.to_string().contains(&format!("status {status}")), "{failure}");
        // One a layer.
        assert!(world.requests("POST") <= 2);
        world.assert_nothing_published();
    }
}

#[test]
fn a_refused_body_is_never_sent() {
    let world = World::new(Access::Open);
    for _ in 0..3 {
        world.fake.fault("PUT", "/uploads/", Fault::Status(403, ""));
    }
    assert_eq!(world.push().unwrap_err().kind(), Kind::Permission);
    assert!(world.fake.state().received < 1_000_000, "{}", world.fake.state().received);
}

#[test]
fn a_registry_that_stored_something_else_is_found_out() {
    for part in ["/manifests/", "/uploads/"] {
        let world = World::new(Access::Open);
        world.fake.fault("PUT", part, Fault::WrongDigest);
        let failure = world.push().unwrap_err();
        assert!(failure.to_string().contains(" stored sha256:"), "{part}: {failure}");
    }
}

#[test]
fn a_bad_moment_of_the_token_endpoint_passes() {
    for fault in [
        Fault::Status(500, ""),
        Fault::Status(503, ""),
        Fault::Status(429, "Retry-After: 0\r\n"),
        Fault::HangUp,
        Fault::LoseAnswer,
    ] {
        let world = World::new(Access::Bearer);
        world.fake.fault("GET", "/token", fault.clone());
        let published = world.push_as(me()).unwrap_or_else(|e| panic!("{fault:?}: {e}"));
        world.assert_published(&published);
        assert!(world.fake.state().faults.is_empty());
    }
}

#[test]
fn a_token_endpoint_that_keeps_failing_is_not_a_matter_of_passwords() {
    let world = World::new(Access::Bearer);
    for _ in 0..100 {
        world.fake.fault("GET", "/token", Fault::Status(503, ""));
    }
    let failure = world.push_as(me()).unwrap_err();
    assert_eq!(failure.kind(), Kind::Protocol, "{failure}");
    assert!(failure.to_string().contains("cannot get a token"), "{failure}");
    assert!(!failure.way_out().is_some_and(|hint| hint.contains("log in")), "{failure}");
    world.assert_nothing_published();
}

#[test]
fn an_upload_a_registry_has_forgotten_is_begun_anew() {
    for status in [404, 416] {
        let world = World::new(Access::Open);
        world.fake.fault("PUT", "/uploads/", Fault::Status(status, ""));
        let published = world.push().unwrap_or_else(|e| panic!("{status}: {e}"));
        world.assert_published(&published);
        assert_eq!(world.requests("POST"), 4, "{status}");
    }
}

#[test]
fn an_upload_that_begins_nowhere_is_told_as_one() {
    let world = World::new(Access::Open);
    for _ in 0..3 {
        world.fake.fault("POST", "/uploads/", Fault::Status(202, ""));
    }
    let failure = world.push().unwrap_err().to_string();
    assert!(failure.contains("to begin an upload of blob sha256:"), "{failure}");
    assert!(failure.contains("does not say where"), "{failure}");
    world.assert_nothing_published();
}

#[test]
fn a_bad_moment_passes_when_the_tag_is_looked_at() {
    for fault in [Fault::Status(500, ""), Fault::Status(503, ""), Fault::HangUp, Fault::LoseAnswer]
    {
        let world = World::new(Access::Open);
        let first = world.push().unwrap();
        world.fake.fault("HEAD", "/manifests/", fault.clone());
        let second = world.push().unwrap_or_else(|e| panic!("{fault:?}: {e}"));
        assert!(second.unchanged && second.digest == first.digest, "{fault:?}");
        world.fake.fault("GET", "/manifests/", fault.clone());
        let registry = world.registry("app", Credentials::Anonymous, Arc::new(Silent)).unwrap();
        let current = registry.current().unwrap_or_else(|e| panic!("{fault:?}: {e}"));
        assert_eq!(current.unwrap().layers.len(), 2, "{fault:?}");
        assert!(world.fake.state().faults.is_empty(), "{fault:?}");
    }
    let world = World::new(Access::Open);
    world.push().unwrap();
    for _ in 0..100 {
        world.fake.fault("HEAD", "/manifests/", Fault::Status(500, ""));
    }
    let failure = world.push().unwrap_err().to_string();
    assert!(failure.contains("is unable to look for app:v1"), "{failure}");
}
