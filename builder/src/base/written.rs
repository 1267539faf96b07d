//! What matters of a root, as JSON: names of files and texts may hold any bytes, JSON only characters.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Root;

/// A [`Root`] in characters: bytes that are no part of UTF-8, and `%`, are `%` and two digits.
#[derive(Serialize, Deserialize)]
pub struct Written {
    links: BTreeMap<String, String>,
    accounts: BTreeMap<String, String>,
}

impl From<Root> for Written {
    fn from(root: Root) -> Self {
        let path = |path: PathBuf| encode(path.as_os_str().as_bytes());
        Self {
            links: root.links.into_iter().map(|(at, target)| (path(at), path(target))).collect(),
            accounts: root
                .accounts
                .into_iter()
                .map(|(at, text)| (path(at), encode(&text)))
                .collect(),
        }
    }
}

impl TryFrom<Written> for Root {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let path = |text: &str| decode(text).map(|bytes| PathBuf::from(OsString::from_vec(bytes)));
        let link = |(at, target): (String, String)| Ok::<_, String>((path(&at)?, path(&target)?));
        let account = |(at, text): (String, String)| Ok::<_, String>((path(&at)?, decode(&text)?));
        Ok(Self {
            links: written.links.into_iter().map(link).collect::<Result<_, String>>()?,
            accounts: written.accounts.into_iter().map(account).collect::<Result<_, String>>()?,
        })
    }
}

fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(&chunk.valid().replace('%', "%25"));
        for byte in chunk.invalid() {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

fn decode(text: &str) -> Result<Vec<u8>, String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_owned();
    for part in parts {
        let wrong = || format!("no two digits after `%` in {text:?}");
        let (digits, rest) = part.split_at_checked(2).ok_or_else(wrong)?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| wrong())?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_bytes_they_come_back() {
        for bytes in [
            &b""[..],
            b"a/b",
            b"100%",
            b"%41",
            "gr\u{fc}n".as_bytes(),
            b"gr\xfcn\xff%",
            b"\xe2\x82",
        ] {
            assert_eq!(decode(&encode(bytes)).unwrap(), bytes, "{}", encode(bytes));
        }
        assert_eq!(encode("gr\u{fc}n".as_bytes()), "gr\u{fc}n");
        for wrong in ["%", "%4", "%zz", "%\u{fc}"] {
            assert!(decode(wrong).is_err(), "{wrong}");
        }
    }
}
