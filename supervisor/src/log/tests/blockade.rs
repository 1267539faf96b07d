//! An output that takes nothing more: its reader stops, comes back or goes away, or its disk is full.

use std::fs::File;
use std::os::fd::OwnedFd;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::*;

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
