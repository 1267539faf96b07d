//! The engine of another machine, through ssh and the client over there, which passes everything
//! on to its engine (`docker system dial-stdio`). So nothing of Docker has to listen on a network.

use std::io::{self, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Another machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Its name or address.
    pub host: String,
    user: Option<String>,
    port: Option<String>,
    /// The socket its engine listens on, when it is not the usual one.
    socket: Option<String>,
}

/// A connection; it ends with this value.
#[derive(Debug)]
pub struct Connection {
    child: Child,
    to: Option<ChildStdin>,
    from: ChildStdout,
}

impl Remote {
    /// Reads what follows `ssh://`: `[user@]host[:port][/socket]`.
    pub fn parse(text: &str) -> Option<Self> {
        let (machine, socket) = match text.split_once('/') {
            Some((machine, socket)) => (machine, Some(format!("/{socket}"))),
            None => (text, None),
        };
        let (user, machine) = match machine.rsplit_once('@') {
            Some((user, machine)) => (Some(user.to_owned()), machine),
            None => (None, machine),
        };
        let (host, port) = match machine.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port.to_owned())),
            _ => (machine, None),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let words = [Some(&host), user.as_ref(), port.as_ref()];
        // What begins with a hyphen would be an option to ssh.
        if words.into_iter().flatten().any(|word| word.is_empty() || word.starts_with('-')) {
            return None;
        }
        Some(Self { host, user, port, socket: socket.filter(|socket| socket != "/") })
    }

    /// The arguments of ssh.
    fn arguments(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut option = |name: &str, value: &Option<String>| {
            words.extend(value.iter().flat_map(|value| [name.to_owned(), value.clone()]));
        };
        option("-l", &self.user);
        option("-p", &self.port);
        words.extend(["-o", "ConnectTimeout=30", "-T", "--"].map(str::to_owned));
        words.push(self.host.clone());
        words.push("docker".to_owned());
        words.extend(self.socket.iter().map(|socket| format!("--host=unix://{socket}")));
        words.extend(["system", "dial-stdio"].map(str::to_owned));
        words
    }
}

/// Logs in and connects to the engine. Questions and complaints of ssh are the user's.
///
/// # Errors
/// When there is no ssh.
pub fn connect(remote: &Remote) -> io::Result<Connection> {
    let mut child = Command::new("ssh")
        .args(remote.arguments())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), format!("cannot run ssh: {error}")))?;
    match (child.stdin.take(), child.stdout.take()) {
        (Some(to), Some(from)) => Ok(Connection { child, to: Some(to), from }),
        _ => Err(io::Error::other("no pipes to ssh")),
    }
}

impl Read for Connection {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.from.read(out)
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.as_mut().map_or(Err(io::ErrorKind::BrokenPipe.into()), |to| to.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Without input the other side ends; one that does not has nothing to say any more.
        drop(self.to.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_are_named_as_docker_has_it() {
        for (text, expected) in [
            ("host", "-- host docker system dial-stdio"),
            ("me@host:22", "-l me -p 22 -- host docker system dial-stdio"),
            ("me@[::1]:22", "-l me -p 22 -- ::1 docker system dial-stdio"),
            ("host/run/d.sock", "-- host docker --host=unix:///run/d.sock system dial-stdio"),
            ("host/", "-- host docker system dial-stdio"),
        ] {
            let words = Remote::parse(text).unwrap().arguments().join(" ");
            assert_eq!(words.replace("-o ConnectTimeout=30 -T ", ""), expected, "{text}");
        }
        for text in ["", "me@", "@host", "-oProxyCommand=x", "me@-x", "host:"] {
            assert_eq!(Remote::parse(text), None, "{text}");
        }
    }
}
