//! `nix-root`: makes a tree of files, links and directories for the root of an image.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use serde::Deserialize;

use super::attrs;
use crate::base::Root;
use crate::base::accounts::Claims;
use crate::error::{Context as _, Failure, Kind, Result};

#[derive(Deserialize)]
struct Attributes {
    entries: Vec<Entry>,
    /// What matters of the root below, in the image this one builds on.
    below: Option<PathBuf>,
    /// The accounts that must not be others in there.
    #[serde(default)]
    claims: Claims,
}

/// One entry; exactly one of `text`, `link` and `directory` says what it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Where in the image, absolute.
    path: String,
    text: Option<String>,
    link: Option<String>,
    #[serde(default)]
    directory: bool,
    /// Whether a file may be executed.
    #[serde(default)]
    executable: bool,
    /// Whether the lines are accounts, to be added to those there are.
    #[serde(default)]
    accounts: bool,
}

/// What an entry is.
#[derive(Debug, PartialEq, Eq)]
enum Content {
    Text { text: Vec<u8>, executable: bool },
    Link(String),
    Directory,
}

/// Makes the derivation's output.
pub fn run() -> Result<ExitCode> {
    let (attributes, out) = attrs::read::<Attributes>()?;
    let below = match &attributes.below {
        Some(file) => Root::of_file(file)?,
        None => Root::default(),
    };
    attributes.claims.check(&below)?;
    let entries = check(attributes.entries, &below, &attributes.claims)?;
    let failed = |path: &Path| format!("cannot create {}", path.display());
    fs::create_dir_all(&out).or_fail(Kind::CannotCreate, || failed(&out))?;
    for (relative, content) in entries {
        must_lead_somewhere(&relative, &content)?;
        let path = out.join(relative);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).or_fail(Kind::CannotCreate, || failed(parent))?;
        }
        create(&path, &content).or_fail(Kind::CannotCreate, || failed(&path))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A link into the store is to a file that is there. All others are to places of the image.
fn must_lead_somewhere(relative: &Path, content: &Content) -> Result<()> {
    match content {
        Content::Link(target) if target.starts_with("/nix/store/") => fs::symlink_metadata(target)
            .map(drop)
            .or_fail(Kind::Data, || format!("cannot link /{} to {target}", relative.display())),
        _ => Ok(()),
    }
}

fn create(path: &Path, content: &Content) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    match content {
        Content::Text { text, executable } => {
            fs::write(path, text)?;
            let mode = if *executable { 0o755 } else { 0o644 };
            fs::set_permissions(path, fs::Permissions::from_mode(mode))
        }
        Content::Link(target) => symlink(target, path),
        Content::Directory => fs::create_dir_all(path),
    }
}

/// Turns entries into paths below the root and what is there.
///
/// # Errors
/// When a path is not absolute, leaves the root, is given twice, or is not exactly one thing.
fn check(entries: Vec<Entry>, below: &Root, claims: &Claims) -> Result<Vec<(PathBuf, Content)>> {
    let mut taken = BTreeSet::new();
    let mut checked = Vec::with_capacity(entries.len());
    for entry in entries {
        let wrong = |why: &str| {
            Failure::new(Kind::Data, format!("cannot put {} into the image: {why}", entry.path))
        };
        let relative = entry
            .path
            .strip_prefix('/')
            .map(PathBuf::from)
            .ok_or_else(|| wrong("the path is not absolute"))?;
        if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(wrong("the path is not plain"));
        }
        let text = match entry.text {
            Some(text) if entry.accounts => Some(claims.merged(below, &relative, &text)),
            text => text.map(String::into_bytes),
        };
        // A link in the place of accounts stays, and leads to them.
        let relative =
            if entry.accounts { below.follow(&relative) } else { below.resolve(&relative) };
        let content = match (text, entry.link, entry.directory) {
            (Some(text), None, false) => Content::Text { text, executable: entry.executable },
            (None, Some(target), false) => Content::Link(target),
            (None, None, true) => Content::Directory,
            _ => return Err(wrong("it must be one of text, link and directory")),
        };
        if !taken.insert(relative.clone()) {
            return Err(wrong("it is given twice"));
        }
        checked.push((relative, content));
    }
    Ok(checked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str) -> Entry {
        Entry {
            path: path.to_owned(),
            text: None,
            link: None,
            directory: true,
            executable: false,
            accounts: false,
        }
    }

    #[test]
    fn paths_must_be_absolute_plain_and_unique() {
        for path in ["tmp", "/tmp/../etc", "//etc"] {
            assert!(
                check(vec![entry(path)], &Root::default(), &Claims::default()).is_err(),
                "{path}"
            );
        }
        assert!(
            check(vec![entry("/tmp"), entry("/tmp")], &Root::default(), &Claims::default())
                .is_err()
        );
        assert_eq!(
            check(vec![entry("/tmp")], &Root::default(), &Claims::default()).unwrap(),
            [(PathBuf::from("tmp"), Content::Directory)]
        );
    }

    #[test]
    fn a_link_of_the_base_in_the_place_of_accounts_stays() {
        let links = [("etc/passwd", "/usr/lib/passwd"), ("etc/motd", "/usr/lib/motd")];
        let links = links.map(|(at, target)| (at.into(), target.into())).into();
        let accounts = [("usr/lib/passwd".into(), b"root:x:0:0:\n".to_vec())].into();
        let text = |path: &str, accounts| Entry {
            text: Some("user:x:1:1:\n".to_owned()),
            directory: false,
            accounts,
            ..entry(path)
        };
        let entries = vec![text("/etc/passwd", true), text("/etc/motd", false)];
        let made = check(entries, &Root { links, accounts }, &Claims::default()).unwrap();
        let content = |text: &str| Content::Text { text: text.into(), executable: false };
        let both = content("root:x:0:0:\nuser:x:1:1:\n");
        assert_eq!(made[0], (PathBuf::from("usr/lib/passwd"), both));
        assert_eq!(made[1], (PathBuf::from("etc/motd"), content("user:x:1:1:\n")));
    }

    #[test]
    fn a_link_into_the_store_is_to_something() {
        let link = |target: &str| Content::Link(target.to_owned());
        let path = Path::new("etc/ca.crt");
        let failure = must_lead_somewhere(path, &link("/nix/store/none/ca.crt")).unwrap_err();
        let said = failure.to_string();
        assert!(said.contains("cannot link /etc/ca.crt to /nix/store/none/ca.crt: "), "{said}");
        for content in [link("/env/ca.crt"), link("ca.crt"), Content::Directory] {
            must_lead_somewhere(path, &content).unwrap();
        }
    }

    #[test]
    fn an_entry_is_exactly_one_thing() {
        let both = Entry { text: Some(String::new()), ..entry("/a") };
        assert!(check(vec![both], &Root::default(), &Claims::default()).is_err());
        let none = Entry { directory: false, ..entry("/a") };
        assert!(check(vec![none], &Root::default(), &Claims::default()).is_err());
    }
}
