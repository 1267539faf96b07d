//! Talking to a socket without asking first whose it is.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixStream};

/// Sends a line to a unix socket, a path or `@` and an abstract name, and shows the first line that comes back.
pub fn say(socket: &str, line: &str) {
    let stream = match socket.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)
            .and_then(|address| UnixStream::connect_addr(&address)),
        None => UnixStream::connect(socket),
    };
    let answer = stream.and_then(|mut stream| {
        let mut answer = String::new();
        // Where it answers before it has heard anything, the answer says more.
        let _ = stream.write_all(format!("{line}\n").as_bytes());
        BufReader::new(stream).read_line(&mut answer)?;
        Ok(answer)
    });
    match answer {
        Ok(answer) => print!("{answer}"),
        Err(error) => println!("cannot talk: {error}"),
    }
}
