//! The way to a registry: encrypted or, where that will do and the registry knows nothing else, in
//! clear text.

use std::borrow::Cow;
use std::io;
use std::sync::OnceLock;
use std::time::Duration;

use ureq::http::{Request, Response};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector as _, TcpConnector};
use ureq::{Agent, AsSendBody, Body, SendBody, Timeout};

use super::address;
use super::certificates;
use super::client::{Ask, Content, Options};
use super::fresh::Fresh;
use super::proxy::Proxies;
use super::reference::Reference;
use super::retry::{Again, Attempt, Trouble};
use super::said;
use super::tls::{self, Encrypting, NoTls};
use crate::error::{Failure, Kind, Result};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(20);
/// How long a registry may take to answer once it has everything: large blobs are checked first, and
/// nothing comes meanwhile.
const ANSWER: Duration = Duration::from_secs(300);
/// Bodies above this size are sent only once the registry says that it wants them: it may refuse
/// them, and bytes sent to somebody who has hung up are work for nothing and hide the refusal.
const ASK_FIRST: u64 = 1024 * 1024;

/// The way out of most trouble.
const NETWORK: &str = "check the registry's name and the network; nothing has been published";

/// How much of encryption is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encryption {
    /// Every connection, with a certificate that is believed.
    Always,
    /// The same with a registry that speaks TLS; with others, clear text. It is for registries on
    /// this machine, to which nobody else listens.
    WhereSpoken,
    /// Any certificate will do, and so will clear text.
    Unverified,
}

/// Connections to a registry, and to where it sends us.
pub struct Connection {
    agent: Agent,
    proxies: Proxies,
    host: String,
    silence: Duration,
    /// What to say of authorities that somebody named and that cannot be read.
    unread: Option<String>,
    encryption: Encryption,
    /// What the registry speaks, once it has said something.
    scheme: OnceLock<&'static str>,
}

