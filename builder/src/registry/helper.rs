//! Credential helpers: programs that keep passwords for Docker and Podman, and may want to be unlocked
//! first (docker-credential-helpers).

use std::io::{Read, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::credentials::{Credentials, WITHOUT};
use super::said;
use crate::error::{Context as _, Failure, Kind, Result};

/// How long a helper may take: somebody may have to find a key for it.
const PATIENCE: Patience =
    Patience { until_told: Duration::from_secs(5), in_all: Duration::from_secs(60) };

/// How often a helper that has told all is looked at until it ends.
const LOOK: Duration = Duration::from_millis(5);

/// How long somebody is waited for.
#[derive(Clone, Copy)]
struct Patience {
    /// Until it is said who is waited for.
    until_told: Duration,
    /// Until it is given up.
    in_all: Duration,
}

/// What a helper has said, and how it ended.
struct Output {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// Asks a credential helper: the registry on its input, JSON on its output. `None` when it knows
/// nothing of it. That it takes its time is told on standard error.
///
/// # Errors
/// When it is not there, fails, or has not answered after a minute.
pub fn ask(program: &str, key: &str) -> Result<Option<Credentials>> {
    let note = || eprintln!("waiting for {program} to tell the credentials of {key}");
    ask_within(program, key, PATIENCE, &note)
}

fn ask_within(
    program: &str,
    key: &str,
    patience: Patience,
    note: &dyn Fn(),
) -> Result<Option<Credentials>> {
    let failed = || format!("cannot ask {program} for the credentials of {key}");
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .or_fail(Kind::Unavailable, failed)
        .map_err(|failure| failure.hint(WITHOUT))?;
    if let Some(mut input) = child.stdin.take() {
        // A helper that does not read has an answer all the same.
        let _ = input.write_all(key.as_bytes());
    }
    let output = match output(&mut child, patience, note).or_fail(Kind::Io, failed)? {
        Some(output) => output,
        None => {
            // It may have gone meanwhile.
            let _ = child.kill().and_then(|()| child.wait());
            let seconds = patience.in_all.as_secs_f64();
            let message = format!("{}: it has not answered for {seconds} s", failed());
            return Err(Failure::new(Kind::Unavailable, message).hint(WITHOUT));
        }
    };
    if !output.status.success() {
        let said = complaint(&output);
        // The one text by which helpers say that they know nothing of a registry.
        if said.contains("credentials not found in native keychain") {
            return Ok(None);
        }
        return Err(Failure::new(Kind::Unavailable, format!("{}: {said}", failed())).hint(WITHOUT));
    }
    let answer: Value = serde_json::from_slice(&output.stdout).or_fail(Kind::Data, failed)?;
    let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (user, password) = (text("Username"), text("Secret"));
    Ok(Some(match user.as_str() {
        "<token>" => Credentials::Identity(password),
        // That is how helpers say that nobody is to be shown.
        "" if password.is_empty() => Credentials::Anonymous,
        _ => Credentials::Password { user, password },
    }))
}

/// Waits for a child to end; `None` when it takes too long, be it that it has left its output to
/// somebody who does not end.
fn output(
    child: &mut Child,
    patience: Patience,
    note: &dyn Fn(),
) -> std::io::Result<Option<Output>> {
    let begin = Instant::now();
    let left = |limit: Duration| limit.saturating_sub(begin.elapsed());
    let outputs = [read(child.stdout.take()), read(child.stderr.take())];
    let mut told = false;
    let mut texts = Vec::new();
    for output in outputs {
        let text = match output.recv_timeout(left(patience.until_told)) {
            Err(mpsc::RecvTimeoutError::Timeout) => {
                if !told {
                    note();
                    told = true;
                }
                output.recv_timeout(left(patience.in_all))
            }
            read => read,
        };
        match text {
            Ok(text) => texts.push(text?),
            Err(_) => return Ok(None),
        }
    }
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status,
            None if left(patience.in_all).is_zero() => return Ok(None),
            None => thread::sleep(LOOK),
        }
    };
    let (stderr, stdout) = (texts.pop().unwrap_or_default(), texts.pop().unwrap_or_default());
    Ok(Some(Output { status, stdout, stderr }))
}

