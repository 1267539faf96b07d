//! The user of an image, by number or by name in the image's own accounts.

use crate::error::{Failure, Kind, Result};

/// The highest number of a user or group, as Docker has it. The highest of all the kernel knows means
/// "leave it as it is" to the calls that change users: whoever asked for it would stay root.
const HIGHEST: u32 = i32::MAX as u32;

/// Whose processes a container runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Number of the user.
    pub uid: u32,
    /// Number of the primary group.
    pub gid: u32,
    /// All groups the user is in, the primary one first.
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
/// When a name is not in the accounts, or a number, theirs included, is above [`HIGHEST`].
pub fn resolve(wanted: &str, passwd: &str, group: &str) -> Result<User> {
    let (user, wanted_group) = match wanted.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (wanted, None),
    };
    let user = if user.is_empty() { "0" } else { user };
    let accounts: Vec<Account<'_>> = passwd.lines().filter_map(account).collect();
    let number = number(user)?;
    let account = accounts
        .iter()
        .find(|account| account.name == user)
        .or_else(|| accounts.iter().find(|account| Some(account.uid) == number));
    let uid = account.map(|account| account.uid).or(number).ok_or_else(|| {
        Failure::new(Kind::Usage, format!("the image has no user `{user}`"))
            .hint("use a number, or a name of the image's /etc/passwd")
    })?;
    let wanted_group = wanted_group.filter(|group| !group.is_empty());
    let gid = match wanted_group {
        Some(wanted) => group
            .lines()
            .filter_map(group_entry)
            .find_map(|(name, gid, _)| (name == wanted).then_some(gid))
            .map_or_else(|| self::number(wanted), |gid| Ok(Some(gid)))?
            .ok_or_else(|| {
                Failure::new(Kind::Usage, format!("the image has no group `{wanted}`"))
                    .hint("use a number, or a name of the image's /etc/group")
            })?,
        None => account.map_or(0, |account| account.gid),
    };
    // A file that is closed to the primary group must stay so: the kernel does not look at that group
    // alone, and a program may give it up.
    let mut groups = vec![gid];
    if let (Some(account), None) = (account, wanted_group) {
        let member = |members: &str| members.split(',').any(|member| member == account.name);
        let further = group.lines().filter_map(group_entry).filter(|entry| member(entry.2));
        groups.extend(further.map(|(_, gid, _)| gid).filter(|further| *further != gid));
    }
    if let Some(number) = [uid].iter().chain(&groups).find(|number| **number > HIGHEST) {
        return Err(out_of_range(&number.to_string()));
    }
    let home = account.map(|account| account.home).filter(|home| !home.is_empty()).unwrap_or("/");
    Ok(User { uid, gid, groups, home: home.to_owned() })
}

/// What is written in digits as a number; `None` for a name.
///
/// # Errors
/// When it is above [`HIGHEST`], however long it is.
fn number(text: &str) -> Result<Option<u32>> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    let number = text.parse().ok().filter(|number| *number <= HIGHEST);
    number.map(Some).ok_or_else(|| out_of_range(text))
}

fn out_of_range(number: &str) -> Failure {
    Failure::new(
        Kind::Usage,
        format!("cannot run as {number}: numbers of users and groups go from 0 to {HIGHEST}"),
    )
    .hint("choose another one with --user USER[:GROUP]")
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
            ("", 0, 0, vec![0], "/root"),
            ("web", 80, 81, vec![81, 90], "/srv"),
            ("80", 80, 81, vec![81, 90], "/srv"),
            ("web:", 80, 81, vec![81, 90], "/srv"),
            ("web:logs", 80, 90, vec![90], "/srv"),
            ("80:7", 80, 7, vec![7], "/srv"),
            ("12345", 12345, 0, vec![0], "/"),
            ("12345:12345", 12345, 12345, vec![12345], "/"),
            ("2147483647:2147483647", 2_147_483_647, 2_147_483_647, vec![2_147_483_647], "/"),
        ] {
            let expected = User { uid, gid, groups, home: home.to_owned() };
            assert_eq!(resolve(wanted, PASSWD, GROUP).unwrap(), expected, "{wanted}");
        }
    }

    #[test]
    fn numbers_that_stand_for_nobody_are_refused() {
        let accounts = "last:x:4294967295:0::/:\nfirst:x:1:4294967295::/:\nin:x:2:2::/:\n";
        let groups = "last:x:4294967295:in\n";
        for wanted in [
            "4294967295",
            "2147483648",
            "99999999999999999999999999",
            "1000:4294967295",
            "1000:2147483648",
            "last",
            "first",
            "in",
            "1000:last",
        ] {
            let failure = resolve(wanted, accounts, groups).unwrap_err();
            assert!(failure.message().ends_with("from 0 to 2147483647"), "{wanted}: {failure}");
        }
        assert!(resolve("1000", accounts, groups).is_ok());
    }

    #[test]
    fn unknown_names_are_refused() {
        assert!(resolve("nobody", PASSWD, GROUP).is_err());
        assert!(resolve("web:nobody", PASSWD, GROUP).is_err());
        assert!(resolve("web", "", "").is_err());
    }
}
