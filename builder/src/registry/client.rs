//! Requests to one repository of a registry, each sent once, with credentials when asked for them.
//! What to do when one fails is decided in `retry`.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use ureq::http::Response;
use ureq::{Body, ResponseExt as _};

use super::address;
use super::auth::Challenge;
use super::connection::Connection;
use super::credentials::Credentials;
use super::gate::{Gate, Refused};
use super::login::{Login, Purpose};
use super::reference::Reference;
use super::retry::{self, Again, Attempt, Policy, Trouble};
use super::said;
use crate::error::{Failure, Kind, Result};

/// How often in a row a request is sent elsewhere.
const REDIRECTIONS: usize = 10;
/// The most bytes of a refusal that are read.
const REFUSAL: u64 = 64 * 1024;

/// How long nothing at all may come or go, unless something else is said. What takes its time, be it
/// because there is much of it, says so byte by byte.
pub const SILENCE: Duration = Duration::from_secs(60);

/// What to do when a registry does not know who is asking.
pub const LOG_IN: &str =
    "log in with docker or podman, or give --copy-args '--dest-creds USER:PASSWORD'";

/// How to talk to a registry.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who is pushing.
    pub credentials: Credentials,
    /// Whether to insist on encryption and a valid certificate. Where nothing is said, a registry on
    /// this machine may know nothing but clear text.
    pub verify_tls: Option<bool>,
    /// A directory with certificates: authorities (`*.crt`), and one to show (`*.cert`, `*.key`).
    pub certificates: Option<PathBuf>,
    /// How often what failed is tried again.
    pub policy: Policy,
    /// How long nothing at all may come or go while something is under way.
    pub silence: Duration,
}

/// A repository.
pub struct Client {
    connection: Connection,
    reference: Reference,
    login: Login,
    policy: Policy,
    gate: Gate,
    pausing: OnceLock<Pausing>,
    /// Whether something on the way does not know how to be asked before a body is sent.
    unasked: AtomicBool,
    /// The size of the pieces that are taken, once that is known; 0 before.
    pub(super) piece: AtomicUsize,
}

/// Whoever is told why the registry wants a pause that all requests heed, and for how long.
pub type Pausing = Box<dyn Fn(&Failure, Duration) + Send + Sync>;

/// A request, its body left out.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// What the registry is to do, as in `to look for blob …`.
    pub doing: &'a str,
    pub(super) method: &'a str,
    /// A path at the registry, or an address elsewhere.
    pub(super) url: &'a str,
    pub(super) accept: Option<&'a str>,
    /// Whether a large body is asked about before it is sent.
    pub(super) asks_first: bool,
    from: Option<&'a str>,
}

/// Makes a request's body, anew each time it is sent. What goes wrong while it is made is told as
/// a [`Failure`] within the `io::Error`.
pub type MakeBody<'a> = &'a dyn Fn() -> Result<Box<dyn Read + 'a>>;

/// What is sent along with a request.
#[derive(Clone, Copy)]
pub struct Content<'a> {
    /// Its media type.
    pub media_type: &'a str,
    /// Its length in bytes.
    pub length: u64,
    /// Where it begins in a blob that is sent in pieces.
    pub offset: Option<u64>,
    /// Its bytes.
    pub make: MakeBody<'a>,
}

#[cfg(test)]
impl Options {
    /// Nobody in particular, and one attempt.
    pub fn anonymous() -> Self {
        Self {
            credentials: Credentials::Anonymous,
            verify_tls: None,
            certificates: None,
            policy: Policy { times: 0, pause: Duration::ZERO },
            silence: SILENCE,
        }
    }
}

impl<'a> Ask<'a> {
    /// A request, and what the registry is to do because of it.
    pub fn new(method: &'a str, url: &'a str, doing: &'a str) -> Self {
        Self { doing, method, url, accept: None, asks_first: true, from: None }
    }

    /// Says what kind of answer is understood.
    pub fn accept(mut self, media_types: &'a str) -> Self {
        self.accept = Some(media_types);
        self
    }

    /// Asks for what needs another repository to be read, too.
    pub fn reading(mut self, from: &'a str) -> Self {
        self.from = Some(from);
        self
    }
}

impl Client {
    /// Prepares to read `reference`, and to ask for no more than that; no request is made.
    ///
    /// # Errors
    /// When a certificate or a proxy that is given cannot be used.
    pub fn new(reference: Reference, options: Options) -> Result<Self> {
        Self::with_purpose(reference, options, Purpose::Pull)
    }

