//! Which directories the kernel watches for us, and what its events say about the roots.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::errno::Errno;
use nix::libc;
use nix::sys::inotify::{AddWatchFlags as On, Inotify, InotifyEvent, WatchDescriptor};

use super::Trouble;
use super::roots::{self, Root};
use crate::spec::{Plan, ProcessId, WatchRule};

/// What happens to names.
const NAMES: On =
    On::IN_CREATE.union(On::IN_DELETE).union(On::IN_MOVED_FROM).union(On::IN_MOVED_TO);

/// That besides, and what happens to contents; not what happens to files that have no name any more.
const CONTENTS: On = NAMES.union(On::IN_MODIFY).union(On::from_bits_retain(libc::IN_EXCL_UNLINK));

/// What happens to the directory itself. Watches add to each other: two roots may meet in one.
const ITSELF: On = On::IN_DELETE_SELF
    .union(On::IN_MOVE_SELF)
    .union(On::IN_ONLYDIR)
    .union(On::IN_DONT_FOLLOW)
    .union(On::from_bits_retain(libc::IN_MASK_ADD));

/// Everything that is watched.
pub(super) struct Trees {
    inotify: Inotify,
    plan: Arc<Plan>,
    roots: Vec<Root>,
    places: HashMap<WatchDescriptor, Place>,
    changed: BTreeSet<ProcessId>,
    troubles: BTreeMap<ProcessId, String>,
    /// Of whom a trouble was told: one is enough.
    told: BTreeSet<ProcessId>,
}

/// A directory that is watched.
struct Place {
    path: PathBuf,
    uses: BTreeSet<Use>,
}

/// What a directory is watched for, with the number of the root.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    /// For one name in it; whether that is what was named, or only on the way to it.
    Entry(usize, OsString, bool),
    /// For all in it; its path below the root.
    Below(usize, String),
}

impl Use {
    fn root(&self) -> usize {
        match self {
            Self::Entry(root, ..) | Self::Below(root, _) => *root,
        }
    }
}

impl Trees {
    /// Nothing is watched yet. Relative paths are below `base`.
    pub fn new(inotify: Inotify, plan: &Arc<Plan>, base: &Path) -> Self {
        let mut roots = Vec::new();
        for (process, of) in (0..).map(ProcessId).zip(&plan.processes) {
            let paths = of.watch.iter().flat_map(|rule| &rule.paths);
            roots.extend(paths.map(|path| Root { process, path: base.join(path), found: None }));
        }
        Self {
            inotify,
            plan: Arc::clone(plan),
            roots,
            places: HashMap::new(),
            changed: BTreeSet::new(),
            troubles: BTreeMap::new(),
            told: BTreeSet::new(),
        }
    }

    /// Looks where everything is. That is no change.
    pub fn look(&mut self) {
        for root in 0..self.roots.len() {
            self.look_for(root);
        }
        self.changed.clear();
    }

    /// Waits until the kernel tells of something, and sees what that means.
    ///
    /// # Errors
    /// The kernel tells nothing.
    pub fn wait(&mut self) -> nix::Result<()> {
        let events = match self.inotify.read_events() {
            Err(Errno::EINTR) => return Ok(()),
            other => other?,
        };
        let mut moved = BTreeSet::new();
        for event in events {
            self.on_event(&event, &mut moved);
        }
        for root in moved {
            self.look_for(root);
        }
        self.places.retain(|wd, place| {
            let is_used = !place.uses.is_empty();
            if !is_used {
                // Its directory may be gone already.
                let _ = self.inotify.rm_watch(*wd);
            }
            is_used
        });
        Ok(())
    }

    /// Whose files have changed, and what went wrong, since the last call.
    pub fn take(&mut self) -> (BTreeSet<ProcessId>, Vec<Trouble>) {
        let troubles = std::mem::take(&mut self.troubles).into_iter();
        let told = &mut self.told;
        let new = troubles.filter(|(process, _)| told.insert(*process));
        let troubles = new.map(|(process, what)| Trouble { process, what }).collect();
        (std::mem::take(&mut self.changed), troubles)
    }

    /// Looks again where a path leads, and watches that. What is not what it was has changed.
    fn look_for(&mut self, number: usize) {
        for place in self.places.values_mut() {
            place.uses.retain(|one| one.root() != number);
        }
        let Some(root) = self.roots.get(number).cloned() else { return };
        let mut way = roots::resolve(&root.path);
        // What appears before it is watched would go unseen.
        for _ in 0..3 {
            let is_file = way.end.as_ref().is_some_and(|(_, found)| !found.is_directory);
            let on = if is_file { CONTENTS } else { NAMES };
            for entry in &way.entries {
                let one = Use::Entry(number, entry.name.clone(), entry.is_last);
                self.watch(&entry.directory, on, one);
            }
            let again = roots::resolve(&root.path);
            if again.entries == way.entries {
                break;
            }
            way = again;
        }
        let mut found_some = false;
        let found = way.end.as_ref().map(|(_, found)| *found);
        if let Some((path, _)) = way.end.filter(|(_, found)| found.is_directory) {
            found_some = self.walk(number, path, String::new());
        }
        let Some(root) = self.roots.get_mut(number) else { return };
        let before = std::mem::replace(&mut root.found, found);
        let is_other = before != found;
        let is_directory = found.is_some_and(|found| found.is_directory);
        let process = root.process;
        let name = root.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let matters = self.rule(process).is_some_and(|rule| match is_directory {
            true => found_some || before.is_some() || rule.extensions.is_empty(),
            false => rule.takes(&name) || before.is_some_and(|before| before.is_directory),
        });
        if is_other && matters {
            self.changed.insert(process);
        }
    }

