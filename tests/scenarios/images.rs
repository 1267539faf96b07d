//! Images: the same bytes wherever and whenever they are made, and accepted by other tools.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

use devenv_tests::docker::{self, Container};
use devenv_tests::judges::{copy_to_layout, nix, skopeo};
use devenv_tests::programs::{as_root, devenv_container, devenv_init, repository, tool};
use devenv_tests::project::Project;
use devenv_tests::world::World;
use devenv_tests::{foreign, lines, oci, running};

#[test]
fn the_same_project_gives_the_same_image_for_everyone() {
    let world = World::new();
    let here = world.example("hello", "here");
    let there = world.example("hello", "some/where else");
    let one = here.build("processes");

    // Another place, umask, language, time zone and state of the user.
    let command = there.command(&["build", "processes"]);
    let mut shell = Command::new(tool("sh"));
    shell.args([
        "-c",
        "umask 077; find . -type f -exec touch -d 2001-02-03 {} +; exec \"$@\"",
        "sh",
    ]);
    shell.arg(command.get_program()).args(command.get_args()).current_dir(&there.directory);
    shell.env_remove("NIX_PATH").env("LC_ALL", "tr_TR.UTF-8").env("TZ", "Pacific/Chatham");
    shell.env("XDG_CACHE_HOME", world.path("cache2")).env("XDG_STATE_HOME", world.path("state2"));
    let two = running::run(&mut shell).expect_code(0).out;
    assert_eq!(two.trim_end(), one);

    let first = copy_to_layout(&here, "processes", &world.path("first"));
    let second = copy_to_layout(&there, "processes", &world.path("second"));
    assert_eq!(first, second);
    assert_eq!(copied_by_one_core(&world, &here), first);
    // The control: another project is another image.
    world.write("some/where else/README", "changed");
    assert_ne!(copy_to_layout(&there, "processes", &world.path("third")), first);
}

/// The digest of a copy that is made by a single core, with nothing remembered.
fn copied_by_one_core(world: &World, project: &Project<'_>) -> String {
    let destination = format!("oci:{}:test", world.path("alone").display());
    let copy = project.command(&["copy", "processes", &destination]);
    let mut alone = Command::new(tool("taskset"));
    alone.args(["--cpu-list", "0"]).arg(copy.get_program()).args(copy.get_args());
    alone.current_dir(&project.directory).env_remove("NIX_PATH");
    for name in ["XDG_CACHE_HOME", "XDG_STATE_HOME"] {
        alone.env(name, world.path(&format!("alone-{name}")));
    }
    running::run(&mut alone).expect_code(0).out.trim_end().to_owned()
}

/// The path of the description that the derivation of an image makes: what other commands than ours
/// get, which know of no cache.
fn derived(project: &Project<'_>, container: &str) -> String {
    let path = |path: &Path| path.display().to_string();
    let [cli, packages] = ["nix/cli.nix", "tests/nixpkgs"].map(|at| path(&repository().join(at)));
    let (init, program) = (path(&devenv_init()), path(&devenv_container()));
    let attribute = format!("images.{container}");
    let project = path(&project.directory);
    let said = nix(
        "nix-build",
        &[
            &["--no-out-link", &cli, "-A", &attribute][..],
            &["--argstr", "project", &project, "--argstr", "nixpkgs", &packages],
            &["--argstr", "initProgram", &init, "--argstr", "containerProgram", &program],
        ]
        .concat(),
    );
    said.trim_end().to_owned()
}

#[test]
fn building_again_from_nothing_gives_the_same_bytes() {
    let world = World::new();
    let image = derived(&world.example("hello", "hello"), "processes");
    // Nix builds each of our derivations a second time and compares.
    let requisites = nix("nix-store", &["--query", "--requisites", &image]);
    let ours = |path: &&str| {
        ["-image-", "-spec.json", "-root", "-folders"].iter().any(|name| path.contains(name))
    };
    let paths: Vec<&str> = requisites.lines().filter(ours).collect();
    assert!(paths.len() >= 4, "the image, its spec and its two trees: {paths:?}");
    for path in paths {
        let derivation = nix("nix-store", &["--query", "--deriver", path]);
        nix("nix-store", &["--realise", "--check", derivation.trim_end()]);
    }
}

