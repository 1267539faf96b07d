//! What nobody should say to a control socket: a kept corpus, and random bytes.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use devenv_tests::place::{Place, Supervised};
use devenv_tests::process_table;
use devenv_tests::programs::repository;
use devenv_tests::random::{Random, seeds};
use devenv_tests::spec::Spec;
use devenv_tests::wait;
use devenv_tests::world::World;
use serde_json::json;

use super::{status, stop};

/// The most memory the supervisor may ever have had.
const MEMORY_KB: u64 = 16 * 1024;

/// How many conversations each seed stands for.
const CONVERSATIONS: usize = 1000;

/// The kept cases, by name.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let directory = repository().join("supervisor/tests/corpus/control");
    let read = |path: PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, std::fs::read(&path).expect("a readable file"))
    };
    let files = std::fs::read_dir(directory).expect("the corpus").flatten();
    let mut cases: Vec<_> = files.map(|entry| read(entry.path())).collect();
    cases.sort();
    cases
}

/// `web` is what the corpus speaks of, and comes back whatever is done to it.
fn start(world: &World) -> Supervised<'_> {
    let again = json!({ "on": "always", "max_restarts": null, "backoff_ms": 10 });
    let spec = Spec::new()
        .actor("bystander", &["wait"])
        .actor_with("web", &["wait"], json!({ "restart": again }))
        .actor("db", &["wait"]);
    let supervised = Place::Shell.start(world, &spec, &[]);
    supervised.wait_for("bystander.1 | ready");
    supervised
}

/// Says something and hangs up half, and returns the first line of what comes back.
fn say(supervised: &Supervised<'_>, words: &[u8]) -> String {
    let mut stream = UnixStream::connect(supervised.socket()).expect("somebody listens");
    stream.set_read_timeout(Some(wait::SOON)).expect("a time");
    // It may answer, and close, before it has heard everything.
    let _ = stream.write_all(words);
    let _ = stream.shutdown(Shutdown::Write);
    let mut said = Vec::new();
    let mut byte = [0];
    while let Ok(1) = stream.read(&mut byte) {
        if byte == *b"\n" {
            break;
        }
        said.push(byte[0]);
    }
    String::from_utf8(said).expect("text")
}

fn assert_unharmed(supervised: &Supervised<'_>, first: &serde_json::Value) {
    let now = status(supervised, "bystander");
    assert_eq!(now["pid"], first["pid"], "{now}");
    let peak = process_table::peak_memory_kb(supervised.pid()).expect("it runs");
    assert!(peak < MEMORY_KB, "{peak} kB");
    let log = supervised.running().out();
    assert!(!log.contains("internal"), "{log}");
}

#[test]
fn everything_in_the_corpus_gets_the_answer_its_name_says() {
    let world = World::new();
    let supervised = start(&world);
    let bystander = status(&supervised, "bystander");
    for (name, words) in corpus() {
        let said = say(&supervised, &words);
        let refused = said.starts_with(r#"{"error":{"code":64,"#);
        match name.as_str() {
            // Somebody who only looks whether anybody listens.
            "bad-empty" | "bad-newline" => assert_eq!(said, "", "{name}"),
            _ if name.starts_with("bad-") => assert!(refused, "{name}: {said}"),
            // Right as a request; there is no process of that name here.
            "good-escaped-name" => assert!(said.contains("there is no process"), "{said}"),
            // A follower of one that has written nothing since is told nothing yet.
            "good-logs" => assert!(!refused, "{name}: {said}"),
            _ => assert!(!refused && !said.is_empty(), "{name}: {said}"),
        }
        assert_unharmed(&supervised, &bystander);
    }
    let _ = stop(supervised);
}

#[test]
fn random_bytes_and_damaged_requests_do_no_harm() {
    let world = World::new();
    let supervised = start(&world);
    let bystander = status(&supervised, "bystander");
    let corpus = corpus();
    for seed in seeds(1..=4) {
        let mut random = Random::new(seed);
        for _ in 0..CONVERSATIONS {
            let words = if random.below(2) == 0 {
                let length = random.below(300);
                (0..length).map(|_| random.byte()).collect()
            } else {
                let mut words = corpus[random.below(corpus.len())].1.clone();
                for _ in 0..=random.below(4) {
                    damage(&mut words, &mut random);
                }
                words
            };
            let mut stream = UnixStream::connect(supervised.socket()).expect("somebody listens");
            let _ = stream.write_all(&words);
            // Half of them leave without waiting for an answer, in the middle of whatever it is.
            if random.below(2) == 0 {
                stream.set_nonblocking(true).expect("a flag");
                let _ = stream.read(&mut [0; 64]);
            }
        }
        // So many at once that some are still being heard; then there is room again.
        wait::until_true(wait::SOON, "room for another client", || {
            supervised.ask(&["status"]).code == 0
        });
        assert_unharmed(&supervised, &bystander);
    }
    let _ = stop(supervised);
}

fn damage(words: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(words.len() + 1);
    match random.below(3) {
        0 => words.insert(at, random.byte()),
        1 => words.truncate(at),
        _ if at < words.len() => words[at] ^= 1 << random.below(8),
        _ => words.push(b'\n'),
    }
}
