//! Images: the same bytes wherever and whenever they are made, and accepted by other tools.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

use devenv_tests::docker::{self, Container};
use devenv_tests::lines;
use devenv_tests::oci;
use devenv_tests::programs::{as_root, devenv_container, devenv_init, repository, tool};
use devenv_tests::project::Project;
use devenv_tests::registry::Registry;
use devenv_tests::running;
use devenv_tests::world::World;

/// Copies an image to an OCI layout and returns the digest that was printed.
#[track_caller]
fn copy_to_layout(project: &Project<'_>, container: &str, layout: &Path) -> String {
    let destination = format!("oci:{}:test", layout.display());
    project.run(&["copy", container, &destination]).expect_code(0).out.trim_end().to_owned()
}

fn skopeo(arguments: &[&str]) -> String {
    running::run(Command::new(tool("skopeo")).args(arguments)).expect_code(0).out
}

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
    // The control: another project is another image.
    world.write("some/where else/README", "changed");
    assert_ne!(copy_to_layout(&there, "processes", &world.path("third")), first);
}

/// A program of Nix, by itself.
fn nix(program: &str, arguments: &[&str]) -> String {
    let mut command = as_root(program);
    command.env("NIX_CONFIG", "build-users-group =\nsubstituters =").args(arguments);
    running::run(&mut command).expect_code(0).out
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
        &format!("oci:{}:v1", foreign(&world).display()),
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
        (&["--compression-level", "1"], "+gzip"),
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
    let _ = project.run(&["digest", "processes", "--compression-level", "10"]).expect_code(64);
}

/// An image somebody else made, as an OCI layout: with `/bin` a link to `/usr/bin` as distributions
/// have it, a shell, accounts and a configuration.
fn foreign(world: &World) -> std::path::PathBuf {
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
    for folder in ["usr/bin", "etc", "run", "var"] {
        std::fs::create_dir_all(root.join(folder)).expect("a folder");
    }
    std::os::unix::fs::symlink("usr/bin", root.join("bin")).expect("a link");
    std::os::unix::fs::symlink("/run", root.join("var/run")).expect("a link");
    std::fs::copy(tool("bash-static"), root.join("usr/bin/sh")).expect("a shell");
    std::fs::write(root.join("etc/passwd"), "root:x:0:0:theirs:/root:/bin/sh\nweb:x:33:33:::\n")
        .expect("accounts");
    umoci(&["repack", "--image", &tagged, &bundle.display().to_string()]);
    let settings = ["--config.env=BASE=theirs", "--config.env=HOME=/theirs", "--config.cmd=/none"];
    umoci(&[&["config", "--image", &tagged][..], &settings, &["--architecture=amd64"]].concat());
    layout
}

#[test]
fn folders_of_layers_and_volumes_leave_links_of_the_base_alone() {
    let world = World::new();
    let project = world.project(
        "app",
        r#"{ pkgs, ... }:
        {
          name = "app";
          containers.app = {
            fromImage = ./base;
            copyToRoot = null;
            layers = [ { copyToRoot = [ (pkgs.writeShellScriptBin "tool" "echo tool") ]; } ];
            volumes = [ "/var/run/app" ];
            startupCommand = [ "/bin/sh" "-c" "/bin/tool; [ -h /bin ] && [ -h /var/run ] && [ -O /run/app ] && echo links" ];
          };
        }"#,
    );
    skopeo(&[
        "copy",
        "--insecure-policy",
        &format!("oci:{}:v1", foreign(&world).display()),
        &format!("oci:{}", project.directory.join("base").display()),
    ]);
    let name = project.load("app");
    let mut run = docker::docker(&["run", "--rm", "--network", "none", &name]);
    let ended = running::run(&mut run).expect_code(0);
    assert_eq!(ended.out, "tool\nlinks\n");
}

#[test]
fn an_image_builds_on_another_in_any_form() {
    let world = World::new();
    let foreign = foreign(&world);
    let project = world.project(
        "app",
        r#"{ config, ... }:
        {
          name = "app";
          containers.app = {
            fromImage = ./base;
            copyToRoot = null;
            startupCommand = [ "/bin/sh" "-c" "echo $BASE $HOME; while read -r line; do echo $line; done < /etc/passwd" ];
          };
        }"#,
    );
    let mut digests = Vec::new();
    for transport in ["oci", "oci-archive", "docker-archive", "dir"] {
        let base = project.directory.join("base");
        let source = format!("oci:{}:v1", foreign.display());
        let target = match transport {
            "docker-archive" => format!("{transport}:{}:base:v1", base.display()),
            _ => format!("{transport}:{}", base.display()),
        };
        skopeo(&["copy", "--insecure-policy", &source, &target]);
        digests.push(project.run(&["digest", "app"]).expect_code(0).out);
        if base.is_dir() {
            std::fs::remove_dir_all(&base).expect("it goes");
        } else {
            std::fs::remove_file(&base).expect("it goes");
        }
    }
    // The layers of archives of Docker are not compressed; all others have the same.
    assert!(digests[0] == digests[1] && digests[0] == digests[3], "{digests:?}");

    skopeo(&[
        "copy",
        "--insecure-policy",
        &format!("oci:{}:v1", foreign.display()),
        &format!("oci:{}", project.directory.join("base").display()),
    ]);
    let name = project.load("app");
    let mut run = docker::docker(&["run", "--rm", "--network", "none", &name]);
    let ended = running::run(&mut run).expect_code(0);
    let lines: Vec<&str> = ended.out.lines().collect();
    assert_eq!(lines[0], "theirs /env", "variables of both");
    assert_eq!(lines[1], "root:x:0:0:theirs:/root:/bin/sh", "their accounts stay");
    assert!(lines.iter().any(|line| line.starts_with("user:x:1000:")), "ours come along");
    // The shell was found at /bin/sh, where it is by a link that our own files did not replace.
}

