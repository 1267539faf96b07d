//! Files that change, and processes that are started anew because of that.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use devenv_tests::place::{Place, Supervised};
use devenv_tests::process_table;
use devenv_tests::programs::as_root;
use devenv_tests::running::Running;
use devenv_tests::spec::Spec;
use devenv_tests::wait;
use devenv_tests::world::World;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

/// How often the process has been started.
fn starts(supervised: &Supervised<'_>) -> usize {
    supervised.running().out().matches("web.1   | ready").count()
}

/// A service that is watched, beside one that is not.
fn spec(watch: Value) -> Spec {
    let fields = json!({ "watch": watch, "restart": { "on": "on_failure", "max_restarts": 0 } });
    Spec::new().actor_with("web", &["wait"], fields).actor("other", &["wait"])
}

#[track_caller]
fn start<'w>(world: &'w World, watch: Value) -> Supervised<'w> {
    let supervised = Place::Shell.start(world, &spec(watch), &[]);
    supervised.wait_for("web.1   | ready");
    supervised.wait_for("other.1 | ready");
    supervised
}

/// Changes something and waits for one more start.
#[track_caller]
fn renewed(supervised: &Supervised<'_>, what: &str, change: impl FnOnce()) {
    let before = starts(supervised);
    change();
    wait::until_true(wait::SOON, &format!("a new start after {what}"), || {
        starts(supervised) > before
    });
    settle(supervised);
}

/// Waits until the last start has nothing more behind it.
fn settle(supervised: &Supervised<'_>) {
    let report = || {
        let said = supervised.ask(&["status", "--json", "web"]).expect_code(0).out;
        let value: Value = serde_json::from_str(&said).expect("JSON");
        value["processes"][0]["state"] == "running"
    };
    wait::until_true(wait::SOON, "the process to run", report);
}

#[test]
fn a_process_is_started_anew_whatever_happens_to_its_files() {
    let world = World::new();
    let source = world.directory("src");
    fs::write(source.join("main.rs"), "1").expect("a file");
    let supervised = start(&world, json!({ "paths": [source] }));
    let at = |name: &str| source.join(name);
    renewed(&supervised, "a write", || fs::write(at("main.rs"), "2").expect("a file"));
    renewed(&supervised, "a new file", || fs::write(at("new.rs"), "").expect("a file"));
    renewed(&supervised, "an editor's save", || {
        fs::write(at(".main.rs.swp"), "3").expect("a file");
        fs::rename(at(".main.rs.swp"), at("main.rs")).expect("a rename");
    });
    renewed(&supervised, "a removal", || fs::remove_file(at("new.rs")).expect("our file"));
    renewed(&supervised, "a new directory", || fs::create_dir(at("deep")).expect("a directory"));
    renewed(&supervised, "a file in it", || fs::write(at("deep/a"), "").expect("a file"));
    renewed(&supervised, "directories at once", || {
        fs::create_dir_all(at("x/y/z")).expect("directories");
    });
    renewed(&supervised, "a file far below", || fs::write(at("x/y/z/a"), "").expect("a file"));
    renewed(&supervised, "a directory's new name", || {
        fs::rename(at("x"), at("w")).expect("a rename");
    });
    renewed(&supervised, "a file below that", || fs::write(at("w/y/z/a"), "1").expect("a file"));
    renewed(&supervised, "all gone", || fs::remove_dir_all(&source).expect("our directory"));
    renewed(&supervised, "all back", || fs::create_dir(&source).expect("a directory"));
    renewed(&supervised, "a file in what is back", || fs::write(at("a"), "").expect("a file"));
    let status = supervised.ask(&["status", "--json"]).expect_code(0).out;
    assert!(!status.contains("\"restarts\":1"), "{status}");
    assert_eq!(supervised.running().out().matches("other.1 | ready").count(), 1);
    supervised.signal(Signal::SIGTERM);
    let out = supervised.end().expect_code(143).out;
    assert!(out.contains("files of web.1 have changed"), "{out}");
    assert!(out.contains("sending SIGTERM to web.1 (pid "), "{out}");
}

