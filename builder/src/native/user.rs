//! The user of an image, by number or by name in the image's own accounts.

use crate::error::{Failure, Kind, Result};

/// Whose processes a container runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Number of the user.
    pub uid: u32,
    /// Number of the primary group.
    pub gid: u32,
    /// Further groups the user is in.
    pub groups: Vec<u32>,
    /// The home directory in the accounts, `/` when there is none.
    pub home: String,
}

struct Account<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

/// Resolves `user`, `uid`, `user:group`, `uid:gid` and mixtures, as OCI's `config.User` has it.
/// The group of a user without one is the accounts' or, for an unknown number, 0.
///
/// # Errors
/// When a name is not in the accounts.
pub fn resolve(wanted: &str, passwd: &str, group: &str) -> Result<User> {
    let (user, wanted_group) = match wanted.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (wanted, None),
    };
    let user = if user.is_empty() { "0" } else { user };
    let accounts: Vec<Account<'_>> = passwd.lines().filter_map(account).collect();
    let number: Option<u32> = user.parse().ok();
    let account = accounts
        .iter()
        .find(|account| account.name == user)
        .or_else(|| accounts.iter().find(|account| Some(account.uid) == number));
    let uid = account.map(|account| account.uid).or(number).ok_or_else(|| {
        Failure::new(Kind::Usage, format!("the image has no user `{user}`"))
            .hint("use a number, or a name of the image's /etc/passwd")
    })?;
    let gid = match wanted_group.filter(|group| !group.is_empty()) {
        Some(wanted) => group
            .lines()
            .filter_map(group_entry)
            .find_map(|(name, gid, _)| (name == wanted).then_some(gid))
            .or_else(|| wanted.parse().ok())
            .ok_or_else(|| {
                Failure::new(Kind::Usage, format!("the image has no group `{wanted}`"))
                    .hint("use a number, or a name of the image's /etc/group")
            })?,
        None => account.map_or(0, |account| account.gid),
    };
    let groups = match account {
        Some(account) if wanted_group.is_none() => group
            .lines()
            .filter_map(group_entry)
            .filter(|(_, _, members)| members.split(',').any(|member| member == account.name))
            .map(|(_, gid, _)| gid)
            .collect(),
        _ => Vec::new(),
    };
    let home = account.map(|account| account.home).filter(|home| !home.is_empty()).unwrap_or("/");
    Ok(User { uid, gid, groups, home: home.to_owned() })
}

/// `name:password:uid:gid:gecos:home:shell`.
fn account(line: &str) -> Option<Account<'_>> {
    let mut fields = line.split(':');
    let (name, _password) = (fields.next()?, fields.next()?);
    let (uid, gid) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let (_gecos, home) = (fields.next()?, fields.next()?);
    Some(Account { name, uid, gid, home })
}

/// `name:password:gid:members`.
fn group_entry(line: &str) -> Option<(&str, u32, &str)> {
    let mut fields = line.split(':');
    let (name, _password) = (fields.next()?, fields.next()?);
    Some((name, fields.next()?.parse().ok()?, fields.next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nweb:x:80:81:web:/srv:/bin/sh\nbroken\n";
    const GROUP: &str = "root:x:0:\nweb:x:81:\nlogs:x:90:web,other\n";

    #[test]
    fn users_and_groups_are_numbers_or_names() {
        for (wanted, uid, gid, groups, home) in [
            ("", 0, 0, vec![], "/root"),
            ("web", 80, 81, vec![90], "/srv"),
            ("80", 80, 81, vec![90], "/srv"),
            ("web:logs", 80, 90, vec![], "/srv"),
            ("80:7", 80, 7, vec![], "/srv"),
            ("12345", 12345, 0, vec![], "/"),
            ("12345:12345", 12345, 12345, vec![], "/"),
        ] {
            let expected = User { uid, gid, groups, home: home.to_owned() };
            assert_eq!(resolve(wanted, PASSWD, GROUP).unwrap(), expected, "{wanted}");
        }
    }

    #[test]
    fn unknown_names_are_refused() {
        assert!(resolve("nobody", PASSWD, GROUP).is_err());
        assert!(resolve("web:nobody", PASSWD, GROUP).is_err());
        assert!(resolve("web", "", "").is_err());
    }
}
