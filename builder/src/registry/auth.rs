//! How a registry asks who is there (RFC 9110 section 11, and Docker's token protocol).

/// What a registry wants to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// User and password with every request.
    Basic,
    /// A token from somewhere else.
    Bearer {
        /// Where to get it.
        realm: String,
        /// For which service.
        service: Option<String>,
        /// For what.
        scope: Option<String>,
    },
}

impl Challenge {
    /// Chooses among all that `WWW-Authenticate` headers ask for, of which there may be several with
    /// several challenges each: a token rather than a password with every request. `None` when they
    /// ask for nothing that is known here.
    pub fn choose<'a>(headers: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let asked = headers.into_iter().flat_map(challenges);
        let known: Vec<Self> = asked.filter_map(|(scheme, rest)| Self::of(scheme, &rest)).collect();
        let token = known.iter().position(|challenge| matches!(challenge, Self::Bearer { .. }));
        known.into_iter().nth(token.unwrap_or(0))
    }

    fn of(scheme: &str, parameters: &[(String, String)]) -> Option<Self> {
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let find = |name: &str| {
            let named = parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            named.map(|(_, value)| value.clone())
        };
        Some(Self::Bearer { realm: find("realm")?, service: find("service"), scope: find("scope") })
    }
}

/// The challenges of one header, each with its parameters. Commas come between challenges and between
/// parameters alike: what has no `=` after its first word begins another challenge.
fn challenges(header: &str) -> Vec<(&str, Vec<(String, String)>)> {
    let mut found: Vec<(&str, Vec<(String, String)>)> = Vec::new();
    for part in parts(header) {
        let end = part.find([' ', '\t', '=']).unwrap_or(part.len());
        let (word, rest) = part.split_at(end);
        if rest.trim_start().starts_with('=') {
            if let Some((_, parameters)) = found.last_mut() {
                parameters.extend(parameter(part));
            }
        } else {
            found.push((word, parameter(rest).into_iter().collect()));
        }
    }
    found
}

/// What is between the commas that are not in quotes.
fn parts(header: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    let split = header.split(move |character| {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => return true,
            _ => {}
        }
        false
    });
    split.map(str::trim).filter(|part| !part.is_empty())
}

/// `key="value"` or `key=value`; a backslash in quotes takes the next character as it is.
fn parameter(text: &str) -> Option<(String, String)> {
    let (key, value) = text.split_once('=')?;
    let value = value.trim();
    let value = match value.strip_prefix('"') {
        Some(quoted) => unquoted(quoted),
        None => value.to_owned(),
    };
    Some((key.trim().to_owned(), value))
}

fn unquoted(text: &str) -> String {
    let mut value = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => value.extend(characters.next()),
            other => value.push(other),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_of_real_registries_are_understood() {
        let bearer = |realm: &str, service: Option<&str>, scope: Option<&str>| {
            Some(Challenge::Bearer {
                realm: realm.into(),
                service: service.map(str::to_owned),
                scope: scope.map(str::to_owned),
            })
        };
        let token = r#"Bearer realm="https://a/t",service="s",scope="repository:a/b:pull,push""#;
        let parsed = bearer("https://a/t", Some("s"), Some("repository:a/b:pull,push"));
        for (headers, expected) in [
            (&[token][..], parsed.clone()),
            (&["bearer realm=https://a/t, service=x"], bearer("https://a/t", Some("x"), None)),
            (&["Bearer realm = \"https://a/t\""], bearer("https://a/t", None, None)),
            (&[r#"Bearer realm="a\"b, c=d""#], bearer("a\"b, c=d", None, None)),
            (&[r#"Basic realm="x""#], Some(Challenge::Basic)),
            (&["Basic"], Some(Challenge::Basic)),
            // Several, in one header or in one each, in any order.
            (&["Negotiate", token], parsed.clone()),
            (&[r#"Basic realm="x""#, token], parsed.clone()),
            (&[token, r#"Basic realm="x""#], parsed.clone()),
            (&[&format!(r#"Negotiate, Basic realm="x", {token}"#)], parsed.clone()),
            (&[&format!("Negotiate YII=, {token}")], parsed.clone()),
            (
                &["Negotiate", r#"Basic realm="x, Bearer y", charset="UTF-8""#],
                Some(Challenge::Basic),
            ),
            (&[r#"Bearer service="x""#, "Basic"], Some(Challenge::Basic)),
            (&["Negotiate"], None),
            (&[r#"Bearer service="x""#], None),
            (&["", ",", "=", "realm=x"], None),
        ] {
            assert_eq!(Challenge::choose(headers.iter().copied()), expected, "{headers:?}");
        }
    }
}