#[test]
fn what_is_ignored_or_has_another_extension_changes_nothing() {
    let world = World::new();
    let source = world.directory("src");
    fs::create_dir_all(source.join("target/debug")).expect("directories");
    let (extensions, ignore) = (["rs", "toml"], ["target", "*.gen.rs", "/doc/**"]);
    let watch = json!({ "paths": [source], "extensions": extensions, "ignore": ignore });
    let proof = world.directory("proof");
    let spec = Spec::new().actor_with("web", &["wait"], json!({ "watch": watch })).actor_with(
        "other",
        &["wait"],
        json!({ "watch": { "paths": [proof] } }),
    );
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("web.1   | ready");
    supervised.wait_for("other.1 | ready");
    let at = |name: &str| source.join(name);
    fs::write(at("notes.txt"), "").expect("a file");
    fs::write(at("target/debug/main.rs"), "").expect("a file");
    fs::create_dir_all(at("a/target")).expect("directories");
    fs::write(at("a/target/b.rs"), "").expect("a file");
    fs::write(at("a/x.gen.rs"), "").expect("a file");
    fs::create_dir(at("doc")).expect("a directory");
    fs::write(at("doc/a.rs"), "").expect("a file");
    // Proves that all of the above was looked at and acted on: the kernel tells in order, and what is
    // told first is acted on first.
    fs::write(proof.join("a"), "").expect("a file");
    wait::until_true(wait::SOON, "the other one's new start", || {
        supervised.running().out().matches("other.1 | ready").count() == 2
    });
    let out = supervised.running().out();
    assert!(!out.contains("files of web.1 have changed"), "{out}");
    renewed(&supervised, "a file that matters", || fs::write(at("a/b.toml"), "").expect("a file"));
    assert_eq!(starts(&supervised), 2);
    // Reading is no change, nor is what only concerns permissions.
    let _ = fs::read(at("a/b.toml")).expect("our file");
    let mut permissions = fs::metadata(at("a/b.toml")).expect("our file").permissions();
    permissions.set_readonly(true);
    fs::set_permissions(at("a/b.toml"), permissions).expect("our file");
    renewed(&supervised, "another one", || fs::write(at("c.rs"), "").expect("a file"));
    assert_eq!(starts(&supervised), 3);
}

#[test]
fn a_file_is_watched_before_it_is_there_and_whatever_takes_its_place() {
    let world = World::new();
    let base = world.directory("base");
    let file = base.join("etc/app/conf.yaml");
    let supervised = start(&world, json!({ "paths": [file], "extensions": ["yaml"] }));
    fs::create_dir_all(base.join("etc/app")).expect("directories");
    fs::write(base.join("etc/app/other.yaml"), "").expect("a file");
    renewed(&supervised, "its appearance", || fs::write(&file, "1").expect("a file"));
    assert_eq!(starts(&supervised), 2);
    renewed(&supervised, "a replacement", || {
        fs::write(base.join("new"), "2").expect("a file");
        fs::rename(base.join("new"), &file).expect("a rename");
    });
    renewed(&supervised, "a write to that", || fs::write(&file, "3").expect("a file"));
    renewed(&supervised, "its end", || fs::remove_file(&file).expect("our file"));
    renewed(&supervised, "its return", || fs::write(&file, "3").expect("a file"));
}

/// As Kubernetes does: `conf` leads over `..data` to the version, and only `..data` ever changes.
#[test]
fn what_a_link_leads_to_is_watched_and_so_is_where_it_leads() {
    let world = World::new();
    let mount = world.directory("mount");
    for version in ["v1", "v2"] {
        fs::create_dir(mount.join(version)).expect("a directory");
        fs::write(mount.join(version).join("conf"), version).expect("a file");
    }
    symlink("v1", mount.join("..data")).expect("a link");
    symlink("..data/conf", mount.join("conf")).expect("a link");
    let supervised = start(&world, json!({ "paths": [mount.join("conf")] }));
    renewed(&supervised, "the next version", || {
        symlink("v2", mount.join("..new")).expect("a link");
        fs::rename(mount.join("..new"), mount.join("..data")).expect("a rename");
    });
    renewed(&supervised, "a write", || {
        fs::write(mount.join("v2/conf"), "3").expect("a file");
    });
    // The version nobody uses any more is nobody's.
    let before = starts(&supervised);
    fs::write(mount.join("v1/conf"), "3").expect("a file");
    renewed(&supervised, "a write", || fs::write(mount.join("v2/conf"), "4").expect("a file"));
    assert_eq!(starts(&supervised), before + 1);
}

#[test]
fn links_below_a_directory_are_not_followed_into_rings() {
    let world = World::new();
    let source = world.directory("src");
    symlink(".", source.join("ring")).expect("a link");
    symlink("/", source.join("all")).expect("a link");
    let supervised = start(&world, json!({ "paths": [source] }));
    renewed(&supervised, "a write", || fs::write(source.join("a"), "").expect("a file"));
}

