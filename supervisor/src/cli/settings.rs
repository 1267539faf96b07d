//! The settings of a process in words, for `devenv-init plan`.

use crate::spec::Settings;
use crate::spec::settings::{Address, Listen, Principal, Rewrite};

/// One line for each thing that was set, none for what is as the supervisor has it.
pub(super) fn describe(settings: &Settings) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |what: &str, text: String| lines.push(format!("  {what:<8} {text}"));
    let identity = &settings.identity;
    if let Some(user) = &identity.user {
        say("user", user.to_string());
    }
    if let Some(group) = &identity.group {
        say("group", group.to_string());
    }
    if let Some(groups) = &identity.supplementary_groups {
        say("groups", in_groups(groups));
    }
    if let Some(umask) = settings.umask {
        say("umask", format!("{umask:04o}"));
    }
    settings.limits.iter().for_each(|limit| say("limit", limit.to_string()));
    if let Some(nice) = settings.nice {
        say("nice", nice.to_string());
    }
    if let Some(score) = settings.oom_score_adj {
        say("oom", format!("score adjusted by {score}"));
    }
    if !settings.capabilities.is_empty() {
        say("may", settings.capabilities.to_string());
    }
    if settings.no_new_privileges {
        say("gains", "no privileges".to_owned());
    }
    settings.listen.iter().for_each(|socket| say("listens", listening(socket)));
    settings.rewrites.iter().for_each(|rewrite| say("gets", rewriting(rewrite)));
    if settings.tty {
        say("terminal", "of 80 columns and 24 lines".to_owned());
    }
    lines
}

fn in_groups(groups: &[Principal]) -> String {
    match groups {
        [] => "no further ones".to_owned(),
        groups => groups.iter().map(Principal::to_string).collect::<Vec<_>>().join(", "),
    }
}

fn listening(socket: &Listen) -> String {
    let mode = match socket.address {
        Address::Tcp(_) => String::new(),
        Address::Unix { mode, .. } => format!(", mode {mode:04o}"),
    };
    format!("on {} as {}, backlog {}{mode}", socket.address, socket.name, socket.backlog)
}

fn rewriting(rewrite: &Rewrite) -> String {
    match rewrite.passed {
        Some(passed) => format!("{passed} for {}", rewrite.received),
        None => format!("nothing for {}", rewrite.received),
    }
}