#[test]
fn what_is_remembered_about_layers_does_not_show_in_the_image() {
    let world = World::new();
    let project = world.example("layers", "layers");
    let cold = project.build("processes");
    let read = |path: &str| std::fs::read_to_string(path).expect("a description");
    let derivation = derived(&project, "processes");
    assert_eq!(read(&cold), read(&derivation));
    let references = |path: &str| nix("nix-store", &["--query", "--references", path]);
    assert_eq!(references(&cold), references(&derivation), "what it protects");

    // Only the layer that changed is worked out: with the others remembered, and with all forgotten,
    // it comes to the same.
    world.write("layers/README", "changed");
    let warm = project.build("processes");
    assert_ne!(warm, cold);
    std::fs::remove_dir_all(world.path("cache/devenv-container/layers")).expect("a cache");
    assert_eq!(project.build("processes"), warm);
}

/// A project whose image says something in every field there is.
const EVERYTHING: &str = r#"{ pkgs, ... }:
{
  name = "everything";
  processes.sleep.exec = "exec sleep 1000";
  containers.processes = {
    fromImage = ./base;
    maxLayers = 5;
    exposedPorts = [ 80 "53/udp" ];
    volumes = [ "/data" ];
    labels."org.example.label" = "a < b";
    annotations."org.opencontainers.image.licenses" = "Apache-2.0";
    stopSignal = "SIGTERM";
    caCertificates = pkgs.writeText "trusted.pem" "trusted\n";
  };
}"#;

#[test]
fn images_keep_every_rule_of_the_specification() {
    let world = World::new();
    let project = world.project("everything", EVERYTHING);
    skopeo(&[
        "copy",
        "--insecure-policy",
        &format!("oci:{}:v1", foreign::layout(&world).display()),
        &format!("oci:{}", project.directory.join("base").display()),
    ]);
    let layout = world.path("layout");
    let _ = copy_to_layout(&project, "processes", &layout);
    // A second image, of another kind, in the same layout.
    let _ = copy_to_layout(&world.example("shell", "shell"), "shell", &layout);
    assert_eq!(oci::problems(&layout), [""; 0]);

    let index = std::fs::read_to_string(layout.join("index.json")).expect("an index");
    let index: serde_json::Value = serde_json::from_str(&index).expect("JSON");
    let blob = |digest: &serde_json::Value| {
        layout.join("blobs/sha256").join(digest.as_str().expect("a digest").replace("sha256:", ""))
    };
    let manifest = blob(&index["manifests"][0]["digest"]);
    // The control: the judge sees what is wrong.
    let text = std::fs::read_to_string(&manifest).expect("a manifest");
    std::fs::write(&manifest, text.replace("\"schemaVersion\":2", "\"schemaVersion\":1"))
        .expect("room");
    let found = oci::problems(&layout);
    assert!(found.iter().any(|rule| rule.contains("schemaVersion is 2")), "{found:?}");
    assert!(found.iter().any(|rule| rule.contains("schema: /schemaVersion: ")), "{found:?}");
    assert!(found.iter().any(|rule| rule.contains("the blob has its digest")), "{found:?}");
}

