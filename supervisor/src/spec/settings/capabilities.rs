//! Capabilities by name (`capabilities(7)`), without asking the operating system.

use std::fmt;

use super::Check;

/// A set of capabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(u64);

impl Capabilities {
    /// From the kernel's form: the bit of each is its number.
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// In the kernel's form.
    #[must_use]
    pub fn bits(self) -> u64 {
        self.0
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those of this set that `other` does not hold.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The set of one, from a name with or without `CAP_`, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        let short = lower.strip_prefix("cap_").unwrap_or(&lower);
        NAMES.iter().zip(0u32..).find(|(name, _)| **name == short).map(|(_, bit)| Self(1 << bit))
    }
}

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for bit in (0..64).filter(|bit| self.0 & (1 << bit) != 0) {
            match NAMES.get(bit) {
                Some(name) => write!(f, "{between}CAP_{}", name.to_ascii_uppercase())?,
                None => write!(f, "{between}capability {bit}")?,
            }
            between = ", ";
        }
        Ok(())
    }
}

/// The number of each is its place; all of Linux 5.9 and later.
const NAMES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

pub(super) fn check(names: &[String], check: &mut Check<'_>) -> Capabilities {
    let mut set = Capabilities::default();
    for (index, name) in names.iter().enumerate() {
        match Capabilities::parse(name) {
            Some(one) => set = Capabilities(set.0 | one.0),
            None => {
                let what = format!("there is no capability \"{}\"", name.escape_debug());
                let hint = "write it as in `CAP_NET_BIND_SERVICE`";
                check.fault(&format!("capabilities[{index}]"), what, hint);
            }
        }
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_with_and_without_cap() {
        for text in ["CAP_NET_BIND_SERVICE", "net_bind_service", "cap_Net_Bind_Service"] {
            assert_eq!(Capabilities::parse(text), Some(Capabilities(1 << 10)), "{text}");
        }
        for text in ["", "cap_", "net", "cap_cap_chown", "10"] {
            assert_eq!(Capabilities::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_capability_is_read_from_what_it_prints() {
        for bit in 0..41 {
            let one = Capabilities(1 << bit);
            assert_eq!(Capabilities::parse(&one.to_string()), Some(one));
        }
        assert_eq!(Capabilities(0b101).to_string(), "CAP_CHOWN, CAP_DAC_READ_SEARCH");
    }
}
