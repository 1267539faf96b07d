//! What the patterns of a task name, and one number that all of it goes into.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::guard::glob::Glob;

/// The state of all that `patterns` name below `base`, and of the command itself: it changes when a
/// file is added, goes, or holds something else, and not when it is only touched. Directories that
/// are named count with all that is in them.
///
/// The number is of use only for comparing it with one of the same build of the program.
///
/// # Errors
/// A file cannot be read; the error names it.
pub fn digest(patterns: &[String], base: &Path, command: &[OsString]) -> io::Result<u64> {
    let (negative, positive): (Vec<_>, Vec<_>) =
        patterns.iter().map(String::as_str).partition(|pattern| pattern.starts_with('!'));
    let negative: Vec<&str> =
        negative.iter().map(|pattern| pattern.get(1..).unwrap_or("")).collect();
    let mut found = BTreeMap::new();
    for pattern in positive {
        let glob = Glob::parse(pattern);
        let mut walk = Walk {
            glob,
            negative: &negative,
            above: Vec::new(),
            linked: BTreeSet::new(),
            found: &mut found,
        };
        let directory = base.join(glob.directory);
        if glob.is_name {
            let below = if glob.rest == "." { "" } else { glob.rest };
            walk.entry(&directory.join(glob.rest), below.as_bytes(), 1, Way::default());
        } else {
            walk.directory(&directory, b"", 0, Way::default());
        }
    }
    let mut hasher = DefaultHasher::new();
    for (path, is_directory) in &found {
        (path.as_os_str().as_bytes(), is_directory).hash(&mut hasher);
        if !is_directory {
            hash_file(path, &mut hasher).map_err(|error| {
                io::Error::new(error.kind(), format!("{}: {error}", path.display()))
            })?;
        }
    }
    command.hash(&mut hasher);
    // A program that is found by its name is what it is.
    if let Some(program) = command.first().map(Path::new).filter(|program| program.is_absolute()) {
        let _ = hash_file(program, &mut hasher);
    }
    Ok(hasher.finish())
}

fn hash_file(path: &Path, hasher: &mut DefaultHasher) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 64 << 10];
    let mut length = 0u64;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                hasher.write(buffer.get(..count).unwrap_or_default());
                length += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    // So that the end of one file is never the beginning of the next.
    length.hash(hasher);
    Ok(())
}

/// A search for what one pattern names.
struct Walk<'a> {
    glob: Glob<'a>,
    negative: &'a [&'a str],
    /// The directories we are in, so that a link back to one of them is not followed for ever.
    above: Vec<(u64, u64)>,
    /// The directories we have been in by way of a link, where patterns lead any number of them
    /// down: packages that link to each other have more paths than could ever be walked.
    linked: BTreeSet<(u64, u64)>,
    /// What was found, and whether it is a directory.
    found: &'a mut BTreeMap<PathBuf, bool>,
}

/// How a search has come to where it is.
#[derive(Clone, Copy, Default)]
struct Way {
    /// A directory above is named, and all that is in it counts.
    whole: bool,
    /// It led through a link.
    linked: bool,
}

