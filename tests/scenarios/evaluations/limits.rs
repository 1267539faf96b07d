//! What is not remembered, and what happens where nothing can be.

use devenv_tests::registry::Registry;
use devenv_tests::world::World;

use super::*;

#[test]
fn a_change_in_the_midst_of_an_evaluation_is_not_lost() {
    let world = World::new();
    let counted = Counted::new(&world, &project(r#"env.NUMBER = import ./number.nix;"#));
    counted.write("number.nix", "\"one\"");
    // Once Nix has read the file, and before anybody else does.
    let number = counted.path("number.nix");
    let hook = world.write("hooks/after", &format!("echo '\"two\"' > {}\n", number.display()));
    let first = counted.build();
    remove(&hook);
    let second = counted.build();
    assert_ne!(second, first);
    assert_eq!(counted.build(), second);
    counted.write("number.nix", "\"one\"");
    assert_eq!(counted.build(), first);
}

#[test]
fn what_was_collected_as_garbage_is_built_again() {
    let world = World::new();
    let counted = Counted::new(&world, &project(r#"env.ONLY = "garbage";"#));
    let image = counted.build();
    assert!(!counted.evaluates());
    for root in fs::read_dir(world.path("state/devenv-container/roots")).unwrap().flatten() {
        remove(&root.path());
    }
    let mut delete = Command::new(tool("nix-store"));
    let delete = delete.args(["--option", "build-users-group", "", "--delete", image.trim()]);
    let _ = running::run(delete).expect_code(0);
    assert!(!Path::new(image.trim()).exists());
    assert_eq!(counted.build(), image);
    assert!(Path::new(image.trim()).exists());
}

#[test]
fn memory_can_be_refreshed_and_left_out() {
    let world = World::new();
    let counted = Counted::new(&world, &project(""));
    let image = counted.build();
    let _ = counted.asked();
    for option in ["--refresh-eval-cache", "--no-eval-cache"] {
        assert_eq!(counted.run(&["build", "app", option]).out, image);
        assert!(counted.asked() > 0, "{option}");
    }
    assert!(!counted.evaluates());
    let both = ["build", "app", "--refresh-eval-cache", "--no-eval-cache"];
    let refused = running::run(&mut counted.command(&both)).expect_code(64);
    assert!(refused.err.contains("--no-eval-cache"), "{}", refused.err);
    // Without it, nothing is kept either.
    let other = Counted {
        programs: world.path("programs"),
        project: world.project("other", &project("")),
        world: &world,
    };
    let _ = other.run(&["build", "app", "--no-eval-cache"]);
    assert!(other.evaluates());
}

#[test]
fn warnings_are_said_each_time() {
    let world = World::new();
    let counted = Counted::new(&world, &project(r#"warnings = [ "the sky is falling" ];"#));
    for _ in 0..2 {
        let ended = counted.run(&["build", "app", "--verbose"]);
        assert!(ended.err.contains("the sky is falling"), "{}", ended.err);
        assert!(!ended.err.contains("is not remembered"), "{}", ended.err);
    }
    let _ = counted.asked();
    assert!(!counted.evaluates());
}

#[test]
fn warnings_are_said_once_by_those_who_ask_for_names_as_well() {
    let world = World::new();
    let counted = Counted::new(&world, &project(r#"warnings = [ "the sky is falling" ];"#));
    for _ in 0..2 {
        let copied = counted.run(&["copy", "app", "oci:layout", "--verbose"]);
        assert_eq!(copied.err.matches("the sky is falling").count(), 1, "{}", copied.err);
        let listed = counted.run(&["list", "--verbose"]);
        assert!(!listed.err.contains("the sky is falling"), "{}", listed.err);
    }
}

#[test]
fn what_comes_from_the_network_is_asked_for_again() {
    let world = World::new();
    let registry = Registry::open(&world);
    let fetched = format!(
        r#"env.FETCHED = builtins.readFile (builtins.fetchurl {{ url = "http://{}/v2/"; name = "x"; }});"#,
        registry.address()
    );
    let counted = Counted::new(&world, &project(&fetched));
    let first = counted.run(&["build", "app", "--verbose"]);
    assert!(first.err.contains("is not remembered: it used the network"), "{}", first.err);
    // From here on Nix believes its download for an hour, and so do we.
    assert!(counted.evaluates());
    assert!(!counted.evaluates());
    let kept = fs::read_dir(world.path("cache/devenv-container/evaluations")).unwrap().flatten();
    let records: Vec<String> =
        kept.filter_map(|file| fs::read_to_string(file.path()).ok()).collect();
    let until = records.iter().find_map(|text| {
        serde_json::from_str::<serde_json::Value>(text).ok()?.get("until")?.as_u64()
    });
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    assert!(until.is_some_and(|until| (now + 3500..=now + 3600).contains(&until)), "{records:?}");
}

#[test]
fn where_calls_cannot_be_followed_each_build_evaluates() {
    let world = World::new();
    let counted = Counted::new(&world, &project(""));
    let image = counted.build();
    // Refuses the call that installs filters, as some sandboxes do, and becomes the command.
    let refusing = r#"
import ctypes, os, struct, sys
libc = ctypes.CDLL(None)
number = {"x86_64": 317, "aarch64": 277}[os.uname().machine]
code = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7fff0000)]
program = b"".join(struct.pack("HBBI", *one) for one in code)
class Filter(ctypes.Structure):
    _fields_ = [("count", ctypes.c_ushort), ("code", ctypes.c_char_p)]
filter = Filter(len(code), program)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(filter)) == 0
os.execv(sys.argv[1], sys.argv[1:])
"#;
    let _ = counted.asked();
    for _ in 0..2 {
        let ours = counted.command(&["build", "app", "--refresh-eval-cache", "--verbose"]);
        let mut refused = Command::new(tool("python3"));
        refused.args(["-c", refusing]).arg(ours.get_program()).args(ours.get_args());
        refused.current_dir(&counted.project.directory);
        for (name, value) in ours.get_envs() {
            match value {
                Some(value) => refused.env(name, value),
                None => refused.env_remove(name),
            };
        }
        let ended = running::run(&mut refused).expect_code(0);
        assert_eq!(ended.out, image);
        assert!(ended.err.contains("system calls could not be followed"), "{}", ended.err);
        assert_eq!(counted.asked(), 1);
    }
}
