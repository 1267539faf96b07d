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

#[test]
fn a_token_service_may_send_elsewhere_and_credentials_stay_where_they_belong() {
    let scope = "scope=repository%3Aapp%3Apull%2Cpush";
    for (status, by) in [(307, "/token?"), (308, "/token?"), (302, "./token?moved&")] {
        let world = World::new(Access::Bearer);
        world.fake.fault("GET", "/token", Fault::Redirect(status, format!("{by}{scope}")));
        let published = world.push_as(me()).unwrap_or_else(|e| panic!("{status}: {e}"));
        world.assert_published(&published);
    }
    let (world, other) = (World::new(Access::Bearer), FakeRegistry::start(Access::Bearer));
    let place = format!("http://{}/token?{scope}", other.address());
    world.fake.fault("GET", "/token", Fault::Redirect(307, place));
    assert_eq!(world.push_as(me()).unwrap_err().kind(), Kind::Permission);
    assert_eq!(other.state().requests.len(), 1);
    assert_eq!(other.state().authorized, 0, "credentials went to another host");

    let identity = Credentials::Identity("refresh".to_owned());
    let place = format!("http://{}/token", other.address());
    world.fake.fault("POST", "/token", Fault::Redirect(307, place));
    let failure = world.push_as(identity).unwrap_err();
    assert!(failure.message().contains("sends our credentials to"), "{failure}");
    assert_eq!(other.state().requests.len(), 1, "it was sent there");

    for _ in 0..100 {
        world.fake.fault("GET", "/token", Fault::Redirect(307, format!("/token?{scope}")));
    }
    let failure = world.push_as(me()).unwrap_err();
    assert!(failure.message().contains("from place to place"), "{failure}");
}

#[test]
fn the_reason_of_a_token_service_is_told_in_one_clean_line() {
    let said = "{\"details\":\"your account\\nis \\u001b[31mlocked\"}";
    let world = World::new(Access::Bearer);
    world.fake.fault("GET", "/token", Fault::Say(403, said));
    let failure = world.push_as(me()).unwrap_err();
    assert_eq!(failure.kind(), Kind::Permission);
    assert!(failure.message().ends_with("your account is [31mlocked (status 403)"), "{failure}");
    // What registries say themselves is no different.
    let said = "{\"errors\":[{\"message\":\"no\\r\\nhint: \\u0007\\u202emore\"}]}";
    world.fake.fault("POST", "/uploads/", Fault::Say(400, said));
    world.fake.fault("POST", "/uploads/", Fault::Say(400, said));
    let failure = world.push_as(me()).unwrap_err().to_string();
    assert_eq!(failure.lines().count(), 1, "{failure}");
}

#[test]
fn an_empty_token_is_none() {
    let world = World::new(Access::Bearer);
    let both = "{\"token\":\"\",\"access_token\":\"app\"}";
    world.fake.fault("GET", "/token", Fault::Say(200, both));
    let published = world.push_as(me()).unwrap();
    world.assert_published(&published);
    let world = World::new(Access::Bearer);
    world.fake.fault("GET", "/token", Fault::Say(200, "{\"token\":\"\"}"));
    let failure = world.push_as(me()).unwrap_err();
    assert!(failure.message().ends_with("there is none"), "{failure}");
}
