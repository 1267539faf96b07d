//! The files of base images, unpacked once: `$XDG_CACHE_HOME/devenv-container/trees/<digest>`.
//!
//! A tree is named by the digests of its layers and by who unpacked it, as only root can give files
//! their owners, and only those who exist in its namespace; where nobody else exists, also by the user
//! whom its modes are for. It appears all at once and is not changed any more.

use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use nix::unistd::geteuid;

use super::cache::{Cache, Held, with_way_out};
use crate::digest::Digest;
use crate::error::{Context as _, Kind, Result};
use crate::image::Layer;
use crate::unpack::{self, Sole};

/// The version of what unpacking makes of a layer; another one makes new trees.
const VERSION: u32 = 2;

/// The tree of these layers, from the lowest up, and what keeps it while it is used. Its modes are for
/// `sole`, where there is one.
///
/// # Errors
/// When they cannot be unpacked, or the cache cannot be written.
pub fn tree(
    cache: &Cache,
    layers: &[Layer],
    sole: Option<&Sole>,
    now: SystemTime,
) -> Result<(PathBuf, Held)> {
    let doing = || format!("cannot keep the files of the base in {}", cache.path().display());
    let name = name(layers, &whose(), sole);
    let root = cache.path().join(&name).join("root");
    if let Some(held) = cache.hold(&name, now) {
        return Ok((root, held));
    }
    let unfinished = cache.scratch().or_fail(Kind::CannotCreate, doing)?;
    let inside = unfinished.path().join("root");
    fs::create_dir(&inside).or_fail(Kind::CannotCreate, doing)?;
    unpack::unpack(layers, &inside, sole)
        .map_err(|failure| with_way_out(failure.context(doing()), cache))?;
    let held = cache.keep(&name, unfinished, now).or_fail(Kind::CannotCreate, doing)?;
    Ok((root, held))
}

/// Who this is, and who else exists here (`user_namespaces(7)`): on that depends whose the files are.
fn whose() -> String {
    let map = |of: &str| fs::read_to_string(format!("/proc/self/{of}_map")).unwrap_or_default();
    let (users, groups) = (map("uid"), map("gid"));
    let plain = |map: &str| map.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{} of {} and {}", geteuid(), plain(&users), plain(&groups))
}

fn name(layers: &[Layer], whose: &str, sole: Option<&Sole>) -> String {
    let digests: Vec<String> = layers.iter().map(|layer| layer.diff_id.hex()).collect();
    let sole = sole.map_or_else(String::new, |sole| format!(" for {} {:?}", sole.uid, sole.groups));
    let key = format!("{VERSION} {whose}{sole}: {}", digests.join(" "));
    Digest::of(key.as_bytes()).hex().to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::slice;

    use super::*;
    use crate::image::{Codec, History, Source, codec};
    use crate::native::cache::KEPT;

    fn layer(folder: &Path, file: &str) -> Layer {
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_size(1);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        archive.append_data(&mut header, file, &b"x"[..]).unwrap();
        let archive = archive.into_inner().unwrap();
        let digest = Digest::of(&archive);
        let path = folder.join(file);
        fs::write(&path, &archive).unwrap();
        Layer {
            digest: digest.clone(),
            size: 0,
            diff_id: digest,
            tar_size: None,
            media_type: codec::TAR.to_owned(),
            source: Source::File(path),
            history: History::default(),
            codec: Codec::None,
        }
    }

    #[test]
    fn layers_are_unpacked_once_and_removed_when_nobody_wants_them_any_more() {
        let world = tempfile::tempdir().unwrap();
        let cache = Cache::at(world.path().join("cache")).unwrap();
        let [a, b] = ["a", "b"].map(|name| layer(world.path(), name));
        let now = SystemTime::now();
        let of = |layers: &[Layer], now| {
            cache.sweep(now);
            tree(&cache, layers, None, now)
        };
        let trees = || fs::read_dir(cache.path()).unwrap().count();

        let (first, held) = of(&[a.clone(), b.clone()], now).unwrap();
        assert!(first.join("a").is_file() && first.join("b").is_file());
        // What is there is not read again: the layer may even be gone.
        fs::remove_file(world.path().join("b")).unwrap();
        assert_eq!(of(&[a.clone(), b.clone()], now).unwrap().0, first);
        assert!(of(&[b], now).is_err());
        assert_eq!(trees(), 1, "what could not be unpacked is gone");

        // In use, it stays however old it is; and so it does where nothing else is made.
        let later = now + KEPT + KEPT;
        let (other, _) = of(slice::from_ref(&a), later).unwrap();
        assert_ne!(other, first);
        assert!(first.is_dir());
        drop(held);
        let _ = of(&[a], later).unwrap();
        assert_eq!((first.is_dir(), trees()), (false, 1));
    }

    #[test]
    fn trees_of_those_among_other_users_are_others() {
        let world = tempfile::tempdir().unwrap();
        let layers = [layer(world.path(), "a")];
        let names = ["0 of 0 0 4294967295", "0 of 0 1000 1", "1000 of 0 0 4294967295"]
            .map(|whose| name(&layers, whose, None));
        let sole = |uid, groups| Sole { uid, groups };
        let soles = [sole(1, vec![0]), sole(1, vec![2]), sole(0, vec![12])];
        let [a, b, c] = soles.map(|sole| name(&layers, "0 of 0 1000 1", Some(&sole)));
        assert!(a != b && a != c && b != c && !names.contains(&a));
        assert!(names[0] != names[1] && names[0] != names[2] && names[1] != names[2]);
        assert!(whose().starts_with(&format!("{} of ", geteuid())));
        assert!(whose().matches(char::is_numeric).count() > 6, "{}", whose());
    }
}
