//! The names a container knows machines by, its own first.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::mounts::{self, Attributes};
use super::plan::Plan;
use super::root::{directory, resolved};
use super::stage::on_host;
use crate::error::{Context as _, Kind, Result};

/// What a machine without a network knows.
const ALONE: &str = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";

/// Shows `/etc/hostname`, `/etc/hosts` and `/etc/resolv.conf`. The network is the host's, so its names
/// are, too, unless the image brings its own. Tools that make images leave empty files in these places.
pub fn show(plan: &Plan, new: &Path) -> Result<()> {
    let name = &plan.hostname;
    let path = Path::new("/etc/hosts");
    let hosts = match text_of(&resolved(new, path)?) {
        Some(brought) => brought,
        None if plan.isolated => ALONE.to_owned(),
        None => text_of(&followed(path)).unwrap_or_default(),
    };
    // Whatever else there is, a machine knows itself.
    written(plan, new, "/etc/hosts", &with_own(&hosts, name))?;
    // One that was left in a base is the name of another machine.
    written(plan, new, "/etc/hostname", &format!("{name}\n"))?;

    let path = Path::new("/etc/resolv.conf");
    let (target, source) = (resolved(new, path)?, followed(path));
    let brought = fs::metadata(&target).is_ok_and(|there| there.len() > 0);
    if !brought && source.is_file() {
        let shown = Attributes { read_only: true, devices: false, recursive: false };
        shows(plan, new, path, &source, shown)?;
    }
    Ok(())
}

/// What is in a file, unless that is nothing: comments may be in any encoding. What is no regular file is
/// not opened, since nobody may ever write into a pipe.
fn text_of(file: &Path) -> Option<String> {
    let bytes = fs::read(Some(file).filter(|file| file.is_file())?).ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Some(text).filter(|text| !text.trim().is_empty())
}

/// Shows a text at `path`. As with other engines it is not part of the root, and closed when that is.
fn written(plan: &Plan, new: &Path, path: &str, text: &str) -> Result<()> {
    let path = Path::new(path);
    let doing = || format!("cannot make {}", path.display());
    let place = Path::new("/").join(path.file_name().unwrap_or_default());
    fs::write(&place, text).or_fail(Kind::System, doing)?;
    let mode = plan.sole.as_ref().map_or(0o644, |sole| sole.mode(0o644, 0, 0));
    fs::set_permissions(&place, fs::Permissions::from_mode(mode)).or_fail(Kind::System, doing)?;
    let shown = Attributes { read_only: plan.read_only, devices: false, recursive: false };
    shows(plan, new, path, &place, shown)
}

fn shows(plan: &Plan, new: &Path, path: &Path, source: &Path, shown: Attributes) -> Result<()> {
    let target = resolved(new, path)?;
    let inside = Path::new("/").join(target.strip_prefix(new).unwrap_or(&target));
    directory(plan, new, inside.parent().unwrap_or(Path::new("/")))?;
    mounts::bind(source, &target, shown)
        .or_fail(Kind::System, || format!("cannot show {}", path.display()))
}

/// The text of `/etc/hosts` with a line for `name`, unless it has one.
fn with_own(hosts: &str, name: &str) -> String {
    let names = |line: &str| {
        let said = line.split('#').next().unwrap_or_default();
        said.split_whitespace().skip(1).any(|other| other == name)
    };
    if hosts.lines().any(names) {
        return hosts.to_owned();
    }
    let end = if hosts.is_empty() || hosts.ends_with('\n') { "" } else { "\n" };
    format!("{hosts}{end}127.0.0.1\t{name}\n")
}

/// Follows links of the host as the host would, while its root is elsewhere.
fn followed(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    // As many links as the kernel follows at the most.
    for _ in 0..40 {
        match fs::read_link(on_host(&path)) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("/")).join(target),
            Err(_) => break,
        }
    }
    on_host(&path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_with_something_in_them_bring_names() {
        let world = tempfile::tempdir().unwrap();
        let at = |name: &str| world.path().join(name);
        fs::write(at("blank"), " \n").unwrap();
        fs::write(at("latin"), b"10.0.0.1 db # f\xfcr uns\n").unwrap();
        // Opened, it would wait for a writer.
        nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        for (name, expected) in [
            ("blank", None),
            ("latin", Some("10.0.0.1 db # f\u{fffd}r uns\n")),
            ("pipe", None),
            ("none", None),
            (".", None),
        ] {
            assert_eq!(text_of(&at(name)).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn a_machine_is_listed_once() {
        for (hosts, expected) in [
            ("", "127.0.0.1\tapp\n"),
            ("::1 localhost", "::1 localhost\n127.0.0.1\tapp\n"),
            ("10.0.0.1 db app\n", "10.0.0.1 db app\n"),
            ("10.0.0.1 db # app\n", "10.0.0.1 db # app\n127.0.0.1\tapp\n"),
            ("10.0.0.1 app2\n", "10.0.0.1 app2\n127.0.0.1\tapp\n"),
        ] {
            assert_eq!(with_own(hosts, "app"), expected);
        }
    }
}
