//! What a native container may and may not do: as much as it may elsewhere, and nothing to the host.

use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use devenv_tests::docker;
use devenv_tests::project::{BUILD, Project};
use devenv_tests::running;
use devenv_tests::terminal::Terminal;
use devenv_tests::wait;
use devenv_tests::world::World;

use crate::native::unprivileged;

/// A project whose container runs what Bash is told, as user 1000.
pub fn bash(world: &World) -> Project<'_> {
    world.project(
        "raw",
        r#"{ pkgs, ... }: {
             name = "raw"; packages = [ pkgs.bash pkgs.busybox ];
             containers.raw.entrypoint = [ "${pkgs.bash}/bin/bash" ];
           }"#,
    )
}

/// The image at this path, run natively with these options.
fn natively(world: &World, image: &str, options: &[&str]) -> Command {
    world.container(&[&["run", image, "--engine", "native"], options].concat())
}

#[test]
fn what_a_user_may_not_do_in_docker_fails_natively_too() {
    let world = World::new();
    let image = bash(&world).build("raw");
    let script = r#"
        busybox id -u
        for place in '' /var/lib /nix/store /dev /etc /root /usr /env /tmp /dev/shm; do
            busybox mkdir -p $place/new 2> /dev/null && echo "made $place/new"
        done
        (: >> /etc/passwd) 2> /dev/null && echo "opened the accounts"
        (: >> /etc/hosts) 2> /dev/null && echo "opened /etc/hosts"
        (cd /root) 2> /dev/null && echo "entered /root"
        echo "firmware: $(busybox ls -A /sys/firmware)"
        busybox nc -l -p 81 < /dev/null & listener=$!
        until (exec 3<>/dev/tcp/127.0.0.1/81) 2> /dev/null; do
            kill -0 $listener 2> /dev/null || { echo "nobody can listen at 81"; break; }
        done
    "#;
    let more = ["--network", "none", "--", "-c", script];
    let mut in_docker =
        world.container(&[&["run", &image, "--engine", "docker"][..], &more].concat());
    let reference = running::run(in_docker.env("DOCKER_HOST", docker::host())).expect_code(0).out;
    let expected = "1000\nmade /env/new\nmade /tmp/new\nmade /dev/shm/new\nfirmware: \n";
    assert_eq!(reference, expected, "in Docker");
    for mut command in [unprivileged(&world, &image), natively(&world, &image, &[])] {
        let ended = running::run(command.args(more)).expect_code(0);
        assert_eq!(ended.out, expected, "{}", ended.err);
    }
    // What was unpacked to be compared has the same modes.
    for mut command in [unprivileged(&world, &image), natively(&world, &image, &[])] {
        let ended = running::run(command.arg("--as-image").args(more)).expect_code(0);
        assert_eq!(ended.out, expected, "{}", ended.err);
    }
    // A program cannot start where its user may not be.
    let mut elsewhere = unprivileged(&world, &image);
    let ended = running::run(elsewhere.args(["-w", "/root", "--", "-c", "pwd"])).expect_code(71);
    assert!(ended.err.contains("cannot start in /root"), "{}", ended.err);
}

#[test]
fn nobody_becomes_root_by_a_number() {
    let world = World::new();
    let image = bash(&world).build("raw");
    let ask = ["--", "-c", "busybox id -u; busybox id -g; busybox id -G"];
    for user in ["4294967295", "1000:4294967295", "2147483648", "99999999999999999999"] {
        let mut command = natively(&world, &image, &["--user", user]);
        let ended = running::run(command.args(ask)).expect_code(64);
        assert!(ended.err.contains("from 0 to 2147483647\nhint: "), "{user}: {}", ended.err);
        assert_eq!(ended.out, "");
    }
    // The image's own user is no exception.
    let text = std::fs::read_to_string(&image).expect("the description");
    assert!(text.contains("1000:1000"), "{text}");
    let changed = world.write("image.json", &text.replace("1000:1000", "4294967295"));
    let changed = changed.display().to_string();
    let ended = running::run(natively(&world, &changed, &[]).args(ask)).expect_code(64);
    assert!(ended.err.contains("cannot run as 4294967295"), "{}", ended.err);
    // The primary group is one of the user's groups, and no user is the image's.
    for (user, expected) in [("", "1000\n1000\n1000\n"), ("7:8", "7\n8\n8\n")] {
        let mut command = natively(&world, &image, &["--user", user]);
        assert_eq!(running::run(command.args(ask)).expect_code(0).out, expected, "`{user}`");
    }
}

#[test]
fn files_that_are_open_on_the_host_are_not_open_inside() {
    let world = World::new();
    let image = bash(&world).build("raw");
    let secret = world.write("secret", "secret\n");
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).expect("our own");
    let files =
        [std::fs::File::open(&secret), std::fs::File::open("/")].map(|file| file.expect("it"));
    let descriptors = files.each_ref().map(std::fs::File::as_raw_fd);
    let script = "busybox cat <&37; busybox ls /proc/self/fd/38/; echo /proc/$$/fd/*";
    let mut command = natively(&world, &image, &["--", "-c", script]);
    // SAFETY: duplicating descriptors is all that happens between fork and exec.
    unsafe {
        command.pre_exec(move || {
            for (descriptor, number) in descriptors.into_iter().zip(37..) {
                if libc::dup2(descriptor, number) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
            }
            Ok(())
        });
    }
    let ended = running::run(&mut command);
    assert!(!ended.out.contains("secret") && !ended.out.contains("etc\n"), "{}", ended.out);
    let listed: Vec<&str> = ended.out.split_whitespace().collect();
    let inside = ["/proc/1/fd/0", "/proc/1/fd/1", "/proc/1/fd/2"];
    // Bash opens one of its own that it keeps the script's place with, and nothing below ten.
    assert_eq!(listed[..3], inside, "{}", ended.out);
    assert!(
        !listed.iter().any(|path| path.ends_with("/37") || path.ends_with("/38")),
        "{listed:?}"
    );
}

