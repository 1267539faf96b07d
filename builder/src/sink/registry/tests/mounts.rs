//! Blobs that other repositories of the registry have.

use super::*;

#[test]
fn a_blob_of_a_neighbour_is_mounted_and_not_sent() {
    for access in [Access::Open, Access::Basic, Access::Bearer] {
        let world = World::new(access);
        let credentials = if access == Access::Open { Credentials::Anonymous } else { me() };
        // Pushing to the one tells where to find it for the other. The repository `app` is asked
        // for with a token of its own, `base` with one for both.
        let (first, _) = world.push_to("app", credentials.clone());
        let first = first.unwrap();
        let blobs: Vec<_> = {
            let mut state = world.fake.state();
            let blobs = std::mem::take(&mut state.blobs);
            state.blobs = blobs
                .iter()
                .map(|((_, d), b)| (("base".to_owned(), d.clone()), b.clone()))
                .collect();
            state.manifests.clear();
            state.requests.clear();
            state.received = 0;
            state.blobs.keys().cloned().collect()
        };
        let mut there = World::new(Access::Open);
        there.fake = world.fake.clone();
        there.named = vec!["base".to_owned()];
        let (second, events) = there.push_to("app", credentials);
        assert_eq!(second.unwrap().digest, first.digest, "{access:?}");
        there.assert_published(&first);
        let mounted = events.iter().filter(|e| matches!(e.step, Step::Mounted { .. })).count();
        assert_eq!(mounted, blobs.len(), "{access:?}: {:?}", there.fake.state().requests);
        // Nothing but the manifest.
        assert!(there.fake.state().received < 2_000, "{access:?}");
        let asked = there.fake.state().requests.clone();
        let mounts: Vec<_> = asked.iter().filter(|request| request.contains("mount=")).collect();
        assert!(mounts.iter().all(|request| request.contains("from=base")), "{mounts:?}");
    }
}

#[test]
fn where_a_blob_went_is_remembered_for_other_repositories() {
    let world = World::new(Access::Open);
    world.push_to("base", Credentials::Anonymous).0.unwrap();
    world.fake.state().manifests.clear();
    world.fake.state().received = 0;
    let published = world.push().unwrap();
    world.assert_published(&published);
    assert!(world.fake.state().received < 2_000);
}

#[test]
fn a_mount_that_is_refused_is_an_upload() {
    let refuse = |status| {
        let world = World::new(Access::Open);
        for _ in 0..3 {
            world.fake.fault("POST", "mount=", Fault::Status(status, ""));
        }
        world
    };
    let mut never = World::with_habits(Habits { never_mounts: true, ..Habits::default() });
    never.named = vec!["base".to_owned()];
    for mut world in [refuse(400), refuse(401), refuse(403), refuse(404), refuse(405), never] {
        world.named = vec!["base".to_owned()];
        let published = world.push().unwrap();
        world.assert_published(&published);
        let posts = world.requests("POST");
        // The upload that is offered in place of a mount is taken.
        let expected = if world.fake.state().habits.never_mounts { 3 } else { 6 };
        assert_eq!(posts, expected, "{:?}", world.fake.state().requests);
    }
}

#[test]
fn a_registry_that_fails_at_mounts_gets_the_blobs_themselves() {
    let faults = [Fault::Status(500, ""), Fault::Status(429, "Retry-After: 0\r\n"), Fault::HangUp];
    for fault in faults {
        let mut world = World::new(Access::Open);
        world.named = vec!["base".to_owned()];
        for _ in 0..100 {
            world.fake.fault("POST", "mount=", fault.clone());
        }
        let published = world.push().unwrap_or_else(|e| panic!("{fault:?}: {e}"));
        world.assert_published(&published);
        // One repetition a blob: a large blob is worth it, a registry that cannot is not. One that
        // is asked too often is given its pauses.
        let asked = world.fake.state().requests.clone();
        let mounts = asked.iter().filter(|request| request.contains("mount=")).count();
        let most = if matches!(fault, Fault::Status(429, _)) { 50 } else { 6 };
        assert!((6..=most).contains(&mounts), "{fault:?}: {asked:?}");
    }
}

#[test]
fn a_bad_moment_of_the_mount_costs_no_bytes() {
    let world = World::new(Access::Open);
    world.push_to("base", Credentials::Anonymous).0.unwrap();
    world.fake.state().manifests.clear();
    world.fake.state().received = 0;
    world.fake.fault("POST", "mount=", Fault::Status(503, ""));
    let published = world.push().unwrap();
    world.assert_published(&published);
    assert!(world.fake.state().received < 2_000);
}

#[test]
fn every_repository_that_is_named_is_looked_into() {
    for access in [Access::Open, Access::Bearer] {
        let world = World::new(access);
        let credentials = if access == Access::Open { Credentials::Anonymous } else { me() };
        world.push_to("app", credentials.clone()).0.unwrap();
        {
            let mut state = world.fake.state();
            let blobs = std::mem::take(&mut state.blobs);
            let base = |(_, digest): (String, String)| ("base".to_owned(), digest);
            state.blobs = blobs.into_iter().map(|(key, blob)| (base(key), blob)).collect();
            state.manifests.clear();
            state.requests.clear();
            state.received = 0;
        }
        let mut there = World::new(Access::Open);
        there.fake = world.fake.clone();
        there.named = ["no", "base", "neither"].map(str::to_owned).to_vec();
        there.push_to("app", credentials).0.unwrap();
        assert!(there.fake.state().received < 2_000, "{access:?}: it was sent");
        // Where it is not there is no upload begun in vain.
        let asked = there.fake.state().requests.clone();
        let posts = asked.iter().filter(|asked| asked.starts_with("POST")).count();
        assert_eq!(posts, 3, "{access:?}: {asked:?}");
    }
}

#[test]
fn a_place_that_has_lost_a_blob_does_not_hide_the_others() {
    let mut world = World::new(Access::Open);
    for repository in ["base", "stale"] {
        world.push_to(repository, Credentials::Anonymous).0.unwrap();
        world.fake.state().manifests.clear();
    }
    world.fake.state().blobs.retain(|(repository, _), _| repository == "base");
    world.fake.state().received = 0;
    world.named = vec!["no".to_owned()];
    let published = world.push().unwrap();
    world.assert_published(&published);
    assert!(world.fake.state().received < 2_000);
}
