//! When a process is ready: `ready`, or else the ports it declares.

use std::collections::BTreeMap;

use super::read::Reader;
use super::sockets::{Address, Socket};
use crate::spec::json::Json;
use crate::spec::{Check, Timing};

/// When a process is ready.
#[derive(Clone, Debug, PartialEq)]
pub struct Ready {
    /// How to find out.
    pub check: Check,
    /// When to look.
    pub timing: Timing,
    /// Milliseconds within which it must have become ready.
    pub deadline_ms: Option<u64>,
}

/// Between two looks at a declared port. devenv looks ten times a second until the first success;
/// here a check goes on as long as the process lives, and servers log each connection.
const PORT_PERIOD_MS: u64 = 1_000;

const READY_KEYS: &[&str] = &[
    "exec",
    "http",
    "notify",
    "initial_delay",
    "period",
    "probe_timeout",
    "timeout",
    "success_threshold",
    "failure_threshold",
];

/// Ready as soon as it can be connected to: at the first TCP socket, or else the first port.
pub fn declared(listen: &[Socket], ports: &[u16]) -> Option<Ready> {
    let port = || ports.first().map(|port| Address { host: "localhost".to_owned(), port: *port });
    let Address { host, port } =
        listen.iter().find_map(|socket| socket.tcp.clone()).or_else(port)?;
    let timing = Timing { period_ms: PORT_PERIOD_MS, ..Timing::default() };
    Some(Ready { check: Check::Tcp { host, port }, timing, deadline_ms: None })
}

/// The probe that is described, or else, with its timings, the one of the declared ports.
pub fn read(
    reader: &mut Reader,
    path: &str,
    json: &Json,
    declared: Option<Ready>,
) -> Option<Ready> {
    let object = reader.object(path, json, READY_KEYS)?;
    let problems_before = reader.problem_count();
    let exec = reader.nullable(&object, "exec", Reader::text);
    let http = reader.nullable(&object, "http", |reader, path, json| {
        let http = reader.object(path, json, &["get"])?;
        reader.nullable(&http, "get", http_get)
    });
    let notify = reader.present(&object, "notify", Reader::bool).unwrap_or(false);
    let defaults = Timing::default();
    let mut threshold =
        |key: &str, default: u32| reader.present(&object, key, Reader::positive).unwrap_or(default);
    let success_threshold = threshold("success_threshold", defaults.success_threshold);
    let failure_threshold = threshold("failure_threshold", defaults.failure_threshold);
    let mut some = |key: &str, default: u64| {
        reader.present(&object, key, Reader::some_seconds).unwrap_or(default)
    };
    let timing = Timing {
        period_ms: some("period", defaults.period_ms),
        timeout_ms: some("probe_timeout", defaults.timeout_ms),
        initial_delay_ms: reader.present(&object, "initial_delay", Reader::seconds).unwrap_or(0),
        success_threshold,
        failure_threshold,
    };
    let deadline_ms = reader.nullable(&object, "timeout", Reader::seconds);
    let asks = exec.is_some() || http.is_some();
    let check = match (notify, exec, http, declared) {
        (true, _, _, _) => {
            if asks {
                let what = "`exec` and `http` are not looked at where `notify` is set";
                reader.warn(path, what, None);
            }
            Check::Notify
        }
        (false, Some(_), Some(_), _) => {
            let hint = "put both into one `exec`".to_owned();
            reader.wrong(path, "`exec` and `http.get` cannot be used together", Some(hint));
            return None;
        }
        (false, Some(script), None, _) => {
            let command = ["bash".to_owned(), "-c".to_owned(), script].to_vec();
            Check::Exec { command }
        }
        (false, None, Some(check), _) => check,
        (false, None, None, Some(declared)) => declared.check,
        (false, None, None, None) => {
            // A probe that is described and wrong has been said already.
            if reader.problem_count() == problems_before {
                let hint = "set `exec`, `http.get` or `notify`, or declare `ports`".to_owned();
                reader.wrong(path, "says when to look and not how", Some(hint));
            }
            return None;
        }
    };
    Some(Ready { check, timing, deadline_ms })
}

fn http_get(reader: &mut Reader, path: &str, json: &Json) -> Option<Check> {
    let get = reader.object(path, json, &["host", "port", "path", "scheme"])?;
    let host = reader.present(&get, "host", Reader::text);
    let target = reader.present(&get, "path", Reader::text).unwrap_or_else(|| "/".to_owned());
    let scheme = reader.present(&get, "scheme", Reader::text);
    let port = reader.required(&get, "port", Reader::port)?;
    if !target.starts_with('/') || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        let what = format!("\"{}\" is not a path with a query", target.escape_debug());
        let hint = "begin with `/` and write anything unusual as `%20`".to_owned();
        reader.wrong(&get.path_of("path"), what, Some(hint));
    }
    let host = host.unwrap_or_else(|| "127.0.0.1".to_owned());
    let place = get.path_of("scheme");
    match scheme.as_deref() {
        None | Some("http") => {}
        // TLS would be a third of the program again, in every image.
        Some("https") => {
            let what = "\"https\" is not asked: it is ready once its port can be connected to";
            let hint = "for more use `exec` with a program that speaks TLS, as `curl -kf`";
            reader.warn(&place, what, Some(hint));
            return Some(Check::Tcp { host, port });
        }
        Some(other) => {
            let what = format!("\"{}\" is unknown", other.escape_debug());
            reader.wrong(&place, what, Some("it is one of http, https".to_owned()));
        }
    }
    Some(Check::Http { host, port, path: target, headers: BTreeMap::new(), status: None })
}
