//! What a process gets before its program runs, from the plan's words to the kernel's numbers.
//!
//! Here, in the parent, everything is looked up and laid ready; [`apply`] sets it in the child,
//! where nothing may be looked up any more.

pub(super) mod apply;

use std::ffi::CString;
use std::os::fd::RawFd;

use nix::errno::Errno;
use nix::libc;

use super::accounts::{self, Credentials};
use crate::spec::Settings;
use crate::spec::settings::{Capabilities, Resource};

/// Everything that is set in a new process, laid ready.
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    /// What it writes to in order to be in its control group.
    pub group: Option<RawFd>,
    /// Whether its standard input becomes its controlling terminal.
    pub terminal: bool,
    /// What it gets from descriptor 3 on, in this order.
    pub sockets: Vec<RawFd>,
    /// As whom it runs.
    pub credentials: Credentials,
    limits: Vec<(Resource, libc::rlimit)>,
    nice: Option<i8>,
    oom_score_adj: Option<CString>,
    capabilities: Option<Granted>,
    umask: Option<u16>,
    no_new_privileges: bool,
}

/// Ambient capabilities, and the sets they have to be in before.
#[derive(Clone, Copy, Debug)]
struct Granted {
    ambient: u64,
    effective: u64,
    permitted: u64,
    inheritable: u64,
}

/// One attribute, for telling which could not be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// Its controlling terminal.
    Terminal,
    /// The sockets made for it.
    Sockets,
    /// One of its limits.
    Limit(Resource),
    /// How much it lets others go first.
    Nice,
    /// How readily it is killed when memory runs out.
    OomScore,
    /// The further groups it is in.
    SupplementaryGroups,
    /// Its group.
    Group,
    /// Its user.
    User,
    /// What it may do besides.
    Capabilities,
    /// That it gains no rights.
    NoNewPrivileges,
}

impl Attributes {
    /// Looks up and lays ready all that `settings` ask for; the group, the terminal and the sockets are added
    /// by whoever has made them.
    ///
    /// # Errors
    /// A sentence for people: an unknown user or group, or a capability we do not have ourselves.
    pub fn prepare(settings: &Settings) -> Result<Self, String> {
        let identity = &settings.identity;
        // The files are read at every start: they may have been written since the last one.
        let credentials = if *identity == Default::default() {
            Credentials::default()
        } else {
            let (passwd, group) =
                (accounts::read(accounts::PASSWD), accounts::read(accounts::GROUP));
            without_what_holds(accounts::resolve(identity, &passwd, &group)?)
        };
        let limit = |value: Option<u64>| value.unwrap_or(libc::RLIM_INFINITY);
        let limits = settings.limits.iter().map(|each| {
            let values = libc::rlimit { rlim_cur: limit(each.soft), rlim_max: limit(each.hard) };
            (each.resource, values)
        });
        let oom_score_adj = settings.oom_score_adj.map(|value| CString::new(value.to_string()));
        Ok(Self {
            group: None,
            terminal: false,
            sockets: Vec::new(),
            limits: limits.collect(),
            nice: settings.nice,
            oom_score_adj: oom_score_adj.and_then(Result::ok),
            capabilities: grant(settings.capabilities, credentials.user)?,
            umask: settings.umask,
            no_new_privileges: settings.no_new_privileges,
            credentials,
        })
    }

    /// Whether this resource gets a limit of its own.
    #[must_use]
    pub fn limits_resource(&self, number: libc::__rlimit_resource_t) -> bool {
        let is_it = |resource: &Resource| u32::from(resource.number()) == number;
        self.limits.iter().any(|(resource, _)| is_it(resource))
    }

