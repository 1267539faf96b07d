//! `make bench`: speed and memory of both programs beside a peer or a limit, in the same run.
//!
//! Machines differ and are rarely quiet, so nothing here is a bare number: what is compared is run
//! in turns, and the median of each is told with the other's. Arguments choose subjects.

mod closure;
mod copying;
mod images;
mod memory;
mod output;
mod startup;
mod table;
mod usage;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use devenv_tests::programs;
use devenv_tests::spec::Spec;
use table::Table;

/// Where things are.
struct Bench {
    init: PathBuf,
    /// A folder for inputs, removed at the end.
    folder: tempfile::TempDir,
}

/// Writes a spec whose processes are programs of this machine.
fn write(spec: &Spec, file: &Path) {
    std::fs::write(file, spec.json("")).expect("a spec can be written");
}

fn main() -> ExitCode {
    let bench = Bench {
        init: programs::devenv_init(),
        folder: tempfile::tempdir().expect("a folder for the inputs can be made"),
    };
    let mut table = Table::new();
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let mut about = |subject: &str, measure: &dyn Fn(&mut Table)| {
        if wanted.is_empty() || wanted.iter().any(|one| one == subject) {
            measure(&mut table);
        }
    };
    about("output", &|table| output::measure(&bench, table));
    about("startup", &|table| startup::measure(&bench, table));
    about("memory", &|table| memory::measure(&bench, table));
    about("images", &images::measure);
    about("copying", &copying::measure);
    print!("{table}");
    if table.all_kept() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
