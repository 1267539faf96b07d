//! Runs a container without daemon and without root: namespaces around the closure as it lies in
//! the store.
//!
//! Nothing of the store is copied: each path of the closure, and no other, is mounted read-only
//! where it is. What an image has beside the store (its root tree, the copy of the project) is
//! laid out in memory, with the owners and modes the image gives it. An image of somebody else below
//! that is unpacked once, and kept. The network is the host's, or none.
//!
//! For an ordinary user there is nobody else in the container, and every file is theirs. One that the
//! image gives to somebody else has the modes that let them do with it what they could elsewhere, unless
//! they are root in the container. What remains different: they see themselves as its owner, may change
//! its mode, and are in no further groups. Ports of the host below 1024 are for its own root, and not
//! even its root is that in a namespace of users.
//!
//! ```text
//! parent (this process)                       child, PID 1 of its namespaces
//!   clone ───────────────────────────────────▶  waits for its user mapping
//!   writes uid_map, gid_map ─────────────────▶  mounts, changes the root, becomes the user
//!   forwards signals, lends the terminal        executes the entry point
//!   passes the exit code on ◀─────────────────  ends
//! ```

mod cache;
mod child;
mod command;
mod compare;
mod confine;
mod descriptors;
mod ground;
mod idmap;
mod lay;
mod mounts;
mod names;
mod namespaces;
mod network;
mod parent;
mod plan;
mod prove;
mod root;
mod stage;
mod terminal;
mod trees;
mod user;
mod volume;

pub use ground::{Standing, prepare};
pub use network::unprivileged_ports;
pub use plan::{Plan, Request, Terminal};
pub use prove::prove;
pub use volume::Volume;

use crate::error::Result;

/// Runs the container to its end; returns its exit code, 128+n when signal n ended it.
///
/// # Errors
/// When the container could not be started. What it does afterwards is in the exit code.
pub fn run(plan: &Plan) -> Result<u8> {
    parent::run(plan)
}
