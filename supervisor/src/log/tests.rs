//! The whole log on real pipes: order, whole lines, and what writers can do to each other.

mod blockade;

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::*;

/// More than any step may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(20);

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < LIMIT, "still not: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Everything a log wrote, read as it comes.
#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Screen {
    fn read(mut from: impl Read + Send + 'static) -> Self {
        let screen = Self::default();
        let bytes = Arc::clone(&screen.0);
        thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                bytes.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        screen
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn wait_for(&self, text: &str) {
        wait_until(text, || self.text().contains(text));
    }
}

fn sources(names: &[&str]) -> Vec<SourceName> {
    let source = |name: &&str| SourceName {
        process: name.trim_end_matches('!').to_owned(),
        replica: 1,
        quiet: name.ends_with('!'),
    };
    names.iter().map(source).collect()
}

/// A time that can be compared with.
fn options() -> Options {
    Options { timestamps: Timestamps::format("06:30:06").unwrap(), ..Options::default() }
}

fn start(options: Options, names: &[&str]) -> (Log, Screen) {
    let (reader, writer) = io::pipe().unwrap();
    (Log::start(options, sources(names), writer.into()).unwrap(), Screen::read(reader))
}

fn attach(log: &Log, source: u32) -> io::PipeWriter {
    let (reader, writer) = io::pipe().unwrap();
    log.attach(SourceId(source), Stream::Stdout, reader.into(), None);
    writer
}

fn notice(message: &str) -> Notice {
    Notice::new("test", message)
}

#[test]
fn a_run_reads_as_honcho_prints_it() {
    let (log, screen) = start(options(), &["hello-docker", "hello-nix"]);
    log.system(notice("hello-docker.1 started (pid=15)"));
    let mut docker = attach(&log, 0);
    docker.write_all(b"Hello Docker!\n\nlast words").unwrap();
    log.ended(SourceId(0), notice("hello-docker.1 stopped (rc=0)"));
    screen.wait_for("rc=0");
    let mut nix = attach(&log, 1);
    nix.write_all(b"Hello Nix!\r\n").unwrap();
    log.ended(SourceId(1), notice("hello-nix.1 stopped (rc=-15)"));
    assert_eq!(log.finish(LIMIT), Finished::default());
    screen.wait_for("rc=-15)\n");
    let expected = "\
06:30:06 system         | hello-docker.1 started (pid=15)
06:30:06 hello-docker.1 | Hello Docker!
06:30:06 hello-docker.1 | \n06:30:06 hello-docker.1 | last words
06:30:06 system         | hello-docker.1 stopped (rc=0)
06:30:06 hello-nix.1    | Hello Nix!
06:30:06 system         | hello-nix.1 stopped (rc=-15)
";
    assert_eq!(screen.text(), expected);
}

#[test]
fn a_watched_text_is_told_once_for_each_pipe_even_of_a_quiet_source() {
    let (log, _screen) = start(options(), &["db!"]);
    let run = |token| {
        let (reader, writer) = io::pipe().unwrap();
        let watch = Watch::new("ready for connections", token);
        log.attach(SourceId(0), Stream::Stdout, reader.into(), Some(watch));
        writer
    };
    let (mut first, mut second) = (run(1), run(2));
    first.write_all(b"getting ready\nready for con").unwrap();
    wait_until("the beginning is read", || log.tail(SourceId(0), 1) == ["ready for con"]);
    assert_eq!(log.heard(), [0u64; 0]);
    first.write_all(b"nections\nready for connections\n").unwrap();
    let mut heard = Vec::new();
    wait_until("the first is heard", || {
        heard.extend(log.heard());
        !heard.is_empty()
    });
    second.write_all(b"ready for connections").unwrap();
    wait_until("the second is heard", || {
        heard.extend(log.heard());
        heard.len() > 1
    });
    first.write_all(b"ready for connections\n").unwrap();
    log.finish(LIMIT);
    assert_eq!(heard, [1, 2]);
}

#[test]
fn json_is_one_object_a_line() {
    let options = Options { format: Format::Json, ..options() };
    let (log, screen) = start(options, &["web"]);
    let mut web = attach(&log, 0);
    web.write_all(b"say \"hi\"\xff\n").unwrap();
    log.ended(SourceId(0), notice("web.1 stopped (rc=0)").with("pid", 7));
    assert_eq!(log.finish(LIMIT), Finished::default());
    screen.wait_for("\"pid\":7}\n");
    let text = screen.text();
    let objects: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), 2);
    assert_eq!(objects[0]["process"], "web");
    assert_eq!(objects[0]["replica"], 1);
    assert_eq!(objects[0]["stream"], "stdout");
    assert_eq!(objects[0]["message"], "say \"hi\"\u{fffd}");
    assert_eq!(objects[1]["event"], "test");
    assert_eq!(objects[1]["pid"], 7);
    chrono::DateTime::parse_from_rfc3339(objects[1]["time"].as_str().unwrap()).unwrap();
}