impl Walk<'_> {
    /// Goes through a directory; `below` is its path for patterns.
    fn directory(&mut self, path: &Path, below: &[u8], depth: usize, way: Way) {
        // What cannot be read holds nothing that could have been read before.
        let (Ok(about), Ok(entries)) = (fs::metadata(path), fs::read_dir(path)) else { return };
        let own = (about.dev(), about.ino());
        let endless = way.whole || self.glob.depth().is_none();
        if self.above.contains(&own) || way.linked && endless && !self.linked.insert(own) {
            return;
        }
        self.above.push(own);
        // In the same order every time, as it decides by which of several links a directory counts.
        let mut entries: Vec<_> = entries.flatten().collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            let hidden = name.as_bytes().starts_with(b".");
            if way.whole || !hidden || self.glob.names_hidden() {
                let linked =
                    way.linked || entry.file_type().is_ok_and(|of_entry| of_entry.is_symlink());
                let between: &[u8] = if below.is_empty() { b"" } else { b"/" };
                let below = [below, between, name.as_bytes()].concat();
                self.entry(&entry.path(), &below, depth + 1, Way { linked, ..way });
            }
        }
        self.above.pop();
    }

    fn entry(&mut self, path: &Path, below: &[u8], depth: usize, way: Way) {
        let taken = |negative: &&str| self.glob.is_taken_by(negative, below);
        if self.negative.iter().any(taken) {
            return;
        }
        let counts = way.whole || self.glob.is_name || self.glob.matches(below);
        // Links are followed; one that leads nowhere is not there.
        let Ok(about) = fs::metadata(path) else { return };
        if counts && (about.is_dir() || about.is_file()) {
            self.found.insert(path.to_owned(), about.is_dir());
        }
        if about.is_dir() && (counts || self.glob.depth().is_none_or(|most| depth < most)) {
            self.directory(path, below, depth, Way { whole: counts, ..way });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of this test alone, removed at its end.
    struct Tree(PathBuf);

    impl Tree {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("changes-{name}-{}", std::process::id()));
            fs::create_dir(&path).expect("a new directory");
            Self(path)
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().expect("it has one")).expect("a directory");
            fs::write(path, text).expect("a file");
        }

        fn digest(&self, patterns: &[&str]) -> u64 {
            let patterns: Vec<String> = patterns.iter().map(|one| (*one).to_owned()).collect();
            digest(&patterns, &self.0, &["x".into()]).expect("it can be read")
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_change_counts_where_a_pattern_names_it_and_nowhere_else() {
        let tree = Tree::new("patterns");
        for file in ["a.ts", "src/a.ts", "src/deep/b.ts", "src/gen/c.ts", "src/.hidden/d.ts"] {
            tree.write(file, "before");
        }
        for (patterns, file, counts) in [
            (["*.ts"].as_slice(), "a.ts", true),
            (&["*.ts"], "src/a.ts", false),
            (&["src/**/*.ts"], "src/deep/b.ts", true),
            (&["src/**/*.ts"], "a.ts", false),
            (&["src/**/*.ts"], "src/.hidden/d.ts", false),
            (&["src/.hidden/*"], "src/.hidden/d.ts", true),
            (&["src/*.ts"], "src/deep/b.ts", false),
            (&["src"], "src/deep/b.ts", true),
            (&["src/"], "src/.hidden/d.ts", true),
            (&["src/*"], "src/deep/b.ts", true),
            (&["src", "!src/gen"], "src/gen/c.ts", false),
            (&["src", "!src/gen"], "src/deep/b.ts", true),
            (&["src/**/*.ts", "!**/gen/**"], "src/gen/c.ts", false),
            (&["."], "src/deep/b.ts", true),
            (&["a.ts", "missing"], "a.ts", true),
        ] {
            let before = tree.digest(patterns);
            assert_eq!(tree.digest(patterns), before, "{patterns:?}");
            tree.write(file, "after");
            assert_eq!(tree.digest(patterns) != before, counts, "{patterns:?} {file}");
            tree.write(file, "before");
            assert_eq!(tree.digest(patterns), before, "a file that was only touched: {patterns:?}");
        }
    }

    #[test]
    fn what_comes_or_goes_is_a_change_and_so_is_another_command() {
        let tree = Tree::new("comes");
        tree.write("src/a", "1");
        tree.write("src/b", "2");
        let before = tree.digest(&["src/*"]);
        tree.write("src/c", "");
        let more = tree.digest(&["src/*"]);
        fs::remove_file(tree.0.join("src/c")).expect("it is there");
        assert_ne!(more, before);
        assert_eq!(tree.digest(&["src/*"]), before);
        fs::rename(tree.0.join("src/b"), tree.0.join("src/d")).expect("it is there");
        assert_ne!(tree.digest(&["src/*"]), before);
        let of = |command: &str| digest(&["src".to_owned()], &tree.0, &[command.into()]).ok();
        assert_ne!(of("x"), of("y"));
        // Bytes that move from one file to the next.
        tree.write("m/a", "12");
        tree.write("m/b", "3");
        let before = tree.digest(&["m"]);
        tree.write("m/a", "1");
        tree.write("m/b", "23");
        assert_ne!(tree.digest(&["m"]), before);
    }

    #[test]
    fn directories_that_link_to_each_other_are_walked_in_no_time_and_count() {
        let tree = Tree::new("mutual");
        let names: Vec<String> = (0..12).map(|number| format!("p{number}")).collect();
        for name in &names {
            tree.write(&format!("{name}/deep/a.ts"), "1");
            for other in names.iter().filter(|other| *other != name) {
                let link = tree.0.join(name).join(other);
                std::os::unix::fs::symlink(format!("../{other}"), link).expect("a link");
            }
        }
        tree.write("outside/b.ts", "1");
        std::os::unix::fs::symlink("../outside", tree.0.join("p7/linked")).expect("a link");
        let began = std::time::Instant::now();
        for patterns in [["p*/**/*.ts"], ["p*"], ["**"]] {
            for file in ["p3/deep/a.ts", "outside/b.ts"] {
                let before = tree.digest(&patterns);
                tree.write(file, "2");
                assert_ne!(tree.digest(&patterns), before, "{patterns:?} {file}");
                tree.write(file, "1");
                assert_eq!(tree.digest(&patterns), before, "{patterns:?} {file}");
            }
        }
        // There are a billion ways through them.
        assert!(began.elapsed().as_secs() < 30, "{:?}", began.elapsed());
    }

    #[test]
    fn a_link_back_is_followed_once() {
        let tree = Tree::new("links");
        tree.write("src/a", "1");
        std::os::unix::fs::symlink("..", tree.0.join("src/up")).expect("a link");
        std::os::unix::fs::symlink("nowhere", tree.0.join("src/broken")).expect("a link");
        let before = tree.digest(&["src/**"]);
        tree.write("src/a", "2");
        assert_ne!(tree.digest(&["src/**"]), before);
    }
}
