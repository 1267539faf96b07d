//! Whether the kernel killed somebody of this container for want of memory: its cgroup counts that.

use std::path::PathBuf;

/// Where cgroup file systems are mounted in every container.
const ROOT: &str = "/sys/fs/cgroup";

/// The count of this container, and how far it has been told.
#[derive(Debug)]
pub struct MemoryKills {
    file: PathBuf,
    told: u64,
}

impl MemoryKills {
    /// Finds the count and takes it as it is for told. `None` where there is no such cgroup, as
    /// without a memory limit on cgroup v1 or without `/sys`.
    #[must_use]
    pub fn watch() -> Option<Self> {
        let membership = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        candidates(&membership).into_iter().find_map(|file| {
            let told = count(&std::fs::read_to_string(&file).ok()?)?;
            Some(Self { file, told })
        })
    }

    /// Whether the count has risen since it was last told.
    pub fn have_risen(&mut self) -> bool {
        let now = std::fs::read_to_string(&self.file).ok().as_deref().and_then(count);
        let risen = now.is_some_and(|now| now > self.told);
        self.told = now.unwrap_or(self.told);
        risen
    }
}

/// The files that may hold the count for a process with this `/proc/self/cgroup`, the most exact
/// first. In a container the path told there is often that of the host, of which only the last
/// part is mounted; hence the root as well.
fn candidates(membership: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in membership.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let (mount, name) = if controllers.is_empty() {
            (PathBuf::from(ROOT), "memory.events")
        } else if controllers.split(',').any(|controller| controller == "memory") {
            (PathBuf::from(ROOT).join("memory"), "memory.oom_control")
        } else {
            continue;
        };
        let own = mount.join(path.trim_start_matches('/')).join(name);
        let whole = mount.join(name);
        files.push(own);
        if files.last() != Some(&whole) {
            files.push(whole);
        }
    }
    files
}

/// The number behind `oom_kill`, in `memory.events` of cgroup v2 and `memory.oom_control` of v1
/// (Linux 4.13 and later).
fn count(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found_in_both_formats() {
        let v2 = "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n";
        let v1 = "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n";
        for (text, want) in
            [(v2, Some(2)), (v1, Some(5)), ("oom_kill_disable 0\n", None), ("oom_kill x", None)]
        {
            assert_eq!(count(text), want, "{text}");
        }
    }

    #[test]
    fn the_cgroup_is_looked_for_where_it_may_be_mounted() {
        for (membership, want) in [
            ("0::/\n", vec!["/sys/fs/cgroup/memory.events"]),
            (
                "0::/docker/abc\n",
                vec!["/sys/fs/cgroup/docker/abc/memory.events", "/sys/fs/cgroup/memory.events"],
            ),
            (
                "5:cpu,cpuacct:/x\n4:memory:/docker/abc\n",
                vec![
                    "/sys/fs/cgroup/memory/docker/abc/memory.oom_control",
                    "/sys/fs/cgroup/memory/memory.oom_control",
                ],
            ),
            ("", vec![]),
            ("garbage", vec![]),
        ] {
            let want: Vec<PathBuf> = want.into_iter().map(PathBuf::from).collect();
            assert_eq!(candidates(membership), want, "{membership}");
        }
    }
}
