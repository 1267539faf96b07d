//! Where other supervisors fall short, as cases of ours. Each test says what goes wrong elsewhere;
//! what other scenarios show anyway (exit codes, ordered stop, any user, read-only roots) is not
//! repeated here.

mod ends;
mod health;
mod kernel;
mod lines;
mod start;
mod stop;
