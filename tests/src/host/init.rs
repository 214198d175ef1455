//! The first process of a runtime host: makes its root, then reaps children until the test ends.

use std::io::{self, BufRead, Read, Write};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

use super::{root, spec};

/// Runs as process 1 of the host; see `bin/runtime-host-init.rs`.
///
/// # Errors
/// When the root cannot be made.
pub fn run() -> Result<()> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("cannot read the host's description")?;
    let spec: spec::Spec =
        serde_json::from_str(&line).context("cannot understand the host's description")?;
    // The test has moved this process into the host's branch of the hierarchies by now.
    unshare(CloneFlags::CLONE_NEWCGROUP).context("cannot make a cgroup namespace")?;
    root::enter(&spec)?;
    let mut children = SigSet::empty();
    children.add(Signal::SIGCHLD);
    children.thread_block().context("cannot block SIGCHLD")?;
    // When the test is killed its end of the pipe closes; the kernel ends the whole host with process 1.
    std::thread::spawn(|| {
        let _end = io::stdin().lock().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    println!("{}", spec::READY);
    io::stdout().flush().context("the test does not listen")?;
    loop {
        children.wait().context("cannot wait for SIGCHLD")?;
        while !matches!(
            waitpid(None, Some(WaitPidFlag::WNOHANG)),
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD)
        ) {}
    }
}