    /// Watches a directory and all below it that is not ignored; says whether there are files in it
    /// that matter.
    fn walk(&mut self, number: usize, path: PathBuf, below: String) -> bool {
        let plan = Arc::clone(&self.plan);
        let process = self.roots.get(number).map(|root| root.process);
        let rule = process.and_then(|process| plan.process(process)?.watch.as_ref());
        let Some(rule) = rule else { return false };
        let mut found = false;
        let mut todo = vec![(path, below)];
        while let Some((path, below)) = todo.pop() {
            if !self.watch(&path, CONTENTS, Use::Below(number, below.clone())) {
                return found;
            }
            // After that, so that nothing appears in between.
            for entry in fs::read_dir(&path).into_iter().flatten().flatten() {
                let name = entry.file_name();
                let below = join(&below, &name);
                if rule.ignores(&below) {
                    continue;
                }
                // Links are not followed, and so no ring is walked in.
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    todo.push((entry.path(), below));
                } else {
                    found |= rule.takes(&name.to_string_lossy());
                }
            }
        }
        found
    }

    /// Has the kernel watch a directory; says whether it is worth going on with others.
    fn watch(&mut self, path: &Path, on: On, one: Use) -> bool {
        let process = self.roots.get(one.root()).map(|root| root.process);
        let error = match self.inotify.add_watch(path, on.union(ITSELF)) {
            Ok(wd) => {
                let new = || Place { path: path.to_owned(), uses: BTreeSet::new() };
                let place = self.places.entry(wd).or_insert_with(new);
                // It may have been moved.
                path.clone_into(&mut place.path);
                place.uses.insert(one);
                return true;
            }
            // Gone meanwhile: then its parent tells of that.
            Err(Errno::ENOENT | Errno::ENOTDIR) => return true,
            Err(error) => error,
        };
        let is_full = error == Errno::ENOSPC;
        let why = if is_full {
            "the kernel watches no more directories\nhint: raise fs.inotify.max_user_watches, or ignore some"
        } else {
            error.desc()
        };
        if let Some(process) = process {
            let what = format!("cannot watch {}: {why}", path.display());
            self.troubles.entry(process).or_insert(what);
        }
        !is_full
    }

    fn on_event(&mut self, event: &InotifyEvent, moved: &mut BTreeSet<usize>) {
        if event.mask.contains(On::IN_Q_OVERFLOW) {
            // Anything may have happened.
            self.changed.extend(self.roots.iter().map(|root| root.process));
            moved.extend(0..self.roots.len());
            return;
        }
        let Some(place) = self.places.get(&event.wd) else { return };
        let (path, uses) = (place.path.clone(), place.uses.clone());
        if event.mask.intersects(On::IN_DELETE_SELF | On::IN_MOVE_SELF | On::IN_IGNORED) {
            if event.mask.contains(On::IN_IGNORED) {
                self.places.remove(&event.wd);
            }
            // What was in it is told of by its parent, but an entry has to be looked for elsewhere.
            let lost = |one: &Use| match one {
                Use::Entry(root, ..) => Some(*root),
                Use::Below(root, below) => below.is_empty().then_some(*root),
            };
            moved.extend(uses.iter().filter_map(lost));
            return;
        }
        let Some(name) = &event.name else { return };
        for one in uses {
            match one {
                Use::Entry(root, of, is_last) if of == *name => {
                    if event.mask.intersects(NAMES) {
                        moved.insert(root);
                    }
                    if is_last {
                        self.on_named(root, event);
                    }
                }
                Use::Entry(..) => {}
                Use::Below(root, below) => self.on_below(root, &path, &join(&below, name), event),
            }
        }
    }

    /// Something happened to the very file or directory that was named.
    fn on_named(&mut self, number: usize, event: &InotifyEvent) {
        let Some(root) = self.roots.get(number) else { return };
        let name = root.path.file_name().unwrap_or_default().to_string_lossy();
        let is_directory = event.mask.contains(On::IN_ISDIR);
        let process = root.process;
        if self.rule(process).is_some_and(|rule| is_directory || rule.takes(&name)) {
            self.changed.insert(process);
        }
    }

    /// Something happened in a directory below a root.
    fn on_below(&mut self, number: usize, place: &Path, below: &str, event: &InotifyEvent) {
        let plan = Arc::clone(&self.plan);
        let (Some(process), Some(name)) =
            (self.roots.get(number).map(|root| root.process), &event.name)
        else {
            return;
        };
        let rule = plan.process(process).and_then(|process| process.watch.as_ref());
        let Some(rule) = rule.filter(|rule| !rule.ignores(below)) else { return };
        let matters = if event.mask.contains(On::IN_ISDIR) {
            let path = place.join(name);
            if event.mask.contains(On::IN_MOVED_FROM) {
                self.leave(number, &path);
            }
            let comes = event.mask.intersects(On::IN_CREATE | On::IN_MOVED_TO);
            let found = comes && self.walk(number, path, below.to_owned());
            // What was in one that went elsewhere is not known any more.
            found || rule.extensions.is_empty() || event.mask.contains(On::IN_MOVED_FROM)
        } else {
            rule.takes(&name.to_string_lossy())
        };
        if matters {
            self.changed.insert(process);
        }
    }

    /// Forgets what is watched below a directory that went elsewhere.
    fn leave(&mut self, number: usize, path: &Path) {
        for place in self.places.values_mut().filter(|place| place.path.starts_with(path)) {
            place.uses.retain(|one| one.root() != number);
        }
    }

    fn rule(&self, process: ProcessId) -> Option<&WatchRule> {
        self.plan.process(process)?.watch.as_ref()
    }
}

fn join(below: &str, name: &OsStr) -> String {
    let name = name.to_string_lossy();
    if below.is_empty() { name.into_owned() } else { format!("{below}/{name}") }
}
