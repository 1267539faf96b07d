//! `--digestfile`: the digest of what was copied, for the scripts that deploy by it.

use devenv_tests::judges::skopeo;
use devenv_tests::registry::{PASSWORD, Registry, USER};
use devenv_tests::world::World;

#[test]
fn it_holds_what_the_registry_has_byte_for_byte_as_from_skopeo() {
    let world = World::new();
    let registry = Registry::open(&world);
    let project = world.example("hello", "hello");
    let name = format!("docker://{}/hello:v1", registry.address());
    let file = world.path("a digest");
    let read = || std::fs::read_to_string(&file).expect("a digest");
    let arguments = format!("--copy-args=--digestfile='{}'", file.display());
    let stored = |name: &str| {
        let inspect = ["inspect", "--tls-verify=false", "--format", "{{.Digest}}", name];
        skopeo(&inspect).trim_end().to_owned()
    };

    let out = project.run(&["copy", "processes", &name, &arguments]).expect_code(0).out;
    let digest = read();
    assert_eq!(digest, stored(&name));
    assert_eq!(digest, out.trim_end());
    // skopeo puts nothing behind it either.
    let theirs = world.path("theirs");
    let other = format!("docker://{}/other:v1", registry.address());
    let to_theirs = format!("--digestfile={}", theirs.display());
    let tls = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    let copy = ["copy", "--insecure-policy", tls[0], tls[1], &to_theirs, &name, &other];
    skopeo(&copy);
    assert_eq!(std::fs::read_to_string(&theirs).expect("a digest"), digest);

    // Also where nothing had to be sent, in the place of what was there before.
    let _ = world.write("a digest", &"a longer text that was there ".repeat(9));
    let again = project.run(&["copy", "processes", &name, &arguments]).expect_code(0);
    assert!(again.err.contains("is up to date"), "{}", again.err);
    assert_eq!(read(), digest);

    // Of another manifest, which skopeo writes for us or we ourselves.
    for (tag, more) in [("left", "--additional-tag=a:b"), ("ours", "")] {
        let name = format!("docker://{}/hello:{tag}", registry.address());
        let words = format!("{arguments} --format=v2s2 --dest-tls-verify=false {more}");
        let _ = project.run(&["copy", "processes", &name, &words]).expect_code(0);
        assert_eq!(read(), stored(&name));
        assert_ne!(read(), digest);
    }
}

#[test]
fn it_stays_as_it_is_when_the_copy_fails() {
    let world = World::new();
    let registry = Registry::locked(&world);
    let project = world.example("hello", "hello");
    let name = format!("docker://{}/hello:v1", registry.address());
    let file = world.write("digest", "before");
    let run = |password: &str, file: &str| {
        let arguments = format!("--dest-creds={USER}:{password} --digestfile={file}");
        project.run(&["copy", "processes", &name, "--copy-args", &arguments])
    };
    let path = file.display().to_string();
    let _ = run("wrong", &path).expect_code(77);
    assert_eq!(std::fs::read_to_string(&file).expect("a file"), "before");

    let nowhere = world.path("nowhere/digest").display().to_string();
    let failed = run(PASSWORD, &nowhere).expect_code(73);
    assert!(failed.err.contains(&format!("digest to {nowhere}")), "{}", failed.err);
    assert!(!registry.data().join("docker").exists(), "nothing was sent before that was known");
    assert!(!failed.err.contains(PASSWORD), "{}", failed.err);
}
