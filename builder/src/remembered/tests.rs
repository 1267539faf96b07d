//! When an answer counts, and when it is not even kept.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use tempfile::TempDir;

use super::*;

/// A memory, and files that questions may look at, all of them older than any question.
struct Scene {
    folder: TempDir,
    memory: Memory,
}

/// Long enough after now for whatever is made meanwhile to be old.
const LATER: Duration = Duration::from_secs(60);

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory { notes: Notes::at(folder.path().join("notes")), counts: true };
        let scene = Self { folder, memory };
        for directory in ["project", "project/listed", "elsewhere"] {
            fs::create_dir(scene.path(directory)).unwrap();
        }
        for file in ["project/devenv.nix", "project/listed/a", "elsewhere/a", "elsewhere/b", "out"]
        {
            fs::write(scene.path(file), file).unwrap();
        }
        symlink("../elsewhere/a", scene.path("project/link")).unwrap();
        symlink("nowhere", scene.path("project/dangling")).unwrap();
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What an evaluation looks at that reads a file, follows a link, lists a directory, and finds
    /// out that there is no other file.
    fn looked(&self) -> Looked {
        let mut looked = Looked::default();
        for (name, opened) in [
            ("project", false),
            ("project/devenv.nix", true),
            ("project/devenv.local.nix", false),
            ("project/nowhere/deep", true),
            ("project/listed", true),
            ("project/listed/a", false),
            ("project/link", true),
            ("project/dangling", false),
        ] {
            looked.paths.insert(self.path(name), opened);
        }
        looked
    }

    fn keep(&self, asked: SystemTime, looked: Looked) -> Result<(), String> {
        let answer = Answer {
            text: "answer".to_owned(),
            outputs: vec![self.path("out")],
            said: vec!["warning".to_owned()],
        };
        self.memory.keep(&question(), asked, answer, looked)
    }

    fn known(&self, now: SystemTime) -> bool {
        self.memory.answer(&question(), now).is_some()
    }
}

fn question() -> Question {
    Question::now(Path::new("/nix"), &[])
}

/// Whether the answer still counts after something was done to the files.
fn counts_after(change: impl FnOnce(&Scene)) -> bool {
    let scene = Scene::new();
    let asked = SystemTime::now() + LATER;
    scene.keep(asked, scene.looked()).unwrap();
    assert!(scene.known(asked), "nothing has changed");
    change(&scene);
    scene.known(asked)
}

#[test]
fn nothing_that_was_looked_at_may_change() {
    let write =
        |name: &'static str| move |scene: &Scene| fs::write(scene.path(name), "other").unwrap();
    let remove =
        |name: &'static str| move |scene: &Scene| fs::remove_file(scene.path(name)).unwrap();
    assert!(!counts_after(write("project/devenv.nix")));
    assert!(!counts_after(remove("project/devenv.nix")));
    assert!(!counts_after(write("project/devenv.local.nix")), "what was not there");
    assert!(!counts_after(write("project/listed/b")), "another name in a list");
    assert!(!counts_after(write("elsewhere/a")), "behind a link");
    assert!(!counts_after(remove("elsewhere/a")), "behind a link");
    assert!(!counts_after(write("project/nowhere")), "where a link leads that led nowhere");
    assert!(!counts_after(remove("out")), "what was built is gone");
    assert!(!counts_after(|scene| {
        fs::remove_file(scene.path("project/link")).unwrap();
        symlink("../elsewhere/b", scene.path("project/link")).unwrap();
    }));
    assert!(!counts_after(|scene| {
        fs::rename(scene.path("project"), scene.path("moved")).unwrap();
    }));
    assert!(!counts_after(|scene| {
        fs::remove_file(scene.path("project/listed/a")).unwrap();
        fs::create_dir(scene.path("project/listed/a")).unwrap();
    }));
    assert!(!counts_after(|scene| {
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(scene.path("project/devenv.nix"), executable).unwrap();
    }));
}

#[test]
fn a_file_of_the_same_size_and_time_is_another_one() {
    assert!(!counts_after(|scene| {
        let file = scene.path("project/devenv.nix");
        let time = fs::metadata(&file).unwrap().modified().unwrap();
        fs::write(&file, "project/DEVENV.nix").unwrap();
        fs::File::open(&file).unwrap().set_modified(time).unwrap();
    }));
}

#[test]
fn what_was_not_looked_at_may_change() {
    assert!(counts_after(|scene| {
        fs::write(scene.path("project/notes.txt"), "in a directory nobody listed").unwrap();
        fs::write(scene.path("elsewhere/b"), "other").unwrap();
        fs::set_permissions(scene.path("project"), fs::Permissions::from_mode(0o700)).unwrap();
    }));
}

/// What happens to the files of a scene.
type Change = fn(&Scene);

#[test]
fn what_may_have_changed_meanwhile_is_not_kept() {
    let cases: [(&str, Change); 4] = [
        ("project/devenv.nix", |scene| fs::write(scene.path("project/devenv.nix"), "x").unwrap()),
        ("project/devenv.local.nix", |scene| {
            // Was there while it counted, and is gone now.
            fs::write(scene.path("project/devenv.local.nix"), "x").unwrap();
            fs::remove_file(scene.path("project/devenv.local.nix")).unwrap();
        }),
        ("project/listed", |scene| fs::write(scene.path("project/listed/b"), "x").unwrap()),
        ("project/link", |scene| fs::write(scene.path("elsewhere/a"), "x").unwrap()),
    ];
    for (name, change) in cases {
        let scene = Scene::new();
        let created = SystemTime::now();
        let looked = || {
            let mut looked = Looked::default();
            looked.paths.insert(scene.path(name), true);
            looked
        };
        // Once they are old enough, the files are relied on.
        while SystemTime::now() <= created + TICK {
            std::thread::sleep(Duration::from_millis(1));
        }
        let asked = SystemTime::now();
        scene.keep(asked, looked()).expect(name);
        change(&scene);
        assert!(scene.keep(asked, looked()).is_err(), "{name}");
    }
}

#[test]
fn what_could_not_be_followed_is_not_kept() {
    let scene = Scene::new();
    let mut looked = scene.looked();
    looked.give_up("the network");
    let asked = SystemTime::now() + LATER;
    assert_eq!(scene.keep(asked, looked), Err("it used the network".to_owned()));
    assert!(!scene.known(asked));
}

#[test]
fn downloads_count_for_an_hour() {
    let scene = Scene::new();
    let mut looked = scene.looked();
    looked.downloads = true;
    let asked = SystemTime::now() + LATER;
    scene.keep(asked, looked).unwrap();
    assert!(scene.known(asked + DOWNLOADS - Duration::from_secs(2)));
    assert!(!scene.known(asked + DOWNLOADS));
}

#[test]
fn the_answer_is_told_with_what_nix_said() {
    let scene = Scene::new();
    let asked = SystemTime::now() + LATER;
    scene.keep(asked, scene.looked()).unwrap();
    let answer = scene.memory.answer(&question(), asked).unwrap();
    assert_eq!((answer.text.as_str(), answer.said), ("answer", vec!["warning".to_owned()]));
    let Scene { folder, memory } = scene;
    assert_eq!(memory.refreshed().answer(&question(), asked), None);
    drop(folder);
}