    /// Says which attribute could not be set, and to what.
    #[must_use]
    pub fn explain(&self, attribute: Attribute, errno: Errno) -> String {
        let credentials = &self.credentials;
        let id = |id: Option<u32>| id.map_or_else(String::new, |id| format!(" {id}"));
        let (what, takes) = match attribute {
            Attribute::Terminal => ("give it a terminal".to_owned(), None),
            Attribute::Sockets => ("pass its sockets on".to_owned(), None),
            Attribute::Limit(resource) => {
                let found = self.limits.iter().find(|(of, _)| *of == resource);
                let values = found.map_or_else(String::new, |(_, limit)| {
                    format!(" to {}:{}", value(limit.rlim_cur), value(limit.rlim_max))
                });
                (format!("set its limit {resource}{values}"), Some("CAP_SYS_RESOURCE"))
            }
            Attribute::Nice => {
                (format!("set its niceness to {}", self.nice.unwrap_or(0)), Some("CAP_SYS_NICE"))
            }
            Attribute::OomScore => {
                let text = self.oom_score_adj.as_deref().unwrap_or_default().to_string_lossy();
                (format!("set its oom_score_adj to {text}"), Some("CAP_SYS_RESOURCE"))
            }
            Attribute::SupplementaryGroups => {
                ("set its supplementary groups".to_owned(), Some("CAP_SETGID"))
            }
            Attribute::Group => {
                (format!("change to group{}", id(credentials.group)), Some("CAP_SETGID"))
            }
            Attribute::User => {
                (format!("change to user{}", id(credentials.user)), Some("CAP_SETUID"))
            }
            Attribute::Capabilities => {
                let ambient = self.capabilities.map_or(0, |granted| granted.ambient);
                (format!("give it {}", Capabilities::from_bits(ambient)), None)
            }
            Attribute::NoNewPrivileges => ("bar it from new privileges".to_owned(), None),
        };
        let denied = matches!(errno, Errno::EPERM | Errno::EACCES);
        match takes.filter(|_| denied) {
            Some(capability) => {
                format!("cannot {what}: {} (this takes {capability})", errno.desc())
            }
            None => format!("cannot {what}: {}", errno.desc()),
        }
    }
}

impl Attribute {
    /// In two bytes, for the way from the child to the parent.
    #[must_use]
    pub fn code(self) -> [u8; 2] {
        match self {
            Self::Terminal => [0, 0],
            Self::Sockets => [1, 0],
            Self::Limit(resource) => [2, resource.number()],
            Self::Nice => [3, 0],
            Self::OomScore => [4, 0],
            Self::SupplementaryGroups => [5, 0],
            Self::Group => [6, 0],
            Self::User => [7, 0],
            Self::Capabilities => [8, 0],
            Self::NoNewPrivileges => [9, 0],
        }
    }

    /// From [`Attribute::code`]; `None` for bytes it never gives.
    #[must_use]
    pub fn from_code(code: [u8; 2]) -> Option<Self> {
        Some(match code {
            [0, 0] => Self::Terminal,
            [1, 0] => Self::Sockets,
            [2, number] => Self::Limit(Resource::from_number(number)?),
            [3, 0] => Self::Nice,
            [4, 0] => Self::OomScore,
            [5, 0] => Self::SupplementaryGroups,
            [6, 0] => Self::Group,
            [7, 0] => Self::User,
            [8, 0] => Self::Capabilities,
            [9, 0] => Self::NoNewPrivileges,
            _ => return None,
        })
    }
}

fn value(limit: libc::rlim_t) -> String {
    if limit == libc::RLIM_INFINITY { "unlimited".to_owned() } else { limit.to_string() }
}

/// Leaves out setting supplementary groups that are set already: it takes a capability even then,
/// and a container that runs as the very user the plan names has none.
fn without_what_holds(mut credentials: Credentials) -> Credentials {
    let ours = nix::unistd::getgroups().map(|groups| {
        let mut ours: Vec<u32> = groups.into_iter().map(nix::unistd::Gid::as_raw).collect();
        ours.sort_unstable();
        ours.dedup();
        ours
    });
    // The own group may be listed or not: it makes no difference to what is permitted.
    let own = credentials.group.unwrap_or_else(|| nix::unistd::getegid().as_raw());
    let others =
        |groups: &[u32]| groups.iter().copied().filter(|id| *id != own).collect::<Vec<_>>();
    let same = |wanted: &Vec<u32>| ours.as_ref().is_ok_and(|ours| others(ours) == others(wanted));
    if credentials.supplementary.as_ref().is_some_and(same) {
        credentials.supplementary = None;
    }
    credentials
}

/// Works out the capability sets a process has to have, which is what we have and, where it gets
/// another user, no more than was asked for.
fn grant(wanted: Capabilities, user: Option<u32>) -> Result<Option<Granted>, String> {
    if wanted.is_empty() {
        return Ok(None);
    }
    let ours = apply::own_capabilities()
        .map_err(|errno| format!("cannot read our own capabilities: {}", errno.desc()))?;
    let missing = wanted.without(Capabilities::from_bits(ours.permitted));
    if !missing.is_empty() {
        return Err(format!("cannot give it {missing}: the supervisor does not have it itself"));
    }
    let ambient = wanted.bits();
    Ok(Some(match user {
        // A user other than root has none by itself.
        Some(1..) => {
            Granted { ambient, effective: ambient, permitted: ambient, inheritable: ambient }
        }
        _ => Granted {
            ambient,
            effective: ours.effective,
            permitted: ours.permitted,
            inheritable: ours.inheritable | ambient,
        },
    }))
}

#[cfg(test)]
mod tests;
