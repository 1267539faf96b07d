//! What is told about an image: what takes the room, why it is there, and how two images differ.

use std::path::Path;

use devenv_tests::foreign;
use devenv_tests::judges::{copy_to_layout, skopeo};
use devenv_tests::project::Project;
use devenv_tests::world::World;

/// A project whose one container builds on an image of somebody else, and where that is.
fn on_a_base(world: &World) -> Project<'_> {
    let project = world.project(
        "app",
        r#"{ name = "app";
             containers.app = { fromImage = ./base; copyToRoot = null; startupCommand = [ "/bin/sh" ]; }; }"#,
    );
    let source = format!("oci:{}:v1", foreign::layout(world).display());
    let target = format!("oci:{}", project.directory.join("base").display());
    skopeo(&["copy", "--insecure-policy", &source, &target]);
    project
}

/// The bytes of the tar streams in an image, as skopeo unpacks them to `target`.
#[track_caller]
fn unpacked(image: &str, target: &Path) -> Vec<u64> {
    let target = target.display().to_string();
    let to = format!("dir:{target}");
    skopeo(&["copy", "--insecure-policy", "--dest-decompress", image, &to]);
    let manifest = skopeo(&["inspect", "--raw", &to]);
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
    let layers = manifest["layers"].as_array().expect("layers");
    layers.iter().map(|layer| layer["size"].as_u64().expect("a size")).collect()
}

#[test]
fn all_sizes_are_those_of_tar_streams_and_the_base_counts() {
    let world = World::new();
    let project = on_a_base(&world);
    let layout = world.path("layout");
    let _ = copy_to_layout(&project, "app", &layout);
    let theirs = format!("oci:{}", project.directory.join("base").display());
    let theirs = unpacked(&theirs, &world.path("theirs"));
    let all = unpacked(&format!("oci:{}:test", layout.display()), &world.path("all"));
    let total: u64 = all.iter().sum();

    let said = project.run(&["explain", "app", "--json"]).expect_code(0).out;
    let base: Vec<serde_json::Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .filter(|one: &serde_json::Value| one["root"] == "the base")
        .collect();
    let mut sizes: Vec<u64> = base.iter().map(|one| one["size"].as_u64().unwrap()).collect();
    sizes.sort_by_key(|size| theirs.iter().position(|other| other == size));
    assert_eq!(sizes, theirs, "{said}");

    // To the byte, and what is too large is named.
    let enough = total.to_string();
    let little = (total - 1).to_string();
    for verb in ["build", "explain"] {
        let _ = project.run(&[verb, "app", "--max-size", &enough]).expect_code(0);
        let refused = project.run(&[verb, "app", "--max-size", &little]).expect_code(65);
        assert!(refused.err.contains("hint: the largest: "), "{}", refused.err);
        assert!(refused.err.contains("layer 1 of the base ("), "{}", refused.err);
    }

    // One total, whoever tells it.
    let page = world.path("page.html");
    let said = project.run(&["explain", "app", "--html", &page.display().to_string()]);
    let said = said.expect_code(0).out;
    let last = said.lines().last().unwrap_or_default();
    assert!(last.ends_with(" store paths and 2 layers of the base"), "{said}");
    let size = last.split(" in ").next().unwrap_or_default();
    let inspected = project.run(&["inspect", "app"]).expect_code(0).out;
    let layers = format!("size          {size} in {} layers", all.len());
    assert!(inspected.lines().any(|line| line == layers), "{layers}: {inspected}");
    let page = std::fs::read_to_string(page).expect("a page");
    assert!(page.contains(&format!("<p>{last}.</p>")), "{last}: {page}");
    assert!(page.contains("layer 2 of the base"), "{page}");
}

#[test]
fn an_image_is_shown_with_its_digest_and_how_it_is_asked_for_its_health() {
    let world = World::new();
    let project = world.project(
        "well",
        r#"{ name = "well"; processes.web.exec = "exec sleep 9";
             containers.processes = { healthcheck.interval = 90; stopSignal = "SIGINT"; }; }"#,
    );
    let digest = project.run(&["digest", "processes"]).expect_code(0).out;
    let shown = project.run(&["inspect", "processes"]).expect_code(0).out;
    let check = "\"CMD\" \"/bin/devenv-init\" \"healthcheck\" \
                 interval 90 s timeout 5 s start period 60 s retries 3";
    for line in [
        format!("manifest      {}", digest.trim_end()),
        format!("health check  {check}"),
        "stop signal   SIGINT".to_owned(),
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}: {shown}");
    }
    // The same digest as in a layout of it.
    let copied = copy_to_layout(&project, "processes", &world.path("layout"));
    assert_eq!(copied, digest.trim_end());
}

