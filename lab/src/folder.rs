//! A lab's folder: everything that must be found again when the program that made the lab is dead.

use std::collections::HashSet;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::mount::{MntFlags, umount2};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

/// Where all labs of the machine live, a folder each.
pub const ROOT: &str = "/run/pontoon-lab";

/// Who answers for a lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The process that made it.
    pub pid: i32,
    /// When that process started, clock ticks since boot; tells it from a later one with its number.
    pub started: u64,
    /// Whether the lab is to outlive its maker.
    pub kept: bool,
}

impl Owner {
    fn is_alive(&self) -> bool {
        start_time(self.pid) == Some(self.started)
    }
}

/// The folder of one lab.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    kept: AtomicBool,
}

impl Folder {
    /// Makes a folder for a new lab, and takes away what labs left whose makers were killed.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn create() -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        reap();
        let root = Path::new(ROOT);
        let pid = std::process::id();
        let name = format!("{pid}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        // Another lab's reaper must never see a folder that has no owner yet.
        let draft = root.join(format!(".{name}"));
        let context = || format!("cannot make the lab's folder {draft:?}");
        fs::create_dir_all(draft.join("pids")).with_context(context)?;
        let pid = i32::try_from(pid)?;
        let started = start_time(pid).context("cannot read /proc/self/stat: is /proc mounted?")?;
        write_owner(&draft, &Owner { pid, started, kept: false })?;
        let path = root.join(name);
        fs::rename(&draft, &path).with_context(context)?;
        Ok(Self { path, kept: AtomicBool::new(false) })
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Notes a process that ends with the lab.
    ///
    /// # Errors
    /// When the note cannot be written.
    pub fn record(&self, pid: u32) -> Result<()> {
        let started = start_time(i32::try_from(pid)?).unwrap_or_default();
        let note = self.path.join("pids").join(pid.to_string());
        fs::write(&note, started.to_string()).with_context(|| format!("cannot write {note:?}"))
    }

    /// Forgets a process that has ended.
    pub fn forget(&self, pid: u32) {
        let _never_recorded = fs::remove_file(self.path.join("pids").join(pid.to_string()));
    }

    /// Lets the lab outlive this program.
    ///
    /// # Errors
    /// When the owner's note cannot be written.
    pub fn keep(&self) -> Result<()> {
        let mut owner = read_owner(&self.path)?;
        owner.kept = true;
        write_owner(&self.path, &owner)?;
        self.kept.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Whether the lab outlives this program.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.kept.load(Ordering::Relaxed)
    }
}

/// The labs there are: folder and owner, sorted by folder.
#[must_use]
pub fn list() -> Vec<(PathBuf, Owner)> {
    let mut labs: Vec<_> = folders()
        .filter(|(_, name)| !name.starts_with('.'))
        .filter_map(|(path, _)| Some((path.clone(), read_owner(&path).ok()?)))
        .collect();
    labs.sort_by(|a, b| a.0.cmp(&b.0));
    labs
}

/// Takes away every lab whose maker is dead and did not ask for it to be kept.
pub fn reap() {
    let Ok(_lock) = lock() else { return };
    for (path, name) in folders() {
        let stale = match read_owner(&path) {
            Ok(owner) => !owner.kept && !owner.is_alive(),
            // Between its making and its owner's note: the name holds the maker's number.
            Err(_) => {
                let maker =
                    name.trim_start_matches('.').split('-').next().and_then(|p| p.parse().ok());
                maker.is_none_or(|pid| start_time(pid).is_none())
            }
        };
        if stale && let Err(error) = destroy(&path) {
            eprintln!("cannot take away the abandoned lab {path:?}: {error:#}");
        }
    }
}

/// [`destroy`] for every lab that this process made and did not keep.
///
/// # Errors
/// The first failure; the others are taken away.
pub fn destroy_own() -> Result<()> {
    let own = i32::try_from(std::process::id())?;
    let made = list().into_iter().filter(|(_, owner)| owner.pid == own && !owner.kept);
    let failures: Vec<_> = made.filter_map(|(path, _)| destroy(&path).err()).collect();
    failures.into_iter().next().map_or(Ok(()), Err)
}

/// Ends everything that runs in a lab and removes its folder. Also right for a lab that is
/// half made or half gone, and from another process than its maker.
///
/// # Errors
/// When a process will not die or a file cannot be removed.
pub fn destroy(path: &Path) -> Result<()> {
    // A signal may ask for it while a lab is being dropped.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        // Another thread may still be building the lab.
        match try_destroy(path) {
            Err(_) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(2)),
            ended => return ended,
        }
    }
}

