//! What a program looked at, as far as it can matter to anybody.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::env;
use std::path::{Path, PathBuf};

/// Where files lie that say nothing, because they are always what they are or nobody's input.
#[derive(Clone, Debug)]
pub struct Places {
    /// The store of Nix, whose paths never change.
    store: PathBuf,
    /// What Nix notes about its store. Only its profiles, which say what names like
    /// `<nixpkgs>` lead to, are anybody's input.
    state: PathBuf,
    /// What Nix keeps of what it fetched.
    caches: Vec<PathBuf>,
    /// What whoever asks has made for the question, and names in it.
    ours: Vec<PathBuf>,
}

impl Places {
    /// Those of the Nix this user calls, by the rules of its manual, and the folders `ours`.
    pub fn of_user(ours: Vec<PathBuf>) -> Self {
        let from = |name: &str, default: &str| {
            env::var_os(name).map_or_else(|| PathBuf::from(default), PathBuf::from)
        };
        let home = env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/nix"));
        let xdg = env::var_os("XDG_CACHE_HOME").map(|base| PathBuf::from(base).join("nix"));
        let own = env::var_os("NIX_CACHE_HOME").map(PathBuf::from);
        Self {
            store: from("NIX_STORE_DIR", "/nix/store"),
            state: from("NIX_STATE_DIR", "/nix/var/nix"),
            caches: [home, xdg, own].into_iter().flatten().collect(),
            ours,
        }
    }

    fn says_nothing(&self, path: &Path) -> bool {
        // What depends on the process that asks, and devices. Who a name of the network leads to
        // counts only for those who turn there, which is noticed by itself.
        const SYSTEM: [&str; 5] = ["/proc", "/sys", "/dev", "/etc/resolv.conf", "/etc/hosts"];
        path.starts_with(&self.store)
            || path.starts_with(&self.state) && !path.starts_with(self.state.join("profiles"))
            || self.ours.iter().any(|ours| path.starts_with(ours))
            || SYSTEM.iter().any(|place| path.starts_with(place))
    }
}

/// What a name is looked up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// To know what is there.
    Look,
    /// To read it.
    Read,
    /// To write it, be it to read as well: the program's own notes, which are nobody's input.
    Write,
}

/// Databases of Nix that lie beside what it keeps of its downloads, and hold none of it.
const NO_DOWNLOADS: [&str; 2] = ["eval-cache", "binary-cache"];

/// Everything a program looked at.
#[derive(Debug, Default)]
pub struct Looked {
    /// Names that were looked up, each absolute, and whether it was opened to read.
    pub paths: BTreeMap<PathBuf, bool>,
    /// Whether it took something from what Nix keeps of its downloads.
    pub downloads: bool,
    /// Why more may count than what is here.
    pub beyond: Option<&'static str>,
}

impl Looked {
    /// Notes that a name was looked up. Names with `..` in them lead elsewhere than they say, and are
    /// kept as they are.
    pub fn note(&mut self, places: &Places, path: PathBuf, how: How) {
        let plain = !path.components().any(|part| part == std::path::Component::ParentDir);
        if let Some(kept) = places.caches.iter().find_map(|cache| path.strip_prefix(cache).ok())
            && plain
        {
            let name = kept.to_string_lossy();
            let counts = !NO_DOWNLOADS.iter().any(|other| name.starts_with(other));
            self.downloads |= how != How::Look && counts;
            return;
        }
        if how == How::Write || plain && places.says_nothing(&path) {
            return;
        }
        let opened = how == How::Read;
        if path.to_str().is_none() {
            self.give_up("a name that is not UTF-8");
            return;
        }
        match self.paths.entry(path) {
            Entry::Occupied(mut known) => *known.get_mut() |= opened,
            Entry::Vacant(new) => {
                new.insert(opened);
            }
        }
    }

    /// Notes that more may count than what is here.
    pub fn give_up(&mut self, why: &'static str) {
        self.beyond.get_or_insert(why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        Places {
            store: "/nix/store".into(),
            state: "/nix/var/nix".into(),
            caches: vec!["/home/me/.cache/nix".into()],
            ours: vec!["/tmp/ours".into()],
        }
    }

    fn looked(paths: &[&str]) -> Looked {
        let mut looked = Looked::default();
        for path in paths {
            looked.note(&places(), PathBuf::from(path), How::Look);
        }
        looked
    }

    #[test]
    fn what_never_changes_and_what_is_bookkeeping_is_left_out() {
        let left_out = [
            "/nix/store/x-y/z",
            "/nix/var/nix/db/db.sqlite",
            "/proc/self/maps",
            "/dev/null",
            "/tmp/ours/link",
        ];
        assert!(looked(&left_out).paths.is_empty());
        let kept = ["/nix/var/nix/profiles/per-user/root/channels", "/etc/nix/nix.conf", "/nix"];
        assert_eq!(looked(&kept).paths.len(), 3);
    }

    #[test]
    fn a_name_that_leads_back_out_is_not_taken_for_one_in_the_store() {
        assert_eq!(looked(&["/nix/store/../../home/me/devenv.nix"]).paths.len(), 1);
    }

    #[test]
    fn a_name_that_was_opened_once_stays_opened() {
        let mut looked = Looked::default();
        for how in [How::Look, How::Read, How::Look, How::Write] {
            looked.note(&places(), "/a".into(), how);
        }
        looked.note(&places(), "/b".into(), How::Write);
        assert_eq!(looked.paths.into_iter().collect::<Vec<_>>(), [("/a".into(), true)]);
    }

    #[test]
    fn downloads_count_once_what_is_kept_of_them_is_opened() {
        let downloads = |name: &str, how| {
            let mut looked = Looked::default();
            looked.note(&places(), Path::new("/home/me/.cache/nix").join(name), how);
            assert!(looked.paths.is_empty());
            looked.downloads
        };
        assert!(!downloads("", How::Look) && !downloads("fetcher-cache-v1.sqlite", How::Look));
        // Nix opens its database to write even where it only reads.
        assert!(downloads("fetcher-cache-v1.sqlite", How::Write));
        assert!(downloads("tarballs/x", How::Read));
        assert!(!downloads("eval-cache-v2/x.sqlite", How::Write));
        assert!(!downloads("binary-cache-v6.sqlite", How::Write));
    }
}
