//! Registries that want to be asked less often, or otherwise.

use super::*;

#[test]
fn a_registry_that_takes_few_requests_a_second_gets_no_more_and_the_image_arrives() {
    let mut world = World::new(Access::Open);
    world.fake.state().habits.per_second = Some(4);
    // One refusal may be in vain, and there are more of them than that.
    world.policy.times = 1;
    let (published, events) = world.push_to("app", Credentials::Anonymous);
    world.assert_published(&published.unwrap());
    let refused = world.fake.state().refused;
    // Both workers may find out at the same time.
    assert!((2..=8).contains(&refused), "{refused}");
    // Nothing is begun anew because of it: what was refused is repeated, and nothing else.
    let asked = world.fake.state().requests.len();
    assert_eq!(asked - refused, 11, "{:?}", world.fake.state().requests);
    assert!(events.iter().all(|event| !matches!(event.step, Step::Waiting { .. })), "{events:?}");
}

#[test]
fn a_registry_that_is_always_asked_too_often_is_given_up() {
    for (method, part) in [("HEAD", "/blobs/"), ("PUT", "/uploads/"), ("PUT", "/manifests/")] {
        let world = World::new(Access::Open);
        for _ in 0..1000 {
            world.fake.fault(method, part, Fault::Status(429, "Retry-After: 0\r\n"));
        }
        let failure = world.push().unwrap_err().to_string();
        assert!(failure.contains("status 429") && failure.contains("hint: "), "{failure}");
        assert!(world.fake.state().requests.len() < 60, "{method} {part}");
        world.assert_nothing_published();
    }
}

#[test]
fn long_pauses_are_told_whatever_is_waited_for() {
    let wait = |method, status, item: &str| {
        let world = World::new(Access::Open);
        let header = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
                      Retry-After: Sun, 06 Nov 1994 08:49:39 GMT\r\n";
        world.fake.fault(method, "/manifests/", Fault::Status(status, header));
        let (published, events) = world.push_to("app", Credentials::Anonymous);
        published.unwrap();
        let told: Vec<&Event> =
            events.iter().filter(|event| matches!(event.step, Step::Waiting { .. })).collect();
        assert_eq!(told.len(), 1, "{method} {status}: {told:?}");
        let two = Duration::from_secs(2);
        assert_eq!(told[0].item, item, "{method} {status}");
        assert!(matches!(told[0].step, Step::Waiting { pause, .. } if pause == two), "{told:?}");
    };
    // At the same time, since each takes as long as it says.
    std::thread::scope(|scope| {
        for method in ["HEAD", "PUT"] {
            scope.spawn(move || wait(method, 429, "registry"));
            scope.spawn(move || wait(method, 503, "manifest"));
        }
    });
}

#[test]
fn who_expects_no_expectations_gets_the_body_unasked() {
    let world = World::with_habits(Habits { no_expectations: true, ..Habits::default() });
    world.assert_published(&world.push().unwrap());
    assert!(world.requests("PUT") <= 3 + 1 + 1, "{:?}", world.fake.state().requests);
}