#[test]
fn relative_paths_are_below_the_working_directory() {
    let world = World::new();
    let source = world.directory("project/src");
    let directory = world.path("project").display().to_string();
    let spec = spec(json!({ "paths": ["src"] })).with("working_dir", json!(directory));
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("web.1   | ready");
    renewed(&supervised, "a write", || fs::write(source.join("a"), "").expect("a file"));
}

#[test]
fn a_process_whose_end_was_bad_is_started_again_when_files_change() {
    let world = World::new();
    let source = world.directory("src");
    let script = format!("cat {}; exit 3", source.join("code").display());
    let watch = json!({ "watch": { "paths": [source] }, "exit": "never" });
    let spec = Spec::new()
        .process_with("web", &["/bin/sh", "-c", &script], watch)
        .actor("other", &["wait"]);
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("web.1 stopped (rc=3)");
    fs::write(source.join("code"), "mended\n").expect("a file");
    supervised.wait_for("web.1   | mended");
}

#[test]
fn more_changes_than_the_kernel_remembers_are_a_change() {
    let world = World::new();
    let source = world.directory("src");
    let watch = json!({ "paths": [source], "ignore": ["*.tmp"] });
    let supervised = start(&world, watch);
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").expect("a limit");
    let limit: usize = limit.trim().parse().expect("a number");
    let supervisor = Pid::from_raw(supervised.pid());
    renewed(&supervised, "an overflow", || {
        kill(supervisor, Signal::SIGSTOP).expect("it runs");
        wait::until_true(wait::SOON, "every thread to be stopped", || {
            let tasks = fs::read_dir(format!("/proc/{supervisor}/task")).expect("it is there");
            let stat = |task: fs::DirEntry| fs::read_to_string(task.path().join("stat"));
            tasks.flatten().all(|task| stat(task).is_ok_and(|stat| stat.contains(") T ")))
        });
        // Each is ignored; only that they are too many says that something else may have changed.
        for number in 0..=limit {
            let path = source.join(format!("{number}.tmp"));
            fs::write(path, "").expect("a file");
        }
        kill(supervisor, Signal::SIGCONT).expect("it is there");
    });
    renewed(&supervised, "a write", || fs::write(source.join("a"), "").expect("a file"));
}

#[test]
fn where_the_kernel_watches_no_more_directories_the_process_runs_on_and_it_is_said() {
    let world = World::new();
    let source = world.directory("src");
    for number in 0..20 {
        fs::create_dir(source.join(number.to_string())).expect("a directory");
    }
    let up = Place::Shell.up(&world, &spec(json!({ "paths": [source] })));
    let arguments: Vec<String> =
        up.get_args().map(|word| word.to_str().expect("text").to_owned()).collect();
    let mut command = as_root("unshare");
    command.args(["--user", "--map-root-user", "sh", "-c"]);
    command.arg("echo 5 > /proc/sys/user/max_inotify_watches && exec \"$0\" \"$@\"");
    let running = Running::start(command.arg(up.get_program()).args(arguments));
    running.wait_for("web.1   | ready");
    running.wait_for("hint: raise fs.inotify.max_user_watches, or ignore some");
    let out = running.out();
    let told = "web.1 is not started anew for all its files: cannot watch ";
    assert_eq!(out.matches(told).count(), 1, "{out}");
    // What is watched is watched all the same.
    fs::write(source.join("a"), "").expect("a file");
    running.wait_for("files of web.1 have changed");
    running.signal(Signal::SIGTERM);
    let _ = running.end().expect_code(143);
}

#[test]
fn without_changes_nobody_wakes_up() {
    let world = World::new();
    let source = world.directory("src");
    let supervised = start(&world, json!({ "paths": [source] }));
    renewed(&supervised, "a write", || fs::write(source.join("a"), "").expect("a file"));
    let pid = supervised.pid();
    // The buffers of the log are given back a second after the last line.
    let mut before = switches(pid);
    wait::until_true(wait::SOON, "two seconds without a wake-up", || {
        std::thread::sleep(std::time::Duration::from_secs(2));
        let now = switches(pid);
        std::mem::replace(&mut before, now) == now
    });
    assert_eq!(process_table::threads(pid), 3, "main, log and watch");
}

/// How often the threads of a process have been woken.
fn switches(pid: i32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("it runs").flatten();
    let of = |task: &Path| {
        let status = fs::read_to_string(task.join("status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.and_then(|count| count.trim().parse::<u64>().ok()).unwrap_or_default()
    };
    tasks.map(|task| of(&task.path())).sum()
}
