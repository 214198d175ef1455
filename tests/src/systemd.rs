//! A host that systemd boots, in a container of systemd-nspawn.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pontoon_lab::host::Host;

use crate::host::{Branch, Owned, Process, Runner};

/// The programs that it needs.
pub const PROGRAMS: &[&str] = &["systemd-nspawn", "systemctl", "journalctl"];
const TIMEOUT: Duration = Duration::from_secs(60);
/// Nothing but what is started by hand.
const TARGET: &str = "[Unit]\nRequires=sysinit.target\nAfter=sysinit.target\nAllowIsolate=yes\n";

/// Where the host's own files are, in its folder.
const UPPER: &str = "upper";
/// What keeps packages from starting anything on a machine without an init of its own
/// (invoke-rc.d(8)), and what has man pages indexed behind every package, which takes longest of all.
const UNWANTED: &[&str] = &["usr/sbin/policy-rc.d", "var/lib/man-db/auto-update"];
/// What changes by itself, or is none of a package's.
const OTHERS: &[&str] =
    &["/run", "/tmp", "/var/cache", "/var/lib/dpkg", "/var/lib/systemd", "/var/log", "/var/tmp"];

/// The machine's own system under an overlay, with systemd as its first process.
#[derive(Debug)]
pub struct SystemdHost {
    init: u32,
    upper: PathBuf,
    // Dropped in this order, behind the death of `init`.
    runner: Runner,
    _nspawn: Owned,
    _cgroups: Branch,
}

impl SystemdHost {
    /// Boots a host on the network of a lab's, which sees these folders of the machine where they
    /// are, and waits until systemd takes commands. It is a host of its own: with its own name and
    /// machine id, and packages may start what they install.
    ///
    /// # Errors
    /// When it does not boot in a minute, with what it printed.
    pub fn boot(lab: &Host, folders: &[PathBuf]) -> Result<Self> {
        let folder = lab.path().join("systemd");
        let log = folder.join("console.log");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {folder:?}"))?;
        let cgroups = Branch::create()?;
        // It makes cgroups at once, and must have been moved to where they are to be.
        let mut command = Command::new("sh");
        command.args(["-c", "read moved && exec \"$@\" < /dev/null", "sh", "systemd-nspawn"]);
        command.args([
            "--quiet",
            "--boot",
            "--register=no",
            "--keep-unit",
            "--capability=all",
            "--link-journal=no",
        ]);
        command.arg(format!("--directory={}", folder.join("root").display()));
        command.arg(format!("--network-namespace-path={}", lab.netns().path().display()));
        command.arg(format!("--machine={}", lab.name()));
        command.args(folders.iter().map(|folder| format!("--bind-ro={}", folder.display())));
        let out = fs::File::create(&log).with_context(|| format!("cannot make {log:?}"))?;
        command.stdin(Stdio::piped()).stderr(out.try_clone()?).stdout(out);
        let mut child = spawn_with_root(&folder, lab, command)?;
        let (pid, input) = (child.id(), child.stdin.take());
        let nspawn = Owned::new(child);
        cgroups.enter(pid)?;
        input.context("nspawn has no standard input")?.write_all(b"\n")?;

        let deadline = Instant::now() + TIMEOUT;
        let late = || {
            anyhow!(
                "systemd did not boot; it said:\n{}",
                fs::read_to_string(&log).unwrap_or_default()
            )
        };
        let init = loop {
            match first_child(pid) {
                Some(init) if is_systemd(init) => break init,
                _ if Instant::now() > deadline => return Err(late()),
                _ => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let runner = Runner::new(init, folder.join("logs"))?;
        let upper = folder.join(UPPER);
        let host = Self { init, upper, runner, _nspawn: nspawn, _cgroups: cgroups };
        while host.exec(&["systemctl", "is-active", "lab.target"]).is_err() {
            if Instant::now() > deadline {
                return Err(late());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(host)
    }

    /// Starts a program beside systemd.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(&self, words: &[&str]) -> Result<Process> {
        let (program, args) = words.split_first().context("a command without a program")?;
        self.runner.spawn(Command::new(program).args(args))
    }

    /// Runs a program to its end and returns what it printed.
    ///
    /// # Errors
    /// When it fails or takes longer than a minute, with all that it said.
    pub fn exec(&self, words: &[&str]) -> Result<String> {
        Runner::finish(&self.spawn(words)?, &format!("{words:?}"))
    }

    /// A property of a unit, such as `MainPID`.
    ///
    /// # Errors
    /// When systemctl fails.
    pub fn property(&self, unit: &str, name: &str) -> Result<String> {
        let text = self.exec(&["systemctl", "show", "--value", "--property", name, unit])?;
        Ok(text.trim().to_owned())
    }

    /// Waits until a property of a unit is as it should be, and returns it.
    ///
    /// # Errors
    /// When it is not in a minute, with the unit's log.
    pub fn wait_for(
        &self,
        unit: &str,
        name: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<String> {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let value = self.property(unit, name)?;
            if wanted(&value) {
                return Ok(value);
            }
            if Instant::now() > deadline {
                bail!("{name} of {unit} stays {value:?}; its log:\n{}", self.journal(unit));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until a unit runs again, with another main process, and returns its id.
    ///
    /// # Errors
    /// When it does not in a minute, with the unit's log.
    pub fn wait_for_main_pid_after(&self, unit: &str, last: &str) -> Result<String> {
        self.wait_for(unit, "ActiveState", |state| state == "active")
            .and_then(|_| self.wait_for(unit, "MainPID", |pid| pid != last && pid != "0"))?;
        // It is the main process before it is ready.
        self.wait_for(unit, "ActiveState", |state| state == "active")?;
        self.property(unit, "MainPID")
    }

    /// The id that a process has on the host.
    ///
    /// # Errors
    /// When it has ended.
    pub fn pid_inside(&self, pid: u32) -> Result<u32> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))
            .with_context(|| format!("no process {pid}"))?;
        let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
        let id = ids.and_then(|ids| ids.split_whitespace().last()).and_then(|id| id.parse().ok());
        id.with_context(|| format!("process {pid} has no id on the host"))
    }

    /// Where the machine sees a file of the host.
    #[must_use]
    pub fn path(&self, on_the_host: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.init)).join(on_the_host.trim_start_matches('/'))
    }

    /// The files and folders that are on the host by now and not on the machine, but for logs,
    /// caches, and what systemd and dpkg keep for themselves.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn added(&self) -> Result<Vec<PathBuf>> {
        let mut added = Vec::new();
        let mut folders = vec![PathBuf::from("/")];
        while let Some(folder) = folders.pop() {
            let of_the_host = self.upper.join(folder.strip_prefix("/")?);
            for entry in fs::read_dir(&of_the_host)
                .with_context(|| format!("cannot list {of_the_host:?}"))?
            {
                let entry = entry?;
                let path = folder.join(entry.file_name());
                if OTHERS.iter().any(|other| path.starts_with(other)) {
                    continue;
                }
                if path.symlink_metadata().is_err() {
                    added.push(path.clone());
                }
                if entry.file_type()?.is_dir() {
                    folders.push(path);
                }
            }
        }
        added.sort();
        Ok(added)
    }

