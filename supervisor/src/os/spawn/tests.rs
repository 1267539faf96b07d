//! Real processes: what they are given, and how each failure is told.
//!
//! Every test waits for its own child by number, so they do not reap each other's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::*;

fn variables() -> Variables {
    [
        ("PATH".into(), "/usr/bin:/bin".into()),
        ("ONLY".into(), "this".into()),
        ("OWN_ID".into(), "1".into()),
    ]
    .into()
}

fn command(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

/// Runs a command as `up` does and returns all it wrote, with its process id.
fn output_of(words: &[&str], directory: Option<&Path>) -> Result<(Pid, String), SpawnError> {
    let (command, variables) = (command(words), variables());
    let input = crate::os::init::empty_input().expect("a descriptor");
    let (mut reader, writer) = output_pipe().map(|(r, w)| (fs::File::from(r), w)).expect("a pipe");
    let launch = Launch {
        command: &command,
        variables: &variables,
        directory,
        place: Place::Session,
        streams: Some([input.as_raw_fd(), writer.as_raw_fd(), writer.as_raw_fd()]),
        own_id_in: &["OWN_ID"],
        attributes: None,
        descriptors: None,
    };
    let pid = spawn(&launch)?;
    drop(writer);
    let mut text = String::new();
    reader.read_to_string(&mut text).expect("UTF-8");
    let _ = reap::end_of(pid);
    Ok((pid, text))
}

/// An executable file that is removed with its directory at the end of the test.
struct Program(PathBuf);

impl Program {
    fn new(name: &str, content: &[u8]) -> Self {
        let directory =
            std::env::temp_dir().join(format!("devenv-init-{}-{name}", std::process::id()));
        fs::create_dir_all(&directory).expect("a temporary directory");
        let (written, path) = (directory.join("written"), directory.join(name));
        fs::write(&written, content).expect("a file");
        // A file that is open for writing anywhere cannot be executed (ETXTBSY), and a child that
        // another test is forking just now may hold ours open: so a process that nobody else can
        // fork from makes the copy.
        let copied = output_of(&["cp", &written.to_string_lossy(), &path.to_string_lossy()], None);
        assert!(copied.is_ok(), "cp runs");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its mode");
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("UTF-8")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(directory) = self.0.parent() {
            let _ = fs::remove_dir_all(directory);
        }
    }
}

#[test]
fn what_the_kernel_says_becomes_what_the_machine_knows() {
    for (stage, errno, want) in [
        (Stage::Program, Errno::ENOENT, SpawnFailure::NotFound),
        (Stage::Program, Errno::ENOTDIR, SpawnFailure::NotFound),
        (Stage::Program, Errno::EACCES, SpawnFailure::NotExecutable),
        (Stage::Program, Errno::ENOEXEC, SpawnFailure::NotExecutable),
        (Stage::Program, Errno::ENOMEM, SpawnFailure::Exhausted),
        (Stage::Fork, Errno::EAGAIN, SpawnFailure::Exhausted),
        (Stage::Directory, Errno::ENOENT, SpawnFailure::Setup),
        (Stage::Directory, Errno::EACCES, SpawnFailure::Setup),
    ] {
        assert_eq!(SpawnError { stage, errno }.failure(), want, "{stage:?} {errno}");
    }
}

#[test]
fn a_process_leads_a_session_of_its_own() {
    let (pid, stat) = output_of(&["cat", "/proc/self/stat"], None).expect("cat runs");
    let after_name = stat.rsplit(')').next().expect("a name");
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let pid = pid.to_string();
    assert_eq!(fields.get(2..4), Some([pid.as_str(), pid.as_str()].as_slice()), "{stat}");
}

#[test]
fn no_signal_is_blocked_or_ignored_that_we_block_or_ignore() {
    // The test program ignores SIGPIPE, as every Rust program does.
    let ours = fs::read_to_string("/proc/self/status").expect("our own status");
    let ignored = |status: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        line.map(|bits| u64::from_str_radix(bits.trim(), 16).expect("hexadecimal"))
    };
    assert_ne!(ignored(&ours), Some(0));
    let (_, status) = output_of(&["cat", "/proc/self/status"], None).expect("cat runs");
    assert_eq!(ignored(&status), Some(0));
    assert!(status.contains("SigBlk:\t0000000000000000"), "{status}");
}

#[test]
fn it_gets_this_environment_this_directory_and_nothing_to_read() {
    let (pid, text) = output_of(&["env"], None).expect("env runs");
    assert_eq!(text, format!("ONLY=this\nPATH=/usr/bin:/bin\nOWN_ID={pid}\n"));
    let (_, text) = output_of(&["pwd", "-P"], Some(Path::new("/usr"))).expect("pwd runs");
    assert_eq!(text, "/usr\n");
    let (_, text) = output_of(&["cat"], None).expect("cat runs");
    assert_eq!(text, "");
}

#[test]
fn both_outputs_come_in_the_order_they_were_written() {
    let script = "echo 1; echo 2 >&2; echo 3; echo 4 >&2";
    let (_, text) = output_of(&["sh", "-c", script], None).expect("sh runs");
    assert_eq!(text, "1\n2\n3\n4\n");
}

#[test]
fn no_descriptor_but_the_three_is_handed_on() {
    crate::os::init::keep_descriptors_to_ourselves();
    // Were `ls` the last command, some shells would become it, and the directory it reads be counted.
    let (_, text) = output_of(&["sh", "-c", "ls /proc/$$/fd; true"], None).expect("sh runs");
    assert_eq!(text.split_whitespace().collect::<Vec<_>>(), ["0", "1", "2"]);
}

#[test]
fn a_script_without_interpreter_line_is_run_by_the_shell() {
    let script = Program::new("bare-script", b"echo \"$0\" \"$1\"\n");
    let (_, text) = output_of(&[script.path(), "an argument"], None).expect("sh runs it");
    assert_eq!(text, format!("{} an argument\n", script.path()));
}

#[test]
fn each_failure_is_told_with_what_was_at_fault() {
    let foreign = Program::new("foreign", b"\x7fELF\x01\x01\x01 of another machine");
    let lost = Program::new("lost", b"#!/nonexistent/interpreter\n");
    let nowhere = Path::new("/nonexistent/directory");
    for (words, directory, failure, text) in [
        (["nonexistent-program"], None, SpawnFailure::NotFound, "cannot find nonexistent-program"),
        (["/nonexistent"], None, SpawnFailure::NotFound, "cannot execute /nonexistent"),
        (["/etc/passwd"], None, SpawnFailure::NotExecutable, "cannot execute /etc/passwd"),
        (["/"], None, SpawnFailure::NotExecutable, "cannot execute /: Permission denied"),
        ([foreign.path()], None, SpawnFailure::NotExecutable, "Exec format error"),
        ([lost.path()], None, SpawnFailure::NotFound, "its interpreter does not exist"),
        (["true"], Some(nowhere), SpawnFailure::Setup, "/nonexistent/directory: No such file"),
    ] {
        let error = output_of(&words, directory).expect_err("it cannot be started");
        assert_eq!(error.failure(), failure, "{words:?}");
        let (command, variables) = (command(&words), variables());
        let launch = Launch {
            command: &command,
            variables: &variables,
            directory,
            place: Place::Session,
            streams: None,
            own_id_in: &[],
            attributes: None,
            descriptors: None,
        };
        let told = error.explain(&launch);
        assert!(told.contains(text), "{told}");
    }
}
