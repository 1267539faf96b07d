//! Faults that come from outside: what the kernel refuses, what processes do that they should not,
//! and a world that changes at the wrong moment.

mod clock;
mod notify;
mod output;
mod processes;
mod resources;
mod stop;
