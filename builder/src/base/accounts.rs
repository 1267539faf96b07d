//! Users and groups of a project beside those of the image it builds on.
//!
//! The accounts of the base stay as they are and come first. A name that both have must mean the same
//! numbers: files are made for the numbers of the project, and an engine looks the name up in the image.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;

use super::Root;
use crate::error::{Failure, Kind, Result};

/// Where users are.
const PASSWD: &str = "etc/passwd";

/// Where groups are.
const GROUP: &str = "etc/group";

/// What a project says about accounts.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Users.
    pub users: Vec<User>,
    /// Groups.
    pub groups: Vec<Group>,
}

/// A user whose numbers the project relies on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The option it is from.
    pub option: String,
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
    /// Whether the project has declared it, so that nobody else may have its number. All others are
    /// those every image has.
    pub declared: bool,
}

/// A group whose number the project relies on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The option it is from.
    pub option: String,
    /// Its name.
    pub name: String,
    /// Its number.
    pub gid: u32,
    /// As [`User::declared`].
    pub declared: bool,
}

impl Claims {
    /// Checks that the accounts of `below` contradict none of these.
    ///
    /// # Errors
    /// When a name has other numbers there, or the number of a declared one another name.
    pub fn check(&self, below: &Root) -> Result<()> {
        let (users, groups) = (Accounts::of(below, PASSWD), Accounts::of(below, GROUP));
        self.users.iter().try_for_each(|user| user.check(&users))?;
        let left_out = self.left_out(&users, &groups);
        let mut groups_to_check =
            self.groups.iter().filter(|group| !left_out.contains(group.name.as_str()));
        groups_to_check.try_for_each(|group| group.check(&groups))
    }

    /// The accounts in the file at `path` of `below` with those lines of `own` that are to be added.
    pub fn merged(&self, below: &Root, path: &Path, own: &str) -> Vec<u8> {
        let (users, groups) = (Accounts::of(below, PASSWD), Accounts::of(below, GROUP));
        let mut left_out = BTreeSet::new();
        if path == Path::new(GROUP) {
            left_out = self.left_out(&users, &groups);
        }
        let added = own
            .lines()
            .filter(|line| !left_out.contains(line.split(':').next().unwrap_or_default()));
        below.accounts(path, added)
    }

    /// Declared groups that are none: the base has the user of this name just so, and its group by
    /// another name, as the `games` of Fedora are in `users`.
    fn left_out(&self, users: &Accounts<'_>, groups: &Accounts<'_>) -> BTreeSet<&str> {
        let group_has_another_name = |user: &&User| {
            let is_there = users.named(&user.name).is_some_and(|there| user.is(&there));
            let unnamed = groups.named(&user.name).is_none();
            is_there && unnamed && groups.numbered(user.gid).is_some()
        };
        self.users.iter().filter(group_has_another_name).map(|user| user.name.as_str()).collect()
    }
}

impl User {
    fn is(&self, there: &Account<'_>) -> bool {
        there.number() == Some(self.uid) && there.group_number() == Some(self.gid)
    }

    fn check(&self, base: &Accounts<'_>) -> Result<()> {
        let Self { option, name, uid, gid, declared } = self;
        let own = format!("`{option}`: `{name}` is {uid}:{gid}");
        match base.named(name) {
            Some(there) if self.is(&there) => Ok(()),
            Some(there) => {
                let (uid, gid) = (there.field(2), there.field(3));
                let hint = if *declared {
                    format!("set `uid = {uid}` and `gid = {gid}`, or choose another name")
                } else {
                    format!("give the numbers you mean, as {uid}:{gid}")
                };
                let why = format!("{own}, and the base image has it as {uid}:{gid}");
                Err(Failure::new(Kind::Data, why).hint(hint))
            }
            None if *declared => match base.numbered(*uid) {
                None => Ok(()),
                Some(there) => {
                    let other = there.field(0);
                    let (uid, gid) = (there.field(2), there.field(3));
                    let why =
                        format!("{own}, and {uid} is `{other}` ({uid}:{gid}) of the base image");
                    let hint = format!("choose another number, or call the user `{other}`");
                    Err(Failure::new(Kind::Data, why).hint(hint))
                }
            },
            None => Ok(()),
        }
    }
}

