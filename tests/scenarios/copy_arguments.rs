//! Arguments of copying, in skopeo's words: on either side of the verb, never shown, and left to
//! skopeo only where it can carry them out.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use devenv_tests::foreign;
use devenv_tests::programs::tool;
use devenv_tests::registry::{PASSWORD, Registry, USER};
use devenv_tests::running::{self, Ended};
use devenv_tests::world::World;

/// Runs `devenv-container` on an image, with `IMAGE` in the arguments for it.
fn run(world: &World, image: &str, arguments: &[&str]) -> Ended {
    let arguments: Vec<&str> =
        arguments.iter().map(|word| if *word == "IMAGE" { image } else { *word }).collect();
    let mut command = world.container(&arguments);
    command.env("HOME", world.path("home")).env_remove("DOCKER_CONFIG");
    running::run(command.current_dir(world.path("")))
}

#[test]
fn arguments_on_both_sides_of_the_verb_count() {
    let world = World::new();
    let registry = Registry::locked(&world);
    let image = world.example("hello", "hello").build("processes");
    let to = |name: &str| format!("docker://{}/{name}", registry.address());
    let user = format!("--copy-args=--dest-creds={USER}:{PASSWORD}");
    let more = "--copy-args=--retry-times=1";
    let _ = run(&world, &image, &[&user, "copy", "IMAGE", &to("one"), more]).expect_code(0);
    let _ = run(&world, &image, &[more, "container", &user, "copy", "IMAGE", &to("two"), "-q"])
        .expect_code(0);
    let _ = run(&world, &image, &[more, "plan", "IMAGE", "--to", &to("one"), &user]).expect_code(0);
    // The first repository has nothing, and is the last that is said.
    let places = ["--mount-from", "one", "copy", "IMAGE", &to("three"), "--mount-from", "no/such"];
    let mut command =
        world.container(&places.map(|word| if word == "IMAGE" { &image } else { word }));
    command.arg(&user).env("XDG_CACHE_HOME", world.path("elsewhere"));
    let (done, requests) = registry.requests_of(|| running::run(&mut command).expect_code(0));
    assert!(done.err.contains("mounted from one"), "{}", done.err);
    assert!(requests.iter().all(|request| request.method != "PATCH"), "{requests:?}");
    let twice = ["--registry", "docker://a/", "copy", "IMAGE", "--registry", "docker://b/"];
    let _ = run(&world, &image, &twice).expect_code(64);
}

#[test]
fn a_mistake_shows_no_secret() {
    let world = World::new();
    let image = world.example("hello", "hello").build("processes");
    // As those write it who do not know of zero bytes.
    let file = world.write("arguments", "--dest-creds\nme:sekret\n").display().to_string();
    let file = format!("--copy-args-file={file}");
    for mistaken in [
        "--copy-args=--dest-creds me:it's-sekret",
        "--copy-args=--creds=me:sekret",
        "--copy-args=--dest-token=sekret",
        "--copy-args=--dest-no-creds me:sekret",
        &file,
    ] {
        let ended = run(&world, &image, &["copy", "IMAGE", "docker://127.0.0.1:1/a", mistaken]);
        let ended = ended.expect_code(64);
        assert!(!ended.err.contains("sekret"), "{}", ended.err);
        assert!(ended.err.contains("hint: "), "{}", ended.err);
    }
}

#[test]
fn a_quote_in_a_single_argument_is_part_of_it() {
    let world = World::new();
    let registry = Registry::locked(&world);
    let image = world.example("hello", "hello").build("processes");
    let to = format!("docker://{}/app", registry.address());
    // The right password but for the quote: refused by the registry, and not before.
    let wrong = format!("--copy-args=--dest-creds={USER}:{PASSWORD}'");
    let _ = run(&world, &image, &["copy", "IMAGE", &to, &wrong]).expect_code(77);
}

#[test]
fn skopeo_gets_a_whole_destination_or_nothing() {
    let world = World::new();
    let image = world.example("hello", "hello").build("processes");
    let archive = world.path("archive.tar").display().to_string();
    let to = format!("docker-archive:{archive}");
    let for_skopeo = "--copy-args=--dest-decompress";
    let done = run(&world, &image, &["copy", "IMAGE", &to, for_skopeo, "--quiet"]).expect_code(0);
    assert_eq!(done.err, "", "also skopeo is quiet");
    let list = ["list-tags", &to].map(str::to_owned);
    let tags = running::run(Command::new(tool("skopeo")).args(list)).expect_code(0).out;
    assert!(tags.contains("processes:latest"), "{tags}");
    for impossible in ["podman:", "rootfs:here"] {
        let ended = run(&world, &image, &["copy", "IMAGE", impossible, for_skopeo]).expect_code(64);
        assert!(ended.err.contains("skopeo cannot copy to"), "{}", ended.err);
    }
    let ended = run(&world, &image, &["copy", "IMAGE", &to, "--copy-args=--dest-x"]);
    assert!(ended.expect_code(64).err.contains("unknown copy argument --dest-x"));
}

