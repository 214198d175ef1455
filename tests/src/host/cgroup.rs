//! A branch of the machine's cgroup hierarchies, which is the whole hierarchy to a host.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

const PREFIX: &str = "pontoon-host-";
/// Below a version 2 branch, since a cgroup with children holds no processes of its own there.
const INIT: &str = "init";
/// Processes that were killed leave their cgroup when they are reaped.
const REMOVAL: Duration = Duration::from_secs(10);

/// A cgroup of the same name in every hierarchy; removed with all below when dropped.
#[derive(Debug)]
pub(crate) struct Branch {
    folders: Vec<PathBuf>,
    unified: bool,
}

impl Branch {
    /// Makes a branch, and removes those that killed test programs left.
    pub(crate) fn create() -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let mounts = fs::read_to_string("/proc/self/mountinfo")
            .context("cannot read /proc/self/mountinfo")?;
        let (roots, unified) = hierarchies(&mounts);
        for stale in roots.iter().flat_map(|root| abandoned(root)) {
            remove(&stale)?;
        }
        let name =
            format!("{PREFIX}{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let branch = Self { folders: roots.iter().map(|root| root.join(&name)).collect(), unified };
        for (root, folder) in roots.iter().zip(&branch.folders) {
            let below = if unified { folder.join(INIT) } else { folder.clone() };
            fs::create_dir_all(&below)
                .with_context(|| format!("cannot make the cgroup {below:?}"))?;
            inherit_cpuset(root, folder)?;
        }
        Ok(branch)
    }

    pub(crate) fn is_unified(&self) -> bool {
        self.unified
    }

    /// Moves a process into the branch's own cgroup, which becomes the root of its cgroup namespace.
    pub(crate) fn adopt(&self, pid: u32) -> Result<()> {
        self.folders.iter().try_for_each(|folder| write_pid(folder, pid))
    }

    /// Moves a process to where the host's processes are that are in no container.
    pub(crate) fn enter(&self, pid: u32) -> Result<()> {
        if !self.unified {
            return self.adopt(pid);
        }
        self.folders.iter().try_for_each(|folder| write_pid(&folder.join(INIT), pid))
    }
}

impl Drop for Branch {
    fn drop(&mut self) {
        for folder in &self.folders {
            if let Err(error) = remove(folder) {
                eprintln!("{error:#}");
            }
        }
    }
}

fn write_pid(folder: &Path, pid: u32) -> Result<()> {
    fs::write(folder.join("cgroup.procs"), pid.to_string())
        .with_context(|| format!("cannot move process {pid} into the cgroup {folder:?}"))
}

/// Where the hierarchies are mounted, and whether there is only the one of version 2.
fn hierarchies(mountinfo: &str) -> (Vec<PathBuf>, bool) {
    let of_type = |wanted: &str| {
        let lines = mountinfo.lines().filter_map(|line| line.split_once(" - "));
        let mounts = lines.filter(|(_, source)| source.split(' ').next() == Some(wanted));
        mounts
            .filter_map(|(mount, _)| mount.split(' ').nth(4))
            .map(PathBuf::from)
            .collect::<Vec<_>>()
    };
    let (first, second) = (of_type("cgroup"), of_type("cgroup2"));
    let unified = first.is_empty();
    ([first, second].concat(), unified)
}

/// A new cpuset has no CPUs and takes no process until it is given some.
fn inherit_cpuset(parent: &Path, child: &Path) -> Result<()> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let Ok(own) = fs::read_to_string(child.join(file)) else { continue };
        let Ok(inherited) = fs::read_to_string(parent.join(file)) else { continue };
        if own.trim().is_empty() {
            fs::write(child.join(file), inherited.trim())
                .with_context(|| format!("cannot set {file} of {child:?}"))?;
        }
    }
    Ok(())
}

fn abandoned(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let maker = |path: &Path| {
        path.file_name()?.to_str()?.strip_prefix(PREFIX)?.split('-').next()?.parse::<u32>().ok()
    };
    let paths = entries.map(|entry| entry.path());
    paths
        .filter(|path| {
            maker(path).is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists())
        })
        .collect()
}

fn remove(folder: &Path) -> Result<()> {
    let deadline = Instant::now() + REMOVAL;
    loop {
        match remove_tree(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) if Instant::now() > deadline => {
                return Err(error).with_context(|| format!("cannot remove the cgroup {folder:?}"));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
            Ok(()) => return Ok(()),
        }
    }
}

/// The files in a cgroup go with it; only the folders can be removed.
fn remove_tree(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)?.flatten() {
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    fs::remove_dir(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_hierarchies_of_a_hybrid_machine_are_used() {
        let text = "30 29 0:25 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                    31 29 0:26 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n\
                    32 29 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let names = ["memory", "systemd", "unified"];
        assert_eq!(
            hierarchies(text),
            (names.map(|name| Path::new("/sys/fs/cgroup").join(name)).into(), false)
        );
    }

    #[test]
    fn version_2_alone_is_one_hierarchy() {
        let text =
            "30 29 0:25 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
        assert_eq!(hierarchies(text), (vec!["/sys/fs/cgroup".into()], true));
    }
}
