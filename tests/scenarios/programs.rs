//! The programs as they are shipped: nothing to install beside them, and small.

use std::path::Path;
use std::process::Command;

use devenv_tests::programs::{devenv_container, devenv_init, tool};
use devenv_tests::running;

/// What `readelf` finds that asks for something beside the file itself.
fn needs(program: &Path) -> Vec<String> {
    let mut readelf = Command::new(tool("readelf"));
    readelf.args(["--wide", "--program-headers", "--dynamic"]).arg(program);
    let said = running::run(&mut readelf).expect_code(0).out;
    let asks = |line: &&str| line.contains("INTERP") || line.contains("(NEEDED)");
    said.lines().filter(asks).map(str::to_owned).collect()
}

#[test]
fn both_programs_are_static() {
    for program in [devenv_init(), devenv_container()] {
        assert_eq!(needs(&program), Vec::<String>::new(), "{}", program.display());
        let said = running::run(Command::new(tool("file")).arg(&program)).expect_code(0).out;
        assert!(said.contains("static"), "{said}");
        assert!(said.contains("stripped") && !said.contains("not stripped"), "{said}");
    }
    // The control: a program of the system is not.
    assert_ne!(needs(&tool("file")), Vec::<String>::new());
}

#[test]
fn pid_1_keeps_to_its_budget_of_two_and_a_half_mebibytes() {
    let size = std::fs::metadata(devenv_init()).expect("the program").len();
    println!("devenv-init has {size} bytes");
    assert!(size < 5 * 512 * 1024, "{size} bytes");
}

#[test]
fn both_programs_say_their_version_and_explain_themselves() {
    for program in [devenv_init(), devenv_container()] {
        let name = program.file_name().unwrap().to_str().unwrap().to_owned();
        let version = running::run(Command::new(&program).arg("--version")).expect_code(0);
        assert!(version.out.starts_with(&name), "{}", version.out);
        let help = running::run(Command::new(&program).arg("--help")).expect_code(0);
        assert!(help.out.contains("Usage:") && help.err.is_empty(), "{}", help.out);
    }
}
