//! What a lab needs of the machine, and how an ordinary user gets it: in a user namespace.

use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{getegid, geteuid};

use crate::binaries;
use crate::kept::{self, KeptLab};
use crate::netns::Netns;
use crate::tool;

/// Set for the process that is the first in a user namespace, to its kept lab's note.
const ENTERED_VARIABLE: &str = "PONTOON_LAB_ENTERED";

/// Why no lab can be built here, or `None` when one can.
///
/// A test begins with:
/// ```no_run
/// # fn test() {
/// if let Some(why) = pontoon_lab::unavailable() {
///     eprintln!("skipped: {why}");
///     return;
/// }
/// # }
/// ```
#[must_use]
pub fn unavailable() -> Option<String> {
    if !geteuid().is_root() {
        return Some("needs root; `cargo xtask test` gives it to tests by a user namespace".into());
    }
    for program in ["ip", "nft", "etcd"] {
        if binaries::on_path(program).is_none() {
            return Some(format!("needs the program {program:?}; `cargo xtask setup` installs it"));
        }
    }
    let allowed = std::thread::spawn(|| unshare(CloneFlags::CLONE_NEWNET)).join();
    match allowed {
        Ok(Ok(())) => None,
        Ok(Err(errno)) => {
            Some(format!("needs network namespaces, which the kernel refused: {errno}"))
        }
        Err(_) => Some("needs network namespaces".into()),
    }
}

/// Whether this process is root of a user namespace only, in which nothing but networks and mounts
/// can be made.
#[must_use]
pub fn in_user_namespace() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    !map.split_whitespace().eq(["0", "0", "4294967295"])
}

/// Gives an ordinary user what a lab needs: runs this program again, with the same arguments, as
/// root of new user, network, mount and process namespaces with a `/run` of their own, and
/// returns how that ended. Returns `None` when the caller is that program, or is root: go on.
///
/// To be called before any thread is started. All that runs in the namespaces ends with this
/// process, unless [`stay`] is called there.
///
/// # Errors
/// When the kernel or its administrator does not allow user namespaces.
pub fn enter() -> Result<Option<ExitCode>> {
    if note().is_some() {
        return furnish().map(|()| None);
    }
    if geteuid().is_root() {
        return Ok(None);
    }
    let (uid, gid) = (geteuid(), getegid());
    let all = CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWPID;
    unshare(all).context(
        "cannot make a user namespace: run this as root, or let ordinary users make them \
         (sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces, AppArmor's restriction)",
    )?;
    let maps = [
        ("setgroups", "deny".into()),
        ("uid_map", format!("0 {uid} 1")),
        ("gid_map", format!("0 {gid} 1")),
    ];
    for (file, content) in maps {
        let file = PathBuf::from("/proc/self").join(file);
        fs::write(&file, content).with_context(|| format!("cannot write {file:?}"))?;
    }
    let note = kept::note_path(uid.as_raw(), std::process::id());
    // The first child after unshare is the first process of the new process namespace.
    let mut child = Command::new("/proc/self/exe")
        .args(std::env::args_os().skip(1))
        .env(ENTERED_VARIABLE, &note)
        .env("PATH", binaries::search_path())
        .spawn()
        .context("cannot start this program again in a user namespace")?;
    Ok(Some(wait(&mut child, &note)?))
}

/// The note's path, for the first process of a user namespace; those that it starts have the
/// variable too.
fn note() -> Option<PathBuf> {
    let first = std::process::id() == 1;
    std::env::var_os(ENTERED_VARIABLE).filter(|_| first).map(PathBuf::from)
}

/// Waits until the inner program ends or has a lab to keep.
fn wait(child: &mut Child, note: &std::path::Path) -> Result<ExitCode> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(exit_code(status));
        }
        if note.exists() {
            let lab = kept::complete_note(note, child.id())?;
            println!("\n{}", lab.explain());
            return Ok(if lab.content { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A status as a shell gives it.
#[must_use]
pub fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// As the first process of the namespaces.
fn furnish() -> Result<()> {
    set_pdeathsig(Signal::SIGKILL).context("cannot tie this program's life to its parent's")?;
    // Not before: the outer program goes on to see its own /proc.
    unshare(CloneFlags::CLONE_NEWNS).context("cannot make a mount namespace")?;
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .context("cannot make mounts private")?;
    mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), none)
        .context("cannot mount /proc")?;
    mount(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::empty(), none)
        .context("cannot mount an empty /run")?;
    // Tests use the loopback.
    tool::ip(&Netns::open("/proc/self/ns/net")?, "link set lo up\n")
}

/// Lets a kept lab outlive the program that was started and says how to look inside. Where it is
/// in a user namespace, this process goes to the background and stays as the first one of the
/// namespaces until killed; otherwise this returns at once.
///
/// # Errors
/// When the note cannot be written.
pub fn stay(lab: &KeptLab) -> Result<()> {
    let Some(note) = note() else {
        println!("\n{}", lab.explain());
        return Ok(());
    };
    set_pdeathsig(None).context("cannot untie this program's life from its parent's")?;
    let null = fs::File::options().read(true).write(true).open("/dev/null")?;
    nix::unistd::setsid().context("cannot leave the terminal's session")?;
    kept::write_note(&note, lab)?;
    nix::unistd::dup2_stdin(&null)?;
    nix::unistd::dup2_stdout(&null)?;
    nix::unistd::dup2_stderr(&null)?;
    loop {
        // The first process of a process namespace inherits, and has to reap, every orphan.
        let none_left = nix::sys::wait::wait() == Err(nix::Error::ECHILD);
        if none_left {
            return Err(io::Error::other("everything in the lab has ended").into());
        }
    }
}
