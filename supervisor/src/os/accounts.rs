//! Users and groups, read from `/etc/passwd` and `/etc/group` by ourselves: a static program has no
//! name service to ask, and an image has nothing else.

use std::fs;
use std::io;

use crate::spec::settings::{Identity, Principal};

/// The user database.
pub const PASSWD: &str = "/etc/passwd";

/// The group database.
pub const GROUP: &str = "/etc/group";

/// As whom a process runs, in numbers. `None` leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Its user.
    pub user: Option<u32>,
    /// Its group.
    pub group: Option<u32>,
    /// The further groups it is in, without duplicates and in order.
    pub supplementary: Option<Vec<u32>>,
    /// What its environment says of its user: `HOME`, `USER`, `LOGNAME` and `SHELL`.
    pub variables: Vec<(&'static str, String)>,
}

/// A file of accounts as it is now, or why it cannot be read.
pub type Database = Result<String, io::ErrorKind>;

/// Reads one of the two files. Bytes that are no UTF-8, as comments may hold, are no hindrance.
pub fn read(path: &str) -> Database {
    let bytes = fs::read(path).map_err(|error| error.kind())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Finds everything out about an identity. Numbers need no entry in either file.
///
/// # Errors
/// A sentence for people: a name that is in neither file, or a group that was not named and cannot
/// be found out.
pub fn resolve(
    identity: &Identity,
    passwd: &Database,
    group: &Database,
) -> Result<Credentials, String> {
    let mut credentials = Credentials::default();
    let mut listed_in = None;
    if let Some(user) = &identity.user {
        let account = account(user, passwd)?;
        credentials.user = Some(account.id);
        credentials.group = account.group;
        credentials.variables = variables(&account);
        listed_in = Some(account.name.map_or_else(Vec::new, |name| groups_of(&name, group)));
    }
    if let Some(name) = &identity.group {
        credentials.group = Some(group_id(name, group)?);
    }
    if let (Some(user), None) = (&identity.user, credentials.group) {
        return Err(format!(
            "cannot tell the group of user {user}, who is not in {PASSWD}\n\
             hint: name the group as well"
        ));
    }
    credentials.supplementary = match &identity.supplementary_groups {
        Some(names) => {
            let ids: Result<Vec<u32>, String> =
                names.iter().map(|name| group_id(name, group)).collect();
            Some(ids?)
        }
        None => listed_in,
    };
    if let Some(ids) = &mut credentials.supplementary {
        ids.sort_unstable();
        ids.dedup();
    }
    Ok(credentials)
}

struct Account {
    name: Option<String>,
    id: u32,
    group: Option<u32>,
    home: String,
    shell: String,
}

/// A user by name or number; a number without an entry is a user about whom nothing is known.
fn account(user: &Principal, passwd: &Database) -> Result<Account, String> {
    let text = passwd.as_deref().unwrap_or_default();
    let found = text.lines().filter_map(parse_account).find(|account| match user {
        Principal::Name(name) => account.name.as_ref() == Some(name),
        Principal::Id(id) => account.id == *id,
    });
    match (found, user) {
        (Some(account), _) => Ok(account),
        (None, Principal::Id(id)) => Ok(Account {
            name: None,
            id: *id,
            group: None,
            home: "/".to_owned(),
            shell: String::new(),
        }),
        (None, Principal::Name(name)) => Err(unknown("user", name, PASSWD, passwd)),
    }
}

/// `name:password:uid:gid:comment:home:shell` (`passwd(5)`); other lines are passed over.
fn parse_account(line: &str) -> Option<Account> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?;
    let id = fields.nth(1)?.parse().ok().filter(|id| *id != u32::MAX)?;
    let group = fields.next()?.parse().ok().filter(|id| *id != u32::MAX)?;
    let home = fields.nth(1).filter(|home| !home.is_empty()).unwrap_or("/");
    let shell = fields.next().filter(|shell| !shell.is_empty()).unwrap_or("/bin/sh");
    Some(Account {
        name: Some(name.to_owned()),
        id,
        group: Some(group),
        home: home.to_owned(),
        shell: shell.to_owned(),
    })
}

/// What `login` tells a session of its user. About a user without a name there is only a home that
/// certainly exists: the supervisor's would be another user's.
fn variables(account: &Account) -> Vec<(&'static str, String)> {
    let mut variables = vec![("HOME", account.home.clone())];
    if let Some(name) = &account.name {
        variables.push(("USER", name.clone()));
        variables.push(("LOGNAME", name.clone()));
        variables.push(("SHELL", account.shell.clone()));
    }
    variables
}

