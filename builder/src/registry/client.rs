//! Requests to one repository of a registry, each sent once, with credentials when asked for them.
//! What to do when one fails is decided in `retry`.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use ureq::http::{Request, Response};
use ureq::tls::TlsConfig;
use ureq::{Agent, Body, ResponseExt as _, SendBody};

use super::address;
use super::auth::Challenge;
use super::certificates;
use super::credentials::Credentials;
use super::login::Login;
use super::reference::Reference;
use super::retry::{self, Again, Attempt, Policy, Trouble};
use crate::error::{Failure, Kind, Result};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(20);
/// How long a registry may take to answer once it has everything.
const ANSWER: Duration = Duration::from_secs(300);
/// Bodies above this size are sent only once the registry says that it wants them: it may refuse
/// them, and bytes sent to somebody who has hung up are work for nothing and hide the refusal.
const ASK_FIRST: u64 = 1024 * 1024;
/// The most bytes of a refusal that are read.
const REFUSAL: u64 = 64 * 1024;

/// What to do when a registry does not know who is asking.
pub const LOG_IN: &str =
    "log in with docker or podman, or give --copy-args '--dest-creds USER:PASSWORD'";

/// How to talk to a registry.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who is pushing.
    pub credentials: Credentials,
    /// Whether to insist on encryption and a valid certificate. On this machine encryption is
    /// optional in any case.
    pub verify_tls: bool,
    /// A directory with certificates: authorities (`*.crt`), and one to show (`*.cert`, `*.key`).
    pub certificates: Option<PathBuf>,
    /// How often what failed is tried again.
    pub policy: Policy,
}

/// A repository.
pub struct Client {
    agent: Agent,
    base: String,
    reference: Reference,
    login: Login,
    policy: Policy,
    /// No request before then: the registry has asked for a pause, and means everybody.
    quiet_until: Mutex<Option<Instant>>,
}

/// A request, its body left out.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    method: &'a str,
    url: &'a str,
    accept: Option<&'a str>,
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

