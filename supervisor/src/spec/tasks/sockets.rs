//! The ports a process declares and the sockets it wants to be handed.

use super::file::one_of;
use super::json::Json;
use super::read::Reader;

/// Where something can be connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// An IP address, or `localhost`.
    pub host: String,
    /// Not 0.
    pub port: u16,
}

const LISTEN_KEYS: &[&str] = &["name", "kind", "address", "path", "backlog", "mode"];

/// The declared ports in the order of their names.
pub fn ports(reader: &mut Reader, path: &str, json: &Json) -> Option<Vec<u16>> {
    let entries = reader.entries(path, json);
    let port = |(name, value): (&str, _)| reader.port(&format!("{path}.{name}"), value);
    Some(entries.into_iter().filter_map(port).collect())
}

/// The sockets a process wants to be handed, with the addresses of those that are TCP.
pub fn listen(reader: &mut Reader, path: &str, json: &Json) -> Option<Vec<Option<Address>>> {
    let mut sockets = Vec::new();
    for (path, item) in reader.items(path, json) {
        let Some(socket) = reader.object(&path, item, LISTEN_KEYS) else { continue };
        reader.required(&socket, "name", Reader::text);
        reader.nullable(&socket, "backlog", Reader::count);
        reader.nullable(&socket, "mode", Reader::count);
        let address = reader.nullable(&socket, "address", address);
        let file = reader.nullable(&socket, "path", Reader::text);
        let tcp = reader.required(&socket, "kind", |reader, path, json| {
            one_of(reader, path, json, &[("tcp", true), ("unix_stream", false)])
        });
        let has = |key: &str| socket.get(key).is_some_and(|value| *value != Json::Null);
        match tcp {
            Some(true) if !has("address") => {
                reader.wrong(&path, "a tcp socket has to have an `address`", None);
            }
            Some(false) if !has("path") => {
                reader.wrong(&path, "a unix_stream socket has to have a `path`", None);
            }
            Some(_) | None => {}
        }
        // devenv expands variables at its start, so `$DEVENV_STATE/x` is not a relative path.
        if file.as_deref().is_some_and(|file| !file.starts_with(['/', '$'])) {
            reader.wrong(&socket.path_of("path"), "is not an absolute path", None);
        }
        sockets.push(address.filter(|_| tcp == Some(true)));
    }
    Some(sockets)
}

/// An IP address and a port. Where it listens on every address, one can connect to the host's own.
fn address(reader: &mut Reader, path: &str, json: &Json) -> Option<Address> {
    let text = reader.text(path, json)?;
    match text.parse::<std::net::SocketAddr>() {
        Ok(address) if address.port() != 0 => {
            let host = if address.ip().is_unspecified() {
                "localhost".to_owned()
            } else {
                address.ip().to_string()
            };
            Some(Address { host, port: address.port() })
        }
        _ => {
            let what = format!("\"{}\" is not an IP address and a port", text.escape_debug());
            reader.wrong(path, what, Some("write it as in `127.0.0.1:8080`".to_owned()));
            None
        }
    }
}