#[test]
fn compression_in_skopeo_s_words_is_ours() {
    let world = World::new();
    let image = world.example("hello", "hello").build("processes");
    let digest = |arguments: &[&str]| run(&world, &image, arguments).expect_code(0).out;
    let ours = digest(&["digest", "IMAGE", "--compression", "zstd", "--compression-level", "5"]);
    let words = "--copy-args=--dest-compress-format=zstd --dest-compress-level=5 --multi-arch=all";
    let mut command = world.container(&["copy", &image, "oci:layout", words]);
    // No skopeo is asked.
    command.env("PATH", world.directory("empty")).current_dir(world.path(""));
    assert_eq!(running::run(&mut command).expect_code(0).out, ours);
    let both = ["copy", "IMAGE", "oci:layout", words, "--compression", "gzip"];
    let _ = run(&world, &image, &both).expect_code(64);
}

#[test]
fn what_a_verb_does_not_heed_it_refuses() {
    let world = World::new();
    let image = world.example("hello", "hello").build("processes");
    for senseless in [
        &["copy", "IMAGE", "oci:a", "--registry", "docker://a/"][..],
        &["--registry", "docker://a/", "digest", "IMAGE"],
        &["--copy-args=-q", "build", "IMAGE"],
        &["--mount-from", "a", "lock"],
        &["--registry", "docker://a/", "run", "IMAGE"],
        &["run", "IMAGE", "--registry", "docker://a/"],
        &["run", "IMAGE", "--copy-args=--sign-by=me"],
        &["run", "IMAGE", "--engine", "native", "--copy-args=--dest-daemon-host=unix:///a"],
        &["lock", "--copy-args=--sign-by=me"],
    ] {
        let ended = run(&world, &image, senseless).expect_code(64);
        assert_eq!(ended.out, "", "{senseless:?}");
    }
    assert!(!world.path("a").exists());
    let json = |verb| -> serde_json::Value {
        let said = run(&world, &image, &[verb, "IMAGE", "--json"]).expect_code(0).out;
        serde_json::from_str(&said).expect("JSON")
    };
    assert_eq!(json("build")["description"], image.as_str());
    let digest = run(&world, &image, &["digest", "IMAGE"]).expect_code(0).out;
    assert_eq!(json("digest")["digest"], digest.trim_end());
}

#[test]
fn what_is_locked_comes_from_a_source_with_a_password() {
    let world = World::new();
    let registry = Registry::locked(&world);
    let name = format!("{}/theirs/base:v1", registry.address());
    let source = format!("oci:{}:v1", foreign::layout(&world).display());
    let creds = format!("--dest-creds={USER}:{PASSWORD}");
    let target = format!("docker://{name}");
    let copy = ["copy", "--insecure-policy", "--dest-tls-verify=false", &creds, &source, &target];
    let _ = running::run(Command::new(tool("skopeo")).args(copy)).expect_code(0);
    let text = format!(
        r#"{{ name = "app"; containers.app = {{
             fromRegistry = "{name}"; copyToRoot = null; startupCommand = [ "/bin/sh" ]; }}; }}"#
    );
    let project = world.project("app", &text);
    let lock = |words: &str| {
        let mut command = project.command(&["lock", "--copy-args", words]);
        running::run(command.env("HOME", world.path("home")).env_remove("DOCKER_CONFIG"))
    };
    let _ = lock("--src-creds me:unguessed").expect_code(77);
    let locked = lock(&format!("--src-creds {USER}:{PASSWORD}")).expect_code(0).out;
    assert!(locked.starts_with(&format!("{name} for ")), "{locked}");
}

