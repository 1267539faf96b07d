//! What nobody should say to an HTTP server: a kept corpus, and random bytes.

use std::io::{Read as _, Write as _};

use devenv_tests::http::{self, connect, get, reply};
use devenv_tests::place::Supervised;
use devenv_tests::process_table;
use devenv_tests::programs::repository;
use devenv_tests::random::{Random, seeds};
use devenv_tests::spec::Spec;
use devenv_tests::wait;
use devenv_tests::world::World;

use super::start;

/// The most memory the supervisor may ever have had.
const MEMORY_KB: u64 = 16 * 1024;

/// How many conversations each seed stands for.
const CONVERSATIONS: usize = 1000;

/// The kept cases: the status that each is answered with, its name, and what is said.
fn corpus() -> Vec<(u16, String, Vec<u8>)> {
    let files = std::fs::read_dir(repository().join("supervisor/tests/corpus/http"));
    let case = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().expect("a plain name");
        let status = name.get(..3).and_then(|code| code.parse().ok()).expect("a status");
        (status, name, std::fs::read(entry.path()).expect("a readable file"))
    };
    files.expect("the corpus").flatten().map(case).collect()
}

fn assert_unharmed(supervised: &Supervised<'_>) {
    let peak = process_table::peak_memory_kb(supervised.pid()).expect("it runs");
    assert!(peak < MEMORY_KB, "{peak} kB");
    let log = supervised.running().out();
    assert!(!log.contains("internal") && !log.contains("stopped"), "{log}");
}

#[test]
fn everything_in_the_corpus_gets_the_status_its_name_says() {
    let world = World::new();
    let (supervised, port) = start(&world, &Spec::new().actor("web", &["wait"]), &[]);
    for (status, name, words) in corpus() {
        assert_eq!(reply(&http::say(port, &words)).status, status, "{name}");
    }
    assert_unharmed(&supervised);
}

#[test]
fn random_bytes_and_damaged_requests_do_no_harm() {
    let world = World::new();
    let (supervised, port) = start(&world, &Spec::new().actor("web", &["wait"]), &[]);
    let corpus = corpus();
    for seed in seeds(1..=4) {
        let mut random = Random::new(seed);
        for _ in 0..CONVERSATIONS {
            let words = if random.below(2) == 0 {
                (0..random.below(300)).map(|_| random.byte()).collect()
            } else {
                let mut words = corpus[random.below(corpus.len())].2.clone();
                for _ in 0..=random.below(4) {
                    let at = random.below(words.len() + 1);
                    match random.below(3) {
                        0 => words.insert(at, random.byte()),
                        1 => words.truncate(at),
                        _ if at < words.len() => words[at] ^= 1 << random.below(8),
                        _ => words.push(b'\n'),
                    }
                }
                words
            };
            let mut stream = connect(port);
            let _ = stream.write_all(&words);
            // Half of them leave without waiting for an answer, in the middle of whatever it is.
            if random.below(2) == 0 {
                stream.set_nonblocking(true).expect("a flag");
                let _ = stream.read(&mut [0; 64]);
            }
        }
        wait::until_true(wait::SOON, "room for another client", || {
            get(port, "/readyz").status == 200
        });
        assert_unharmed(&supervised);
    }
}
