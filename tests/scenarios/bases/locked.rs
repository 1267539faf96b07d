//! Bases of registries, and the file that says which image their names stand for.

use std::path::Path;

use devenv_tests::judges::{copy_to_layout, nix, skopeo};
use devenv_tests::project::Project;
use devenv_tests::registry::Registry;
use devenv_tests::world::World;
use devenv_tests::{foreign, running};

/// A registry with an image of somebody else under a name, and a project that builds on it.
fn on_registry<'w>(world: &'w World, registry: &Registry) -> (String, Project<'w>) {
    let name = format!("{}/theirs/base:v1", registry.address());
    let source = format!("oci:{}:v1", foreign::layout(world).display());
    let target = format!("docker://{name}");
    skopeo(&["copy", "--insecure-policy", "--dest-tls-verify=false", &source, &target]);
    let text = format!(
        r#"{{ name = "app"; containers.app = {{ fromRegistry = "{name}"; copyToRoot = null;
             startupCommand = [ "/bin/sh" ]; }}; }}"#
    );
    let project = world.project("app", &text);
    (name, project)
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
    push(&format!("oci:{}:v1", foreign::layout(&world).display()));
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
    let lock = project.directory.join("devenv-container.lock");
    let read = || -> serde_json::Value {
        serde_json::from_str(&std::fs::read_to_string(&lock).expect("a lock file")).expect("JSON")
    };
    let fixed = {
        let known = read()["images"][&name]["amd64"].clone();
        let text = |key: &str| known[key].as_str().expect("a text").replace("sha256:", "");
        let called = format!("base-image-{}", text("digest"));
        nix("nix-store", &["--print-fixed-path", "--recursive", "sha256", &text("hash"), &called])
    };
    let _ = nix("nix-store", &["--delete", "--ignore-liveness", fixed.trim()]);
    assert_eq!(project.run(&["lock"]).expect_code(0).out, "", "nothing new");
    assert!(Path::new(fixed.trim()).exists(), "{fixed}");
    let first = project.run(&["digest", "app"]).expect_code(0).out;

    // What Nix would do on a machine that does not have it: the same layout, to the byte.
    let known = &read()["images"][&name]["amd64"];
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
fn a_digest_somebody_wrote_down_is_the_image_that_is_built_on() {
    let world = World::new();
    let registry = Registry::open(&world);
    let (name, project) = on_registry(&world, &registry);
    let lock = project.directory.join("devenv-container.lock");
    let read = || std::fs::read_to_string(&lock).expect("a lock file");
    let _ = project.run(&["lock"]).expect_code(0);
    let first = read();
    let before = project.run(&["digest", "app"]).expect_code(0).out;

    // Another image takes the name, and only its digest is written down.
    let other = world.example("hello", "other");
    let layout = world.path("other-layout");
    let _ = copy_to_layout(&other, "processes", &layout);
    let target = format!("docker://{name}");
    let source = format!("oci:{}:test", layout.display());
    skopeo(&["copy", "--insecure-policy", "--dest-tls-verify=false", &source, &target]);
    let inspect = ["inspect", "--tls-verify=false", "--format", "{{.Digest}}", &target];
    let digest = skopeo(&inspect).trim_end().to_owned();
    let of = |text: &str, key: &str| {
        let lock: serde_json::Value = serde_json::from_str(text).expect("JSON");
        lock["images"][&name]["amd64"][key].as_str().expect("a text").to_owned()
    };
    std::fs::write(&lock, first.replace(&of(&first, "digest"), &digest)).expect("a lock file");
    let refused = project.run(&["build", "app"]).expect_code(65).err;
    assert!(refused.contains(&format!("devenv-container.lock gives {name} the hash")), "{refused}");
    assert!(refused.contains("hint: `devenv-container lock` writes down the hash"), "{refused}");
    let locked = project.run(&["lock"]).expect_code(0).out;
    assert_eq!(locked, format!("{name} for amd64 is {digest}, whose hash was another\n"));
    let mended = read();
    assert_eq!(of(&mended, "digest"), digest);
    assert_ne!(project.run(&["digest", "app"]).expect_code(0).out, before);
    assert_eq!(project.run(&["lock"]).expect_code(0).out, "", "nothing new");

    // A hash that is another's, and one nobody has.
    for hash in [of(&first, "hash"), format!("sha256:{}", "0".repeat(52))] {
        std::fs::write(&lock, mended.replace(&of(&mended, "hash"), &hash)).expect("a lock file");
        assert_ne!(project.run(&["lock"]).expect_code(0).out, "");
        assert_eq!(read(), mended);
    }
    let none = format!("sha256:{}", "0".repeat(64));
    std::fs::write(&lock, mended.replace(&digest, &none)).expect("a lock file");
    let refused = project.run(&["lock"]).expect_code(76).err;
    assert!(refused.contains(&none) && refused.contains("\nhint: "), "{refused}");
}

