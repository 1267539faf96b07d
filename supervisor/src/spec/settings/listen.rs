//! Sockets that are made for a process before it runs and kept over its restarts: socket
//! activation, as `sd_listen_fds(3)` describes it.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::Check;
use crate::spec::wire;

/// One listening socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// What the process knows it by, from `LISTEN_FDNAMES`.
    pub name: String,
    /// Where it listens.
    pub address: Address,
    /// How many connections wait to be accepted; the kernel has a limit of its own besides.
    pub backlog: u16,
}

/// Where a socket listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// At a TCP port of an address of this machine.
    Tcp(SocketAddr),
    /// At a path.
    Unix {
        /// Absolute.
        path: String,
        /// The permission bits of the file.
        mode: u16,
    },
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix { path, .. } => f.write_str(path),
        }
    }
}

/// The most a path of a socket may have, its end included (`unix(7)`).
const PATH_ROOM: usize = 108;

/// The most sockets of one process. Every one of them is a descriptor of ours as long as we live.
const MOST: usize = 64;

pub(super) fn check(sockets: &[wire::Listen], check: &mut Check<'_>) -> Vec<Listen> {
    if sockets.len() > MOST {
        let what = format_args!("{} sockets are too many", sockets.len());
        check.fault(&"listen", what, &format!("one process gets at the most {MOST}"));
    }
    let mut names = BTreeSet::new();
    let one = |(index, socket): (usize, &wire::Listen)| {
        let field = format!("listen[{index}]");
        if !names.insert(socket.name.clone()) {
            let what =
                format_args!("\"{}\" is already the name of another", socket.name.escape_debug());
            check.fault(
                &format_args!("{field}.name"),
                what,
                "the process could not tell them apart",
            );
        }
        listen(&field, socket, check)
    };
    sockets.iter().enumerate().filter_map(one).collect()
}

fn listen(field: &str, socket: &wire::Listen, check: &mut Check<'_>) -> Option<Listen> {
    // `sd_listen_fds_with_names(3)`: printable ASCII without the colon, at most 255 bytes.
    let printable = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b':';
    if !(1..=255).contains(&socket.name.len()) || !socket.name.bytes().all(printable) {
        let what = format_args!("\"{}\" cannot be a socket's name", socket.name.escape_debug());
        check.fault(&format_args!("{field}.name"), what, "use up to 255 printable ones but `:`");
    }
    if socket.backlog == 0 {
        let what = format_args!("no connection could wait");
        check.fault(&format_args!("{field}.backlog"), what, "give at least 1");
    }
    let address = match (&socket.address, &socket.path) {
        (Some(address), None) => tcp(field, address, socket.mode.is_some(), check)?,
        (None, Some(path)) => unix(field, path, socket.mode.as_deref(), check)?,
        _ => {
            let what = format_args!("has to say where to listen, once");
            check.fault(&field, what, "give either `address`, for TCP, or `path`, for a file");
            return None;
        }
    };
    Some(Listen { name: socket.name.clone(), address, backlog: socket.backlog })
}

fn tcp(field: &str, text: &str, has_mode: bool, check: &mut Check<'_>) -> Option<Address> {
    if has_mode {
        let what = format_args!("only files have permissions");
        check.fault(&format_args!("{field}.mode"), what, "leave it out with `address`");
    }
    match literal(text) {
        Some(address) => Some(Address::Tcp(address)),
        None => {
            let what = format_args!("\"{}\" is not an address with a port", text.escape_debug());
            let hint = "write it as in `127.0.0.1:8080` or `[::]:8080`, from port 1 on";
            check.fault(&format_args!("{field}.address"), what, hint);
            None
        }
    }
}

/// Reads an address with a port, as in `127.0.0.1:8080`, `[::]:8080` or `localhost:8080`. No other
/// name is looked up, and there is no port 0.
#[must_use]
pub fn literal(text: &str) -> Option<SocketAddr> {
    // `localhost` means the loopback interface wherever it is resolved (RFC 6761, section 6.3).
    let local = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    let local = local.map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    local.or_else(|| text.parse().ok()).filter(|address| address.port() != 0)
}

fn unix(field: &str, path: &str, mode: Option<&str>, check: &mut Check<'_>) -> Option<Address> {
    let bits = mode.map_or(Some(0o600), |text| {
        let digits = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        let bits = u16::from_str_radix(text, 8).ok();
        bits.filter(|bits| digits && *bits <= 0o777)
    });
    if bits.is_none() {
        let what =
            format_args!("\"{}\" are no permissions", mode.unwrap_or_default().escape_debug());
        check.fault(&format_args!("{field}.mode"), what, "write them in octal, as in `0660`");
    }
    if !path.starts_with('/') || path.ends_with('/') || path.contains('\0') {
        let what = format_args!("\"{}\" is not the absolute path of a file", path.escape_debug());
        check.fault(
            &format!("{field}.path"),
            what,
            "the supervisor makes the socket, wherever it is",
        );
        return None;
    }
    if path.len() >= PATH_ROOM {
        let what = format_args!("{} bytes are too long for a socket's path", path.len());
        check.fault(&format_args!("{field}.path"), what, "the kernel has room for 107");
        return None;
    }
    bits.map(|mode| Address::Unix { path: path.to_owned(), mode })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(address: Option<&str>, path: Option<&str>, mode: Option<&str>) -> Option<String> {
        let own = |text: &str| text.to_owned();
        let socket = wire::Listen {
            name: "http".to_owned(),
            address: address.map(own),
            path: path.map(own),
            backlog: 128,
            mode: mode.map(own),
        };
        let mut problems = Vec::new();
        let checked = check(&[socket], &mut Check { path: "p", problems: &mut problems });
        problems.is_empty().then(|| match checked.as_slice() {
            [Listen { address: Address::Unix { path, mode }, .. }] => format!("{path} {mode:o}"),
            [one] => one.address.to_string(),
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn a_socket_listens_at_an_address_or_at_a_path() {
        let long = format!("/{}", "a".repeat(107));
        for (address, path, mode, want) in [
            (Some("127.0.0.1:80"), None, None, Some("127.0.0.1:80")),
            (Some("localhost:80"), None, None, Some("127.0.0.1:80")),
            (Some("[::]:8080"), None, None, Some("[::]:8080")),
            (Some("127.0.0.1"), None, None, None),
            (Some("127.0.0.1:0"), None, None, None),
            (Some("example.org:80"), None, None, None),
            (Some("127.0.0.1:80"), None, Some("600"), None),
            (Some("127.0.0.1:80"), Some("/run/a"), None, None),
            (None, None, None, None),
            (None, Some("/run/a"), None, Some("/run/a 600")),
            (None, Some("/run/a"), Some("0666"), Some("/run/a 666")),
            (None, Some("/run/a"), Some("1777"), None),
            (None, Some("/run/a"), Some("rw"), None),
            (None, Some("run/a"), None, None),
            (None, Some("/run/"), None, None),
            (None, Some(long.as_str()), None, None),
        ] {
            let found = checked(address, path, mode);
            assert_eq!(found.as_deref(), want, "{address:?} {path:?} {mode:?}");
        }
    }
}
