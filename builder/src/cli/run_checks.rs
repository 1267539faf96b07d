//! What `run` refuses before anything starts, as Docker does: values that make no sense.

use std::ffi::OsString;
use std::ops::RangeInclusive;

use crate::error::{Failure, Kind, Result};

/// Checks a `NAME` or `NAME=VALUE`.
///
/// # Errors
/// When there is no name.
pub fn variable(entry: &str) -> Result<()> {
    match entry.split('=').next() {
        None | Some("") => Err(Failure::new(
            Kind::Usage,
            format!("cannot set the variable `{entry}`: it has no name"),
        )
        .hint("write -e NAME=VALUE, or -e NAME to pass one on")),
        _ => Ok(()),
    }
}

/// The value of a variable that is passed on; `None` when there is none.
///
/// # Errors
/// When it is not UTF-8, in which images have theirs.
pub fn passed_on(name: &str, value: Option<OsString>) -> Result<Option<String>> {
    value.map(OsString::into_string).transpose().map_err(|_| {
        Failure::new(
            Kind::Usage,
            format!("cannot pass on the variable {name}: its value is not UTF-8"),
        )
        .hint("give the value as UTF-8: -e NAME=VALUE")
    })
}

/// Checks the directory to start in.
///
/// # Errors
/// When it is not absolute.
pub fn working_dir(path: &str) -> Result<()> {
    if path.starts_with('/') {
        return Ok(());
    }
    Err(Failure::new(Kind::Usage, format!("cannot start in `{path}`: it is not an absolute path"))
        .hint("write -w /DIR, a directory of the container"))
}

/// Checks `[[ADDRESS:]HOST:]CONTAINER[/PROTOCOL]`, each side a port or a range. The network is
/// shared: a port can be what it is and nothing else. `first` is the first one that a program in the
/// container may listen at.
///
/// # Errors
/// When it is nothing of the kind, another port than that of the container, or one nothing in it can
/// listen at.
pub fn port(port: &str, first: u16) -> Result<()> {
    let wrong = |why: &str| {
        Failure::new(Kind::Usage, format!("cannot publish {port}: {why}"))
            .hint("write -p PORT or -p PORT:PORT")
    };
    let (plain, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
    if !["tcp", "udp", "sctp"].contains(&protocol) {
        return Err(wrong("there is no such protocol"));
    }
    let mut parts = plain.rsplitn(3, ':');
    let container = parts.next().unwrap_or_default();
    let ports = range(container).ok_or_else(|| wrong("ports are numbers from 1 to 65535"))?;
    if *ports.start() < first {
        let lowest = ports.start();
        return Err(Failure::new(
            Kind::Usage,
            format!(
                "cannot publish {port}: ports of the host below {first} are for its own root, whom \
                 nobody in a native container is"
            ),
        )
        .hint(format!(
            "use a port from {first} on, --network none, --engine docker, or as root \
             `sysctl net.ipv4.ip_unprivileged_port_start={lowest}`"
        )));
    }
    // Without a number on this side Docker chooses one: here that is the container's.
    let Some(host) = parts.next().filter(|host| !host.is_empty()) else { return Ok(()) };
    if range(host).ok_or_else(|| wrong("ports are numbers from 1 to 65535"))? != ports {
        return Err(Failure::new(
            Kind::Usage,
            format!("cannot publish {port}: the native engine shares the host's network"),
        )
        .hint(format!("use {container}:{container}, or --engine docker")));
    }
    Ok(())
}

fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let number = |text: &str| text.parse::<u16>().ok().filter(|number| *number > 0);
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = number(first)?..=number(last)?;
    (!range.is_empty()).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_cannot_be_renumbered_in_a_shared_network() {
        for text in
            ["8080", "8080:8080", "127.0.0.1:80:80/tcp", "[::1]:80:80", "::80", "1-9:1-9/udp"]
        {
            assert!(port(text, 1).is_ok(), "{text}");
        }
        for text in ["80:8080", "127.0.0.1:80:8080", "1-9:1-8"] {
            let failure = port(text, 1).unwrap_err();
            assert!(failure.to_string().contains("shares"), "{failure}");
        }
    }

    #[test]
    fn ports_nothing_can_listen_at_are_refused() {
        for (text, good) in [
            ("81:81", false),
            ("81", false),
            ("1000-1100", false),
            ("1024", true),
            ("::2000", true),
        ] {
            assert_eq!(port(text, 1024).is_ok(), good, "{text}");
            assert!(port(text, 0).is_ok());
        }
        let failure = port("81-90:81-90", 1024).unwrap_err();
        assert!(failure.way_out().unwrap().contains("ip_unprivileged_port_start=81`"), "{failure}");
    }

    #[test]
    fn a_variable_that_cannot_be_passed_on_is_named() {
        use std::os::unix::ffi::OsStringExt as _;
        assert_eq!(passed_on("A", None).unwrap(), None);
        assert_eq!(passed_on("A", Some("b".into())).unwrap().as_deref(), Some("b"));
        let failure = passed_on("BROKEN", Some(OsString::from_vec(vec![0xff]))).unwrap_err();
        assert!(failure.message().contains("variable BROKEN:"), "{failure}");
    }

    #[test]
    fn what_is_no_port_is_refused() {
        for text in ["", "abc", "99999:99999", "0:0", "80:", "80/ip", "a:80", "9-1:9-1", "-1"] {
            assert_eq!(port(text, 1).unwrap_err().kind(), Kind::Usage, "{text}");
        }
    }

    #[test]
    fn names_and_directories_are_needed() {
        for (entry, good) in [("A=b", true), ("A", true), ("A=", true), ("=x", false), ("", false)]
        {
            assert_eq!(variable(entry).is_ok(), good, "{entry}");
        }
        for (path, good) in [("/", true), ("/a", true), ("rel", false), ("", false)] {
            assert_eq!(working_dir(path).is_ok(), good, "{path}");
        }
    }
}