#[test]
fn an_image_over_its_budget_fails_with_what_takes_the_most() {
    let world = World::new();
    let project = world.example("hello", "hello");
    world.write("hello/recording", &"0123456789abcde\n".repeat(1 << 19));
    for verb in ["build", "explain"] {
        let refused = project.run(&[verb, "processes", "--max-size", "8M"]).expect_code(65);
        assert!(refused.err.contains(", more than 8.0 MiB\n"), "{}", refused.err);
        assert!(
            refused.err.contains(
                "hint: the largest: recording in source copied to /env by copyToRoot (8.0 MiB), "
            ),
            "{}",
            refused.err
        );
        assert!(verb == "explain" || refused.out.is_empty(), "nothing to use: {}", refused.out);
        let _ = project.run(&[verb, "processes", "--max-size", "100M"]).expect_code(0);
    }
    for enough in ["100MB", "100MiB", "100m", "1G", "1 GiB", "100000000"] {
        let _ = project.run(&["build", "processes", "--max-size", enough]).expect_code(0);
    }
    let wrong = project.run(&["build", "processes", "--max-size", "8 bananas"]).expect_code(64);
    assert!(wrong.err.contains("--max-size"), "{}", wrong.err);
}

#[test]
fn the_map_of_an_image_is_one_page_that_needs_nothing_else() {
    let world = World::new();
    let project = world.example("hello", "hello");
    let file = world.path("map.html");
    let html = file.display().to_string();
    let said = project.run(&["explain", "processes", "--html", &html]).expect_code(0);
    assert!(said.err.contains(&format!("{html} is written")), "{}", said.err);
    let page = std::fs::read_to_string(&file).expect("a page");
    for outside in ["src=", "href=", "url(", "@import", "fetch(", "http:", "https:"] {
        assert!(!page.contains(outside), "{outside}: {page}");
    }
    assert!(page.contains("content=\"default-src 'none';"), "a browser holds it to that: {page}");
    // Everything is in the map and in the table, with the reason it is there.
    let all = project.run(&["explain", "processes", "--json", "-n", "1000"]).expect_code(0).out;
    let all: Vec<serde_json::Value> =
        all.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let (_, data) = page.split_once("id=\"data\">").expect("data");
    let (data, _) = data.split_once("</script>").expect("its end");
    let data: serde_json::Value = serde_json::from_str(data).expect("JSON");
    let lines = data["lines"].as_array().expect("lines");
    for one in &all {
        let line = lines.iter().find(|line| line["p"] == one["path"] && line["a"] == one["place"]);
        let line = line.unwrap_or_else(|| panic!("{one} in the map: {data}"));
        assert_eq!((&line["s"], &line["o"]), (&one["exclusive"], &one["size"]), "{one}");
        let named =
            |at: &serde_json::Value| &data["reasons"][at.as_u64().expect("a number") as usize];
        let keepers: Vec<_> = line["k"].as_array().expect("keepers").iter().map(named).collect();
        assert_eq!(serde_json::json!(keepers), one["kept_by"], "{one}");
        let row = format!("title=\"{}\">", one["path"].as_str().expect("a path"));
        assert!(page.contains(&row), "{row} in the table: {page}");
    }
    assert_eq!(page.matches("<tr data-n=").count(), all.len(), "{page}");
    // What is below a line is part of it.
    for (at, line) in lines.iter().enumerate() {
        let below: u64 =
            lines.iter().filter(|one| one["u"] == at).filter_map(|one| one["s"].as_u64()).sum();
        assert!(line["s"].as_u64().expect("a size") >= below, "{line}: {below}");
    }
    assert!(page.contains("process hello-nix \u{2192} processes-hello-nix"), "{page}");
    // A place that cannot be written to.
    let nowhere = world.path("nowhere/map.html").display().to_string();
    let refused = project.run(&["explain", "processes", "--html", &nowhere]).expect_code(73);
    assert!(refused.err.contains(&format!("cannot write {nowhere}")), "{}", refused.err);
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

/// What a project asks for that neither its processes nor its variables mention.
const ASKS: &str = r#"{ pkgs, ... }: {
    name = "asks";
    processes.web.exec = "exec sleep 9";
    containers.processes = {
      entrypoint = [ "${pkgs.busybox}/bin/busybox" "sh" ];
      layers = [
        { deps = [ pkgs.wget ]; }
        { copyToRoot = [ (pkgs.writeTextDir "etc/motd" "hello") ]; }
      ];
      healthcheck.command = [ "${pkgs.writeShellScriptBin "check" "true"}/bin/check" ];
      labels.licence = "${pkgs.writeTextDir "licence" "MIT"}";
      caCertificates = ./trusted.pem;
    };
  }"#;

