//! Archives that go to pipes and links: what is there stays what it is.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, symlink};
use std::process::{Command, Stdio};

use devenv_tests::programs::tool;
use devenv_tests::project::{BUILD, Project};
use devenv_tests::running::{self, Running};
use devenv_tests::world::World;

/// What `copy` sends to its standard output.
fn streamed(project: &Project<'_>, image: &str, destination: &str) -> (Vec<u8>, String) {
    let mut command = project.command(&["copy", image, destination]);
    let done = command.stdin(Stdio::null()).output().expect("the program starts");
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{said}");
    (done.stdout, said)
}

#[test]
fn an_archive_on_standard_output_is_alone_there() {
    let world = World::new();
    let project = world.example("hello", "hello");
    let image = project.build("processes");
    for kind in ["docker-archive", "oci-archive"] {
        let file = world.path(kind);
        let written = project.run(&["copy", &image, &format!("{kind}:{}", file.display())]);
        let digest = written.expect_code(0).out;
        let archive = fs::read(&file).expect("an archive");
        let (out, said) = streamed(&project, &image, &format!("{kind}:/dev/stdout"));
        assert!(out == archive, "{} bytes and not {}", out.len(), archive.len());
        // Told where it spoils nothing.
        assert!(said.contains(digest.trim()), "{said}");

        // A file that standard output leads to is added to and not replaced.
        let appended = world.write("appended", "before");
        let output = fs::File::options().append(true).open(&appended).expect("our file");
        let mut command = project.command(&["copy", &image, &format!("{kind}:/dev/stdout")]);
        let _ = Running::start_into(&mut command, output.into()).end().expect_code(0);
        assert!(fs::read(&appended).expect("our file") == [&b"before"[..], &archive].concat());
    }
    let refused = project.run(&["copy", &image, "docker-archive:/dev/stdout", "--json"]);
    let refused = refused.expect_code(64);
    assert!(refused.err.contains("hint: leave out --json"), "{}", refused.err);
    let (code, shown) =
        project.terminal(&["copy", &image, "docker-archive:/dev/stdout"]).end_within(BUILD);
    assert_eq!(code, 64, "{shown}");
    assert!(shown.contains("it is a terminal"), "{shown}");
}

#[test]
fn pipes_and_links_stay_what_they_are() {
    let world = World::new();
    let project = world.example("hello", "hello");
    let image = project.build("processes");
    let (real, link, pipe) = (world.path("real.tar"), world.path("link.tar"), world.path("pipe"));
    symlink("real.tar", &link).expect("a link");
    let _ = running::run(Command::new(tool("mkfifo")).arg(&pipe)).expect_code(0);
    for kind in ["docker-archive", "oci-archive"] {
        let to = |path: &std::path::Path| format!("{kind}:{}", path.display());
        let _ = project.run(&["copy", &image, &to(&link)]).expect_code(0);
        assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
        let archive = fs::read(&real).expect("the archive");
        fs::remove_file(&real).expect("ours");

        let reader = Command::new(tool("sha256sum")).arg(&pipe).stdout(Stdio::piped()).spawn();
        let reader = reader.expect("a reader");
        let copy = Running::start(&mut project.command(&["copy", &image, &to(&pipe)]));
        let read = reader.wait_with_output().expect("a digest");
        let _ = copy.end().expect_code(0);
        assert!(fs::symlink_metadata(&pipe).expect("a pipe").file_type().is_fifo());
        let file = world.path("compared");
        fs::write(&file, archive).expect("our file");
        let expected = running::run(Command::new(tool("sha256sum")).arg(&file)).out;
        let read = String::from_utf8_lossy(&read.stdout).into_owned();
        assert_eq!(read.split(' ').next(), expected.split(' ').next());
    }
}
