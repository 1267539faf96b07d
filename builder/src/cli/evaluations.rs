//! Options about the memory of evaluations, by the names devenv has for them.

use clap::Args;

use crate::remembered::Memory;

/// Whether what the project was evaluated to before counts.
#[derive(Clone, Debug, Args)]
pub struct EvaluationOptions {
    /// Evaluate the project even if nothing it looked at has changed, and remember what it comes to
    #[arg(long, global = true, conflicts_with = "no_eval_cache")]
    refresh_eval_cache: bool,
    /// Evaluate the project, and neither use nor keep what is remembered
    #[arg(long, global = true)]
    no_eval_cache: bool,
}

impl EvaluationOptions {
    /// The memory that was asked for.
    pub fn memory(&self) -> Memory {
        match (self.no_eval_cache, self.refresh_eval_cache) {
            (true, _) => Memory::none(),
            (false, true) => Memory::of_user().refreshed(),
            (false, false) => Memory::of_user(),
        }
    }
}
