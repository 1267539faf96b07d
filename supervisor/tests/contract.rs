//! The contract's golden cases: each spec gives exactly this plan, or exactly this error.
//!
//! A case is a directory of `tests/contract/` with a `spec.json` and what the program says of it:
//! `plan.txt` where it is right, `error.txt` where it is wrong. Cases of other formats have the
//! `arguments` of the command line instead, and `warnings.txt` where there are any. With `UPDATE_GOLDEN=1` the expected
//! files are written anew, to be read before they are committed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/contract");
    let entries = fs::read_dir(&root).expect("the folder of the cases can be read");
    let mut cases: Vec<PathBuf> =
        entries.map(|entry| entry.expect("a readable entry").path()).collect();
    cases.retain(|case| case.join("spec.json").exists() || case.join("arguments").exists());
    cases.sort();
    cases
}

#[test]
fn each_case_gives_its_plan_or_its_error() {
    let cases = cases();
    assert!(cases.len() >= 21, "only {} cases were found", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let arguments = fs::read_to_string(case.join("arguments"));
        let arguments = arguments.unwrap_or_else(|_| "--spec spec.json".to_owned());
        let output = Command::new(env!("CARGO_BIN_EXE_devenv-init"))
            .current_dir(&case)
            .arg("plan")
            .args(arguments.split_whitespace())
            .env_remove("DEVENV_INIT_SPEC")
            .env_remove("PORT")
            .output()
            .expect("the program runs");
        let good = output.status.success();
        if !good {
            assert_eq!(output.status.code(), Some(78), "{}: a bad spec is 78", case.display());
        }
        let (stdout, stderr) = if good {
            ("plan.txt", "warnings.txt")
        } else {
            assert_eq!(output.stdout, b"", "{}: no plan beside an error", case.display());
            ("plan.txt", "error.txt")
        };
        wrong.extend(difference(&case.join(stdout), output.stdout));
        wrong.extend(difference(&case.join(stderr), output.stderr));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What was said and is not what is written; a file that is not there says nothing.
fn difference(file: &Path, said: Vec<u8>) -> Option<String> {
    let said = String::from_utf8(said).expect("it speaks UTF-8");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        if said.is_empty() {
            let _ = fs::remove_file(file);
        } else {
            fs::write(file, &said).expect("the golden file can be written");
        }
    }
    let expected = fs::read_to_string(file).unwrap_or_default();
    (said != expected)
        .then(|| format!("{}\n--- expected\n{expected}--- said\n{said}", file.display()))
}

/// The committed schema is what the wire types say; editors and the Nix side read it.
#[test]
fn the_committed_schema_is_the_one_of_the_wire_types() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../nix/spec.schema.json");
    let schema = schemars::schema_for!(devenv_init::spec::Spec);
    let written = serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, &written).expect("the schema can be written");
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == written,
        "{} is not what the wire types say\nhint: UPDATE_GOLDEN=1 cargo test -p devenv-init --test contract",
        file.display()
    );
}