#[test]
fn input_and_outputs_can_be_opened_by_name() {
    let world = World::new();
    let image = bash(&world).build("raw");
    let script =
        "read -r line < /dev/stdin; echo \"got $line\" > /dev/stdout; echo no > /dev/stderr";
    let mut command = natively(&world, &image, &["--", "-c", script]);
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().expect("the program");
    child.stdin.take().expect("a pipe").write_all(b"it\n").expect("it is read");
    let ended = child.wait_with_output().expect("our own child");
    assert_eq!(String::from_utf8_lossy(&ended.stdout), "got it\n", "{ended:?}");
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "no\n");

    // A file stays its owner's, whatever is redirected to it.
    let file = std::fs::File::create(world.path("file")).expect("a file");
    let mut command = natively(&world, &image, &["--", "-c", "echo x"]);
    assert!(command.stdout(file).status().expect("the program").success());
    let about = std::fs::metadata(world.path("file")).expect("the file");
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&about), nix::unistd::geteuid().as_raw());

    let script =
        "echo o$((40+2)) > /dev/stdout; echo c$((40+2)) > /dev/console; read -r x < /dev/stdin";
    let mut command = natively(&world, &image, &["--", "-c", script]);
    let mut terminal = Terminal::start(&mut command);
    terminal.wait_for(BUILD, "o42");
    terminal.wait_for(wait::SOON, "c42");
    terminal.enter("x\n");
    let (code, shown) = terminal.end_within(wait::SOON);
    assert_eq!(code, 0, "{shown}");
}

#[test]
fn a_machine_knows_its_own_name() {
    let world = World::new();
    let image = bash(&world).build("raw");
    let script = "busybox hostname; busybox cat /etc/hostname; busybox hostname -i";
    for options in [&[][..], &["--network", "none"], &["--read-only"]] {
        for mut command in [unprivileged(&world, &image), natively(&world, &image, &[])] {
            let ended = running::run(command.args(options).args(["--", "-c", script]));
            let out = ended.expect_code(0).out;
            assert_eq!(out, "raw-raw\nraw-raw\n127.0.0.1\n", "{options:?}");
        }
    }
}

#[test]
fn volumes_lie_in_each_other_and_none_is_hidden() {
    let world = World::new();
    let image = bash(&world).build("raw");
    world.write("inner/in", "");
    world.write("outer/out", "");
    let volume = |source: &str, target: &str| format!("{}:{target}", world.path(source).display());
    let run = |volumes: &[String]| {
        let mut command = natively(&world, &image, &[]);
        for volume in volumes {
            command.args(["-v", volume]);
        }
        running::run(command.args(["--", "-c", "cd /x && echo * */*"]))
    };
    let nested = [volume("inner", "/x/y"), volume("outer", "/x:ro,z")];
    // The place of the inner one has to be there: it is made neither in the image nor on the host.
    let ended = run(&nested).expect_code(71);
    assert!(ended.err.contains(" at /x/y: ") && ended.err.contains("hint: "), "{}", ended.err);
    std::fs::create_dir(world.path("outer/y")).expect("a directory");
    assert_eq!(run(&nested).expect_code(0).out, "out y y/in\n");

    for (volumes, code, message) in [
        (vec![volume("inner", "/x"), volume("outer", "/x/")], 64, "duplicate mount point /x"),
        (vec![volume("inner", "/")], 64, "nothing can take the place of the whole image"),
        (vec![volume("missing", "/x")], 66, "make it first: mkdir -p "),
        (vec![volume("inner", "/etc/passwd")], 64, "it is a directory, and there is a file"),
        (vec![volume("inner", "/x:zz")], 64, "there is no option `zz`"),
    ] {
        let ended = run(&volumes).expect_code(code);
        assert!(ended.err.contains(message) && ended.err.contains("hint: "), "{}", ended.err);
        for internal in ["/new/", "/host/"] {
            assert!(!ended.err.contains(internal), "{}", ended.err);
        }
    }
}

#[test]
fn what_cannot_be_handed_on_is_named() {
    use std::os::unix::ffi::OsStringExt as _;
    let world = World::new();
    let image = bash(&world).build("raw");
    let broken = std::ffi::OsString::from_vec(b"caf\xe9".to_vec());
    let mut command = natively(&world, &image, &["-e", "BROKEN", "--", "-c", "echo started"]);
    let ended = running::run(command.env("BROKEN", &broken)).expect_code(64);
    assert!(ended.err.contains("cannot pass on the variable BROKEN"), "{}", ended.err);
    let ended = running::run(natively(&world, &image, &["--"]).arg(&broken)).expect_code(64);
    assert!(ended.err.contains("cannot use argument 6 (`caf\u{fffd}`)"), "{}", ended.err);

    // A port that nothing in the container could listen at is no promise to make.
    let first = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    if first.is_ok_and(|first| first.trim() != "0") {
        let more = ["-p", "1:1", "--user", "0", "--", "-c", "echo started"];
        let ended = running::run(&mut natively(&world, &image, &more)).expect_code(64);
        assert!(ended.err.contains("ip_unprivileged_port_start=1"), "{}", ended.err);
    }
}
