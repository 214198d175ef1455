//! The demo as people start it: it holds, for root and for an ordinary user, and leaves nothing
//! behind however it ends.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pontoon_lab::{binaries, folder, privilege};

fn unavailable() -> Option<String> {
    pontoon_lab::unavailable()
        .or_else(|| binaries::find("pontoond").err().map(|e| format!("{e:#}")))
}

/// The programs in a folder that every user can read.
fn programs() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["pontoond", "pontoon-cni", "pontoon"] {
        fs::copy(binaries::find(name).unwrap(), folder.path().join(name)).unwrap();
    }
    fs::copy(env!("CARGO_BIN_EXE_pontoon-lab"), folder.path().join("pontoon-lab")).unwrap();
    folder
}

fn pontoon_lab(programs: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(programs.join("pontoon-lab"));
    command.args(args).env("PONTOON_BIN", programs).stdin(Stdio::null());
    command
}

fn assert_holds(output: &Output) {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("64 of 64 connections arrived from the sender's own address"), "{text}");
    assert!(text.contains("2 of 2 endpoints answered 360 requests"), "{text}");
    let by_name = "http://web.default.svc.cluster.local/ was answered by ";
    for release in ["a-", "b-"] {
        assert!(text.contains(&format!("{by_name}{release}")), "{text}");
    }
    assert!(text.contains("10.96.0.1 and fd00:10:96::1 refused within"), "{text}");
    assert!(text.contains(" requests, 0 failed; the switch from blue to green took "), "{text}");
    assert!(text.contains("2 nodes reach each other by every way"), "{text}");
    assert!(text.contains("\ndelivered on host-"), "{text}");
    assert!(text.trim_end().ends_with("Everything holds."), "{text}");
}

fn labs_of(pid: u32) -> usize {
    folder::list().iter().filter(|(_, owner)| owner.pid == i32::try_from(pid).unwrap()).count()
}

#[test]
fn every_promise_holds_for_root() {
    if let Some(why) = unavailable() {
        eprintln!("skipped: {why}");
        return;
    }
    let programs = programs();
    let child = pontoon_lab(programs.path(), &["demo", "--hosts", "2"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id();
    assert_holds(&child.wait_with_output().unwrap());
    assert_eq!(labs_of(pid), 0);
}

#[test]
fn every_promise_holds_for_an_ordinary_user() {
    if let Some(why) = unavailable() {
        eprintln!("skipped: {why}");
        return;
    }
    if privilege::in_user_namespace() {
        eprintln!("skipped: already in a user namespace, so every promise was checked there");
        return;
    }
    let programs = programs();
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(programs.path().join("pontoon-lab"));
    command.args(["demo", "--hosts", "2"]).env("PONTOON_BIN", programs.path()).current_dir("/");
    assert_holds(&command.output().unwrap());
}

#[test]
fn an_interrupt_takes_the_lab_away() {
    if let Some(why) = unavailable() {
        eprintln!("skipped: {why}");
        return;
    }
    let programs = programs();
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut demo = pontoon_lab(programs.path(), &["demo", "--hosts", "2"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        wait_for(|| labs_of(demo.id()) == 1);
        send(&demo, signal);
        assert_eq!(demo.wait().unwrap().code(), Some(128 + signal as i32));
        assert_eq!(labs_of(demo.id()), 0);
    }
}

#[test]
fn a_killed_demo_is_cleaned_up_by_the_next_lab() {
    if let Some(why) = unavailable() {
        eprintln!("skipped: {why}");
        return;
    }
    let programs = programs();
    let mut demo = pontoon_lab(programs.path(), &["demo", "--hosts", "2"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(|| labs_of(demo.id()) == 1);
    send(&demo, Signal::SIGKILL);
    demo.wait().unwrap();
    folder::reap();
    assert_eq!(labs_of(demo.id()), 0);
}

#[test]
fn a_kept_lab_outlives_its_maker_until_it_is_taken_down() {
    if let Some(why) = unavailable() {
        eprintln!("skipped: {why}");
        return;
    }
    let programs = programs();
    let kept = pontoon_lab(programs.path(), &["demo", "--hosts", "2", "--keep"]).output().unwrap();
    let text = String::from_utf8_lossy(&kept.stdout);
    assert!(kept.status.success(), "{text}{}", String::from_utf8_lossy(&kept.stderr));
    // The recipe works as it is printed.
    let looks: Vec<_> = text.lines().map(str::trim).filter(|l| l.starts_with("nsenter ")).collect();
    assert!(looks.len() >= 4, "{text}");
    let ruleset = looks.iter().find(|l| l.ends_with("nft list ruleset")).unwrap();
    let shown = Command::new("sh").args(["-c", ruleset]).output().unwrap();
    assert!(String::from_utf8_lossy(&shown.stdout).contains("table inet pontoon"), "{shown:?}");

    let path = text.split_whitespace().find(|word| word.starts_with(folder::ROOT)).unwrap();
    let lab =
        pontoon_lab::kept::list().into_iter().find(|lab| lab.folder == Path::new(path)).unwrap();
    lab.down().unwrap();
    assert!(!Path::new(path).exists());
}

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

fn wait_for(what: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !what() {
        assert!(Instant::now() < deadline, "it did not happen within 10 s");
        std::thread::sleep(Duration::from_millis(2));
    }
}
