//! Who may push, and how a registry finds out.

use super::*;

#[test]
fn passwords_and_tokens_are_shown_when_asked_for() {
    for access in [Access::Basic, Access::Bearer] {
        let world = World::new(access);
        let published = world.push_as(me()).unwrap();
        world.assert_published(&published);
        let world = World::new(access);
        let failure = world.push().unwrap_err();
        assert_eq!(failure.kind(), Kind::Permission, "{access:?}: {failure}");
        assert!(failure.way_out().is_some());
        world.assert_nothing_published();
    }
    let world = World::new(Access::Bearer);
    let published = world.push_as(Credentials::Bearer("app".to_owned())).unwrap();
    world.assert_published(&published);
    assert!(world.push_as(Credentials::Bearer("old".to_owned())).is_err());
}

#[test]
fn of_several_things_a_registry_asks_for_one_is_shown() {
    for also_asks in [
        "WWW-Authenticate: Negotiate\r\n",
        "WWW-Authenticate: Basic realm=\"y\"\r\n",
        "WWW-Authenticate: Negotiate, Digest realm=\"a, b\", nonce=x\r\n",
    ] {
        for access in [Access::Basic, Access::Bearer] {
            let world = World::new(access);
            world.fake.state().habits.also_asks = also_asks;
            let published = world.push_as(me()).unwrap_or_else(|e| panic!("{also_asks}: {e}"));
            world.assert_published(&published);
        }
    }
}

#[test]
fn a_token_that_expires_on_the_way_is_replaced() {
    let mut world = World::with_habits(Habits { token_lasts: Some(2), ..Habits::default() });
    let habits = world.fake.state().habits;
    world.fake = FakeRegistry::start(Access::Bearer);
    world.fake.state().habits = habits;
    let published = world.push_as(me()).unwrap();
    world.assert_published(&published);
    let asked = world.fake.state().requests.clone();
    let tokens = asked.iter().filter(|request| request.starts_with("GET /token")).count();
    assert!(tokens >= 4, "{asked:?}");
}
