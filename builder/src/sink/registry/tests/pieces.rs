//! Blobs in pieces, for those who take no large bodies.

use super::*;

#[test]
fn a_body_too_large_for_what_stands_before_the_registry_goes_in_pieces() {
    let habits = Habits { largest_body: Some(5_000_000), ..Habits::default() };
    let world = World::with_habits(habits);
    let published = world.push().unwrap();
    world.assert_published(&published);
    assert_eq!(world.requests("PATCH"), 3);
    // The refused piece was never sent: what came in is the image, and not more.
    assert!(world.fake.state().received < 9_100_000, "{}", world.fake.state().received);
}

#[test]
fn an_upload_in_pieces_is_resumed_where_it_stopped() {
    let habits = Habits { largest_body: Some(5_000_000), ..Habits::default() };
    for fault in [
        Fault::Keep(1_000_000),
        Fault::Status(503, ""),
        Fault::Status(429, "Retry-After: 0\r\n"),
        Fault::HangUp,
        Fault::LoseAnswer,
    ] {
        let world = World::with_habits(habits);
        world.fake.fault("PATCH", "/uploads/", fault.clone());
        let published = world.push().unwrap_or_else(|e| panic!("{fault:?}: {e}"));
        world.assert_published(&published);
        // Never again from the beginning.
        let received = world.fake.state().received;
        assert!(received < 9_100_000 + 4_200_000, "{fault:?}: {received}");
        assert!(world.fake.state().faults.is_empty());
    }
}

#[test]
fn a_registry_that_drops_pieces_is_found_out_and_nothing_is_published() {
    let habits =
        Habits { largest_body: Some(5_000_000), ignores_pieces: true, ..Habits::default() };
    let world = World::with_habits(habits);
    let failure = world.push().unwrap_err();
    assert!(failure.to_string().contains("says it has blob"), "{failure}");
    world.assert_nothing_published();
}

#[test]
fn pieces_that_are_too_large_become_smaller_once() {
    let habits = Habits { largest_body: Some(1024 * 1024), ..Habits::default() };
    let world = World::with_habits(habits);
    let (published, events) = world.push_to("app", Credentials::Anonymous);
    world.assert_published(&published.unwrap());
    // 4 and 2 MiB are refused, without their bytes; nine pieces of 1 MiB go through.
    assert_eq!(world.requests("PATCH"), 2 + 9, "{:?}", world.fake.state().requests);
    assert!(world.fake.state().received < 9_100_000, "{}", world.fake.state().received);
    // Each counts when it goes out, from where the one before ended.
    let mut sent: Vec<u64> = Vec::new();
    for event in events.iter().filter(|event| event.size.is_some_and(|size| size > 5_000_000)) {
        sent.extend(if let Step::Sending { sent } = event.step { Some(sent) } else { None });
    }
    assert!(sent.is_sorted(), "{sent:?}");
    assert!(sent.contains(&(1024 * 1024)) && sent.contains(&(3 * 1024 * 1024)), "{sent:?}");
}

#[test]
fn pieces_are_never_smaller_than_a_registry_takes_them() {
    let least_piece = 5 * 1024 * 1024;
    let habits = Habits { largest_body: Some(8_000_000), least_piece, ..Habits::default() };
    let mut world = World::with_habits(habits);
    world.assert_published(&world.push().unwrap());
    // One for all of it is refused.
    assert_eq!(world.requests("PATCH"), 1 + 2, "{:?}", world.fake.state().requests);
    world = World::with_habits(habits);
    world.large = 12_000_000;
    world.assert_published(&world.push().unwrap());
    let asked = world.fake.state().requests.clone();
    assert_eq!(world.requests("PATCH"), 2, "two of one size: {asked:?}");
    // Where nothing goes through between the two, both are told.
    let habits = Habits { largest_body: Some(4_000_000), ..habits };
    let world = World::with_habits(habits);
    let failure = world.push().unwrap_err();
    let told = failure.to_string();
    assert!(told.contains(&format!("of {least_piece} bytes")), "{told}");
    assert!(told.contains("status 413") && failure.way_out().is_some(), "{told}");
    world.assert_nothing_published();
}

#[test]
fn a_registry_that_takes_a_piece_for_the_whole_is_told_as_one() {
    let habits = Habits { largest_body: Some(5_000_000), ends_early: true, ..Habits::default() };
    let world = World::with_habits(habits);
    let failure = world.push().unwrap_err();
    assert!(failure.to_string().contains("for all of it (status 201)"), "{failure}");
    assert!(failure.way_out().is_some_and(|hint| hint.contains("in pieces")), "{failure}");
    world.assert_nothing_published();
}
