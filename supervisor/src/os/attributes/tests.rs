//! What each error says, and how attributes travel.

use super::*;

#[test]
fn each_refusal_names_what_was_wanted_and_what_it_takes() {
    let resource = Resource::parse("nofile").expect("a limit");
    let attributes = Attributes {
        limits: vec![(resource, libc::rlimit { rlim_cur: 10, rlim_max: libc::RLIM_INFINITY })],
        nice: Some(-5),
        oom_score_adj: Some(c"-500".to_owned()),
        credentials: Credentials { user: Some(26), group: Some(27), ..Credentials::default() },
        capabilities: Some(Granted {
            ambient: 1 << 10,
            effective: 0,
            permitted: 0,
            inheritable: 0,
        }),
        ..Attributes::default()
    };
    for (attribute, errno, want) in [
        (
            Attribute::Limit(resource),
            Errno::EPERM,
            "cannot set its limit nofile to 10:unlimited: Operation not permitted \
             (this takes CAP_SYS_RESOURCE)",
        ),
        (
            Attribute::Nice,
            Errno::EACCES,
            "cannot set its niceness to -5: Permission denied (this takes CAP_SYS_NICE)",
        ),
        (
            Attribute::OomScore,
            Errno::ENOENT,
            "cannot set its oom_score_adj to -500: No such file or directory",
        ),
        (
            Attribute::User,
            Errno::EPERM,
            "cannot change to user 26: Operation not permitted (this takes CAP_SETUID)",
        ),
        (
            Attribute::Group,
            Errno::EPERM,
            "cannot change to group 27: Operation not permitted (this takes CAP_SETGID)",
        ),
        (
            Attribute::Capabilities,
            Errno::EPERM,
            "cannot give it CAP_NET_BIND_SERVICE: Operation not permitted",
        ),
    ] {
        assert_eq!(attributes.explain(attribute, errno), want);
    }
}

#[test]
fn a_capability_nobody_has_is_refused_before_anything_is_started() {
    let ours = apply::own_capabilities().expect("the kernel tells");
    let beyond = Capabilities::from_bits(!ours.permitted & (1 << 63));
    let error = grant(beyond, Some(1)).expect_err("no kernel knows that many");
    assert_eq!(error, "cannot give it capability 63: the supervisor does not have it itself");
    assert!(grant(Capabilities::default(), Some(1)).is_ok_and(|granted| granted.is_none()));
}

#[test]
fn groups_that_are_set_already_are_left_alone() {
    let ours: Vec<u32> = nix::unistd::getgroups()
        .expect("the kernel tells")
        .into_iter()
        .map(nix::unistd::Gid::as_raw)
        .collect();
    let with = |groups: Vec<u32>| {
        let supplementary = Some(groups);
        without_what_holds(Credentials { supplementary, ..Credentials::default() }).supplementary
    };
    let mut sorted = ours.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(with(sorted), None);
    let more: Vec<u32> = ours.into_iter().chain([4_000_000_000]).collect();
    assert_eq!(with(more.clone()), Some(more));
}
