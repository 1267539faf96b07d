//! Real sockets: who gets one, who is told why not, and what is left behind.

use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};

use super::*;

fn at(address: Address) -> Listen {
    Listen { name: "http".to_owned(), address, backlog: 8 }
}

fn file(path: &Path, mode: u16) -> Listen {
    at(Address::Unix { path: path.to_str().expect("UTF-8").to_owned(), mode })
}

/// A port that was free a moment ago.
fn free_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("its address")
}

/// A directory that is removed at the end of the test.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("devenv-init-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_tcp_socket_accepts_and_stands_above_where_it_is_passed_on() {
    let address = free_port();
    let socket = make(&at(Address::Tcp(address))).expect("a socket");
    assert!(socket.descriptor.as_raw_fd() >= ABOVE);
    TcpStream::connect(address).expect("somebody listens");
    let error = make(&at(Address::Tcp(address))).expect_err("it is taken");
    assert_eq!(error, format!("cannot listen on {address} (http): Address already in use"));
}

#[test]
fn a_unix_socket_has_its_permissions_and_goes_with_us() {
    let directory = Directory::new("unix-socket");
    let path = directory.0.join("s");
    let socket = make(&file(&path, 0o640)).expect("a socket");
    let mode = fs::symlink_metadata(&path).expect("its file").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    UnixStream::connect(&path).expect("somebody listens");
    drop(socket);
    assert!(!path.exists());
}

#[test]
fn only_a_stale_socket_is_replaced() {
    let directory = Directory::new("stale-socket");
    let path = directory.0.join("s");
    let living = UnixListener::bind(&path).expect("a socket");
    let error = make(&file(&path, 0o600)).expect_err("somebody is there");
    assert!(error.ends_with("Address already in use"), "{error}");
    drop(living);
    drop(make(&file(&path, 0o600)).expect("it was stale"));
    fs::write(&path, "precious").expect("a file");
    let error = make(&file(&path, 0o600)).expect_err("a file is there");
    assert!(error.ends_with("something that is not a socket is there"), "{error}");
    assert_eq!(fs::read_to_string(&path).expect("still there"), "precious");
}

#[test]
fn what_another_one_put_in_its_place_is_left_alone() {
    let directory = Directory::new("other-socket");
    let path = directory.0.join("s");
    let socket = make(&file(&path, 0o600)).expect("a socket");
    fs::remove_file(&path).expect("ours");
    let _other = UnixListener::bind(&path).expect("another one");
    drop(socket);
    assert!(path.exists());
}

#[test]
fn a_process_is_told_of_its_sockets_by_name() {
    let mut variables = Variables::new();
    announce(&[], &mut variables);
    assert!(variables.is_empty());
    let address = Address::Tcp(([127, 0, 0, 1], 80).into());
    let admin = Listen { name: "admin".to_owned(), ..at(address.clone()) };
    announce(&[at(address), admin], &mut variables);
    let wanted = [("LISTEN_FDNAMES", "http:admin"), ("LISTEN_FDS", "2")];
    assert_eq!(variables, wanted.map(|(name, value)| (name.into(), value.into())).into());
}
