//! Answers a registry's challenge: a password with each request, or a token from somewhere else.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::auth::Challenge;
use super::client;
use super::connection::{self, Connection};
use super::credentials::{self, Credentials};
use super::retry::{self, Attempt, Trouble};
use crate::error::{Context as _, Failure, Kind};

/// The client id tokens are asked for with.
const CLIENT: &str = "devenv-container";

/// Who this program is to one repository, and what has been shown so far.
pub struct Login {
    credentials: Credentials,
    repository: String,
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
    /// Shows `credentials`, to push to `repository`.
    pub fn new(credentials: Credentials, repository: &str) -> Self {
        Self { credentials, repository: repository.to_owned(), shown: Mutex::default() }
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
        let doing = || format!("cannot get a token from {realm}");
        let scopes = scopes(&self.repository, challenged, from);
        let mut fields: Vec<(&str, &str)> = Vec::new();
        fields.extend(service.map(|service| ("service", service)));
        let joined = scopes.join(" ");
        let each = || scopes.iter().map(|scope| ("scope", scope.as_str()));
        if self.credentials != Credentials::Anonymous {
            connection.permit(realm)?;
        }
        let agent = connection.agent();
        let answer = match &self.credentials {
            Credentials::Identity(token) => {
                // In a form the scopes are one field, in a query one field each.
                fields.extend([
                    ("scope", joined.as_str()),
                    ("grant_type", "refresh_token"),
                    ("refresh_token", token),
                    ("client_id", CLIENT),
                ]);
                agent.post(realm).send_form(fields)
            }
            Credentials::Password { user, password } => agent
                .get(realm)
                .query_pairs(fields.into_iter().chain(each()))
                .header("Authorization", credentials::basic(user, password))
                .call(),
            Credentials::Anonymous | Credentials::Bearer(_) => {
                agent.get(realm).query_pairs(fields.into_iter().chain(each())).call()
            }
        };
        let mut answer = answer.map_err(|error| connection::trouble(&doing(), error))?;
        let status = answer.status().as_u16();
        if status != 200 {
            let message = format!("{}: it answers with status {status}", doing());
            return Err(match status {
                400 | 401 | 403 => {
                    Failure::new(Kind::Permission, message).hint(client::LOG_IN).into()
                }
                _ if retry::is_temporary(status) => Trouble {
                    failure: Failure::new(Kind::Protocol, message)
                        .hint("it has trouble or limits how often it is asked; try again later"),
                    again: client::again(&answer),
                },
                _ => Failure::new(Kind::Protocol, message).into(),
            });
        }
        let text = answer
            .body_mut()
            .read_to_string()
            .map_err(|error| connection::trouble(&doing(), error))?;
        let body: Value = serde_json::from_str(&text).or_fail(Kind::Protocol, doing)?;
        ["token", "access_token"]
            .iter()
            .find_map(|name| body.get(name)?.as_str())
            .map(|token| format!("Bearer {token}"))
            .ok_or_else(|| {
                Failure::new(Kind::Protocol, format!("{}: there is none", doing())).into()
            })
    }
}

/// What a token must allow. The challenge may be about a mere look; a push needs both, and one
/// token for everything saves asking again.
fn scopes(repository: &str, challenged: Option<String>, from: Option<&str>) -> Vec<String> {
    let push = challenged
        .filter(|scope| scope.contains("push") && !scope.contains(' '))
        .unwrap_or_else(|| format!("repository:{repository}:pull,push"));
    let read = from.map(|from| format!("repository:{from}:pull"));
    [push].into_iter().chain(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_pushing_and_for_what_is_mounted() {
        let push = "repository:me/app:pull,push";
        for (challenged, from, expected) in [
            (None, None, vec![push]),
            (Some("repository:me/app:pull"), None, vec![push]),
            (Some("repository:me/app:push,pull"), None, vec!["repository:me/app:push,pull"]),
            (None, Some("me/base"), vec![push, "repository:me/base:pull"]),
        ] {
            let scopes = scopes("me/app", challenged.map(str::to_owned), from);
            assert_eq!(scopes, expected);
        }
    }
}