#[test]
fn a_base_of_a_registry_stays_what_it_is_until_it_is_locked_anew() {
    let world = World::new();
    let registry = Registry::open(&world);
    let name = format!("{}/theirs/base:v1", registry.address());
    let push = |source: &str| {
        let target = format!("docker://{name}");
        skopeo(&["copy", "--insecure-policy", "--dest-tls-verify=false", source, &target]);
    };
    push(&format!("oci:{}:v1", foreign(&world).display()));
    let project = world.project(
        "app",
        &format!(
            r#"{{
              name = "app";
              containers.app = {{
                fromRegistry = "{name}";
                copyToRoot = null;
                startupCommand = [ "/bin/sh" ];
              }};
            }}"#
        ),
    );
    let refused = project.run(&["build", "app"]).expect_code(65);
    assert!(refused.err.contains("devenv-container lock"), "{}", refused.err);

    let locked = project.run(&["lock"]).expect_code(0).out;
    assert!(locked.starts_with(&format!("{name} for amd64 is sha256:")), "{locked}");
    // On a machine that has the lock and not the image it is fetched by its digest.
    let fixed = {
        let lock = std::fs::read_to_string(project.directory.join("devenv-container.lock"));
        let lock: serde_json::Value =
            serde_json::from_str(&lock.expect("a lock file")).expect("JSON");
        let hash = lock["images"][&name]["amd64"]["hash"].as_str().expect("a hash").to_owned();
        let hash = hash.trim_start_matches("sha256:");
        nix("nix-store", &["--print-fixed-path", "--recursive", "sha256", hash, "base-image"])
    };
    let _ = nix("nix-store", &["--delete", "--ignore-liveness", fixed.trim()]);
    assert_eq!(project.run(&["lock"]).expect_code(0).out, "", "nothing new");
    assert!(Path::new(fixed.trim()).exists(), "{fixed}");
    let first = project.run(&["digest", "app"]).expect_code(0).out;

    // What Nix would do on a machine that does not have it: the same layout, to the byte.
    let lock = std::fs::read_to_string(project.directory.join("devenv-container.lock"));
    let lock: serde_json::Value = serde_json::from_str(&lock.expect("a lock file")).expect("JSON");
    let known = &lock["images"][&name]["amd64"];
    let out = world.path("pulled");
    let attributes = serde_json::json!({
        "reference": name, "digest": known["digest"], "arch": "amd64", "outputs": { "out": out },
    });
    let attributes = world.write("attrs.json", &attributes.to_string());
    let mut pull = world.container(&["nix-pull"]);
    let _ = running::run(pull.env("NIX_ATTRS_JSON_FILE", attributes)).expect_code(0);
    let hash = nix("nix-hash", &["--type", "sha256", "--base32", &out.display().to_string()]);
    assert_eq!(known["hash"], format!("sha256:{}", hash.trim_end()));

    // The name now stands for another image.
    let other = world.example("hello", "other");
    let layout = world.path("other-layout");
    let _ = copy_to_layout(&other, "processes", &layout);
    push(&format!("oci:{}:test", layout.display()));
    assert_eq!(project.run(&["lock"]).expect_code(0).out, "", "nothing new");
    assert_eq!(project.run(&["digest", "app"]).expect_code(0).out, first);
    assert_ne!(project.run(&["lock", "--update"]).expect_code(0).out, "");
    assert_ne!(project.run(&["digest", "app"]).expect_code(0).out, first);
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

#[test]
fn it_is_told_which_variables_and_processes_keep_a_path() {
    let world = World::new();
    let project = world.project(
        "why",
        r#"{ pkgs, ... }: {
             name = "why";
             env.TOOL = "${pkgs.hello}/bin/hello";
             processes.a.exec = "exec ${pkgs.hello}/bin/hello";
             processes.b = { exec = "exec sleep 9"; init.live.exec = "${pkgs.hello}/bin/hello"; }; }"#,
    );
    let said = project.run(&["explain", "processes", "hello", "--json"]).expect_code(0).out;
    let kept_by = |name: &str| {
        let found = said
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
            .find(|one| one["path"].as_str().is_some_and(|path| path.contains(name)));
        found.unwrap_or_else(|| panic!("no {name} in {said}"))["kept_by"].clone()
    };
    let keepers = ["process a", "process b", "variable TOOL"];
    assert_eq!(kept_by("-hello"), serde_json::json!(keepers), "{said}");
    let shown = project.run(&["explain", "processes", "hello"]).expect_code(0).out;
    assert!(shown.contains("variable TOOL -> hello\n"), "{shown}");
    assert!(shown.contains("also kept by process a, process b\n"), "{shown}");
}
