//! The packages that `cargo xtask package` makes, with `true` in place of the programs.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Whether this machine has nothing to make packages with; says so.
fn skipped() -> bool {
    let there = Command::new("dpkg-shlibdeps").arg("--version").output().is_ok();
    if !there {
        eprintln!("skipped: needs dpkg-dev: `cargo xtask setup`");
    }
    !there
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Makes packages under a umask, and returns their folder.
fn make(umask: &str) -> TempDir {
    let from = tempfile::tempdir().unwrap();
    for folder in ["bin", "static", "man"] {
        fs::create_dir(from.path().join(folder)).unwrap();
    }
    for program in ["pontoond", "pontoon", "pontoon-cni", "pontoon-lab"] {
        for folder in ["bin", "static"] {
            fs::copy("/bin/true", from.path().join(folder).join(program)).unwrap();
        }
    }
    fs::write(from.path().join("man/pontoon.1"), ".TH pontoon 1\n").unwrap();
    let to = tempfile::tempdir().unwrap();
    let script = format!("umask {umask} && exec \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_xtask"), "package"]);
    command.arg("--from").arg(from.path()).arg("--to").arg(to.path().join("made"));
    // Where it lays packages out is no business of a test that runs beside it.
    command.env("CARGO_TARGET_DIR", from.path());
    output(&mut command);
    to
}

fn made(folder: &TempDir) -> BTreeMap<String, PathBuf> {
    let entries = fs::read_dir(folder.path().join("made")).unwrap().flatten();
    entries.map(|e| (e.file_name().into_string().unwrap(), e.path())).collect()
}

/// The package of that name.
fn deb(folder: &TempDir, name: &str) -> PathBuf {
    let (_, path) =
        made(folder).into_iter().find(|(f, _)| f.starts_with(&format!("{name}_"))).unwrap();
    path
}

fn field(deb: &Path, name: &str) -> String {
    output(Command::new("dpkg-deb").arg("--field").arg(deb).arg(name)).trim().to_owned()
}

/// Mode, owner and name of all that is in a package.
fn listing(deb: &Path) -> Vec<(String, String, String)> {
    let text = output(Command::new("dpkg-deb").arg("--contents").arg(deb));
    let words = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    words.map(|w| (w[0].to_owned(), w[1].to_owned(), w[5..].join(" "))).collect()
}

#[test]
fn the_same_sources_give_the_same_bytes_whatever_the_umask() {
    if skipped() {
        return;
    }
    let (one, two) = (make("022"), make("077"));
    let (first, second) = (made(&one), made(&two));
    assert_eq!(first.len(), 5, "{first:?}");
    assert!(first.keys().eq(second.keys()), "{first:?} {second:?}");
    for (name, file) in &first {
        assert!(fs::read(file).unwrap() == fs::read(&second[name]).unwrap(), "{name} differs");
    }
    output(
        Command::new("sha256sum")
            .args(["--check", "SHA256SUMS"])
            .current_dir(one.path().join("made")),
    );
}

#[test]
fn the_daemon_brings_its_plugin_of_the_same_version_and_asks_for_the_command() {
    if skipped() {
        return;
    }
    let folder = make("022");
    let daemon = deb(&folder, "pontoond");
    let version = field(&daemon, "Version");
    assert_eq!(version, concat!(env!("CARGO_PKG_VERSION"), "-1"));
    let depends = field(&daemon, "Depends");
    assert!(depends.contains(&format!("pontoon-cni (= {version})")), "{depends}");
    assert!(depends.contains("libc6 (>= "), "{depends}");
    assert!(field(&daemon, "Recommends").contains(&format!("pontoon (= {version})")));
    let plugin = deb(&folder, "pontoon-cni");
    assert_eq!((field(&plugin, "Depends"), field(&plugin, "Version")), (String::new(), version));
}

#[test]
fn everything_is_roots_and_secrets_are_not_for_others_to_read() {
    if skipped() {
        return;
    }
    let folder = make("077");
    for name in ["pontoond", "pontoon", "pontoon-cni"] {
        for (mode, owner, file) in listing(&deb(&folder, name)) {
            assert_eq!(owner, "root/root", "{file}");
            let wanted = match file.as_str() {
                "./etc/pontoon/pontoond.toml" => "-rw-------",
                "./var/lib/pontoon/" => "drwx------",
                _ if file.contains(" -> ") => "lrwxrwxrwx",
                _ if file.ends_with('/') => "drwxr-xr-x",
                "./usr/sbin/pontoond"
                | "./usr/bin/pontoon"
                | "./usr/libexec/pontoon/pontoon-lab"
                | "./usr/lib/cni/pontoon-cni" => "-rwxr-xr-x",
                _ => "-rw-r--r--",
            };
            assert_eq!(mode, wanted, "{name}: {file}");
        }
    }
}

#[test]
fn the_commands_package_has_the_lab_where_the_command_looks_for_it() {
    if skipped() {
        return;
    }
    let files = listing(&deb(&make("022"), "pontoon"));
    let lab = "./usr/libexec/pontoon/pontoon-lab";
    assert!(files.iter().any(|(_, _, file)| file == lab), "{files:?}");
}

#[test]
fn the_units_program_is_in_the_package() {
    if skipped() {
        return;
    }
    let folder = make("022");
    let daemon = deb(&folder, "pontoond");
    let tree = tempfile::tempdir().unwrap();
    output(Command::new("dpkg-deb").arg("--extract").arg(&daemon).arg(tree.path()));
    let unit = tree.path().join("usr/lib/systemd/system/pontoond.service");
    let unit = fs::read_to_string(unit).unwrap();
    let program = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let program = tree.path().join(program.trim_start_matches('/'));
    assert!(program.metadata().unwrap().permissions().mode() & 0o111 != 0, "{program:?}");
}

#[test]
fn the_tarball_installs_into_any_root() {
    if skipped() {
        return;
    }
    let folder = make("022");
    let tarball = made(&folder).into_values().find(|f| f.to_string_lossy().ends_with(".tar.gz"));
    let tree = tempfile::tempdir().unwrap();
    output(Command::new("tar").arg("-xf").arg(tarball.unwrap()).arg("-C").arg(tree.path()));
    let inner = fs::read_dir(tree.path()).unwrap().next().unwrap().unwrap().path();
    let root = tempfile::tempdir().unwrap();
    let install = |args: &[&str]| {
        let mut command = Command::new("sh");
        command.arg(inner.join("install.sh")).args(args).env("DESTDIR", root.path());
        output(&mut command)
    };
    let files = || {
        let mut find = Command::new("find");
        output(find.args([".", "-type", "f"]).current_dir(root.path()))
    };
    install(&[]);
    let installed = files();
    for file in [
        "./usr/local/bin/pontoond",
        "./usr/local/bin/pontoon",
        "./opt/cni/bin/pontoon-cni",
        "./etc/systemd/system/pontoond.service",
        "./usr/local/lib/sysctl.d/10-pontoon.conf",
        "./usr/local/share/man/man1/pontoon.1",
        "./usr/local/share/bash-completion/completions/pontoon",
    ] {
        assert!(installed.lines().any(|line| line == file), "{file} is not among {installed}");
    }
    install(&["--uninstall"]);
    assert_eq!(files(), "./etc/pontoon/pontoond.toml\n", "the configuration is kept");
}
