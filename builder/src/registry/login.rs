//! Answers a registry's challenge: a password with each request, or a token from somewhere else.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use ureq::http::Response;
use ureq::{Body, ResponseExt as _};

use super::address;
use super::auth::Challenge;
use super::client;
use super::connection::Connection;
use super::credentials::{self, Credentials};
use super::retry::{self, Attempt, Trouble};
use super::said;
use crate::error::{Context as _, Failure, Kind};

/// The client id tokens are asked for with.
const CLIENT: &str = "devenv-container";
/// How often in a row a token service may send elsewhere.
const REDIRECTIONS: usize = 5;
/// The most bytes of its answer that are read.
const LARGEST: u64 = 1024 * 1024;

/// What is to be done in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Looking and reading. Some registries refuse tokens for anything else to those who have shown
    /// no credentials.
    Pull,
    /// Pushing, which begins with a look.
    Push,
}

/// Who this program is to one repository, and what has been shown so far.
pub struct Login {
    credentials: Credentials,
    repository: String,
    purpose: Purpose,
    shown: Mutex<Shown>,
}

#[derive(Default)]
struct Shown {
    /// The last authorization header for the repository alone (the empty name) and together with
    /// reading another one.
    headers: BTreeMap<String, String>,
    /// Where tokens come from, once the registry has said so.
    tokens: Option<(String, Option<String>)>,
}

impl Login {
    /// Shows `credentials`, to do something in `repository`.
    pub fn new(credentials: Credentials, repository: &str, purpose: Purpose) -> Self {
        let repository = repository.to_owned();
        Self { credentials, repository, purpose, shown: Mutex::default() }
    }

    /// What to send before anybody asks: what was asked for last time, since a registry that
    /// wanted it once wants it again. A repository to read `from` needs a token of its own, for
    /// which nobody asks: with too small a token a registry merely does not mount.
    ///
    /// # Errors
    /// When a token cannot be had.
    pub fn known(&self, connection: &Connection, from: Option<&str>) -> Attempt<Option<String>> {
        if let Credentials::Bearer(token) = &self.credentials {
            return Ok(Some(format!("Bearer {token}")));
        }
        let key = from.unwrap_or_default();
        let (header, tokens) = {
            let shown = self.shown();
            let plain = shown.headers.get("").filter(|header| header.starts_with("Basic "));
            (shown.headers.get(key).or(plain).cloned(), shown.tokens.clone())
        };
        match (header, tokens) {
            (Some(header), _) => Ok(Some(header)),
            (None, Some((realm, service))) => {
                let header = self.token(connection, &realm, service.as_deref(), None, from)?;
                self.shown().headers.insert(key.to_owned(), header.clone());
                Ok(Some(header))
            }
            (None, None) => Ok(None),
        }
    }

