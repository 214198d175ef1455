//! Why the daemon does not run: what it left behind, and what it and systemd say when they are asked.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::stat::{major, minor};
use pontoon_model::files::{LAST_WORDS, LOCK, daemon_places};

use super::Reason;
use crate::facts::host::has_hosts_network;
use crate::facts::root::Root;
use crate::facts::setup::{CONFIG, Setup};

/// `EX_CONFIG` of sysexits.h, with which the daemon refuses its configuration.
const BAD_CONFIGURATION: i32 = 78;

impl Reason {
    /// Finds out what can be found out. The program is only asked whether its configuration is good.
    #[must_use]
    pub fn find(root: &Root, setup: &Setup, config: Option<&Path>) -> Self {
        let run = &setup.paths.run;
        let mut reason = Self {
            file: config.unwrap_or_else(|| Path::new(CONFIG)).display().to_string(),
            failure: root.value(run.join(LAST_WORDS)).filter(|words| !words.is_empty()),
            locked: is_locked(root, &run.join(LOCK)),
            ..Self::default()
        };
        if !root.is_live() {
            return reason;
        }
        match program() {
            Some(program) => reason.configuration = faults(&program, config),
            None => reason.missing = true,
        }
        if has_hosts_network(root) {
            reason.unit = unit();
        }
        reason
    }
}

/// The program beside this one, or wherever it is.
fn program() -> Option<PathBuf> {
    let own = std::env::current_exe().ok();
    let path = std::env::var_os("PATH").unwrap_or_default();
    daemon_places(own.as_deref(), &path).find(|place| place.is_file())
}

/// What the daemon says of its configuration, a line a fault.
fn faults(program: &Path, config: Option<&Path>) -> Vec<String> {
    let mut command = Command::new(program);
    command.arg("--check-config");
    if let Some(config) = config {
        command.arg("--config").arg(config);
    }
    let output = command.output().ok().filter(|o| o.status.code() == Some(BAD_CONFIGURATION));
    let said = output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
    let file = format!("{}: ", config.unwrap_or_else(|| Path::new(CONFIG)).display());
    // The first line says only that something is wrong; the file is named once for all.
    let lines = said.iter().flat_map(|said| said.lines().skip(1)).map(str::trim);
    lines.map(|line| line.strip_prefix(&file).unwrap_or(line).to_owned()).collect()
}

/// Whether a process holds a lock on a file, without taking it from who may want it now: the kernel's
/// list has lines such as `1: FLOCK  ADVISORY  WRITE 4711 00:19:42 0 EOF`.
fn is_locked(root: &Root, file: &Path) -> bool {
    let (Some(locks), Ok(found)) = (root.value("proc/locks"), fs::metadata(root.path(file))) else {
        return false;
    };
    let device = found.dev();
    let id = format!("{:02x}:{:02x}:{}", major(device), minor(device), found.ino());
    locks.lines().any(|line| line.split_whitespace().any(|word| word == id))
}

/// What systemd says of the unit, where it has it.
fn unit() -> Option<String> {
    let mut command = Command::new("systemctl");
    command.args(["show", "--property=LoadState,ActiveState,SubState,Result", "pontoond.service"]);
    let output = command.output().ok().filter(|output| output.status.success())?;
    described(&String::from_utf8_lossy(&output.stdout))
}

fn described(properties: &str) -> Option<String> {
    let property = |name: &str| {
        let mut lines = properties.lines().filter_map(|line| line.split_once('='));
        lines.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    if property("LoadState")? != "loaded" {
        return None;
    }
    let detail = property("Result").filter(|result| !["success", ""].contains(result));
    let detail = detail.or_else(|| property("SubState"))?;
    Some(format!("{} ({detail})", property("ActiveState")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_told_by_its_state_and_by_what_ended_it() {
        let of = |load: &str, active: &str, sub: &str, result: &str| {
            described(&format!(
                "LoadState={load}\nActiveState={active}\nSubState={sub}\nResult={result}\n"
            ))
        };
        assert_eq!(of("loaded", "failed", "failed", "signal").as_deref(), Some("failed (signal)"));
        assert_eq!(of("loaded", "inactive", "dead", "success").as_deref(), Some("inactive (dead)"));
        assert_eq!(of("not-found", "inactive", "dead", "success"), None);
        assert_eq!(described(""), None);
    }

    #[test]
    fn what_a_daemon_left_says_why_it_ended_or_that_it_runs() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path());
        let setup = Setup::default();
        let run = folder.path().join("run/pontoon");
        fs::create_dir_all(&run).unwrap();
        let nothing = Reason::find(&root, &setup, None);
        assert_eq!(nothing, Reason { file: CONFIG.to_owned(), ..Reason::default() });
        fs::write(run.join(LAST_WORDS), "the node name is taken\n").unwrap();
        let ended = Reason::find(&root, &setup, None);
        assert_eq!(ended.failure.as_deref(), Some("the node name is taken"));

        let lock = fs::File::create(run.join(LOCK)).unwrap();
        fs::create_dir(folder.path().join("proc")).unwrap();
        let locks = || fs::copy("/proc/locks", folder.path().join("proc/locks"));
        let locked = || locks().map(|_| Reason::find(&root, &setup, None).locked);
        assert!(!locked().unwrap());
        lock.lock().unwrap();
        assert!(locked().unwrap());
    }
}