impl Connection {
    /// Prepares to talk to the registry of `reference`; no request is made.
    ///
    /// # Errors
    /// When a certificate that is given cannot be used, or a proxy.
    pub fn new(reference: &Reference, options: &Options) -> Result<Self> {
        let encryption = match options.verify_tls {
            Some(false) => Encryption::Unverified,
            None if reference.is_local() => Encryption::WhereSpoken,
            Some(true) | None => Encryption::Always,
        };
        let proxies = Proxies::of_environment();
        // A proxy that cannot be used is told before anything is sent.
        proxies.to(&format!("https://{}/", reference.host))?;
        let verify = encryption != Encryption::Unverified;
        let (tls, unread) = certificates::configuration(reference, options, verify)?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // Where to go on, with a body made anew and whose credentials, is not decided here.
            .max_redirects(0)
            // Each request has the one that is right for where it goes.
            .proxy(None)
            .user_agent(concat!("devenv-container/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT))
            .timeout_per_write(Some(options.silence))
            .timeout_recv_response(Some(ANSWER))
            .build();
        let connector =
            ().chain(ConnectProxyConnector::default())
                .chain(TcpConnector::default())
                .chain(Encrypting::new(tls))
                .chain(Fresh);
        Ok(Self {
            agent: Agent::with_parts(config, connector, DefaultResolver::default()),
            proxies,
            host: reference.host.clone(),
            silence: options.silence,
            unread,
            encryption,
            scheme: OnceLock::new(),
        })
    }

    /// Whether the registry has answered in clear text.
    pub fn is_in_clear_text(&self) -> bool {
        self.scheme() == "http"
    }

    /// Sends a request to somebody else than the registry: with these credentials, and with a form
    /// where there is one.
    pub fn ask_other(
        &self,
        url: &str,
        authorization: Option<&str>,
        form: Option<&str>,
    ) -> std::result::Result<Response<Body>, ureq::Error> {
        let mut request = Request::builder().uri(url);
        if let Some(authorization) = authorization {
            request = request.header("Authorization", authorization);
        }
        match form {
            None => self.run(request.body(())?),
            Some(form) => {
                let media_type = "application/x-www-form-urlencoded";
                let request = request.method("POST").header("Content-Type", media_type);
                self.run(request.body(form)?)
            }
        }
    }

    /// Sends a request by the way that is right for its address. Who has all of a request may be at
    /// work on it for long without a word; what is to be read comes at once.
    fn run(
        &self,
        request: Request<impl AsSendBody>,
    ) -> std::result::Result<Response<Body>, ureq::Error> {
        let proxy = self.proxies.to(&request.uri().to_string());
        let proxy = proxy.map_err(|failure| ureq::Error::Io(io::Error::other(failure)))?.cloned();
        let reads = request.method().is_safe();
        let request = self
            .agent
            .configure_request(request)
            .proxy(proxy)
            .timeout_per_read(reads.then_some(self.silence))
            .timeout_recv_body((!reads).then_some(self.silence))
            .build();
        self.agent.run(request)
    }

    /// How the registry names a place of its own: the path of `url`. `None` for a place elsewhere.
    pub fn path_of(&self, url: &str) -> Option<String> {
        address::path_within(url, &self.absolute(self.scheme(), ""))
    }

    /// Checks that `url`, which the registry sent us to, may be asked for anything that is nobody
    /// else's business.
    ///
    /// # Errors
    /// When it would go by clear text, and what came before it was encrypted.
    pub fn permit(&self, url: &str) -> Result<()> {
        let clear = self.encryption == Encryption::Unverified || self.scheme() == "http";
        if clear || !address::is_clear_text(url) {
            return Ok(());
        }
        let url = said::line(url);
        let message = format!("{} sends to {url}, which is not encrypted", self.host);
        Err(Failure::new(Kind::Protocol, message)
            .hint("correct the registry, or allow it with --copy-args --dest-tls-verify=false"))
    }

    /// Sends a request once. A path is asked for at the registry, an address where it says.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn send(
        &self,
        ask: Ask<'_>,
        content: Option<Content<'_>>,
        authorization: Option<&str>,
    ) -> Attempt<Response<Body>> {
        let doing = || format!("cannot talk to {}", self.host);
        let send = |url: &str| self.send_to(url, ask, content, authorization);
        if !ask.url.starts_with('/') {
            self.permit(ask.url)?;
            let place = said::line(address::authority(ask.url));
            let doing = format!("cannot talk to {place}, where {} sends", self.host);
            return send(ask.url)?.map_err(|error| self.trouble(&doing, error));
        }
        let scheme = self.scheme();
        let undecided = self.scheme.get().is_none() && self.encryption != Encryption::Always;
        let (scheme, answer) = match send(&self.absolute(scheme, ask.url))? {
            // Whoever speaks TLS, and be it badly, is never asked for the same in clear text.
            Err(ureq::Error::Other(error)) if undecided && error.is::<NoTls>() => {
                ("http", send(&self.absolute("http", ask.url))?)
            }
            answer => (scheme, answer),
        };
        let answer = answer.map_err(|error| self.trouble(&doing(), error))?;
        // Of several first requests at the same time one decides.
        let _ = self.scheme.set(scheme);
        Ok(answer)
    }

    fn scheme(&self) -> &'static str {
        self.scheme.get().copied().unwrap_or("https")
    }

    fn absolute(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://{}{path}", self.host)
    }

    fn send_to(
        &self,
        url: &str,
        ask: Ask<'_>,
        content: Option<Content<'_>>,
        authorization: Option<&str>,
    ) -> Attempt<std::result::Result<Response<Body>, ureq::Error>> {
        let mut request = Request::builder().method(ask.method).uri(url);
        if let Some(accept) = ask.accept {
            request = request.header("Accept", accept);
        }
        if let Some(authorization) = authorization {
            request = request.header("Authorization", authorization);
        }
        let broken = |error: ureq::http::Error| {
            Failure::new(Kind::Protocol, format!("cannot talk to {}: {error}", self.host))
        };
        Ok(match content {
            None if matches!(ask.method, "POST" | "PUT") => {
                let request = request.header("Content-Length", "0").body(SendBody::none());
                self.run(request.map_err(broken)?)
            }
            None => self.run(request.body(()).map_err(broken)?),
            Some(content) => {
                request = request
                    .header("Content-Type", content.media_type)
                    .header("Content-Length", content.length.to_string());
                if let Some(offset) = content.offset {
                    let last = (offset + content.length).saturating_sub(1);
                    request = request.header("Content-Range", format!("{offset}-{last}"));
                }
                if content.length > ASK_FIRST && ask.asks_first {
                    request = request.header("Expect", "100-continue");
                }
                let mut body = (content.make)()?;
                let request = request.body(SendBody::from_reader(&mut *body)).map_err(broken)?;
                self.run(request)
            }
        })
    }

