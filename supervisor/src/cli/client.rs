//! The asking side of control: finds the supervisor, asks it one thing, reads its answer.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::geteuid;

use super::Failure;
use crate::control::line::LIMIT;
use crate::control::{Request, Response};
use crate::machine::exit;
use crate::os::control::{Place, VARIABLE, usual};

/// A value of `--control`.
///
/// # Errors
/// It names nothing.
pub(super) fn control(value: OsString) -> Result<OsString, Failure> {
    if value.is_empty() || value == "@" {
        let why = "--control: the name of the socket is empty";
        return Err(Failure::new(exit::USAGE, format!("{why}\nhint: give a path, @NAME or none")));
    }
    Ok(value)
}

/// How long a supervisor may take over an answer that waits for nothing.
pub(super) const AT_ONCE: Duration = Duration::from_secs(5);

/// A question that has been asked.
pub(super) struct Client {
    stream: BufReader<UnixStream>,
    deadline: Option<Instant>,
}

/// What reading an answer came to.
pub(super) enum Next {
    /// There is this, and more may come.
    Response(Response),
    /// All has come to pass.
    Done,
    /// The deadline is over.
    Late,
}

impl Client {
    /// Asks the supervisor at `control`, or at the usual places. `limit` is for the whole answer.
    ///
    /// # Errors
    /// Nobody answers, or nobody whom to ask we may or whom we should believe.
    pub fn ask(
        control: Option<&OsStr>,
        request: &Request,
        limit: Option<Duration>,
    ) -> Result<Self, Failure> {
        let line = request.to_line();
        if line.len() > LIMIT {
            return Err(Failure::usage("too many names for one request"));
        }
        let mut stream = connect(&usual(control, false))?;
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let _ = stream.set_write_timeout(Some(AT_ONCE));
        // Where it answers before it has read everything, reading the answer says more.
        let _ = stream.write_all(&line);
        Ok(Self { stream: BufReader::new(stream), deadline })
    }

    /// Reads on.
    ///
    /// # Errors
    /// What was asked is refused or cannot come to pass, or the supervisor has ended.
    pub fn next(&mut self) -> Result<Next, Failure> {
        let mut line = Vec::new();
        loop {
            if let Some(deadline) = self.deadline {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Ok(Next::Late);
                }
                // Only a duration of zero is refused.
                let _ = self.stream.get_ref().set_read_timeout(Some(left));
            }
            let room = (LIMIT * 2).saturating_sub(line.len()) as u64;
            match self.stream.by_ref().take(room).read_until(b'\n', &mut line) {
                Ok(_) if line.ends_with(b"\n") => break,
                Ok(_) => return Err(lost("the connection was closed before the answer's end")),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Next::Late),
                Err(error) => return Err(lost(&format!("cannot read the answer: {error}"))),
            }
        }
        match Response::parse(&line) {
            Ok(Response::Done {}) => Ok(Next::Done),
            Ok(Response::Error { code, message }) => Err(Failure::new(code, message)),
            Ok(response) => Ok(Next::Response(response)),
            Err(why) => Err(lost(&format!("cannot understand the answer: {why}"))),
        }
    }

    /// Reads an answer that is nothing but done.
    ///
    /// # Errors
    /// As [`Client::next`], and when the deadline is over.
    pub fn finish(mut self) -> Result<(), Failure> {
        loop {
            match self.next()? {
                Next::Response(_) => {}
                Next::Done => return Ok(()),
                Next::Late => return Err(late()),
            }
        }
    }
}

/// The failure of a supervisor that takes too long over something that takes no time.
pub(super) fn late() -> Failure {
    lost("no answer in time\nhint: it is alive, but busy or suspended; try again")
}

fn lost(what: &str) -> Failure {
    Failure::new(exit::UNAVAILABLE, format!("the supervisor cannot be asked: {what}"))
}

fn connect(places: &[Place]) -> Result<UnixStream, Failure> {
    let (mut forbidden, mut tried) = (None, Vec::new());
    let patient_until = Instant::now() + AT_ONCE;
    for place in places {
        match connect_to(place, patient_until) {
            Ok(stream) => match distrust(&stream) {
                None => return Ok(stream),
                Some(why) => {
                    forbidden.get_or_insert(format!("{place} {why}"));
                }
            },
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                forbidden.get_or_insert(format!("{place}: {error}"));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => tried.push(place.to_string()),
            Err(error) => tried.push(format!("{place} ({error})")),
        }
    }
    if let Some(why) = forbidden {
        return Err(Failure::new(
            exit::NOT_PERMITTED,
            format!(
                "may not ask the supervisor: {why}\n\
                 hint: ask within its container, as its user or as root"
            ),
        ));
    }
    let (tried, hint) = match tried.as_slice() {
        [] => (String::new(), format!("--control or {VARIABLE} says none")),
        tried => (
            format!(" at {}", tried.join(", ")),
            format!(
                "is `devenv-init up` running here? --control PATH or {VARIABLE} name its socket"
            ),
        ),
    };
    Err(Failure::new(exit::UNAVAILABLE, format!("no supervisor answers{tried}\nhint: {hint}")))
}

/// Connects as soon as there is room in the queue of whoever listens.
fn connect_to(place: &Place, patient_until: Instant) -> io::Result<UnixStream> {
    loop {
        match place.connect() {
            Err(error)
                if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < patient_until =>
            {
                std::thread::sleep(Duration::from_millis(20));
            }
            connected => return connected,
        }
    }
}

/// Why whoever listens is not to be asked. Containers can share a directory or their network, and
/// the kernel gives pid 0 to whoever is not in our pid namespace. Anybody can listen in `/tmp`
/// before the supervisor does: it must be us or root, while root asks whomever it finds.
fn distrust(stream: &UnixStream) -> Option<&'static str> {
    let own = geteuid().as_raw();
    match getsockopt(stream, PeerCredentials) {
        Ok(theirs) if theirs.pid() <= 0 => Some("is another container's"),
        Ok(theirs) if own == 0 || theirs.uid() == 0 || theirs.uid() == own => None,
        _ => Some("is another user's"),
    }
}