#[test]
fn certificates_and_annotations_are_where_others_look_for_them() {
    let world = World::new();
    let project = world.project("everything", &EVERYTHING.replace("fromImage = ./base;", ""));
    let layout = world.path("layout");
    let _ = copy_to_layout(&project, "processes", &layout);
    let reference = format!("oci:{}:test", layout.display());
    let manifest: serde_json::Value =
        serde_json::from_str(&skopeo(&["inspect", "--raw", &reference])).expect("JSON");
    assert_eq!(manifest["annotations"]["org.opencontainers.image.licenses"], "Apache-2.0");

    let root = world.path("root");
    let _ =
        project.run(&["copy", "processes", &format!("rootfs:{}", root.display())]).expect_code(0);
    for name in ["etc/ssl/certs/ca-certificates.crt", "etc/pki/tls/certs/ca-bundle.crt"] {
        let target = std::fs::read_link(root.join(name)).expect("a link");
        let inside = root.join(target.strip_prefix("/").expect("an absolute target"));
        assert_eq!(std::fs::read_to_string(inside).expect(name), "trusted\n");
    }
    let image = project.run(&["inspect", "processes"]).expect_code(0).out;
    assert!(image.contains("SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"), "{image}");
}

#[test]
fn skopeo_reads_the_image_and_agrees_on_its_digest() {
    let world = World::new();
    let project = world.example("hello", "hello");
    let layout = world.path("layout");
    let digest = copy_to_layout(&project, "processes", &layout);
    assert!(digest.starts_with("sha256:"), "{digest}");
    let reference = format!("oci:{}:test", layout.display());
    let said: serde_json::Value =
        serde_json::from_str(&skopeo(&["inspect", &reference])).expect("JSON");
    assert_eq!(said["Digest"], digest.as_str());
    assert_eq!(said["Created"], "1970-01-01T00:00:01Z");
    let config: serde_json::Value =
        serde_json::from_str(&skopeo(&["inspect", "--config", &reference])).expect("JSON");
    let entrypoint = config["config"]["Entrypoint"].as_array().expect("an entrypoint");
    assert_eq!(entrypoint[0], "/bin/devenv-init");
    assert_eq!(config["config"]["User"], "1000:1000");
    // Reads every blob and compares it with its digest.
    skopeo(&[
        "copy",
        "--insecure-policy",
        &reference,
        &format!("dir:{}", world.path("dir").display()),
    ]);
}

#[test]
fn layers_are_compressed_as_asked_for_and_others_can_read_them() {
    let world = World::new();
    let project = world.example("hello", "hello");
    let mut digests = Vec::new();
    let asked: [(&[&str], &str); 4] = [
        (&[], "+gzip"),
        (&["--compression-level", "6"], "+gzip"),
        (&["--compression", "zstd"], "+zstd"),
        (&["--compression", "none"], ""),
    ];
    for (number, (options, form)) in asked.iter().enumerate() {
        let layout = world.path(&format!("layout{number}"));
        let destination = format!("oci:{}:test", layout.display());
        let with = |arguments: &[&str]| {
            project.run(&[*options, arguments].concat()).expect_code(0).out.trim_end().to_owned()
        };
        let digest = with(&["copy", "processes", &destination]);
        assert_eq!(with(&["digest", "processes"]), digest, "{options:?}");
        let manifest: serde_json::Value =
            serde_json::from_str(&skopeo(&["inspect", "--raw", &destination])).expect("JSON");
        let media_type = format!("application/vnd.oci.image.layer.v1.tar{form}");
        assert_eq!(manifest["layers"][0]["mediaType"], media_type.as_str(), "{options:?}");
        // So large that gzip makes several members of it.
        let sizes = manifest["layers"].as_array().expect("layers").iter();
        let largest = sizes.filter_map(|layer| layer["size"].as_u64()).max();
        assert!(largest > Some(512 * 1024), "{largest:?}");
        // Reads every blob; Docker's archives hold layers unpacked, and so it is seen whether they are
        // what the image says they are. It refuses to make one of zstd.
        let copy = world.path(&format!("copy{number}")).display().to_string();
        let copy = match *form {
            "+zstd" => format!("dir:{copy}"),
            _ => format!("docker-archive:{copy}:a:b"),
        };
        skopeo(&["copy", "--insecure-policy", &destination, &copy]);
        digests.push(digest);
    }
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), 4, "each is another image in a registry");
    let _ = project.run(&["digest", "processes", "--compression-level", "13"]).expect_code(64);
}

