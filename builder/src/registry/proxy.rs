//! Which proxy a request goes through, by the variables of the environment and the rules of Go, which
//! Docker and skopeo follow.
//!
//! `HTTPS_PROXY` and `HTTP_PROXY` are each for addresses of their own scheme, `ALL_PROXY` for those that
//! have none; names in lower case do as well. What `NO_PROXY` names is reached directly, and this
//! machine always is: a proxy has no way to it, and what is said to it is said in clear text.

use std::net::IpAddr;

use ureq::Proxy;

use super::address::{self, Origin};
use crate::error::{Failure, Kind, Result};

/// The proxies there are. One that cannot be used is told once something is to go through it.
#[derive(Debug)]
pub struct Proxies {
    http: Result<Option<Proxy>>,
    https: Result<Option<Proxy>>,
    exceptions: Vec<Exception>,
}

/// What is reached directly, on any port or on one.
#[derive(Debug, PartialEq, Eq)]
struct Exception {
    place: Place,
    port: Option<u16>,
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    Everything,
    Address(IpAddr),
    /// All addresses that begin with so many bits of this one.
    Network(IpAddr, u8),
    /// A name, and all below it.
    Name(String),
    /// All names below this one.
    Below(String),
}

impl Proxies {
    /// Those of this program's environment.
    pub fn of_environment() -> Self {
        Self::of(|name| std::env::var(name).ok())
    }

    fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let given = |names: [&'static str; 2]| {
            let mut found = names.into_iter().map(|name| (name, variable(name)));
            found.find_map(|(name, value)| {
                let value = value.map(|value| value.trim().to_owned())?;
                (!value.is_empty()).then_some((name, value))
            })
        };
        let all = given(["ALL_PROXY", "all_proxy"]);
        let proxy = |names| match (given(names), &all) {
            (Some((name, value)), _) => parse(name, &value).map(Some),
            // Those who know this variable mean programs that speak SOCKS by it as well.
            (None, Some((_, value))) if is_socks(value) => Ok(None),
            (None, Some((name, value))) => parse(name, value).map(Some),
            (None, None) => Ok(None),
        };
        let except = given(["NO_PROXY", "no_proxy"]).map(|(_, value)| value).unwrap_or_default();
        Self {
            https: proxy(["HTTPS_PROXY", "https_proxy"]),
            http: proxy(["HTTP_PROXY", "http_proxy"]),
            exceptions: except.split(',').filter_map(Exception::parse).collect(),
        }
    }

    /// The proxy on the way to `url`, if any.
    ///
    /// # Errors
    /// [`Kind::Usage`], naming the variable that holds no address of a proxy; its value may hold a
    /// password, and is not shown.
    pub fn to(&self, url: &str) -> Result<Option<&Proxy>> {
        let Some(origin) = Origin::parse(url) else { return Ok(None) };
        let proxy = match origin.scheme.as_str() {
            "https" => &self.https,
            _ => &self.http,
        };
        let host = origin.host.trim_start_matches('[').trim_end_matches(']');
        let direct = address::is_local(host)
            || self.exceptions.iter().any(|exception| exception.is_about(host, origin.port));
        if direct {
            return Ok(None);
        }
        proxy.as_ref().map(Option::as_ref).map_err(Clone::clone)
    }
}

fn is_socks(value: &str) -> bool {
    value.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("socks"))
}

fn parse(name: &str, value: &str) -> Result<Proxy> {
    if is_socks(value) {
        return Err(Failure::new(
            Kind::Usage,
            format!("cannot use {name}: it names a SOCKS proxy"),
        )
        .hint("name a proxy that speaks HTTP, or what needs none in NO_PROXY"));
    }
    Proxy::new(value).map_err(|_| {
        Failure::new(Kind::Usage, format!("cannot use {name}: it is no address of a proxy"))
            .hint("write http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, or unset it")
    })
}

impl Exception {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let on_any_port = |place| Some(Self { place, port: None });
        if text.is_empty() {
            return None;
        }
        if text == "*" {
            return on_any_port(Place::Everything);
        }
        if let Some((network, bits)) = text.split_once('/') {
            let (network, bits) = (network.parse().ok()?, bits.parse().ok()?);
            return on_any_port(Place::Network(network, bits));
        }
        if let Ok(address) = text.trim_start_matches('[').trim_end_matches(']').parse() {
            return on_any_port(Place::Address(address));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (text.as_str(), None),
        };
        let place = match host.trim_start_matches('[').trim_end_matches(']').parse() {
            Ok(address) => Place::Address(address),
            Err(_) => match host.strip_prefix('*').unwrap_or(host).strip_prefix('.') {
                Some(below) => Place::Below(below.to_owned()),
                None => Place::Name(host.to_owned()),
            },
        };
        Some(Self { place, port })
    }

    fn is_about(&self, host: &str, port: u16) -> bool {
        let is_below = |name: &str| {
            host.strip_suffix(name)
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|r| !r.is_empty())
        };
        let address = host.parse::<IpAddr>().ok();
        let fits = match &self.place {
            Place::Everything => true,
            Place::Address(exception) => address == Some(*exception),
            Place::Network(network, bits) => address.is_some_and(|it| begins(it, *network, *bits)),
            Place::Name(name) => host == name || is_below(name),
            Place::Below(name) => is_below(name),
        };
        fits && self.port.is_none_or(|only| only == port)
    }
}

