//! The addresses of a host: what can be told without asking anybody.
//!
//! A static program has no name service, and what a container checks is itself. So there are
//! addresses, `localhost` (RFC 6761, section 6.3) and the names of `/etc/hosts` (hosts(5)).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where names are listed.
const HOSTS: &str = "/etc/hosts";

/// The most of that file that is looked at, in bytes.
const HOSTS_LIMIT: u64 = 1024 * 1024;

/// The addresses of a host, in the order to try them in; never empty.
///
/// # Errors
/// It is no address, and no name that is known here.
pub(super) fn resolve(host: &str) -> Result<Vec<IpAddr>, String> {
    known(host)
        .or_else(|| listed(host, &read_hosts()))
        .ok_or_else(|| format!("cannot resolve {host}: it is no address and not in {HOSTS}"))
}

fn read_hosts() -> String {
    let mut bytes = Vec::new();
    if let Ok(file) = std::fs::File::open(HOSTS) {
        // What could not be read names nobody.
        let _ = std::io::Read::read_to_end(&mut std::io::Read::take(file, HOSTS_LIMIT), &mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What needs no file: addresses, with or without the brackets of a URL, and `localhost`.
fn known(host: &str) -> Option<Vec<IpAddr>> {
    if host.eq_ignore_ascii_case("localhost") {
        return Some(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    bare.parse().ok().map(|address| vec![address])
}

/// The addresses a host file lists for a name, in its order (hosts(5)).
fn listed(host: &str, hosts: &str) -> Option<Vec<IpAddr>> {
    let of_line = |line: &str| {
        let mut words = line.split('#').next()?.split_ascii_whitespace();
        let address = words.next()?.parse().ok()?;
        words.any(|name| name.eq_ignore_ascii_case(host)).then_some(address)
    };
    let addresses: Vec<IpAddr> = hosts.lines().filter_map(of_line).collect();
    (!addresses.is_empty()).then_some(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(addresses: Option<Vec<IpAddr>>) -> Vec<String> {
        addresses.unwrap_or_default().iter().map(IpAddr::to_string).collect()
    }

    #[test]
    fn addresses_and_localhost_need_no_file() {
        for (host, want) in [
            ("127.0.0.1", vec!["127.0.0.1"]),
            ("::1", vec!["::1"]),
            ("[::1]", vec!["::1"]),
            ("localhost", vec!["127.0.0.1", "::1"]),
            ("LocalHost", vec!["127.0.0.1", "::1"]),
            ("db", vec![]),
            ("[db]", vec![]),
            ("1.2.3", vec![]),
        ] {
            assert_eq!(shown(known(host)), want, "{host}");
        }
    }

    #[test]
    fn names_are_looked_up_as_hosts_5_says() {
        let hosts =
            "# a comment\n10.0.0.1\tdb db.local # db2\n::1 db\n\nnonsense db\n10.0.0.2 DB2\n";
        for (host, want) in [
            ("db", vec!["10.0.0.1", "::1"]),
            ("db.local", vec!["10.0.0.1"]),
            ("db2", vec!["10.0.0.2"]),
            ("web", vec![]),
        ] {
            assert_eq!(shown(listed(host, hosts)), want, "{host}");
        }
    }

    #[test]
    fn an_unknown_name_is_told() {
        let error = resolve("no-such-host.invalid").expect_err("nobody has that name");
        assert!(error.starts_with("cannot resolve no-such-host.invalid: "), "{error}");
    }
}