impl<'a> Ask<'a> {
    /// A request.
    pub fn new(method: &'a str, url: &'a str) -> Self {
        Self { method, url, accept: None, from: None }
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
    /// Prepares to talk about `reference`; finds out whether an unencrypted registry is meant.
    pub fn new(reference: Reference, options: Options) -> Result<Self> {
        let directory = options.certificates.as_deref();
        let tls = TlsConfig::builder()
            .root_certs(certificates::authorities(directory)?)
            .client_cert(certificates::own(directory)?)
            .disable_verification(!options.verify_tls)
            .build();
        let agent: Agent = Agent::config_builder()
            .http_status_as_error(false)
            .tls_config(tls)
            .user_agent(concat!("devenv-container/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(ANSWER))
            .build()
            .into();
        let secure = format!("https://{}", reference.host);
        let plain = format!("http://{}", reference.host);
        let optional = reference.is_local() || !options.verify_tls;
        let base = if optional && agent.get(format!("{secure}/v2/")).call().is_err() {
            plain
        } else {
            secure
        };
        let login = Login::new(options.credentials, &reference.repository);
        Ok(Self {
            agent,
            base,
            login,
            policy: options.policy,
            quiet_until: Mutex::default(),
            reference,
        })
    }

    /// What this client talks about.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// How often what failed is tried again.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// The address of something of the repository.
    pub fn url(&self, rest: &str) -> String {
        self.url_in(&self.reference.repository, rest)
    }

    /// The address of something of another repository of the registry.
    pub fn url_in(&self, repository: &str, rest: &str) -> String {
        format!("{}/v2/{repository}/{rest}", self.base)
    }

    /// The address a response sends to, if any; one of this registry begins as all of its do.
    pub fn location(&self, answer: &Response<Body>) -> Option<String> {
        let url = address::resolve(&answer.get_uri().to_string(), &header(answer, "location")?);
        Some(address::respell(&url, &self.base).unwrap_or(url))
    }

    /// Sends a request without body; see [`Client::send_content`].
    pub fn send(&self, ask: Ask<'_>) -> Attempt<Response<Body>> {
        self.send_either(ask, None)
    }

    /// Sends a request once; a second time when the registry wants to know who is asking.
    ///
    /// # Errors
    /// When the registry cannot be reached or has a bad moment. Other answers, also refusals, are
    /// the caller's to judge.
    pub fn send_content(&self, ask: Ask<'_>, content: Content<'_>) -> Attempt<Response<Body>> {
        self.send_either(ask, Some(content))
    }

    fn send_either(&self, ask: Ask<'_>, content: Option<Content<'_>>) -> Attempt<Response<Body>> {
        self.wait_quietly();
        let answer = self.send_with_credentials(ask, content)?;
        if !retry::is_temporary(answer.status().as_u16()) {
            return Ok(answer);
        }
        let again = again(&answer);
        if let Again::After(pause) = again {
            let mut quiet = self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
            *quiet = (*quiet).max(Instant::now().checked_add(pause.min(Duration::from_secs(60))));
        }
        Err(Trouble { failure: self.refused(ask.method, answer), again })
    }

    /// The failure a refusal means, with what the registry says about it.
    pub fn refused(&self, doing: &str, mut answer: Response<Body>) -> Failure {
        let status = answer.status().as_u16();
        let text =
            answer.body_mut().with_config().limit(REFUSAL).read_to_string().unwrap_or_default();
        let said = serde_json::from_str::<Value>(&text)
            .ok()
            .and_then(|body| Some(body.pointer("/errors/0/message")?.as_str()?.to_owned()))
            .filter(|said| !said.is_empty())
            .or_else(|| answer.status().canonical_reason().map(str::to_owned))
            .unwrap_or_default();
        let message = format!("{} refuses {doing}: {said} (status {status})", self.reference.host);
        match status {
            401 | 403 => Failure::new(Kind::Permission, message).hint(LOG_IN),
            429 => Failure::new(Kind::Protocol, message)
                .hint("the registry limits how often it is asked; try again later"),
            _ => Failure::new(Kind::Protocol, message),
        }
    }

    fn wait_quietly(&self) {
        let until = *self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = until {
            thread::sleep(until.saturating_duration_since(Instant::now()));
        }
    }

    fn send_with_credentials(
        &self,
        ask: Ask<'_>,
        content: Option<Content<'_>>,
    ) -> Attempt<Response<Body>> {
        // Uploads may go to another host, which has no business with our credentials.
        if !ask.url.starts_with(&format!("{}/", self.base)) {
            return self.send_once(ask, content, None);
        }
        let known = self.login.known(&self.agent, ask.from)?;
        let answer = self.send_once(ask, content, known.as_deref())?;
        if answer.status().as_u16() != 401 {
            return Ok(answer);
        }
        let challenge = header(&answer, "www-authenticate").and_then(|h| Challenge::parse(&h));
        match self.login.answer(&self.agent, challenge, ask.from)? {
            Some(header) if Some(&header) != known.as_ref() => {
                self.send_once(ask, content, Some(&header))
            }
            _ => Ok(answer),
        }
    }

    fn send_once(
        &self,
        ask: Ask<'_>,
        content: Option<Content<'_>>,
        authorization: Option<&str>,
    ) -> Attempt<Response<Body>> {
        let mut request = Request::builder().method(ask.method).uri(ask.url);
        if let Some(accept) = ask.accept {
            request = request.header("Accept", accept);
        }
        if let Some(authorization) = authorization {
            request = request.header("Authorization", authorization);
        }
        let broken = |error: ureq::http::Error| {
            Failure::new(Kind::Protocol, format!("{}: {error}", self.doing()))
        };
        let answer = match content {
            None if matches!(ask.method, "POST" | "PUT") => {
                let request = request.header("Content-Length", "0").body(SendBody::none());
                self.agent.run(request.map_err(broken)?)
            }
            None => self.agent.run(request.body(()).map_err(broken)?),
            Some(content) => {
                request = request
                    .header("Content-Type", content.media_type)
                    .header("Content-Length", content.length.to_string());
                if let Some(offset) = content.offset {
                    let last = (offset + content.length).saturating_sub(1);
                    request = request.header("Content-Range", format!("{offset}-{last}"));
                }
                if content.length > ASK_FIRST {
                    request = request.header("Expect", "100-continue");
                }
                let mut body = (content.make)()?;
                let request = request.body(SendBody::from_reader(&mut *body)).map_err(broken)?;
                self.agent.run(request)
            }
        };
        answer.map_err(|error| trouble(&self.doing(), error))
    }

    fn doing(&self) -> String {
        format!("cannot talk to {}", self.reference.host)
    }
}

/// What an error on the way means: of the body, of the connection, or of what was asked for.
pub fn trouble(doing: &str, error: ureq::Error) -> Trouble {
    const HINT: &str = "check the registry's name and the network; nothing has been published";
    let again = match &error {
        ureq::Error::Io(error) => {
            match error.get_ref().and_then(|e| e.downcast_ref::<Failure>()) {
                Some(failure) => return failure.clone().into(),
                // So a certificate that is not believed is told.
                None if error.kind() == io::ErrorKind::InvalidData => Again::Never,
                None => Again::Soon,
            }
        }
        ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed | ureq::Error::Protocol(_) => {
            Again::Soon
        }
        _ => Again::Never,
    };
    let failure = Failure::new(Kind::Io, format!("{doing}: {error}")).hint(HINT);
    Trouble { failure, again }
}

/// When to repeat what was answered with a temporary failure: as the answer asks.
pub fn again(answer: &Response<Body>) -> Again {
    header(answer, "retry-after")
        .and_then(|header| retry::retry_after(&header, SystemTime::now()))
        .map_or(Again::Soon, Again::After)
}

/// A header's value, when it is text.
pub fn header(answer: &Response<Body>, name: &str) -> Option<String> {
    answer.headers().get(name)?.to_str().ok().map(str::to_owned)
}