/// All there is to read, once it has ended.
fn read(from: Option<impl Read + Send + 'static>) -> Receiver<std::io::Result<Vec<u8>>> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = from.map_or(Ok(0), |mut from| from.read_to_end(&mut bytes));
        // Who has given up does not listen any more.
        let _ = tell.send(read.map(|_| bytes));
    });
    told
}

/// What a helper that failed says about it: the first line on its output, where helpers write it, or
/// else where programs do; how it ended, when it says nothing.
fn complaint(output: &Output) -> String {
    let line = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
        // Credentials are told as an object; a helper that tells them and fails has told them.
        (!line.contains('{')).then(|| said::line(line))
    };
    line(&output.stdout)
        .or_else(|| line(&output.stderr))
        .unwrap_or_else(|| format!("it ended with {}", output.status))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// What comes of asking a helper with this script, and how often somebody was told to wait.
    fn asked(script: &str, patience: Patience) -> (Result<Option<Credentials>>, usize) {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("docker-credential-test");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let notes = Cell::new(0);
        let note = || notes.set(notes.get() + 1);
        let answer = ask_within(program.to_str().unwrap(), "r.example", patience, &note);
        (answer, notes.get())
    }

    #[test]
    fn helpers_tell_passwords_tokens_and_that_there_is_nobody() {
        let password = |user: &str, password: &str| Credentials::Password {
            user: user.to_owned(),
            password: password.to_owned(),
        };
        for (script, expected) in [
            (
                r#"read k; echo "{\"Username\":\"$k\",\"Secret\":\"x\"}""#,
                Some(password("r.example", "x")),
            ),
            (
                r#"echo '{"Username":"<token>","Secret":"t"}'"#,
                Some(Credentials::Identity("t".into())),
            ),
            (r#"echo '{"Username":"","Secret":""}'"#, Some(Credentials::Anonymous)),
            ("echo credentials not found in native keychain; exit 1", None),
        ] {
            let (answer, notes) = asked(script, PATIENCE);
            assert_eq!((answer.unwrap(), notes), (expected, 0), "{script}");
        }
    }

    #[test]
    fn a_helper_that_takes_its_time_is_told_about_and_given_up_in_the_end() {
        let patience = |told, all| Patience {
            until_told: Duration::from_millis(told),
            in_all: Duration::from_millis(all),
        };
        // Whoever a helper has started outlives it, for a while here.
        for script in ["exec sleep 1000", "sleep 20; :", "exec >&- 2>&-; exec sleep 1000"] {
            let begin = Instant::now();
            let (answer, _) = asked(script, patience(50, 300));
            let failure = answer.unwrap_err();
            assert!(failure.to_string().contains("it has not answered for 0.3 s"), "{failure}");
            assert_eq!(failure.way_out(), Some(WITHOUT));
            assert!(begin.elapsed() < Duration::from_secs(15), "{script}");
        }
        let slow = r#"read wait < "$0.fifo"; echo '{"Username":"","Secret":""}'"#;
        let slow = format!("mkfifo \"$0.fifo\"; (sleep 0.5; echo > \"$0.fifo\") & {slow}");
        let (answer, notes) = asked(&slow, patience(50, 60_000));
        assert_eq!((answer.unwrap(), notes), (Some(Credentials::Anonymous), 1));
    }

    #[test]
    fn a_helper_s_complaint_is_told_and_never_what_it_should_have_told() {
        let ended = |out: &str, err: &str| {
            let script = format!("printf '%s' '{out}'; printf '%s' '{err}' >&2; exit 3");
            let (answer, _) = asked(&script, PATIENCE);
            answer.unwrap_err().message().rsplit("r.example: ").next().unwrap().to_owned()
        };
        for (out, err, expected) in [
            ("keychain is locked\n", "noise", "keychain is locked"),
            ("", "\n gpg: no agent\nmore", "gpg: no agent"),
            ("", "", "it ended with exit status: 3"),
            (r#"{"Secret": "x"}"#, "", "it ended with exit status: 3"),
        ] {
            assert_eq!(ended(out, err), expected);
        }
    }
}