#[test]
fn what_only_skopeo_can_do_is_left_to_it_without_showing_it_a_password() {
    let world = World::new();
    let registry = Registry::locked(&world);
    let project = world.example("hello", "hello");
    let name = format!("docker://{}/left:v1", registry.address());
    // What skopeo was called with, before it is called.
    let arguments = world.path("arguments");
    let skopeo = world.write(
        "bin/skopeo",
        &format!(
            "#!/bin/sh\necho \"$@\" > {}\nexec {} \"$@\"\n",
            arguments.display(),
            tool("skopeo").display()
        ),
    );
    std::fs::set_permissions(&skopeo, std::fs::Permissions::from_mode(0o755)).expect("our file");
    let run = |path: &str| {
        let mut command = project.command(&["copy", "processes", &name, "--copy-args"]);
        command
            .arg(format!("--format=v2s2 --dest-creds={USER}:{PASSWORD} --dest-tls-verify=false"))
            .arg("--copy-args=--additional-tag=a:b");
        running::run(command.env("PATH", path))
    };
    let path = std::env::var("PATH").expect("a PATH");
    let done = run(&format!("{}:{path}", world.path("bin").display())).expect_code(0);
    let given = std::fs::read_to_string(&arguments).expect("skopeo was called");
    assert!(given.contains("--additional-tag a:b"), "{given}");
    assert!(given.contains("--format=v2s2"), "what is understood here goes along: {given}");
    assert!(!given.contains(PASSWORD) && !done.err.contains(PASSWORD), "{given}{}", done.err);
    let creds = format!("--creds={USER}:{PASSWORD}");
    let raw = ["inspect", "--raw", "--tls-verify=false", &creds, &name];
    let seen = running::run(Command::new(tool("skopeo")).args(raw)).expect_code(0);
    assert!(seen.out.contains("vnd.docker.distribution.manifest.v2+json"), "{}", seen.out);

    // Without skopeo its argument is named.
    let nix = tool("nix-build");
    let without = world.directory("without");
    for program in ["nix-build", "nix-instantiate", "nix-store", "nix"] {
        let original = nix.with_file_name(program);
        let _ = std::os::unix::fs::symlink(original, without.join(program));
    }
    let refused = run(&without.display().to_string());
    assert_eq!(refused.code, 64, "{}", refused.err);
    assert!(refused.err.contains("cannot use copy argument --additional-tag"), "{}", refused.err);
}

#[test]
fn skopeo_is_told_of_a_registry_on_this_machine_without_tls() {
    let world = World::new();
    let registry = Registry::open(&world);
    let image = world.example("hello", "hello").build("processes");
    let to = format!("docker://{}/local:v1", registry.address());
    let _ = run(&world, &image, &["copy", "IMAGE", &to, "--copy-args=--dest-decompress"])
        .expect_code(0);
    let asked = ["--copy-args=--dest-decompress", "--dest-tls-verify=true"];
    let arguments = [&["copy", "IMAGE", &to][..], &asked].concat();
    assert_ne!(run(&world, &image, &arguments).code, 0, "it was asked for TLS");
}

#[test]
fn a_flag_of_a_newer_skopeo_is_left_to_it() {
    let world = World::new();
    let image = world.example("hello", "hello").build("processes");
    let given = world.path("given");
    let text = format!(
        "#!/bin/sh\ncase \"$*\" in *--help*) echo '      --sign-anew KEY   sign'; exit;; esac\n\
         echo \"$@\" > {}; exit 3\n",
        given.display()
    );
    let skopeo = world.write("bin/skopeo", &text);
    std::fs::set_permissions(&skopeo, std::fs::Permissions::from_mode(0o755)).expect("our file");
    let copy = |argument: &str| {
        let to = format!("oci:{}", world.path("layout").display());
        let mut command = world.container(&["copy", &image, &to, argument]);
        let path = std::env::var("PATH").expect("a PATH");
        let path = format!("{}:{path}", world.path("bin").display());
        running::run(command.env("PATH", path))
    };
    let _ = copy("--copy-args=--sign-anew=mine").expect_code(76);
    let given = std::fs::read_to_string(given).expect("skopeo was called");
    assert!(given.contains("--sign-anew mine"), "{given}");
    let ended = copy("--copy-args=--sign-never=mine").expect_code(64);
    assert!(ended.err.contains("unknown copy argument --sign-never"), "{}", ended.err);
}

#[test]
fn a_plan_refuses_what_it_cannot_tell() {
    let world = World::new();
    let image = world.example("hello", "hello").build("processes");
    for argument in ["--copy-args=--dest-decompress", "--digestfile=digest"] {
        let plan = ["plan", "IMAGE", "--to", "docker://r.example/a", argument];
        let ended = run(&world, &image, &plan).expect_code(64);
        let name = argument.trim_start_matches("--copy-args=").split('=').next().expect("a name");
        assert!(ended.err.contains(name) && ended.err.contains("hint: "), "{}", ended.err);
    }
    assert!(!world.path("digest").exists());
}
