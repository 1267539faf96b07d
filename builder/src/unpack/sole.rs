//! Files as the only user there is may use them.
//!
//! Whatever an ordinary user makes is theirs, and in a namespace of theirs nobody else exists. Where the
//! image gives a file to somebody else, the bits of its owner would let this user do what no user of the
//! same number can elsewhere.

/// The one user there is: not root, who may do everything anyway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sole {
    /// Number of the user.
    pub uid: u32,
    /// All groups the user is in.
    pub groups: Vec<u32>,
}

/// The bits of the owner.
const OWNER: u32 = 0o700;

impl Sole {
    /// The mode by which this user, who owns the file here, may do with it what a file of `uid` and `gid`
    /// with `mode` lets them do.
    pub fn mode(&self, mode: u32, uid: u32, gid: u32) -> u32 {
        let theirs = if uid == self.uid {
            mode & OWNER
        } else if self.groups.contains(&gid) {
            (mode << 3) & OWNER
        } else {
            (mode << 6) & OWNER
        };
        mode & !OWNER | theirs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_user_may_do_what_the_user_of_that_number_may() {
        let sole = Sole { uid: 1000, groups: vec![100, 4] };
        for (mode, uid, gid, expected) in [
            (0o755, 1000, 0, 0o755),
            (0o640, 1000, 4, 0o640),
            (0o755, 0, 0, 0o555),
            (0o600, 0, 0, 0o000),
            (0o640, 0, 4, 0o440),
            (0o2775, 0, 100, 0o2775),
            (0o705, 0, 100, 0o005),
            (0o1777, 0, 0, 0o1777),
            (0o4711, 0, 0, 0o4111),
        ] {
            assert_eq!(sole.mode(mode, uid, gid), expected, "{mode:o} of {uid}:{gid}");
        }
    }
}