#[test]
fn a_damaged_lock_file_is_named_with_a_way_out() {
    let world = World::new();
    let registry = Registry::open(&world);
    let (name, project) = on_registry(&world, &registry);
    let lock = project.directory.join("devenv-container.lock");
    let digest = format!("sha256:{}", "0".repeat(64));
    for text in [
        "{".to_owned(),
        "[]".to_owned(),
        r#"{"images": 1}"#.to_owned(),
        format!(r#"{{"images": {{"{name}": {{"amd64": {{"digest": "{digest}"}}}}}}}}"#),
        format!(r#"{{"images": {{"{name}": {{"amd64": {{"digest": "{digest}", "hash": 5}}}}}}}}"#),
    ] {
        std::fs::write(&lock, &text).expect("a lock file");
        for verb in [&["lock"][..], &["build", "app"]] {
            let refused = project.run(verb).expect_code(65).err;
            let why = format!("cannot read {}: ", lock.display());
            assert!(refused.contains(&why), "{verb:?} {text}: {refused}");
            assert!(refused.contains("\nhint: put back the last version"), "{text}: {refused}");
        }
    }
}

#[test]
fn a_lock_file_may_be_a_link_out_of_the_project() {
    let world = World::new();
    let registry = Registry::open(&world);
    let (_, project) = on_registry(&world, &registry);
    let shared = world.directory("shared").join("bases.lock");
    let lock = project.directory.join("devenv-container.lock");
    std::os::unix::fs::symlink(&shared, &lock).expect("a link");
    let _ = project.run(&["lock"]).expect_code(0);
    assert!(lock.is_symlink() && shared.is_file());
    let _ = project.run(&["build", "app"]).expect_code(0);
    let written = std::fs::read_to_string(&shared).expect("a lock file");
    std::fs::write(&shared, r#"{"images": {}}"#).expect("a lock file");
    assert_ne!(project.run(&["lock"]).expect_code(0).out, "");
    assert_eq!(std::fs::read_to_string(&lock).expect("a lock file"), written);
    assert!(lock.is_symlink());
}

#[test]
fn a_base_of_a_registry_may_be_named_by_its_digest() {
    let world = World::new();
    let registry = Registry::open(&world);
    let place = format!("{}/theirs/base", registry.address());
    let source = format!("oci:{}:v1", foreign::layout(&world).display());
    let target = format!("docker://{place}:v1");
    skopeo(&["copy", "--insecure-policy", "--dest-tls-verify=false", &source, &target]);
    let inspect = ["inspect", "--tls-verify=false", "--format", "{{.Digest}}", &target];
    let digest = skopeo(&inspect).trim_end().to_owned();
    let project = |name: &str| {
        let text = format!(
            r#"{{ name = "app"; containers.app = {{ fromRegistry = "{name}"; copyToRoot = null;
                 startupCommand = [ "/bin/sh" ]; }}; }}"#
        );
        world.project("app", &text)
    };
    let name = format!("{place}@{digest}");
    let app = project(&name);
    let locked = app.run(&["lock"]).expect_code(0).out;
    assert_eq!(locked, format!("{name} for amd64 is {digest}\n"));
    let _ = app.run(&["build", "app"]).expect_code(0);
    // Nix fetches it by the same name.
    let attributes = serde_json::json!({
        "reference": name, "digest": digest, "arch": "amd64",
        "outputs": { "out": world.path("pulled") },
    });
    let attributes = world.write("attrs.json", &attributes.to_string());
    let mut pull = world.container(&["nix-pull"]);
    let _ = running::run(pull.env("NIX_ATTRS_JSON_FILE", attributes)).expect_code(0);

    let other = format!("{place}@sha256:{}", "0".repeat(64));
    let ended = project(&other).run(&["lock"]).expect_code(76);
    assert!(ended.err.contains(&format!("cannot pull {other}: ")), "{}", ended.err);
    let ended = project(&format!("{place}:v2")).run(&["lock"]).expect_code(76);
    assert!(ended.err.contains(&format!("cannot pull {place}:v2: ")), "{}", ended.err);
}

#[test]
fn what_a_base_brought_is_mounted_from_where_it_came_from() {
    let world = World::new();
    let registry = Registry::open(&world);
    let base = format!("{}/theirs/base:v1", registry.address());
    let source = format!("oci:{}:v1", foreign::layout(&world).display());
    let target = format!("docker://{base}");
    skopeo(&["copy", "--insecure-policy", "--dest-tls-verify=false", &source, &target]);
    let text = format!(
        r#"{{ name = "app"; containers.app = {{ fromRegistry = "{base}"; copyToRoot = null;
             startupCommand = [ "/bin/sh" ]; }}; }}"#
    );
    let project = world.project("app", &text);
    let _ = project.run(&["lock"]).expect_code(0);
    let before = registry.requests().len();
    let to = format!("docker://{}/ours/app:v1", registry.address());
    // Arguments of one's own change nothing about where the base came from.
    for more in [&[][..], &["--retry-times=1"]] {
        let arguments = [&["plan", "app", "--to", &to, "--json"], more].concat();
        let plan = project.run(&arguments).expect_code(0).out;
        let plan: serde_json::Value = serde_json::from_str(&plan).expect("JSON");
        let blobs = plan["blobs"].as_array().expect("blobs");
        let fates: Vec<(&str, Option<&str>)> = blobs
            .iter()
            .map(|blob| (blob["fate"].as_str().expect("a fate"), blob["from"].as_str()))
            .collect();
        let mounted = fates.iter().filter(|fate| **fate == ("mount", Some("theirs/base"))).count();
        assert!(mounted >= 1 && fates.contains(&("send", None)), "{plan}");
    }
    let ended = project.run(&["copy", "app", &to]).expect_code(0);
    assert!(ended.err.contains("mounted from theirs/base"), "{}", ended.err);
    // Nobody looks for our own layers there.
    let asked = registry.requests().split_off(before);
    let there = asked.iter().filter(|asked| asked.path.starts_with("/v2/theirs/base/blobs/"));
    assert!(there.filter(|asked| asked.status == 404).count() == 0, "{asked:?}");
}