#[test]
fn a_grandchild_that_keeps_the_pipe_holds_nothing_up_and_is_still_heard() {
    let (log, screen) = start(options(), &["web"]);
    let mut first = attach(&log, 0);
    first.write_all(b"unfinished").unwrap();
    log.ended(SourceId(0), notice("web.1 stopped"));
    screen.wait_for("web.1  | unfinished\n06:30:06 system | web.1 stopped\n");
    let mut second = attach(&log, 0);
    second.write_all(b"second run\n").unwrap();
    screen.wait_for("second run\n");
    first.write_all(b"from the grandchild\n").unwrap();
    screen.wait_for("06:30:06 web.1  | from the grandchild\n");
    assert_eq!(log.tail(SourceId(0), 2), ["second run", "from the grandchild"]);
    assert_eq!(log.finish(LIMIT), Finished::default());
}

/// Writes lines until the pipe breaks; the counter is the number of bytes that went in.
fn flood(mut into: io::PipeWriter) -> Arc<AtomicU64> {
    let count = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&count);
    thread::spawn(move || {
        let block =
            [b'x'; 99].iter().chain(b"\n").copied().cycle().take(64 * 100).collect::<Vec<_>>();
        while into.write_all(&block).is_ok() {
            counter.fetch_add(block.len() as u64, Ordering::Relaxed);
        }
    });
    count
}

#[test]
fn floods_neither_mix_nor_starve_the_quiet_ones() {
    let (log, screen) = start(options(), &["a", "b", "calm", "mute!"]);
    let writers: Vec<_> = [0, 1, 3]
        .into_iter()
        .map(|source| {
            let mut into = attach(&log, source);
            thread::spawn(move || {
                for i in 0..30_000 {
                    write!(into, "{i} of ").unwrap();
                    writeln!(into, "{source}").unwrap();
                }
            })
        })
        .collect();
    let floods = [flood(attach(&log, 3)), flood(attach(&log, 3))];
    let mut calm = attach(&log, 2);
    for i in 0..20 {
        writeln!(calm, "calm {i}").unwrap();
        screen.wait_for(&format!("calm {i}\n"));
    }
    for writer in writers {
        writer.join().unwrap();
    }
    assert!(floods.iter().all(|flood| flood.load(Ordering::Relaxed) > 0));
    assert_eq!(log.tail(SourceId(3), 1).len(), 1, "a quiet source is read and remembered");
    assert_eq!(log.finish(LIMIT), Finished::default());
    screen.wait_for("29999 of 0\n");
    screen.wait_for("29999 of 1\n");
    let text = screen.text();
    for (source, name) in [(0, "a"), (1, "b")] {
        let head = format!("06:30:06 {name}.1    | ");
        let lines: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix(&head)).collect();
        let expected: Vec<String> = (0..30_000).map(|i| format!("{i} of {source}")).collect();
        assert_eq!(lines, expected);
    }
    assert!(!text.contains("mute"));
}

#[test]
fn a_long_line_stays_whole_while_others_write() {
    let (log, screen) = start(options(), &["long", "other"]);
    let mut long = attach(&log, 0);
    let mut other = attach(&log, 1);
    let size = 3 << 20;
    let writing = thread::spawn(move || {
        long.write_all(&vec![b'L'; size]).unwrap();
        long.write_all(b"end\n").unwrap();
    });
    wait_until("the long line has begun", || screen.0.lock().unwrap().len() > 1 << 20);
    other.write_all(b"other line\n").unwrap();
    log.system(notice("system line"));
    writing.join().unwrap();
    assert_eq!(log.finish(LIMIT), Finished::default());
    screen.wait_for("other line\n");
    screen.wait_for("system line\n");
    let text = screen.text();
    let long = text.lines().find(|line| line.contains("long.1")).unwrap();
    assert_eq!(long.len(), "06:30:06 long.1  | end".len() + size, "one piece, one head");
    assert_eq!(text.lines().count(), 3);
}

#[test]
fn a_long_line_that_stalls_is_broken_when_others_wait() {
    let (log, screen) = start(options(), &["long", "other"]);
    let mut long = attach(&log, 0);
    let mut other = attach(&log, 1);
    let size = 400 << 10;
    long.write_all(&vec![b'L'; size]).unwrap();
    wait_until("the line was begun", || screen.0.lock().unwrap().len() > size);
    other.write_all(b"other line\n").unwrap();
    screen.wait_for("LLL\n06:30:06 other.1 | other line\n");
    long.write_all(b"and on\n").unwrap();
    screen.wait_for("06:30:06 long.1  | and on\n");
    long.write_all(&vec![b'M'; size]).unwrap();
    log.ended(SourceId(0), notice("long.1 stopped"));
    screen.wait_for("MMM\n06:30:06 system  | long.1 stopped\n");
    assert_eq!(log.finish(LIMIT), Finished::default());
}

#[test]
fn secrets_are_masked_wherever_they_come_from() {
    let options = Options { secrets: vec![b"hunter2".to_vec()], ..options() };
    let (log, screen) = start(options, &["web"]);
    let mut web = attach(&log, 0);
    web.write_all(b"password=hun").unwrap();
    wait_until("half of it was read", || log.tail(SourceId(0), 1) == ["password=hun"]);
    web.write_all(b"ter2!\n").unwrap();
    log.system(notice("system says hunter2"));
    screen.wait_for("web.1  | password=***!\n");
    screen.wait_for("system | system says ***\n");
    assert_eq!(log.tail(SourceId(0), 1), ["password=***!"]);
    assert_eq!(log.finish(LIMIT), Finished::default());
}