fn try_destroy(path: &Path) -> Result<()> {
    let living = inhabitants(path);
    for pid in &living {
        let _ended_meanwhile = kill(Pid::from_raw(*pid), Signal::SIGKILL);
    }
    if !living.is_empty() {
        bail!("processes {living:?} of {path:?} do not end although killed");
    }
    for target in mounts_below(path)?.iter().rev() {
        umount2(target, MntFlags::MNT_DETACH)
            .with_context(|| format!("cannot unmount {target:?}"))?;
    }
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {path:?}"))
        }
        _ => {
            let _other_labs_are_there = fs::remove_dir(ROOT);
            Ok(())
        }
    }
}

/// Every living process that the lab recorded, or that is in one of its network namespaces.
fn inhabitants(path: &Path) -> Vec<i32> {
    let recorded =
        fs::read_dir(path.join("pids")).into_iter().flatten().flatten().filter_map(|note| {
            let pid: i32 = note.file_name().to_str()?.parse().ok()?;
            let started: u64 = fs::read_to_string(note.path()).ok()?.parse().ok()?;
            (start_time(pid) == Some(started)).then_some(pid)
        });
    let mut found: HashSet<i32> = recorded.collect();
    let mounted = mounts_below(path).unwrap_or_default();
    let own: HashSet<u64> = mounted
        .iter()
        .filter(|m| is_netns(m))
        .filter_map(|m| Some(fs::metadata(m).ok()?.ino()))
        .collect();
    if !own.is_empty() {
        found.extend(pids().filter(|pid| {
            fs::metadata(format!("/proc/{pid}/ns/net"))
                .is_ok_and(|netns| own.contains(&netns.ino()))
        }));
    }
    found.remove(&i32::try_from(std::process::id()).unwrap_or_default());
    // A zombie has ended; who started it has yet to take note.
    found.into_iter().filter(|pid| state(*pid).is_some_and(|s| s != 'Z')).collect()
}

fn is_netns(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "ns")
}

fn pids() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Mount points below a folder, outer ones first.
fn mounts_below(path: &Path) -> Result<Vec<PathBuf>> {
    let text =
        fs::read_to_string("/proc/self/mountinfo").context("cannot read /proc/self/mountinfo")?;
    let targets = text.lines().filter_map(|line| line.split(' ').nth(4)).map(PathBuf::from);
    Ok(targets.filter(|target| target.starts_with(path)).collect())
}

/// The fields of `/proc/PID/stat` from the third on; the second may hold anything.
fn stat(pid: i32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

fn state(pid: i32) -> Option<char> {
    stat(pid)?.first()?.chars().next()
}

/// Field 22 of proc_pid_stat(5).
pub(crate) fn start_time(pid: i32) -> Option<u64> {
    stat(pid)?.get(19)?.parse().ok()
}

fn folders() -> impl Iterator<Item = (PathBuf, String)> {
    let entries = fs::read_dir(ROOT).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|t| t.is_dir()))
        .filter_map(|entry| Some((entry.path(), entry.file_name().into_string().ok()?)))
}

/// One reaper at a time.
fn lock() -> std::io::Result<File> {
    fs::create_dir_all("/run/lock")?;
    let file = File::create("/run/lock/pontoon-lab")?;
    file.lock()?;
    Ok(file)
}

fn owner_file(path: &Path) -> PathBuf {
    path.join("owner.json")
}

fn read_owner(path: &Path) -> Result<Owner> {
    let file = owner_file(path);
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {file:?}"))?;
    serde_json::from_str(&text).with_context(|| format!("cannot understand {file:?}"))
}

fn write_owner(path: &Path, owner: &Owner) -> Result<()> {
    let file = owner_file(path);
    let draft = file.with_extension("tmp");
    fs::write(&draft, serde_json::to_string(owner)?)
        .with_context(|| format!("cannot write {draft:?}"))?;
    fs::rename(&draft, &file).with_context(|| format!("cannot write {file:?}"))
}