#[test]
fn unpacked_it_holds_what_a_container_needs_with_the_right_owners() {
    let world = World::new();
    let project = world.example("hello", "hello");
    let layout = world.path("layout");
    let _ = copy_to_layout(&project, "processes", &layout);
    let bundle = world.path("bundle");
    let mut umoci = as_root("umoci");
    umoci.args(["unpack", "--image"]).arg(format!("{}:test", layout.display())).arg(&bundle);
    let _ = running::run(&mut umoci).expect_code(0);

    let root = bundle.join("rootfs");
    let about = |name: &str| {
        let path = root.join(name);
        std::fs::symlink_metadata(&path).unwrap_or_else(|e| panic!("no {}: {e}", path.display()))
    };
    let init = std::fs::read_link(root.join("bin/devenv-init")).expect("a link to the store");
    assert!(init.starts_with("/nix/store"), "{}", init.display());
    assert!(about(init.strip_prefix("/").unwrap().to_str().unwrap()).mode() & 0o111 != 0);
    assert_eq!(about("tmp").mode() & 0o7777, 0o1777);
    assert_eq!((about("env").uid(), about("env").gid()), (1000, 1000));
    assert_eq!(about("env/devenv.nix").uid(), 1000);
    let passwd = std::fs::read_to_string(root.join("etc/passwd")).expect("users");
    for user in ["root:x:0:0:", "user:x:1000:1000:", "nobody:x:65534:"] {
        assert!(passwd.lines().any(|line| line.starts_with(user)), "no {user} in {passwd}");
    }
    // Nothing tells when it was made.
    let mut find = Command::new(tool("find"));
    find.arg(&root).args(["-newermt", "1970-01-02", "-not", "-path"]).arg(&root);
    let recent = running::run(&mut find).expect_code(0).out;
    assert_eq!(recent, "", "files with a time of their own");
}

#[test]
fn docker_loads_the_archive_and_runs_it() {
    let world = World::new();
    let project = world.project(
        "once",
        r#"{ name = "once"; processes.once = { exec = "echo only once"; restart.on = "never"; }; }"#,
    );
    let archive = world.path("image.tar");
    let container = Container::name("loaded");
    let name = format!("{}:test", container.name);
    let destination = format!("docker-archive:{}:{name}", archive.display());
    let _ = project.run(&["copy", "processes", &destination]).expect_code(0);
    let said = docker::ask(&["load", "--input", archive.to_str().unwrap()]);
    assert!(said.contains(&name), "{said}");
    let run = ["run", "--network", "none", "--name", &container.name, &name];
    let ended = running::run(&mut docker::docker(&run)).expect_code(0);
    assert_eq!(lines::of(&ended.out, "once.1"), ["only once"]);
}

#[test]
fn copying_to_the_daemon_a_second_time_moves_nothing() {
    let world = World::new();
    let name = Container::name("twice").name.clone();
    // An image no other scenario has: the daemon knows images by content, whatever their names.
    let text = format!(r#"{{ name = "twice"; processes.a.exec = "echo {name}"; }}"#);
    let project = world.project("twice", &text);
    let destination = format!("docker-daemon:{name}:test");
    let copy = || {
        let mut command = project.command(&["copy", "processes", &destination]);
        running::run(command.env("DOCKER_HOST", docker::host())).expect_code(0)
    };
    let (first, second) = (copy(), copy());
    assert!(first.err.contains("is copied"), "{}", first.err);
    assert!(second.err.contains("is up to date"), "{}", second.err);
    assert_eq!(first.out, second.out);
}

#[test]
fn an_image_s_layers_stay_within_the_number_asked_for() {
    let world = World::new();
    let project = world.example("layers", "layers");
    let layout = world.path("layout");
    let _ = copy_to_layout(&project, "processes", &layout);
    let manifest = skopeo(&["inspect", "--raw", &format!("oci:{}:test", layout.display())]);
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
    let layers = manifest["layers"].as_array().expect("layers").len();
    // `maxLayers = 4` and one of `layers`.
    assert!((2..=5).contains(&layers), "{layers} layers");
}
