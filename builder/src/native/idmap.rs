//! Which users of the host the users of a container are (`user_namespaces(7)`).

use std::fs;
use std::path::PathBuf;

use nix::unistd::{Gid, Pid, Uid, getegid, geteuid};

use super::user::User;
use crate::error::{Context as _, Kind, Result};
use crate::unpack::Sole;

/// How users are mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdMap {
    /// Every user is itself: for root, who may do that. The container's root is the host's root to
    /// whatever asks for no capability, so the files by which that governs the kernel are read-only.
    Identity,
    /// The caller is the container's one user, and nobody else exists: all an ordinary user may.
    Single {
        /// The caller.
        outer: (Uid, Gid),
        /// Who the caller is in the container.
        inner: (u32, u32),
    },
}

impl IdMap {
    /// The map this process may set up for a container of `user`.
    pub fn choose(user: &User) -> Self {
        // Root of a namespace in which there is nobody else may do no more than an ordinary user.
        let own = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        if geteuid().is_root() && users(&own) > 1 {
            Self::Identity
        } else {
            Self::Single { outer: (geteuid(), getegid()), inner: (user.uid, user.gid) }
        }
    }

    /// The user, where it is the only one and not root. Root may do everything with all files there are.
    pub fn sole(&self, user: &User) -> Option<Sole> {
        match self {
            Self::Single { .. } if user.uid != 0 => {
                Some(Sole { uid: user.uid, groups: user.groups.clone() })
            }
            Self::Single { .. } | Self::Identity => None,
        }
    }

    /// Writes the map of the namespace `child` is in.
    pub fn write(&self, child: Pid) -> Result<()> {
        let file = |name: &str| PathBuf::from(format!("/proc/{child}/{name}"));
        let set = |name: &str, content: &str| {
            fs::write(file(name), content).or_fail(Kind::System, || {
                format!("cannot set up the container's users ({name} = `{}`)", content.trim())
            })
        };
        match self {
            Self::Identity => {
                for name in ["uid_map", "gid_map"] {
                    let own = fs::read_to_string(format!("/proc/self/{name}"))
                        .or_fail(Kind::System, || format!("cannot read /proc/self/{name}"))?;
                    set(name, &identity(&own))?;
                }
                Ok(())
            }
            Self::Single { outer: (uid, gid), inner: (inner_uid, inner_gid) } => {
                // Without this the kernel would let the caller leave groups that deny access.
                set("setgroups", "deny")?;
                set("uid_map", &format!("{inner_uid} {uid} 1\n"))?;
                set("gid_map", &format!("{inner_gid} {gid} 1\n"))
            }
        }
    }
}

/// The map under which everyone that exists in a namespace with map `own` stays who they are.
fn identity(own: &str) -> String {
    own.lines()
        .filter_map(|line| {
            let mut numbers = line.split_whitespace();
            let (inside, _outside, count) = (numbers.next()?, numbers.next()?, numbers.next()?);
            Some(format!("{inside} {inside} {count}\n"))
        })
        .collect()
}

/// Whether every user and group there can be exists where this process is.
pub fn everybody_exists() -> bool {
    ["uid", "gid"].iter().all(|of| {
        let own = fs::read_to_string(format!("/proc/self/{of}_map")).unwrap_or_default();
        users(&own) >= u64::from(u32::MAX)
    })
}

/// How many users exist in a namespace with map `own`.
fn users(own: &str) -> u64 {
    own.lines()
        .filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok())
        .fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_exists_stays_who_they_are() {
        assert_eq!(identity("         0          0 4294967295\n"), "0 0 4294967295\n");
        assert_eq!(identity("0 1000 1\n1 100000 65536\n"), "0 0 1\n1 1 65536\n");
        for (own, count) in [("0 1000 1\n", 1), ("0 1000 1\n1 100000 65536\n", 65537), ("", 0)] {
            assert_eq!(users(own), count);
        }
    }
}
