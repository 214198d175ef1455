//! Hosts on which container runtimes run as they do on a machine of their own: with a root, process
//! ids, cgroups, `/run`, `/etc` and `/var` that no other host and no program of the machine sees.

mod cgroup;
pub mod init;
mod namespaces;
mod process;
mod root;
mod runner;
mod spec;

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};

use anyhow::{Context, Result, bail};

pub(crate) use cgroup::Branch;
pub(crate) use process::Owned;
pub use process::Process;
pub(crate) use runner::Runner;
use spec::Spec;

/// A host; everything that runs on it ends when it is dropped, or when the test is killed.
#[derive(Debug)]
pub struct RuntimeHost {
    pid: u32,
    // Dropped in this order: the kernel lets process 1 end when all others are reaped, and cgroups
    // when no process is left in them.
    runner: Runner,
    // Its end is the end of the host.
    _lifeline: ChildStdin,
    _init: Owned,
    cgroups: Branch,
}

/// How a host is to be made.
#[derive(Debug)]
pub struct Layout<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its network namespace.
    pub netns: &'a Path,
    /// A folder for its private files, made when missing; the caller removes it.
    pub folder: &'a Path,
    /// Files and folders of the machine that it sees, and where.
    pub binds: Vec<(PathBuf, PathBuf)>,
}

impl RuntimeHost {
    /// Makes a host.
    ///
    /// # Errors
    /// When the kernel refuses a namespace, a mount or a cgroup.
    pub fn start(layout: Layout<'_>) -> Result<Self> {
        let folder = layout.folder.to_path_buf();
        let netns =
            File::open(layout.netns).with_context(|| format!("cannot open {:?}", layout.netns))?;
        let cgroups = Branch::create()?;
        let mut command = Command::new(init_program()?);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = namespaces::spawn_first(&netns, &mut command)?;
        let pid = child.id();
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let init = Owned::new(child);
        let mut lifeline = input.context("init has no standard input")?;
        cgroups.adopt(pid)?;
        let spec = Spec {
            hostname: layout.name.to_owned(),
            folder: folder.clone(),
            binds: layout.binds,
            unified_cgroups: cgroups.is_unified(),
        };
        let mut line = serde_json::to_vec(&spec)?;
        line.push(b'\n');
        lifeline.write_all(&line)?;
        let mut answer = String::new();
        BufReader::new(output.context("init has no standard output")?).read_line(&mut answer)?;
        if answer.trim() != spec::READY {
            bail!("the host {} could not be made: {}", layout.name, answer.trim());
        }
        cgroups.enter(pid)?;
        let runner = Runner::new(pid, folder.join("logs"))?;
        Ok(Self { pid, runner, _lifeline: lifeline, _init: init, cgroups })
    }

    /// Starts a program that runs beside the test; what it prints goes to a log.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(&self, command: &mut Command) -> Result<Process> {
        let process = self.runner.spawn(command)?;
        match self.cgroups.enter(process.pid()) {
            // Too short-lived to be moved.
            Err(_) if process.has_ended() => Ok(process),
            outcome => outcome.map(|()| process),
        }
    }

    /// Runs a program to its end and returns what it printed.
    ///
    /// # Errors
    /// When it fails or takes longer than a minute, with all that it said.
    pub fn run(&self, command: &mut Command) -> Result<String> {
        Runner::finish(&self.spawn(command)?, &format!("{command:?}"))
    }

    /// Runs a program, given by its words, to its end.
    ///
    /// # Errors
    /// As [`RuntimeHost::run`].
    pub fn exec(&self, words: &[&str]) -> Result<String> {
        let (program, args) = words.split_first().context("a command without a program")?;
        self.run(Command::new(program).args(args))
    }

    /// Where the machine sees a file of the host.
    #[must_use]
    pub fn path(&self, on_the_host: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.pid)).join(on_the_host.trim_start_matches('/'))
    }
}

/// The program that runs as process 1: Cargo builds it beside the tests.
fn init_program() -> Result<PathBuf> {
    let test = std::env::current_exe().context("cannot tell where this test is")?;
    // target/debug/deps/containerd-0123 → target/debug/runtime-host-init
    let folders = test.ancestors().skip(1).take(2);
    let found = folders.map(|folder| folder.join("runtime-host-init")).find(|file| file.is_file());
    found.with_context(|| {
        format!(
            "runtime-host-init is not beside {test:?}: build it with `cargo build -p pontoon-tests`"
        )
    })
}
