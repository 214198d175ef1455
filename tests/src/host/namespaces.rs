//! Programs started inside another process's namespaces, as children of the test.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use anyhow::{Context, Result, anyhow};
use nix::sched::{CloneFlags, setns, unshare};

/// The mount namespace comes last: it takes the way to all others along.
const KINDS: [(&str, CloneFlags); 6] = [
    ("net", CloneFlags::CLONE_NEWNET),
    ("uts", CloneFlags::CLONE_NEWUTS),
    ("ipc", CloneFlags::CLONE_NEWIPC),
    ("cgroup", CloneFlags::CLONE_NEWCGROUP),
    ("pid", CloneFlags::CLONE_NEWPID),
    ("mnt", CloneFlags::CLONE_NEWNS),
];

/// All namespaces of a host, held open.
#[derive(Debug)]
pub(super) struct Namespaces(Vec<(File, CloneFlags)>);

impl Namespaces {
    /// Those of a process.
    pub(super) fn of(pid: u32) -> Result<Self> {
        let open = |(name, flag): (&str, CloneFlags)| {
            let path = format!("/proc/{pid}/ns/{name}");
            File::open(&path)
                .map(|file| (file, flag))
                .with_context(|| format!("cannot open {path}"))
        };
        KINDS.into_iter().map(open).collect::<Result<_>>().map(Self)
    }

    /// Starts a program in them, at the host's root.
    pub(super) fn spawn(&self, command: &mut Command) -> Result<Child> {
        let name = command.get_program().to_owned();
        on_a_thread(|| {
            // A thread that shares its root with others may not change its mount namespace.
            unshare(CloneFlags::CLONE_FS)?;
            self.0.iter().try_for_each(|(file, flag)| setns(file, *flag))?;
            command.process_group(0).spawn()
        })
        .with_context(|| format!("cannot start {name:?} on the host: is it installed?"))
    }
}

/// Starts a program as the first of new namespaces, all but those for networks and cgroups.
pub(super) fn spawn_first(netns: &File, command: &mut Command) -> Result<Child> {
    on_a_thread(|| {
        setns(netns, CloneFlags::CLONE_NEWNET)?;
        let new = [
            CloneFlags::CLONE_NEWNS,
            CloneFlags::CLONE_NEWUTS,
            CloneFlags::CLONE_NEWIPC,
            CloneFlags::CLONE_NEWPID,
        ];
        unshare(new.into_iter().collect())?;
        command.process_group(0).spawn()
    })
    .context("cannot start the first process of a host")
}

fn on_a_thread<T: Send>(f: impl FnOnce() -> io::Result<T> + Send) -> Result<T> {
    let result = std::thread::scope(|scope| scope.spawn(f).join());
    result.map_err(|_| anyhow!("the thread that enters namespaces panicked"))?.map_err(Into::into)
}