    /// The header that answers a challenge; `None` when there is none to give.
    ///
    /// # Errors
    /// When a token cannot be had.
    pub fn answer(
        &self,
        connection: &Connection,
        challenge: Option<Challenge>,
        from: Option<&str>,
    ) -> Attempt<Option<String>> {
        let header = match (challenge, &self.credentials) {
            (_, Credentials::Bearer(_)) => return Ok(None),
            (Some(Challenge::Basic), Credentials::Password { user, password }) => {
                credentials::basic(user, password)
            }
            (Some(Challenge::Bearer { realm, service, scope }), _) => {
                let header = self.token(connection, &realm, service.as_deref(), scope, from)?;
                self.shown().tokens = Some((realm, service));
                header
            }
            _ => return Ok(None),
        };
        self.shown().headers.insert(from.unwrap_or_default().to_owned(), header.clone());
        Ok(Some(header))
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn token(
        &self,
        connection: &Connection,
        realm: &str,
        service: Option<&str>,
        challenged: Option<String>,
        from: Option<&str>,
    ) -> Attempt<String> {
        let doing = || format!("cannot get a token from {}", said::line(realm));
        let scopes = scopes(self.purpose, &self.repository, challenged, from);
        let mut answer = self.ask(connection, realm, service, &scopes, &doing)?;
        let status = answer.status().as_u16();
        let again = client::again(&answer);
        let mut body = answer.body_mut().with_config().limit(LARGEST).reader();
        let mut text = Vec::new();
        let read = std::io::Read::read_to_end(&mut body, &mut text);
        let text = String::from_utf8_lossy(&text);
        if status != 200 {
            let message = match said::reason(&text) {
                Some(reason) => format!("{}: {reason} (status {status})", doing()),
                None => format!("{}: it answers with status {status}", doing()),
            };
            return Err(match status {
                400 | 401 | 403 => {
                    Failure::new(Kind::Permission, message).hint(client::LOG_IN).into()
                }
                _ if retry::is_temporary(status) => Trouble {
                    failure: Failure::new(Kind::Protocol, message)
                        .hint("it has trouble or limits how often it is asked; try again later"),
                    again,
                },
                _ => Failure::new(Kind::Protocol, message).into(),
            });
        }
        read.map_err(|error| connection.trouble(&doing(), error.into()))?;
        let body: Value = serde_json::from_str(&text).or_fail(Kind::Protocol, doing)?;
        ["token", "access_token"]
            .iter()
            .filter_map(|name| body.get(name)?.as_str())
            .find(|token| !token.is_empty())
            .map(|token| format!("Bearer {token}"))
            .ok_or_else(|| {
                Failure::new(Kind::Protocol, format!("{}: there is none", doing())).into()
            })
    }

    /// Asks `realm` for a token, and whoever it sends to. Credentials are for the one that the registry
    /// named: others get the same question without them.
    fn ask(
        &self,
        connection: &Connection,
        realm: &str,
        service: Option<&str>,
        scopes: &[String],
        doing: &dyn Fn() -> String,
    ) -> Attempt<Response<Body>> {
        let service = service.map(|service| ("service", service));
        let each = scopes.iter().map(|scope| ("scope", scope.as_str()));
        let query = encoded(service.into_iter().chain(each));
        let joint = if realm.contains('?') { '&' } else { '?' };
        let mut place = format!("{realm}{joint}{query}");
        let (mut authorization, mut form) = (None, None);
        match &self.credentials {
            Credentials::Identity(token) => {
                // In a form the scopes are one field, in a query one field each.
                let joined = scopes.join(" ");
                let fields = [
                    ("scope", joined.as_str()),
                    ("grant_type", "refresh_token"),
                    ("refresh_token", token),
                    ("client_id", CLIENT),
                ];
                form = Some(encoded(service.into_iter().chain(fields)));
                place = realm.to_owned();
            }
            Credentials::Password { user, password } => {
                authorization = Some(credentials::basic(user, password));
            }
            Credentials::Anonymous | Credentials::Bearer(_) => {}
        }
        if self.credentials != Credentials::Anonymous {
            connection.permit(realm)?;
        }
        for _ in 0..=REDIRECTIONS {
            let asked = if place.starts_with(realm) {
                doing()
            } else {
                let host = said::line(address::authority(&place));
                format!("{}, which sends to {host}", doing())
            };
            let answer = connection
                .ask_other(&place, authorization.as_deref(), form.as_deref())
                .map_err(|error| connection.trouble(&asked, error))?;
            let follows = match answer.status().as_u16() {
                307 | 308 => true,
                301..=303 => form.is_none(),
                _ => false,
            };
            let next = client::header(&answer, "location").filter(|_| follows);
            let Some(next) = next else { return Ok(answer) };
            let next = address::resolve(&answer.get_uri().to_string(), &next);
            if !address::is_clear_text(&place) || self.credentials != Credentials::Anonymous {
                connection.permit(&next)?;
            }
            if address::path_within(&next, &place).is_none() {
                if form.is_some() {
                    let host = said::line(address::authority(&next));
                    let message = format!("{}: it sends our credentials to {host}", doing());
                    return Err(Failure::new(Kind::Protocol, message).into());
                }
                authorization = None;
            }
            place = next;
        }
        let message = format!("{}: it sends from place to place", doing());
        Err(Failure::new(Kind::Protocol, message).into())
    }
}

/// What a token must allow. For reading that is what the challenge says. When the repository is pushed
/// to it may be about a mere look; a push needs both, and one token for everything saves asking again.
fn scopes(
    purpose: Purpose,
    repository: &str,
    challenged: Option<String>,
    from: Option<&str>,
) -> Vec<String> {
    let read = from.map(|from| format!("repository:{from}:pull"));
    if purpose == Purpose::Pull {
        // The other repository alone is asked then, and ours may be one we cannot even read.
        let own = || format!("repository:{repository}:pull");
        return vec![challenged.or(read).unwrap_or_else(own)];
    }
    let push = challenged
        .filter(|scope| scope.contains("push") && !scope.contains(' '))
        .unwrap_or_else(|| format!("repository:{repository}:pull,push"));
    [push].into_iter().chain(read).collect()
}

/// Fields as a query or a form has them.
fn encoded<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (name, value) in fields {
        let joint = if text.is_empty() { "" } else { "&" };
        text.extend([joint, name, "="]);
        for byte in value.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    text.push(char::from(byte));
                }
                other => text.push_str(&format!("%{other:02X}")),
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_what_is_to_be_done_and_no_more() {
        let (push, pull) = ("repository:me/app:pull,push", "repository:me/app:pull");
        for (purpose, challenged, from, expected) in [
            (Purpose::Push, None, None, vec![push]),
            (Purpose::Push, Some(pull), None, vec![push]),
            (
                Purpose::Push,
                Some("repository:me/app:push,pull"),
                None,
                vec!["repository:me/app:push,pull"],
            ),
            (Purpose::Push, None, Some("me/base"), vec![push, "repository:me/base:pull"]),
            (Purpose::Pull, None, None, vec![pull]),
            (Purpose::Pull, Some(pull), None, vec![pull]),
            (Purpose::Pull, Some("registry:catalog:*"), None, vec!["registry:catalog:*"]),
            (Purpose::Pull, None, Some("me/base"), vec!["repository:me/base:pull"]),
        ] {
            let scopes = scopes(purpose, "me/app", challenged.map(str::to_owned), from);
            assert_eq!(scopes, expected);
        }
    }

    #[test]
    fn a_query_keeps_what_it_is_given() {
        let fields =
            [("service", "r.example"), ("scope", "repository:a/b:pull,push"), ("c", "ü &")];
        assert_eq!(
            encoded(fields.into_iter()),
            "service=r.example&scope=repository%3Aa%2Fb%3Apull%2Cpush&c=%C3%BC%20%26"
        );
    }
}