    /// What a unit logged.
    #[must_use]
    pub fn journal(&self, unit: &str) -> String {
        self.exec(&["journalctl", "--no-pager", "--unit", unit])
            .unwrap_or_else(|error| format!("{error:#}"))
    }
}

impl Drop for SystemdHost {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("──── journal of pontoond:\n{}", self.journal("pontoond"));
        }
        if let Ok(init) = i32::try_from(self.init) {
            let _ended_already = kill(Pid::from_raw(init), Signal::SIGKILL);
        }
    }
}

/// Starts a program in a mount namespace of its own, with the overlay mounted at `root`.
fn spawn_with_root(folder: &Path, lab: &Host, mut command: Command) -> Result<Child> {
    let thread = || -> Result<Child> {
        unshare(CloneFlags::CLONE_NEWNS).context("cannot make a mount namespace")?;
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_PRIVATE | MsFlags::MS_REC, None::<&str>)
            .context("cannot make the mounts private")?;
        let [upper, work, root] = [UPPER, "work", "root"].map(|name| folder.join(name));
        for folder in [&upper, &work, &root] {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {folder:?}"))?;
        }
        let options = format!("lowerdir=/,upperdir={},workdir={}", upper.display(), work.display());
        mount(Some("overlay"), &root, Some("overlay"), MsFlags::empty(), Some(options.as_str()))
            .with_context(|| format!("cannot mount an overlay at {root:?}"))?;
        furnish(&root.join("etc/systemd/system"))?;
        for (file, text) in [("machine-id", lab.machine_id()), ("hostname", lab.name().to_string())]
        {
            fs::write(root.join("etc").join(file), format!("{text}\n"))
                .with_context(|| format!("cannot write /etc/{file}"))?;
        }
        for unwanted in UNWANTED {
            match fs::remove_file(root.join(unwanted)) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("cannot remove /{unwanted}"));
                }
                _ => {}
            }
        }
        command.spawn().context("cannot start systemd-nspawn: is systemd-container installed?")
    };
    let result = std::thread::scope(|scope| scope.spawn(thread).join());
    result.map_err(|_| anyhow!("the thread that mounts a root panicked"))?
}

/// Leaves nothing enabled of what the machine has installed.
fn furnish(units: &Path) -> Result<()> {
    for entry in fs::read_dir(units).with_context(|| format!("cannot list {units:?}"))?.flatten() {
        if entry.path().extension().is_some_and(|e| e == "wants" || e == "requires") {
            fs::remove_dir_all(entry.path())
                .with_context(|| format!("cannot remove {:?}", entry.path()))?;
        }
    }
    fs::write(units.join("lab.target"), TARGET).context("cannot write a target")?;
    let default = units.join("default.target");
    if default.symlink_metadata().is_ok() {
        fs::remove_file(&default).context("cannot replace the default target")?;
    }
    symlink("lab.target", &default).context("cannot set the default target")
}

fn first_child(pid: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

fn is_systemd(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "systemd")
}
