//! Where a response sends its reader: addresses relative to others (RFC 3986 section 5.2), and
//! when two spellings mean one place.

use std::net::IpAddr;

/// Resolves `location`, from the response to a request to `base`.
pub fn resolve(base: &str, location: &str) -> String {
    let Some((scheme, rest)) = base.split_once("://").filter(|_| !is_absolute(location)) else {
        return location.to_owned();
    };
    if let Some(other) = location.strip_prefix("//") {
        return format!("{scheme}://{other}");
    }
    let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let path = target.split('?').next().unwrap_or(target);
    let (relative, query) = location.split_at(location.find('?').unwrap_or(location.len()));
    let merged = match relative.chars().next() {
        None => path.to_owned(),
        Some('/') => relative.to_owned(),
        Some(_) => {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{folder}/{relative}")
        }
    };
    format!("{scheme}://{authority}{}{query}", without_dots(&merged))
}

/// Whether it begins with a scheme: letters before the first colon, and no path before it.
fn is_absolute(location: &str) -> bool {
    location.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            other => {
                kept.push(other);
                continue;
            }
        }
        // A folder is meant, and keeps its slash.
        if segments.peek().is_none() {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

/// The path and query of `url` when it is of the same host and port as `base`, a scheme and an
/// authority. A registry behind a proxy that ends TLS may tell `http://` where it was asked by
/// `https://`; what goes by `https://` is never made to go by `http://`.
pub fn path_within(url: &str, base: &str) -> Option<String> {
    let (theirs, ours) = (Origin::parse(url)?, Origin::parse(base)?);
    let same_port = theirs.port == ours.port || (theirs.is_default() && ours.is_default());
    let safe = theirs.scheme == ours.scheme || ours.scheme == "https";
    let root = if theirs.target.starts_with('/') { "" } else { "/" };
    (theirs.host == ours.host && same_port && safe).then(|| format!("{root}{}", theirs.target))
}

/// Whether a host, without port and brackets, is this machine. A name may begin like an address, and
/// belong to anybody.
pub fn is_local(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Host and port of `url`, as they are written, without a user's name.
pub fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    authority.rsplit('@').next().unwrap_or(authority)
}

/// Whether what is sent to `url` can be read on the way.
pub fn is_clear_text(url: &str) -> bool {
    url.split_once("://").is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("http"))
}

/// Who answers at an address, and what is asked for there.
pub struct Origin<'a> {
    /// The scheme, in lower case.
    pub scheme: String,
    /// The host, in lower case, an IPv6 address in its brackets.
    pub host: String,
    /// The port, be it said or not.
    pub port: u16,
    target: &'a str,
}

impl<'a> Origin<'a> {
    /// `None` for what is no address of the web, or names a user.
    pub fn parse(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        // The colons of an IPv6 address are within brackets.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
            _ => (authority, default_port(&scheme)?),
        };
        let host = Some(host).filter(|host| !host.is_empty() && !host.contains('@'))?;
        Some(Self { scheme, host: host.to_ascii_lowercase(), port, target })
    }

    fn is_default(&self) -> bool {
        default_port(&self.scheme) == Some(self.port)
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_relative_to_what_was_asked_for() {
        let base = "https://r:5000/v2/app/blobs/uploads/?mount=a/b";
        for (location, expected) in [
            ("up", "https://r:5000/v2/app/blobs/uploads/up"),
            ("./up?s=a/../b", "https://r:5000/v2/app/blobs/uploads/up?s=a/../b"),
            ("../../up", "https://r:5000/v2/app/up"),
            ("../../../../../../up", "https://r:5000/up"),
            ("..", "https://r:5000/v2/app/blobs/"),
            ("?s=1", "https://r:5000/v2/app/blobs/uploads/?s=1"),
            ("/v2/up", "https://r:5000/v2/up"),
            ("/v2/sha256:a/", "https://r:5000/v2/sha256:a/"),
            ("//other/up", "https://other/up"),
            ("http://other/up", "http://other/up"),
            ("1/a:b", "https://r:5000/v2/app/blobs/uploads/1/a:b"),
        ] {
            assert_eq!(resolve(base, location), expected, "{location}");
        }
        assert_eq!(resolve("http://r", "up"), "http://r/up");
    }

    #[test]
    fn one_place_has_several_spellings() {
        for (url, base, expected) in [
            ("https://r:443/v2/x?a", "https://r", Some("/v2/x?a")),
            ("https://R/v2/x", "https://r:443", Some("/v2/x")),
            ("http://r/v2/x", "https://r", Some("/v2/x")),
            ("http://r:5000/x", "https://r:5000", Some("/x")),
            ("http://[::1]:5000/x", "http://[::1]:5000", Some("/x")),
            ("http://[::1]/x", "http://[::1]:80", Some("/x")),
            ("https://r?a", "https://r", Some("/?a")),
            ("https://r", "https://r", Some("/")),
            ("https://r/x", "http://r", None),
            ("https://r:5000/x", "https://r", None),
            ("https://r.example/x", "https://r", None),
            ("https://r@elsewhere/x", "https://r", None),
            ("https://me@r/x", "https://r", None),
            ("ftp://r/x", "https://r", None),
        ] {
            assert_eq!(path_within(url, base).as_deref(), expected, "{url} {base}");
        }
    }
}
