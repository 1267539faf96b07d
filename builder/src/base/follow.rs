//! Trees of ours that meet symbolic links of the base.
//!
//! A directory of a layer replaces a symbolic link of a lower one. So a directory that would come to be
//! where the base has a link goes where the link leads, with all that is in it.

use std::fs;
use std::path::{Path, PathBuf};

use regex::bytes::Regex;

use super::Root;
use crate::error::{Failure, Kind, Result};
use crate::layers::LayerPath;
use crate::tar::{Options, Rewrite};

/// The path with its options, when it is a tree whose content goes to `/` and none of it meets a link of
/// `root`; otherwise its parts, each with its own place.
///
/// # Errors
/// When a part that has been moved meets a link again.
pub fn follow(path: LayerPath, root: &Root) -> Result<Vec<LayerPath>> {
    let Some(options) = path.options.as_ref().filter(|options| is_at_root(&path.path, options))
    else {
        return Ok(vec![path]);
    };
    let tree = Path::new(&path.path);
    let moved = meeting(tree, Path::new(""), root);
    if moved.is_empty() {
        return Ok(vec![path]);
    }
    let part = |source: &Path, regex: String, repl: String| {
        let path = utf8(source)?;
        let options = Options { rewrite: Rewrite { regex, repl }, perms: options.perms.clone() };
        Ok(LayerPath { path, options: Some(options) })
    };
    // What is moved is placed nowhere by this one: all of its path is replaced by nothing.
    let names = moved.iter().map(|inside| Ok(regex::escape(&utf8(inside)?)));
    let names = names.collect::<Result<Vec<_>>>()?.join("|");
    let rest = format!("^{}(?:/(?:{names})(?s:/.*)?$)?", regex::escape(&path.path));
    let mut parts = vec![part(tree, rest, String::new())?];
    for inside in &moved {
        let source = tree.join(inside);
        // Only links on the way are followed, so a name is put after the directory.
        let place = root.resolve(&inside.join("x"));
        let place = place.parent().unwrap_or(Path::new(""));
        if let Some(again) = meeting(&source, place, root).first() {
            return Err(Failure::new(
                Kind::Data,
                format!(
                    "cannot put {} to /{}: the base image has a link at /{}",
                    source.join(again).display(),
                    inside.display(),
                    place.join(again).display()
                ),
            )
            .hint("leave it out, or put it where the link leads"));
        }
        let repl =
            if place == Path::new("") { String::new() } else { format!("/{}", utf8(place)?) };
        // `$` would stand for a group.
        let repl = repl.replace('$', "$$");
        parts.push(part(&source, format!("^{}", regex::escape(&utf8(&source)?)), repl)?);
    }
    Ok(parts)
}

/// Whether all that is in the tree at `path` goes to `/`.
fn is_at_root(path: &str, options: &Options) -> bool {
    let Rewrite { regex, repl } = &options.rewrite;
    // A wrong expression is told about when it is used.
    let whole = |regex: Regex| regex.find(path.as_bytes()).is_some_and(|m| m.len() == path.len());
    !regex.is_empty() && repl.is_empty() && Regex::new(regex).is_ok_and(whole)
}

/// The uppermost directories in the tree `source` for which `root` has a link when the tree is at `place`.
fn meeting(source: &Path, place: &Path, root: &Root) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for link in root.links.keys() {
        let Ok(inside) = link.strip_prefix(place) else { continue };
        if inside == Path::new("") || found.iter().any(|above| inside.starts_with(above)) {
            continue;
        }
        // A link of ours on the way replaces what the base has there, and nothing is below it.
        let is_directory = |part: &Path| {
            fs::symlink_metadata(source.join(part)).is_ok_and(|metadata| metadata.is_dir())
        };
        if inside.ancestors().filter(|part| *part != Path::new("")).all(is_directory) {
            found.push(inside.to_owned());
        }
    }
    found
}

fn utf8(path: &Path) -> Result<String> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        Failure::new(Kind::Data, format!("cannot move {}: the path is not UTF-8", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::image::pack;
    use crate::tar::Perm;

    fn root(links: &[(&str, &str)]) -> Root {
        let links = links.iter().map(|(at, target)| (at.into(), target.into())).collect();
        Root { links, ..Root::default() }
    }

    /// A tree that goes to `/`, with files at `places`, each of which has its folder.
    fn tree(folder: &Path, places: &[&str]) -> LayerPath {
        for place in places {
            let file = folder.join(place);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "").unwrap();
        }
        let path = folder.to_str().unwrap().to_owned();
        let rewrite = Rewrite { regex: format!("^{}", regex::escape(&path)), repl: String::new() };
        let perm = Perm {
            regex: format!("^{}/var/run/app$", regex::escape(&path)),
            uid: 7,
            ..Perm::default()
        };
        LayerPath { path, options: Some(Options { rewrite, perms: vec![perm] }) }
    }

    fn places(paths: &[LayerPath]) -> BTreeSet<String> {
        let mut places = BTreeSet::new();
        let tree = pack::tree(paths).unwrap();
        tree.walk(&mut |entry| {
            let owner = entry.file.map_or(0, |file| file.ownership.uid);
            let owner = if owner == 0 { String::new() } else { format!(" {owner}") };
            if entry.file.is_some() {
                places.insert(format!("{}{owner}", entry.path().display()));
            }
            Ok(())
        })
        .unwrap();
        places
    }

    #[test]
    fn folders_go_where_links_of_the_base_lead() {
        let world = tempfile::tempdir().unwrap();
        let tree =
            tree(world.path(), &["bin/a", "bin/b/c", "binary/d", "usr/bin/e", "var/run/app/f"]);
        let root =
            root(&[("bin", "usr/bin"), ("var/run", "/run"), ("etc/x", "y"), ("binary/d", "e")]);
        let parts = follow(tree, &root).unwrap();
        let expected = [
            "/binary",
            "/binary/d",
            "/run",
            "/run/app 7",
            "/run/app/f",
            "/usr",
            "/usr/bin",
            "/usr/bin/a",
            "/usr/bin/b",
            "/usr/bin/b/c",
            "/usr/bin/e",
            "/var",
        ];
        assert_eq!(places(&parts), expected.map(str::to_owned).into());
    }

    #[test]
    fn what_meets_no_link_is_left_alone() {
        let world = tempfile::tempdir().unwrap();
        let tree = tree(world.path(), &["bin/a", "lib"]);
        for links in [&[][..], &[("sbin", "bin"), ("bin/a/b", "c"), ("lib", "usr/lib")]] {
            assert_eq!(follow(tree.clone(), &root(links)).unwrap(), std::slice::from_ref(&tree));
        }
        let mut elsewhere = tree;
        elsewhere.options.as_mut().unwrap().rewrite.repl = "/env".into();
        assert_eq!(follow(elsewhere.clone(), &root(&[("bin", "x")])).unwrap(), [elsewhere]);
    }

    #[test]
    fn a_second_link_is_refused() {
        let world = tempfile::tempdir().unwrap();
        let tree = tree(world.path(), &["lib/a/b"]);
        let failure = follow(tree, &root(&[("lib", "usr/lib"), ("usr/lib/a", "x")])).unwrap_err();
        assert!(failure.to_string().contains("/usr/lib/a"), "{failure}");
    }
}