impl Group {
    fn check(&self, base: &Accounts<'_>) -> Result<()> {
        let Self { option, name, gid, declared } = self;
        let own = format!("`{option}`: the group `{name}` is {gid}");
        match base.named(name) {
            Some(there) if there.number() == Some(*gid) => Ok(()),
            Some(there) => {
                let number = there.field(2);
                let hint = if *declared {
                    format!("set `gid = {number}`, or choose another name")
                } else {
                    format!("give the number you mean, as {number}")
                };
                let why = format!("{own}, and the base image has it as {number}");
                Err(Failure::new(Kind::Data, why).hint(hint))
            }
            None if *declared => match base.numbered(*gid) {
                None => Ok(()),
                Some(there) => {
                    let why = format!(
                        "{own}, and {gid} is the group `{}` of the base image",
                        there.field(0)
                    );
                    let hint = format!(
                        "set another `gid`; who is to be in that group runs as `{name}:{gid}`, or has it in \
                         `supplementary_groups`"
                    );
                    Err(Failure::new(Kind::Data, why).hint(hint))
                }
            },
            None => Ok(()),
        }
    }
}

/// The lines of a file with accounts.
struct Accounts<'a>(Vec<Account<'a>>);

impl<'a> Accounts<'a> {
    fn of(root: &'a Root, path: &str) -> Self {
        let text = root.accounts.get(&root.follow(Path::new(path)));
        let lines = text.map(Vec::as_slice).unwrap_or_default().split(|byte| *byte == b'\n');
        Self(lines.filter(|line| !line.is_empty()).map(Account).collect())
    }

    /// The first of this name, which is the one that counts.
    fn named(&self, name: &str) -> Option<Account<'a>> {
        self.0.iter().find(|account| account.bytes(0) == name.as_bytes()).copied()
    }

    /// The first of this number.
    fn numbered(&self, number: u32) -> Option<Account<'a>> {
        self.0.iter().find(|account| account.number() == Some(number)).copied()
    }
}

/// A line: of a user `name:password:uid:gid:…`, of a group `name:password:gid:…`.
#[derive(Clone, Copy)]
struct Account<'a>(&'a [u8]);

