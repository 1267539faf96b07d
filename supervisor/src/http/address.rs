//! Where to listen, as a person writes it.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::spec::settings::listen::literal;

/// Reads `127.0.0.1:9300`, `[::1]:9300`, `localhost:9300`, or `:9300` for every address of the
/// machine. What comes back is to be tried in that order: the second one is for machines without
/// IPv6. No other names are looked up.
///
/// # Errors
/// It is none of these; the text says what was expected.
pub fn parse(text: &str) -> Result<Vec<SocketAddr>, String> {
    let port = text.strip_prefix(':').and_then(|port| port.parse().ok()).filter(|port| *port > 0);
    if let Some(port) = port {
        let any = (Ipv6Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED);
        return Ok(vec![(any.0, port).into(), (any.1, port).into()]);
    }
    literal(text).map(|address| vec![address]).ok_or_else(|| {
        format!(
            "\"{}\" is not an address with a port\n\
             hint: write it as in `127.0.0.1:9300`, `[::1]:9300` or `:9300`",
            text.escape_debug()
        )
    })
}