    /// What an error on the way means: of the body, of the connection, or of what was asked for.
    pub fn trouble(&self, doing: &str, error: ureq::Error) -> Trouble {
        let (again, hint) = match &error {
            ureq::Error::Io(error) => {
                match error.get_ref().and_then(|e| e.downcast_ref::<Failure>()) {
                    Some(failure) => return failure.clone().into(),
                    None => match tls::of_tls(error) {
                        Some(error) => (Again::Never, self.hint_about(error)),
                        None => (Again::Soon, Cow::Borrowed(NETWORK)),
                    },
                }
            }
            ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed | ureq::Error::Protocol(_) => {
                (Again::Soon, NETWORK.into())
            }
            ureq::Error::Other(error) => match error.downcast_ref::<NoTls>() {
                Some(error) if !error.speaks_otherwise() => (Again::Soon, NETWORK.into()),
                Some(_) => (
                    Again::Never,
                    "check the registry's port, or allow clear text with \
                     --copy-args --dest-tls-verify=false"
                        .into(),
                ),
                None => (Again::Never, NETWORK.into()),
            },
            _ => (Again::Never, NETWORK.into()),
        };
        let seconds = |limit: Duration| format!("{} s", limit.as_secs_f64());
        let cause = match &error {
            // What these two are is plain from what they say.
            ureq::Error::Io(error) => error.to_string(),
            ureq::Error::Other(error) => error.to_string(),
            ureq::Error::Timeout(Timeout::PerRead) => {
                format!("it has sent nothing for {}", seconds(self.silence))
            }
            ureq::Error::Timeout(Timeout::PerWrite) => {
                format!("it has taken nothing for {}", seconds(self.silence))
            }
            ureq::Error::Timeout(Timeout::RecvResponse) => {
                format!("it has not answered for {}", seconds(ANSWER))
            }
            ureq::Error::Timeout(Timeout::RecvBody) => {
                format!("its answer has no end after {}", seconds(self.silence))
            }
            ureq::Error::Timeout(Timeout::Connect) => {
                format!("it cannot be reached within {}", seconds(CONNECT))
            }
            error => error.to_string(),
        };
        let message = format!("{doing}: {}", said::line(&cause));
        Trouble { failure: Failure::new(Kind::Io, message).hint(hint), again }
    }

    /// The way out of what TLS does not like.
    fn hint_about(&self, error: &rustls::Error) -> Cow<'static, str> {
        match (error, &self.unread) {
            (rustls::Error::InvalidCertificate(_), Some(unread)) => unread.clone().into(),
            _ => hint_about(error).into(),
        }
    }
}

/// The way out of what TLS does not like.
fn hint_about(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::InvalidCertificate(_) => {
            "put the certificate of whoever signed the registry's, as NAME.crt, into \
             ~/.config/containers/certs.d/HOST[:PORT], or into a directory that you give with \
             --copy-args '--dest-cert-dir DIRECTORY'"
        }
        rustls::Error::AlertReceived(_) => {
            "the registry may want to see a certificate: put NAME.cert and NAME.key into \
             ~/.config/containers/certs.d/HOST[:PORT], or into a directory that you give with \
             --copy-args '--dest-cert-dir DIRECTORY'"
        }
        _ => NETWORK,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_began_encrypted_is_not_continued_in_clear_text() {
        let connection = |host: &str, verify_tls| {
            let reference = Reference::parse(&format!("{host}/app")).unwrap();
            let options = Options { verify_tls, ..Options::anonymous() };
            Connection::new(&reference, &options).unwrap()
        };
        for (host, verify, scheme, permitted) in [
            ("r.example", None, None, false),
            ("r.example", Some(true), None, false),
            ("r.example", Some(false), None, true),
            ("localhost", None, Some("https"), false),
            ("localhost", None, Some("http"), true),
            ("localhost", Some(true), None, false),
        ] {
            let connection = connection(host, verify);
            if let Some(scheme) = scheme {
                connection.scheme.set(scheme).unwrap();
            }
            for url in ["http://elsewhere/up", "HTTP://elsewhere/up"] {
                assert_eq!(connection.permit(url).is_ok(), permitted, "{host} {verify:?} {url}");
            }
            assert!(connection.permit("https://elsewhere/up").is_ok());
        }
    }
}
