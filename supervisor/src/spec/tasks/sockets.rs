//! The ports a process declares and the sockets it wants to be handed.

use super::file::one_of;
use super::read::Reader;
use crate::spec::json::Json;
use crate::spec::wire;

/// Where something can be connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// An IP address, or `localhost`.
    pub host: String,
    /// Not 0.
    pub port: u16,
}

/// How many connections may wait where nothing is said.
const BACKLOG: u32 = 128;

const LISTEN_KEYS: &[&str] = &["name", "kind", "address", "path", "backlog", "mode"];

/// The declared ports in the order of their names.
pub fn ports(reader: &mut Reader, path: &str, json: &Json) -> Option<Vec<u16>> {
    let entries = reader.entries(path, json);
    let port = |(name, value): (&str, _)| reader.port(&format!("{path}.{name}"), value);
    Some(entries.into_iter().filter_map(port).collect())
}

/// A socket a process wants to be handed.
#[derive(Clone, Debug, PartialEq)]
pub struct Socket {
    /// As the plan has it.
    pub listen: wire::Listen,
    /// Where one can connect to it, when it is TCP.
    pub tcp: Option<Address>,
}

/// The sockets a process wants to be handed. Paths may hold variables, for [`expand`].
pub fn listen(reader: &mut Reader, path: &str, json: &Json) -> Option<Vec<Socket>> {
    let mut sockets = Vec::new();
    for (path, item) in reader.items(path, json) {
        let Some(socket) = reader.object(&path, item, LISTEN_KEYS) else { continue };
        let name = reader.required(&socket, "name", Reader::text);
        let backlog = reader.nullable(&socket, "backlog", Reader::count).unwrap_or(BACKLOG);
        let mode = reader.nullable(&socket, "mode", Reader::count);
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
        if mode.is_some_and(|mode| mode > 0o777) {
            let hint = Some("as a decimal number: 384 is 0600".to_owned());
            reader.wrong(&socket.path_of("mode"), "is more than all permissions", hint);
        }
        if file.as_deref().is_some_and(|file| !file.starts_with(['/', '$'])) {
            reader.wrong(&socket.path_of("path"), "is not an absolute path", None);
        }
        let (Some(name), Some(tcp)) = (name, tcp) else { continue };
        let (text, address) = address.filter(|_| tcp).unzip();
        let listen = wire::Listen {
            name,
            address: text,
            path: file.filter(|_| !tcp),
            backlog: u16::try_from(backlog).unwrap_or(u16::MAX),
            mode: mode.filter(|_| !tcp).map(|mode| format!("{mode:04o}")),
        };
        sockets.push(Socket { listen, tcp: address });
    }
    Some(sockets)
}

/// Puts the values of variables into the paths of sockets. One at a path that cannot be made out is
/// left out, with a warning; `path` is where the sockets are.
pub fn expand(
    reader: &mut Reader,
    path: &str,
    listen: &mut Vec<wire::Listen>,
    value: &dyn Fn(&str) -> Option<String>,
) {
    let mut index = 0;
    listen.retain_mut(|socket| {
        let path = format!("{path}[{index}].path");
        index += 1;
        let Some(file) = &mut socket.path else { return true };
        match expanded(file, value) {
            Ok(whole) if whole.starts_with('/') => {
                *file = whole;
                return true;
            }
            Ok(whole) => {
                let what = format!("is not an absolute path: \"{}\"", whole.escape_debug());
                reader.wrong(&path, what, None);
            }
            Err(name) => {
                let what = format!(
                    "is not carried, and the process has to open this socket itself: \"{}\" is not set",
                    name.escape_debug()
                );
                let hint = "set it in `env` or for the container, or write the path out";
                reader.warn(&path, what, Some(hint));
            }
        }
        false
    });
}

/// A text with the values of `$NAME` and `${NAME}` in their place, or the name that has none.
fn expanded(text: &str, value: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut parts = text.split('$');
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = match part.strip_prefix('{').and_then(|part| part.split_once('}')) {
            Some(braced) => braced,
            None => {
                let in_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                part.split_at(part.find(|c| !in_name(c)).unwrap_or(part.len()))
            }
        };
        whole += &value(name).ok_or_else(|| name.to_owned())?;
        whole += rest;
    }
    Ok(whole)
}

/// An IP address and a port, as written and as one can connect to. Where it listens on every address, one can connect to the host's own.
fn address(reader: &mut Reader, path: &str, json: &Json) -> Option<(String, Address)> {
    let text = reader.text(path, json)?;
    match text.parse::<std::net::SocketAddr>() {
        Ok(address) if address.port() != 0 => {
            let host = if address.ip().is_unspecified() {
                "localhost".to_owned()
            } else {
                address.ip().to_string()
            };
            Some((text, Address { host, port: address.port() }))
        }
        _ => {
            let what = format!("\"{}\" is not an IP address and a port", text.escape_debug());
            reader.wrong(path, what, Some("write it as in `127.0.0.1:8080`".to_owned()));
            None
        }
    }
}
