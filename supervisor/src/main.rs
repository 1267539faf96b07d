//! The program `devenv-init`: see `devenv-init --help`, and the library for how it works.

#[cfg(all(target_env = "gnu", target_feature = "crt-static"))]
mod no_stack_bounds;

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(devenv_init::cli::run(std::env::args_os()))
}