impl<'a> Account<'a> {
    fn bytes(&self, at: usize) -> &'a [u8] {
        self.0.split(|byte| *byte == b':').nth(at).unwrap_or_default()
    }

    /// A field as it is told to people.
    fn field(&self, at: usize) -> String {
        String::from_utf8_lossy(self.bytes(at)).into_owned()
    }

    /// The number of the account; what is none is nobody's.
    fn number(&self) -> Option<u32> {
        self.field(2).parse().ok()
    }

    /// The number of a user's group.
    fn group_number(&self) -> Option<u32> {
        self.field(3).parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str =
        "root:x:0:0::/root:/bin/sh\nman:x:6:12:man:/var/man:/bin/false\nwww-data:x:33:33:::\n";
    const GROUPS: &str = "root:x:0:\nmem:x:12:\nwww-data:x:33:\nusers:x:100:\nnogroup:x:65533:\n";

    fn debian() -> Root {
        let accounts = [(PASSWD.into(), USERS.into()), (GROUP.into(), GROUPS.into())].into();
        Root { accounts, ..Root::default() }
    }

    /// A user as `users` of a project has it, with its group.
    fn declared(name: &str, uid: u32, gid: u32) -> Claims {
        let (option, name, declared) = (format!("users.{name}"), name.to_owned(), true);
        let group = Group { option: option.clone(), name: name.clone(), gid, declared };
        Claims { users: vec![User { option, name, uid, gid, declared }], groups: vec![group] }
    }

    fn said(claims: &Claims) -> String {
        claims.check(&debian()).unwrap_err().to_string()
    }

    #[test]
    fn a_name_or_a_number_that_means_something_else_is_refused() {
        for (claims, expected) in [
            (
                declared("www-data", 70, 70),
                "`users.www-data`: `www-data` is 70:70, and the base image has it as 33:33\n\
                 hint: set `uid = 33` and `gid = 33`, or choose another name",
            ),
            (declared("www-data", 33, 100), "is 33:100, and the base image has it as 33:33"),
            (
                declared("web", 33, 70),
                "`users.web`: `web` is 33:70, and 33 is `www-data` (33:33) of the base image\n\
                 hint: choose another number, or call the user `www-data`",
            ),
            (
                declared("users", 70, 70),
                "`users.users`: the group `users` is 70, and the base image has it as 100\n\
                 hint: set `gid = 100`",
            ),
            (
                declared("web", 70, 100),
                "`users.web`: the group `web` is 100, and 100 is the group `users` of the base image\n\
                 hint: set another `gid`; who is to be in that group runs as `web:100`",
            ),
        ] {
            assert!(said(&claims).contains(expected), "{}", said(&claims));
            claims.check(&Root::default()).unwrap();
        }
    }

    #[test]
    fn the_same_numbers_are_fine_and_make_no_second_line() {
        let lines = |claims: &Claims, path: &str, own: &str| {
            claims.check(&debian()).unwrap();
            String::from_utf8(claims.merged(&debian(), Path::new(path), own)).unwrap()
        };
        let same = declared("www-data", 33, 33);
        assert_eq!(lines(&same, PASSWD, "www-data:x:33:33:ours\n"), USERS);
        assert_eq!(lines(&same, GROUP, "www-data:x:33:\n"), GROUPS);
        // Its group has another name there, and is not called after the user a second time.
        let man = declared("man", 6, 12);
        assert_eq!(lines(&man, PASSWD, "man:x:6:12:ours\n"), USERS);
        assert_eq!(lines(&man, GROUP, "man:x:12:\n"), GROUPS);
        let new = declared("postgres", 70, 70);
        assert_eq!(
            lines(&new, PASSWD, "postgres:x:70:70:\n"),
            format!("{USERS}postgres:x:70:70:\n")
        );
        assert_eq!(lines(&new, GROUP, "postgres:x:70:\n"), format!("{GROUPS}postgres:x:70:\n"));
    }

    #[test]
    fn those_every_image_has_contradict_only_where_they_are_named() {
        let (option, declared) = ("user".to_owned(), false);
        let user = |name: &str, uid, gid| User {
            option: option.clone(),
            name: name.into(),
            uid,
            gid,
            declared,
        };
        let group =
            |name: &str, gid| Group { option: option.clone(), name: name.into(), gid, declared };
        let of = |user: User| Claims { users: vec![user], groups: Vec::new() };
        // That another name has its number is no contradiction: it is in the image in addition.
        of(user("user", 33, 33)).check(&debian()).unwrap();
        let other = said(&of(user("man", 65534, 65534)));
        assert!(
            other.contains("has it as 6:12\nhint: give the numbers you mean, as 6:12"),
            "{other}"
        );
        let claims = Claims { users: Vec::new(), groups: vec![group("nogroup", 65534)] };
        assert!(
            said(&claims).contains("`user`: the group `nogroup` is 65534, and the base"),
            "{claims:?}"
        );
    }

    #[test]
    fn what_is_no_number_is_not_the_same() {
        let accounts = [(PASSWD.into(), b"+::::::\nweb:x:\xff:33:\n".to_vec())].into();
        let root = Root { accounts, ..Root::default() };
        let failure = declared("web", 33, 33).check(&root).unwrap_err().to_string();
        assert!(failure.contains("has it as \u{fffd}:33"), "{failure}");
    }
}