/// `name:password:gid:member,member` (`group(5)`).
struct Group<'a> {
    name: &'a str,
    id: u32,
    members: &'a str,
}

fn parse_group(line: &str) -> Option<Group<'_>> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?;
    let id = fields.nth(1)?.parse().ok().filter(|id| *id != u32::MAX)?;
    Some(Group { name, id, members: fields.next().unwrap_or_default() })
}

fn group_id(group: &Principal, database: &Database) -> Result<u32, String> {
    let name = match group {
        Principal::Id(id) => return Ok(*id),
        Principal::Name(name) => name,
    };
    let text = database.as_deref().unwrap_or_default();
    let found = text.lines().filter_map(parse_group).find(|group| group.name == name);
    found.map(|group| group.id).ok_or_else(|| unknown("group", name, GROUP, database))
}

/// The groups that list a user as a member.
fn groups_of(user: &str, database: &Database) -> Vec<u32> {
    let text = database.as_deref().unwrap_or_default();
    let groups = text.lines().filter_map(parse_group);
    groups
        .filter(|group| group.members.split(',').any(|member| member == user))
        .map(|group| group.id)
        .collect()
}

fn unknown(what: &str, name: &str, path: &str, database: &Database) -> String {
    match database {
        Ok(_) => format!("there is no {what} \"{name}\" in {path}"),
        Err(kind) => format!("cannot look up {what} \"{name}\": cannot read {path}: {kind}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/bash\n\
                         broken\n:x:7:7:::\nwrong:x:many:7:::\n\
                         db:x:26:27:The base:/var/db:\n\
                         bare:x:30:31\n";
    const GROUPS: &str = "root:x:0:\ndb:x:27:\nssl:x:50:web,db\nlog:x:40:db\nbroken:x\nopen:x:60\n";

    fn find(user: &str, group: &str, more: Option<&[&str]>) -> Result<Credentials, String> {
        let principal = |text: &str| Principal::parse(text);
        let identity = Identity {
            user: principal(user),
            group: principal(group),
            supplementary_groups: more
                .map(|more| more.iter().filter_map(|text| principal(text)).collect()),
        };
        resolve(&identity, &Ok(USERS.to_owned()), &Ok(GROUPS.to_owned()))
    }

    #[test]
    fn an_identity_in_numbers() {
        for (user, group, more, want) in [
            ("db", "", None, (Some(26), Some(27), Some(vec![40, 50]))),
            ("26", "", None, (Some(26), Some(27), Some(vec![40, 50]))),
            ("db", "ssl", None, (Some(26), Some(50), Some(vec![40, 50]))),
            ("db", "", Some([].as_slice()), (Some(26), Some(27), Some(vec![]))),
            ("db", "", Some(&["60", "log", "60"]), (Some(26), Some(27), Some(vec![40, 60]))),
            ("bare", "", None, (Some(30), Some(31), Some(vec![]))),
            ("12345", "9", None, (Some(12345), Some(9), Some(vec![]))),
            ("", "open", None, (None, Some(60), None)),
            ("", "", None, (None, None, None)),
        ] {
            let found = find(user, group, more).expect("known");
            let found = (found.user, found.group, found.supplementary);
            assert_eq!(found, want, "{user} {group} {more:?}");
        }
    }

    #[test]
    fn what_a_process_is_told_of_its_user() {
        let told = |user: &str| {
            let variables = find(user, "0", None).expect("known").variables;
            variables.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
        };
        assert_eq!(told("db"), ["HOME=/var/db", "USER=db", "LOGNAME=db", "SHELL=/bin/sh"]);
        assert_eq!(told("bare"), ["HOME=/", "USER=bare", "LOGNAME=bare", "SHELL=/bin/sh"]);
        assert_eq!(told("12345"), ["HOME=/"]);
    }

    #[test]
    fn what_is_not_known_is_said_with_the_file() {
        for (user, group, want) in [
            ("web", "", "there is no user \"web\" in /etc/passwd"),
            ("wrong", "", "there is no user \"wrong\" in /etc/passwd"),
            ("db", "web", "there is no group \"web\" in /etc/group"),
            ("12345", "", "cannot tell the group of user 12345, who is not in /etc/passwd"),
        ] {
            let error = find(user, group, None).expect_err("unknown");
            assert!(error.starts_with(want), "{error}");
        }
        let identity = Identity { user: Principal::parse("db"), ..Identity::default() };
        let absent: Database = Err(io::ErrorKind::NotFound);
        let error = resolve(&identity, &absent, &absent).expect_err("no file");
        assert!(error.contains("cannot read /etc/passwd: entity not found"), "{error}");
    }
}
