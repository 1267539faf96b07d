//! Proves that the tree a container is shown here is the one its image has wherever it is pulled.

use nix::sys::wait::waitpid;

use super::compare::{self, Comparison, Owners};
use super::ground::{Ground, Standing};
use super::idmap::{self, IdMap};
use super::plan::Plan;
use super::{child, lay, namespaces, stage};
use crate::error::{Context as _, Failure, Kind, Result};

/// Lays out the root of a container as [`super::run`] does, in namespaces of the same kind, and
/// compares it with `unpacked`, the files of the image's layers.
///
/// # Errors
/// When one of the two cannot be laid out or read.
pub fn prove(plan: &Plan, unpacked: &Standing) -> Result<Comparison> {
    let Ground::Whole(unpacked) = &unpacked.ground else {
        return Err(Failure::new(Kind::Internal, "there is nothing unpacked to compare with"));
    };
    let map = IdMap::choose(&plan.user);
    // An ordinary user is the only one there: in the tree that was unpacked every file is that
    // user's, and in the store every file is nobody's.
    let owners = match map {
        IdMap::Single { .. } => Owners::None,
        IdMap::Identity if idmap::everybody_exists() => Owners::All,
        IdMap::Identity => Owners::Somebody,
    };
    let mut started = namespaces::start(false, &|mut ready| {
        // Whoever ends this program ends the comparison.
        child::tie()?;
        child::wait_for_users(&mut ready)?;
        stage::set_up()?;
        let mounted = lay::image(plan)?;
        let found = compare::trees(mounted, &stage::on_host(unpacked), owners)?;
        serde_json::to_string(&found).or_fail(Kind::Internal, || "cannot tell what was found")
    })?;
    if let Err(failure) = map.write(started.child) {
        started.abandon();
        return Err(failure);
    }
    let answer = started.go().and_then(|()| started.answer());
    let _ = waitpid(started.child, None);
    let answer = answer?.ok_or_else(|| Failure::new(Kind::System, "the comparison was ended"))?;
    serde_json::from_str(&answer).or_fail(Kind::Internal, || "cannot read what was found")
}