/// Whether the first `bits` of two addresses of one kind are the same.
fn begins(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let differ = |one: u128, other: u128, length: u8| {
        let rest = u32::from(length.saturating_sub(bits));
        bits <= length && (one ^ other).checked_shr(rest).unwrap_or(0) == 0
    };
    match (address, network) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            differ(u128::from(one.to_bits()), u128::from(other.to_bits()), 32)
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => differ(one.to_bits(), other.to_bits(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::of(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn what_is_on_this_machine_is_never_asked_for_through_a_proxy() {
        for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
            let proxies = proxies(&[(name, "http://proxy.example:3128")]);
            for host in ["127.0.0.1:5000", "localhost", "LOCALHOST:5000", "127.1.2.3", "[::1]:5000"]
            {
                for scheme in ["http", "https"] {
                    let url = format!("{scheme}://{host}/v2/");
                    assert!(proxies.to(&url).unwrap().is_none(), "{name} {url}");
                }
            }
        }
    }

    #[test]
    fn each_scheme_has_a_proxy_of_its_own() {
        let through = |variables: &[(&str, &str)], url: &str| {
            proxies(variables).to(url).unwrap().map(|proxy| proxy.host().to_owned())
        };
        for (variables, clear, encrypted) in [
            (&[("HTTP_PROXY", "http://a:1")][..], Some("a"), None),
            (&[("https_proxy", "http://a:1")], None, Some("a")),
            (&[("ALL_PROXY", "http://a:1")], Some("a"), Some("a")),
            (&[("ALL_PROXY", "http://a:1"), ("HTTPS_PROXY", "b:1")], Some("a"), Some("b")),
            (&[("ALL_PROXY", "socks5://a:1")], None, None),
            (&[("HTTPS_PROXY", ""), ("https_proxy", "http://a:1")], None, Some("a")),
            (&[("HTTPS_PROXY", "http://a:1"), ("NO_PROXY", "r.example")], None, None),
        ] {
            let found =
                ["http", "https"].map(|s| through(variables, &format!("{s}://r.example/v2/")));
            assert_eq!(found, [clear, encrypted].map(|h| h.map(str::to_owned)), "{variables:?}");
        }
    }

    #[test]
    fn exceptions_are_names_addresses_and_networks() {
        for (exceptions, url, direct) in [
            ("r.example", "https://r.example/", true),
            ("r.example", "https://a.r.example/", true),
            ("r.example", "https://other.example/", false),
            ("r.example", "https://bar.example/", false),
            (".r.example", "https://r.example/", false),
            (".r.example", "https://a.R.example/", true),
            ("*.r.example", "https://a.r.example/", true),
            ("x, R.example ,y", "https://r.example/", true),
            ("r.example:5000", "https://r.example:5000/", true),
            ("r.example:5000", "https://r.example/", false),
            ("r.example:443", "https://r.example/", true),
            ("10.0.0.0/8", "https://10.1.2.3:5000/", true),
            ("10.0.0.0/8", "https://11.1.2.3/", false),
            ("0.0.0.0/0", "https://11.1.2.3/", true),
            ("10.0.0.0/99", "https://10.1.2.3/", false),
            ("192.168.1.1", "https://192.168.1.1/", true),
            ("192.168.1.1:80", "https://192.168.1.1/", false),
            ("2001:db8::/32", "https://[2001:db8::1]:5000/", true),
            ("2001:db8::1", "https://[2001:db8::1]:5000/", true),
            ("2001:db8::1", "https://[2001:db8::2]:5000/", false),
            ("*", "https://r.example/", true),
            ("", "https://r.example/", false),
        ] {
            let given = [("HTTPS_PROXY", "http://a:1"), ("NO_PROXY", exceptions)];
            let proxies = proxies(&given);
            assert_eq!(proxies.to(url).unwrap().is_none(), direct, "{exceptions:?} {url}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_named_without_its_value() {
        for value in ["me:secret garbage", "socks5://me:secret@host:1", "ftp://me:secret@a"] {
            let proxies = proxies(&[("HTTPS_PROXY", value), ("NO_PROXY", "r.example")]);
            let failure = proxies.to("https://other.example/").unwrap_err();
            assert_eq!(failure.kind(), Kind::Usage, "{failure}");
            let said = failure.to_string();
            assert!(said.contains("HTTPS_PROXY") && !said.contains("secret"), "{said}");
            // What goes another way is not kept from it.
            for direct in ["https://r.example/", "https://localhost/", "http://other.example/"] {
                assert!(proxies.to(direct).unwrap().is_none(), "{direct}");
            }
        }
    }
}
