//! The whole log on real pipes: order, backpressure, and everything that goes wrong at either end.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

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

/// Waits until `count` stands still, and returns where.
fn stall(count: &AtomicU64) -> u64 {
    let mut last = (count.load(Ordering::Relaxed), Instant::now());
    wait_until("the writer is blocked", || {
        let now = count.load(Ordering::Relaxed);
        if now != last.0 {
            last = (now, Instant::now());
        }
        now > 0 && last.1.elapsed() > Duration::from_millis(200)
    });
    last.0
}

#[test]
fn a_reader_that_stops_blocks_the_writers_but_not_the_caller() {
    let (reader, writer) = io::pipe().unwrap();
    let log = Log::start(options(), sources(&["flood"]), writer.into()).unwrap();
    let written = flood(attach(&log, 0));
    let stalled = stall(&written);
    assert!(stalled < 4 << 20, "bounded by pipes and buffers, not {stalled}");

    let start = Instant::now();
    for i in 0..100_000 {
        log.system(notice(&format!("notice {i}")));
    }
    assert!(start.elapsed() < Duration::from_secs(5), "saying something never waits");
    assert_eq!(written.load(Ordering::Relaxed), stalled, "and nothing moved meanwhile");

    let start = Instant::now();
    let finished = log.finish(Duration::from_millis(50));
    assert!(start.elapsed() < Duration::from_secs(5), "nor does the end");
    assert!(finished.gave_up && !finished.reader_gone);
    assert!(finished.lost.bytes > 50_000, "{finished:?}");
    assert!(finished.lost.lines > 100_000, "notices too: {finished:?}");
    drop(reader);
}

#[test]
fn a_reader_that_comes_back_gets_every_line_and_the_count_of_what_had_no_room() {
    let (reader, writer) = io::pipe().unwrap();
    let log = Log::start(options(), sources(&["flood"]), writer.into()).unwrap();
    let (pipe, mut into) = io::pipe().unwrap();
    log.attach(SourceId(0), Stream::Stdout, pipe.into(), None);
    let lines = 50_000;
    let writing = thread::spawn(move || {
        for i in 0..lines {
            writeln!(into, "line {i}").unwrap();
        }
    });
    wait_until("the output is blocked", || log.tail(SourceId(0), 1).len() == 1);
    let said = 20_000;
    for i in 0..said {
        log.system(notice(&format!("notice {i}")));
    }
    let screen = Screen::read(reader);
    writing.join().unwrap();
    assert_eq!(log.finish(LIMIT), Finished::default());
    screen.wait_for(&format!("line {}\n", lines - 1));
    screen.wait_for("messages dropped");
    let text = screen.text();
    let of = |part: &str| -> Vec<String> {
        text.lines().filter_map(|l| l.split_once(part)).map(|(_, rest)| rest.to_owned()).collect()
    };
    assert_eq!(of("| line "), (0..lines).map(|i| i.to_string()).collect::<Vec<_>>());
    let heard = of("| notice ").len();
    let dropped: usize = text
        .lines()
        .filter_map(|l| l.strip_suffix(" messages dropped here: the output was blocked"))
        .map(|l| l.rsplit(' ').next().unwrap().parse::<usize>().unwrap())
        .sum();
    assert!(dropped > 0);
    assert_eq!(heard + dropped, said);
}

#[test]
fn restarts_during_a_blockade_do_not_use_up_the_descriptors() {
    let (reader, writer) = io::pipe().unwrap();
    let log = Log::start(options(), sources(&["flood", "web"]), writer.into()).unwrap();
    stall(&flood(attach(&log, 0)));
    let runs = 1000;
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = open();
    for run in 0..runs {
        writeln!(attach(&log, 1), "run {run}").unwrap();
        log.ended(SourceId(1), notice("web.1 stopped"));
    }
    assert!(open() < before + 500, "{} descriptors", open() - before);
    let screen = Screen::read(reader);
    screen.wait_for("| run 999\n");
    let text = screen.text();
    let heard = text.lines().filter(|line| line.contains("| run ")).count();
    let lost = text.lines().filter(|line| {
        line.contains("lost 1 line (") && line.ends_with("of web.1: the output was blocked")
    });
    assert_eq!(heard + lost.count(), runs);
    assert!(heard >= 256);
    log.finish(LIMIT);
}

#[test]
fn a_reader_that_goes_away_stops_nobody() {
    let (reader, writer) = io::pipe().unwrap();
    let log = Log::start(options(), sources(&["flood"]), writer.into()).unwrap();
    drop(reader);
    let written = flood(attach(&log, 0));
    wait_until("16 MiB are drained", || written.load(Ordering::Relaxed) > 16 << 20);
    let finished = log.finish(LIMIT);
    assert!(finished.reader_gone && !finished.gave_up);
    assert!(finished.lost.bytes > 16 << 20);
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
fn an_output_made_non_blocking_by_someone_else_loses_nothing() {
    let (reader, writer) = io::pipe().unwrap();
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    let log = Log::start(options(), sources(&["web"]), writer.into()).unwrap();
    let mut web = attach(&log, 0);
    let writing = thread::spawn(move || {
        for i in 0..20_000 {
            writeln!(web, "line {i}").unwrap();
        }
    });
    wait_until("something was read", || !log.tail(SourceId(0), 1).is_empty());
    let screen = Screen::read(reader);
    writing.join().unwrap();
    assert_eq!(log.finish(LIMIT), Finished::default());
    screen.wait_for("line 19999\n");
    assert_eq!(screen.text().lines().count(), 20_000);
}

#[test]
fn a_full_disk_is_survived_and_counted() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let log = Log::start(options(), sources(&["web"]), full.into()).unwrap();
    let mut web = attach(&log, 0);
    web.write_all(&b"line\n".repeat(100_000)).unwrap();
    drop(web);
    let finished = log.finish(LIMIT);
    assert!(!finished.gave_up && !finished.reader_gone);
    assert_eq!(finished.lost.lines, 100_000);
}

#[test]
fn an_output_that_works_again_says_what_it_lost() {
    // A limit on the size of files stands for the full disk. No other test writes one.
    let path = std::env::temp_dir().join(format!("log-test-{}", std::process::id()));
    let out: OwnedFd = File::create(&path).unwrap().into();
    let mut file = File::open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let mut text = String::new();
    let log = Log::start(options(), sources(&["web"]), out).unwrap();
    let (soft, hard) = getrlimit(Resource::RLIMIT_FSIZE).unwrap();
    setrlimit(Resource::RLIMIT_FSIZE, 30, hard).unwrap();
    log.system(notice("this line does not fit"));
    let mut web = attach(&log, 0);
    web.write_all(b"lost\n").unwrap();
    wait_until("the lines were read", || log.tail(SourceId(0), 1) == ["lost"]);
    log.system(notice("may be lost too"));
    wait_until("the output failed", || file.read_to_string(&mut text).unwrap() > 0);
    setrlimit(Resource::RLIMIT_FSIZE, soft, hard).unwrap();
    wait_until("the loss is reported", || {
        log.system(notice("tick"));
        file.read_to_string(&mut text).unwrap();
        text.contains("tick")
    });
    let finished = log.finish(LIMIT);
    assert!(finished.lost.lines >= 2 && !finished.gave_up, "{finished:?}");
    let mut lines = text.lines();
    assert_eq!(lines.next().unwrap().len(), 30, "cut where the limit was");
    let report = lines.next().unwrap();
    assert!(report.starts_with("06:30:06 system | lost "), "{report}");
    assert!(report.ends_with("of output: cannot write: File too large"), "{report}");
    assert!(lines.all(|line| line.ends_with("| tick")));
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