#[test]
fn what_is_there_for_an_option_names_the_option() {
    let world = World::new();
    let project = world.project("asks", ASKS);
    world.write("asks/trusted.pem", "none");
    let all = project.run(&["explain", "processes", "--json", "-n", "1000"]).expect_code(0).out;
    let all: Vec<serde_json::Value> =
        all.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for (name, reason) in [
        ("-wget-1", "layers[0].deps"),
        ("-motd", "layers[1].copyToRoot"),
        ("-check", "the health check"),
        ("-licence", "label licence"),
        ("-trusted.pem", "caCertificates"),
        ("-processes-web", "process web"),
        ("-processes-spec.json", "the spec of PID 1"),
        ("-devenv-init", "the link /bin/devenv-init"),
        ("-processes-root", "accounts and links of the image"),
        ("-processes-folders", "folders of the image"),
        ("-source", "copyToRoot"),
    ] {
        let path =
            |one: &&serde_json::Value| one["path"].as_str().is_some_and(|p| p.ends_with(name));
        let one = all.iter().find(path).unwrap_or_else(|| panic!("no {name} in {all:?}"));
        assert_eq!(one["root"], reason, "{one}");
        assert_eq!(one["kept_by"], serde_json::json!([reason]), "{one}");
    }
    assert!(all.iter().all(|one| one["root"].is_string()), "nothing without a reason: {all:?}");
    // A reason can be asked for.
    let web = project.run(&["explain", "processes", "process web"]).expect_code(0).out;
    assert!(web.contains("\u{2500} processes-web\n") && !web.contains("wget"), "{web}");
    // What `build` printed, and what a derivation wrote, say as much.
    let described = project.build("processes");
    let again = project.run(&["explain", &described, "wget"]).expect_code(0).out;
    assert!(again.contains("layers[0].deps -> wget-1\n"), "{again}");
}

#[test]
fn a_copied_folder_is_told_by_what_takes_the_most_in_it() {
    let world = World::new();
    let project = world.example("hello", "hello");
    world.write("hello/node_modules/big/dist/all.js", &"0123456789abcde\n".repeat(1 << 19));
    world.write("hello/node_modules/small/index.js", &"0123456789abcde\n".repeat(1 << 16));
    let said = project.run(&["explain", "processes"]).expect_code(0).out;
    let tree: Vec<&str> = said.lines().map(|line| line.get(24..).unwrap_or_default()).collect();
    let expected = [
        "copyToRoot",
        "\u{2514}\u{2500} source copied to /env",
        "   \u{2514}\u{2500} node_modules",
        "      \u{251c}\u{2500} big/dist/all.js",
        "      \u{2514}\u{2500} small/index.js",
    ];
    assert_eq!(tree.get(1..6), Some(expected.as_slice()), "{said}");
    assert!(said.lines().nth(4).is_some_and(|line| line.starts_with("   8.0 MiB  ")), "{said}");
    let one = project.run(&["explain", "processes", "small/index"]).expect_code(0).out;
    assert!(one.contains(" small/index.js\n") && !one.contains("big/dist"), "{one}");
}

#[test]
fn what_matches_nothing_is_an_error() {
    let world = World::new();
    let project = world.example("hello", "hello");
    for json in [&[][..], &["--json"]] {
        let asked = [&["explain", "processes", "nosuch"], json].concat();
        let said = project.run(&asked).expect_code(66);
        assert!(said.out.is_empty(), "{}", said.out);
        let expected = "error: nothing in processes has `nosuch` in its name\nhint: ";
        assert!(said.err.contains(expected), "{}", said.err);
    }
}

