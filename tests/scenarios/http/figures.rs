//! `/metrics`: what a scraper reads, judged by a strict reader and by Prometheus' own.

use std::process::Command;

use devenv_tests::http::get;
use devenv_tests::openmetrics::{self, Page};
use devenv_tests::programs::repository;
use devenv_tests::running::Running;
use devenv_tests::spec::{ACTOR, Spec};
use devenv_tests::wait;
use devenv_tests::world::World;
use serde_json::json;

use super::start;

const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[track_caller]
fn figures(port: u16) -> Page {
    let reply = get(port, "/metrics");
    assert_eq!((reply.status, reply.header("Content-Type")), (200, Some(MEDIA_TYPE)));
    openmetrics::read(&reply.body)
}

/// The value for one process.
fn of(page: &Page, name: &str, process: &str) -> Option<f64> {
    page.value(&format!("devenv_init_process_{name}"), &[("process", process)])
}

#[test]
fn every_process_has_its_figures() {
    let world = World::new();
    let again = json!({ "on": "always", "max_restarts": 2, "backoff_ms": 1 });
    let spec = Spec::new()
        .with("name", json!("a \"shop\" \\ of\nmine"))
        .actor("web", &["wait"])
        .actor("says", &["lines", "1000"])
        .actor_with("fails", &["exit", "3"], json!({ "restart": again, "exit": "never" }))
        .actor_with("spare", &["wait"], json!({ "enabled": false }));
    let (supervised, port) = start(&world, &spec, &["--quiet", "says"]);
    supervised.wait_for("web.1   | ready");
    supervised.wait_for("fails.1 is not started again: too often");
    let page = wait::until(wait::SOON, "all lines to be counted", || {
        let page = figures(port);
        (of(&page, "log_lines_total", "says") == Some(1000.0)).then_some(page)
    });
    let one = |name: &str, process: &str| of(&page, name, process);
    assert_eq!((one("up", "web"), one("ready", "web")), (Some(1.0), Some(1.0)));
    assert_eq!((one("up", "fails"), one("up", "spare")), (Some(0.0), Some(0.0)));
    assert_eq!(
        (one("starts_total", "fails"), one("restarts_total", "fails")),
        (Some(3.0), Some(2.0))
    );
    assert_eq!(one("last_exit_code", "fails"), Some(3.0));
    assert_eq!((one("last_exit_code", "web"), one("start_time_seconds", "spare")), (None, None));
    assert!(one("log_bytes_total", "says") > Some(2000.0));
    let state = |process: &str, state: &str| {
        let labels = [("process", process), ("devenv_init_process_state", state)];
        page.value("devenv_init_process_state", &labels)
    };
    assert_eq!((state("web", "running"), state("web", "failed")), (Some(1.0), Some(0.0)));
    assert_eq!((state("fails", "failed"), state("spare", "disabled")), (Some(1.0), Some(1.0)));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time");
    let since = now.as_secs_f64() - one("start_time_seconds", "web").expect("it runs");
    assert!((0.0..60.0).contains(&since), "{since}");
    assert!(one("resident_memory_bytes", "web") > Some(4096.0));
    let build = [("project", "a \"shop\" \\ of\nmine")];
    assert_eq!(page.value("devenv_init_build_info", &build), Some(1.0));
    assert_eq!(page.value("devenv_init_shutting_down", &[]), Some(0.0));
    assert_eq!(page.value("devenv_init_log_lost_lines_total", &[]), Some(0.0));
    // A moment that is told stays as it was told.
    let later = of(&figures(port), "start_time_seconds", "web");
    assert_eq!(later, one("start_time_seconds", "web"));
}

#[test]
fn processor_time_counts_descendants_and_outlives_runs() {
    let world = World::new();
    let busy = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";
    // The shell waits for another one, which does the work.
    let script = format!("sh -c '{busy}'; exec {ACTOR} wait");
    let spec = Spec::new().process("works", &["/bin/sh", "-c", &script]).actor("stays", &["wait"]);
    let (supervised, port) = start(&world, &spec, &[]);
    supervised.wait_for("works.1 | ready");
    let spent = wait::until(wait::SOON, "processor time", || {
        of(&figures(port), "cpu_seconds_total", "works").filter(|seconds| *seconds > 0.0)
    });
    let _ = supervised.ask(&["stop", "works"]).expect_code(0);
    let page = figures(port);
    assert!(of(&page, "cpu_seconds_total", "works") >= Some(spent));
    wait::until_true(wait::SOON, "no memory to be in use", || {
        of(&figures(port), "resident_memory_bytes", "works") == Some(0.0)
    });
}

#[test]
fn prometheus_reads_the_same() {
    let world = World::new();
    let spec = Spec::new().with("name", json!("a \"b\" \\ c")).actor("web", &["wait"]);
    let (_supervised, port) = start(&world, &spec, &[]);
    let page = world.write("metrics", &get(port, "/metrics").body);
    let program = "\
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read
for family in read(open(sys.argv[1], newline='').read()):
    for sample in family.samples:
        print(family.type, sample.name, sorted(sample.labels.items()), sample.value)
";
    let mut python = Command::new(repository().join(".setup/honcho/bin/python"));
    let said = Running::start(python.args(["-c", program]).arg(&page)).end().expect_code(0).out;
    for line in [
        r#"info devenv_init_build_info [('project', 'a "b" \\ c'), ('version', "#,
        "counter devenv_init_process_starts_total [('process', 'web'), ('replica', '1')] 1\n",
        "stateset devenv_init_process_state [('devenv_init_process_state', 'running'), ('process', 'web')",
        "gauge devenv_init_process_up [('process', 'web'), ('replica', '1')] 1\n",
    ] {
        assert!(said.contains(line), "{line} is not in:\n{said}");
    }
}
