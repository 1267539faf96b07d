//! Images that somebody else made.

use std::path::PathBuf;

use crate::programs::{as_root, tool};
use crate::running;
use crate::world::World;

/// An image somebody else made, as an OCI layout: with `/bin` a link to `/usr/bin` as distributions
/// have it, a shell, accounts behind a link, and a configuration. `/opt/gone` is in its first layer, and
/// hidden by its second.
///
/// # Panics
/// When it cannot be made.
#[must_use]
pub fn layout(world: &World) -> PathBuf {
    let layout = world.path("foreign");
    let tagged = format!("{}:v1", layout.display());
    let bundle = world.path("foreign-bundle");
    let umoci = |arguments: &[&str]| {
        let _ = running::run(as_root("umoci").args(arguments)).expect_code(0);
    };
    umoci(&["init", "--layout", &layout.display().to_string()]);
    umoci(&["new", "--image", &tagged]);
    umoci(&["unpack", "--image", &tagged, &bundle.display().to_string()]);
    let root = bundle.join("rootfs");
    for folder in ["usr/bin", "usr/lib", "etc", "run", "var", "opt"] {
        std::fs::create_dir_all(root.join(folder)).expect("a folder");
    }
    std::os::unix::fs::symlink("usr/bin", root.join("bin")).expect("a link");
    std::os::unix::fs::symlink("/run", root.join("var/run")).expect("a link");
    std::fs::copy(tool("bash-static"), root.join("usr/bin/sh")).expect("a shell");
    std::os::unix::fs::symlink("../usr/lib/passwd", root.join("etc/passwd")).expect("a link");
    std::fs::write(root.join("opt/gone"), "").expect("a file");
    std::fs::write(
        root.join("usr/lib/passwd"),
        "root:x:0:0:theirs:/root:/bin/sh\nweb:x:33:33:::\n",
    )
    .expect("accounts");
    let bundle = bundle.display().to_string();
    umoci(&["repack", "--refresh-bundle", "--image", &tagged, &bundle]);
    std::fs::remove_file(root.join("opt/gone")).expect("it is there");
    umoci(&["repack", "--image", &tagged, &bundle]);
    let settings = [
        "--config.env=BASE=theirs",
        "--config.env=HOME=/theirs",
        "--config.cmd=/none",
        // As nginx has it, whose program stops at it. PID 1 passes it on.
        "--config.stopsignal=SIGQUIT",
    ];
    umoci(&[&["config", "--image", &tagged][..], &settings, &["--architecture=amd64"]].concat());
    layout
}
