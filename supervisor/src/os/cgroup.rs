//! A control group for each run, where they may be made: whoever is born in it stays in it, so that one
//! write kills a whole tree, faster than it can grow and whatever its members have made of themselves.
//!
//! Only `cgroup.kill` is used (`cgroups(7)`, Linux 5.14): no controller is enabled, so that limits and
//! accounts stay those of the container. In most containers the file system is read-only; then nothing
//! is made and the other ways of finding descendants have to do.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::kill::Pid;

/// Where cgroup file systems are mounted: the unified one alone, or beside those of version 1.
const MOUNTS: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

/// The group that ours are made in. It is removed with this.
#[derive(Debug)]
pub struct Groups {
    base: PathBuf,
}

impl Groups {
    /// Makes the group that holds all others, within our own. `None` where that cannot be done.
    #[must_use]
    pub fn make(instance: &str) -> Option<Self> {
        let membership = fs::read_to_string("/proc/self/cgroup").ok()?;
        let own = candidates(&membership).into_iter().find(|directory| is_ours(directory))?;
        // Moving from one group to another takes the right to write to what holds both.
        OpenOptions::new().write(true).open(own.join("cgroup.procs")).ok()?;
        let base = own.join(format!("devenv-init@{instance}"));
        fs::create_dir(&base).ok()?;
        let groups = Self { base };
        // Dropped, and so removed, where the kernel is too old.
        groups.base.join("cgroup.kill").exists().then_some(groups)
    }

    /// Makes a group and gives the file that a process writes `0` to in order to be in it.
    ///
    /// # Errors
    /// The kernel allows no more groups, or no more descriptors.
    pub fn open(&self, name: &str) -> io::Result<File> {
        let group = self.base.join(name);
        fs::create_dir(&group)?;
        OpenOptions::new().write(true).open(group.join("cgroup.procs"))
    }

    /// Kills everybody in a group, those who are just being born as well.
    pub fn kill(&self, name: &str) {
        // Without such a group there is nobody to kill.
        let _ = fs::write(self.base.join(name).join("cgroup.kill"), "1");
    }

    /// Kills everybody in all groups.
    pub fn kill_all(&self) {
        self.kill("");
    }

    /// Removes a group that nobody is left in.
    pub fn remove(&self, name: &str) {
        // One that a process has made groups of its own in goes with the container.
        let _ = fs::remove_dir(self.base.join(name));
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        self.remove("");
    }
}

/// The names of the groups a process is in, from the outermost on; empty when it is gone.
#[must_use]
pub fn names_of(pid: Pid) -> Vec<String> {
    let membership = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let path = unified(&membership).unwrap_or_default();
    path.split('/').map(str::to_owned).collect()
}

/// The path of the group in the unified hierarchy.
fn unified(membership: &str) -> Option<&str> {
    membership.lines().find_map(|line| line.strip_prefix("0::"))
}

/// Where the group of a process with this `/proc/self/cgroup` may be found. Without a cgroup namespace
/// the path is the host's, of which a container has only the last part mounted; hence the mounts
/// themselves as well.
fn candidates(membership: &str) -> Vec<PathBuf> {
    let Some(path) = unified(membership) else { return Vec::new() };
    let path = path.trim_start_matches('/');
    let exact = MOUNTS.map(|mount| Path::new(mount).join(path));
    exact.into_iter().chain(MOUNTS.map(PathBuf::from)).collect()
}

/// Whether a directory is the group that we are in, and not one of that name by chance.
fn is_ours(directory: &Path) -> bool {
    let me = std::process::id().to_string();
    let members = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    members.lines().any(|member| member == me)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_looked_for_below_both_mounts_and_at_them() {
        let here = ["/sys/fs/cgroup/", "/sys/fs/cgroup/unified/"];
        for (membership, inside) in
            [("0::/\n", ""), ("4:memory:/x\n0::/docker/abc\n", "docker/abc"), ("0::/a:b", "a:b")]
        {
            let exact = here.map(|mount| PathBuf::from(format!("{mount}{inside}")));
            let want: Vec<PathBuf> = exact.into_iter().chain(MOUNTS.map(PathBuf::from)).collect();
            assert_eq!(candidates(membership), want, "{membership}");
        }
        assert_eq!(candidates("4:memory:/x\n"), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_folder_that_is_no_group_of_ours_is_not_taken_for_one() {
        assert!(!is_ours(Path::new("/tmp")));
    }
}
