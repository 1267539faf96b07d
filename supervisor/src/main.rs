//! The program `devenv-init`: see `devenv-init --help`, and the library for how it works.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(devenv_init::cli::run(std::env::args_os()))
}