    /// Prepares to push to `reference`.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn pushing(reference: Reference, options: Options) -> Result<Self> {
        Self::with_purpose(reference, options, Purpose::Push)
    }

    fn with_purpose(reference: Reference, options: Options, purpose: Purpose) -> Result<Self> {
        Ok(Self {
            connection: Connection::new(&reference, &options)?,
            login: Login::new(options.credentials, &reference.repository, purpose),
            policy: options.policy,
            gate: Gate::new(),
            pausing: OnceLock::new(),
            unasked: AtomicBool::new(false),
            piece: AtomicUsize::new(0),
            reference,
        })
    }

    /// Has `pausing` told of each pause the registry wants; who is told first stays the only one.
    pub fn tell_pauses(&self, pausing: Pausing) {
        let _ = self.pausing.set(pausing);
    }

    /// What this client talks about.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// How often what failed is tried again.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// Where something of the repository is, as a path at the registry.
    pub fn url(&self, rest: &str) -> String {
        self.url_in(&self.reference.repository, rest)
    }

    /// Where something of another repository of the registry is.
    pub fn url_in(&self, repository: &str, rest: &str) -> String {
        format!("/v2/{repository}/{rest}")
    }

    /// Where a response sends to, if anywhere: a path at this registry, or an address elsewhere.
    pub fn location(&self, answer: &Response<Body>) -> Option<String> {
        let url = address::resolve(&answer.get_uri().to_string(), &header(answer, "location")?);
        Some(self.connection.path_of(&url).unwrap_or(url))
    }

    /// Sends a request without body; see [`Client::send_content`].
    pub fn send(&self, ask: Ask<'_>) -> Attempt<Response<Body>> {
        self.send_either(ask, None)
    }

    /// Sends a request once; a second time when the registry wants to know who is asking, and
    /// again after each pause it wants because it is asked too often.
    ///
    /// # Errors
    /// When the registry cannot be reached or has a bad moment. Other answers, also refusals, are
    /// the caller's to judge.
    pub fn send_content(&self, ask: Ask<'_>, content: Content<'_>) -> Attempt<Response<Body>> {
        self.send_either(ask, Some(content))
    }

    fn send_either(&self, ask: Ask<'_>, content: Option<Content<'_>>) -> Attempt<Response<Body>> {
        loop {
            let ticket = self.gate.enter();
            let ask = Ask { asks_first: !self.unasked.load(Ordering::Relaxed), ..ask };
            let answer = match self.send_and_follow(ask, content) {
                Ok(answer) => answer,
                Err(trouble) => {
                    self.gate.answered(ticket, false);
                    return Err(trouble);
                }
            };
            let status = answer.status().as_u16();
            if status == 417 && content.is_some() && ask.asks_first {
                // Whoever answers this wants the body unasked (RFC 9110 section 10.1.1).
                self.unasked.store(true, Ordering::Relaxed);
                self.gate.answered(ticket, true);
                continue;
            }
            if !retry::is_temporary(status) {
                self.gate.answered(ticket, true);
                return Ok(answer);
            }
            let again = again(&answer);
            let asked = if let Again::After(pause) = again { Some(pause) } else { None };
            let failure = self.refused(ask.doing, answer);
            if status != 429 {
                asked.into_iter().for_each(|pause| self.gate.hold(pause));
                self.gate.answered(ticket, false);
                return Err(Trouble { failure, again });
            }
            match self.gate.refused(ticket, asked, self.policy) {
                Refused::Closed(pause) => {
                    self.pausing.get().into_iter().for_each(|tell| tell(&failure, pause));
                }
                Refused::Known => {}
                Refused::TooOften => return Err(Trouble { failure, again: Again::TooOften }),
            }
        }
    }

    /// The failure a refusal means, with what the registry says about it.
    pub fn refused(&self, doing: &str, mut answer: Response<Body>) -> Failure {
        let status = answer.status().as_u16();
        let text =
            answer.body_mut().with_config().limit(REFUSAL).read_to_string().unwrap_or_default();
        let said = said::reason(&text)
            .or_else(|| answer.status().canonical_reason().map(str::to_owned))
            .unwrap_or_default();
        // Credentials are for the registry alone, and so is advice about them.
        let url = answer.get_uri();
        let elsewhere = match self.connection.path_of(&url.to_string()) {
            Some(_) => None,
            None => url.authority().map(ToString::to_string),
        };
        let host = elsewhere.as_deref().unwrap_or(&self.reference.host);
        let unable = status != 429 && retry::is_temporary(status);
        let verb = if unable { "is unable" } else { "refuses" };
        let message = format!("{host} {verb} {doing}: {said} (status {status})");
        match status {
            401 | 403 if elsewhere.is_some() => Failure::new(Kind::Permission, message),
            401 | 403 => Failure::new(Kind::Permission, message).hint(LOG_IN),
            429 => Failure::new(Kind::Protocol, message)
                .hint("the registry limits how often it is asked; try again later"),
            _ => Failure::new(Kind::Protocol, message),
        }
    }

    /// What it means that the body of an answer does not come to its end: it may come whole the next
    /// time, unless it is larger than whatever may be there.
    pub fn lost(&self, error: io::Error) -> Trouble {
        let host = &self.reference.host;
        match ureq::Error::from(error) {
            ureq::Error::BodyExceedsLimit(limit) => {
                let message = format!("{host} sends more than the {limit} bytes there may be");
                Failure::new(Kind::Protocol, message).into()
            }
            error => {
                let doing = format!("the connection to {host} was lost");
                Trouble { again: Again::Soon, ..self.connection.trouble(&doing, error) }
            }
        }
    }

    /// Whether the registry speaks clear text, and is allowed to. It is asked for nothing but a sign
    /// of life; one that does not answer is not known to.
    pub fn is_in_clear_text(&self) -> bool {
        let ask = Ask::new("GET", "/v2/", "to answer");
        self.connection.send(ask, None, None).is_ok() && self.connection.is_in_clear_text()
    }

    /// Sends a request, its body too, to wherever it is redirected.
    fn send_and_follow(
        &self,
        ask: Ask<'_>,
        content: Option<Content<'_>>,
    ) -> Attempt<Response<Body>> {
        let mut place = None;
        for _ in 0..=REDIRECTIONS {
            let url = place.as_deref().unwrap_or(ask.url);
            let answer = self.send_with_credentials(Ask { url, ..ask }, content)?;
            match self.redirection(ask.method, &answer) {
                Some(next) => place = Some(next),
                None => return Ok(answer),
            }
        }
        let host = &self.reference.host;
        let message = format!("{host} sends from place to place when it is {}", ask.doing);
        Err(Failure::new(Kind::Protocol, message).into())
    }

    /// Where to send the same request (RFC 9110 section 15.4). Of what has a body that is said by
    /// 307 and 308 alone; after the others it would be another request.
    fn redirection(&self, method: &str, answer: &Response<Body>) -> Option<String> {
        let follows = match answer.status().as_u16() {
            307 | 308 => true,
            301..=303 => matches!(method, "GET" | "HEAD"),
            _ => false,
        };
        follows.then(|| self.location(answer)).flatten()
    }

    fn send_with_credentials(
        &self,
        ask: Ask<'_>,
        content: Option<Content<'_>>,
    ) -> Attempt<Response<Body>> {
        // Other hosts have no business with our credentials.
        if !ask.url.starts_with('/') {
            return self.connection.send(ask, content, None);
        }
        let known = self.login.known(&self.connection, ask.from)?;
        let answer = self.connection.send(ask, content, known.as_deref())?;
        if answer.status().as_u16() != 401 {
            return Ok(answer);
        }
        let asked = answer.headers().get_all("www-authenticate").iter();
        let challenge = Challenge::choose(asked.filter_map(|header| header.to_str().ok()));
        match self.login.answer(&self.connection, challenge, ask.from)? {
            Some(header) if Some(&header) != known.as_ref() => {
                self.connection.send(ask, content, Some(&header))
            }
            _ => Ok(answer),
        }
    }
}

/// When to repeat what was answered with a temporary failure: as the answer asks. A date in it is
/// one of the registry's clock, which may not be right.
pub fn again(answer: &Response<Body>) -> Again {
    let now = header(answer, "date")
        .and_then(|date| retry::http_date(&date))
        .and_then(|date| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(date)))
        .unwrap_or_else(SystemTime::now);
    header(answer, "retry-after")
        .and_then(|header| retry::retry_after(&header, now))
        .map_or(Again::Soon, Again::After)
}

/// A header's value, when it is text.
pub fn header(answer: &Response<Body>, name: &str) -> Option<String> {
    answer.headers().get(name)?.to_str().ok().map(str::to_owned)
}