#[test]
fn a_tree_whose_folders_follow_links_of_the_base_is_one_store_path() {
    let world = World::new();
    // `/bin` is a link in the base.
    let project = on_a_base(&world);
    let options = std::fs::read_to_string(project.directory.join("devenv.nix")).expect("options");
    let options = options.replacen("{ name", "{ pkgs, ... }: { name", 1).replacen(
        "copyToRoot = null;",
        "copyToRoot = null; layers = [ { copyToRoot = [ pkgs.busybox ]; } ];",
        1,
    );
    world.write("app/devenv.nix", &options);
    let said = project.run(&["explain", "app", "--json", "-n", "1000"]).expect_code(0).out;
    let names: Vec<String> = said
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
        .map(|one| one["path"].as_str().expect("a path").to_owned())
        .collect();
    assert!(names.iter().all(|path| !path.ends_with("/bin")), "{said}");
    let of = |name: &str| names.iter().filter(|path| path.ends_with(name)).count();
    assert_eq!((of("-busybox-1"), of("-app-root")), (1, 1), "{said}");
}

#[test]
fn it_is_told_what_changed_between_two_images() {
    let world = World::new();
    let project = world.example("hello", "hello");
    let before = project.build("processes");
    let same = project.run(&["diff", &before, "processes"]).expect_code(0);
    assert_eq!(same.out, "nothing differs\n");
    world.write("hello/README", &"changed ".repeat(1000));
    let changed = project.run(&["diff", &before, "processes"]).expect_code(1).out;
    assert!(changed.lines().any(|line| line.starts_with("~ source")), "{changed}");
    assert!(
        changed.trim_end().lines().last().is_some_and(|l| l.starts_with("larger by ")),
        "{changed}"
    );
}

#[test]
fn whatever_gives_two_images_two_digests_is_told() {
    const APP: &str = r#"{ pkgs, ... }:
        let tool = pkgs.writeShellScriptBin "tool" "echo tool"; in
        {
          name = "app";
          containers.app = {
            copyToRoot = null;
            layers = [ {
              copyToRoot = [ tool ];
              perms = [ { path = "${tool}"; regex = "bin/tool"; mode = "0755"; } ];
            } ];
            annotations.licence = "MIT";
            maxLayers = 1;
            startupCommand = [ "/bin/tool" ];
          };
        }"#;
    let world = World::new();
    let project = world.project("app", APP);
    let source = format!("oci:{}:v1", foreign::layout(&world).display());
    let base = project.directory.join("base");
    skopeo(&["copy", "--insecure-policy", &source, &format!("oci:{}", base.display())]);
    let before = project.build("app");
    let digest = |name: &str| project.run(&["digest", name]).expect_code(0).out;
    for (from, to, expected) in [
        ("0755", "0700", "= tool  perms: + {\"gid\":0,\"gname\":\"\",\"mode\":\"0700\""),
        ("MIT", "BSD", "annotation licence: \"MIT\" -> \"BSD\""),
        ("maxLayers = 1", "maxLayers = 3", "layers: 2 -> 4"),
        ("copyToRoot = null;", "copyToRoot = null; fromImage = ./base;", "layers: 2 -> 4"),
    ] {
        world.write("app/devenv.nix", &APP.replace(from, to));
        assert_ne!(digest("app"), digest(&before), "{to}");
        let told = project.run(&["diff", &before, "app"]).expect_code(1).out;
        assert!(told.lines().any(|line| line.starts_with(expected)), "{expected}: {told}");
        assert!(!told.contains("nothing differs"), "{told}");
    }
    // The last one holds all of the base in addition, and somewhat larger files of its own.
    let told = project.run(&["diff", &before, "app"]).expect_code(1).out;
    let base: Vec<&str> = told.lines().filter(|line| line.starts_with("+ layer sha256:")).collect();
    assert_eq!(base.len(), 2, "{told}");
    assert!(base.iter().any(|line| line.ends_with(" of the base  2.2 MiB")), "{told}");
    assert!(told.lines().any(|line| line == "larger by 2.2 MiB"), "{told}");
    let json = project.run(&["diff", &before, "app", "--json"]).expect_code(1).out;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["layers"][0], "layers: 2 -> 4");
    let back = project.run(&["diff", "app", &before]).expect_code(1).out;
    assert!(back.lines().any(|line| line == "smaller by 2.2 MiB"), "{back}");
}
