//! A closure as large projects have it, generated: 300 store paths of 5 MB each.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use devenv_tests::project::Project;
use devenv_tests::world::World;

/// How many store paths there are beside those every image has.
pub const PATHS: usize = 300;
/// About how many bytes one has.
pub const SIZE: usize = 5_000_000;

/// Writes the project. Nix keeps what it builds, so a second run is spared that.
pub fn project(world: &World) -> Project<'_> {
    let project = world.project(
        "closure",
        &format!(
            r#"{{ pkgs, lib, ... }}:
let
  version = import ./version.nix;
  # Each refers to the one of half its number, so that some are needed by many.
  one = at: pkgs.runCommand "package${{toString at}}x-${{if at == {last} then version else "1"}}.0" {{ }} ''
    cp -r ${{./seed}} $out
    chmod +w $out
    echo "${{toString at}}: ${{if at == 0 then "nothing" else builtins.elemAt paths (at / 2)}}" > $out/name
  '';
  paths = lib.genList one {PATHS};
in
{{
  name = "closure";
  processes.sleep.exec = "exec sleep ${{import ./seconds.nix}}";
  containers.processes = {{
    copyToRoot = null;
    layers = [ {{ deps = paths; maxLayers = 100; }} ];
  }};
}}
"#,
            last = PATHS - 1
        ),
    );
    seed(&project.directory.join("seed"));
    set_version(&project.directory, 1);
    edit(&project.directory, 1);
    project
}

/// Another text of the process, as people edit their projects.
pub fn edit(project: &Path, version: usize) {
    fs::write(project.join("seconds.nix"), format!("\"{}\"\n", 1000 + version)).expect("a text");
}

/// Another version of one of the paths.
pub fn set_version(project: &Path, version: usize) {
    fs::write(project.join("version.nix"), format!("\"{version}\"\n")).expect("a version");
}

/// Files of all sizes, half of whose bytes compress well, and always the same ones.
fn seed(folder: &Path) {
    fs::create_dir_all(folder.join("lib")).expect("a folder");
    let mut random = 1_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let mut left = SIZE;
    for number in 0.. {
        let size = usize::try_from(next() % 300_000).expect("a small number").min(left);
        let file: PathBuf = folder.join(format!("lib/file{number}"));
        let mut out = std::io::BufWriter::new(fs::File::create(file).expect("a file"));
        for at in 0..size / 8 {
            let word = if (at / 4_096) % 2 == 0 { next() } else { (at / 600) as u64 };
            out.write_all(&word.to_le_bytes()).expect("room for a file");
        }
        left -= size;
        if left == 0 {
            break;
        }
    }
}
