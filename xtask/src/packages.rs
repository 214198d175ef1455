//! Programs that a fresh Debian lacks, and the packages that bring them.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::shell::{heading, on_path};

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Build,
    Packages,
    Demo,
    Tests,
}

impl Purpose {
    /// Everything begins with a build, and tests are of everything.
    fn includes(self, part: Self) -> bool {
        self == part || part == Self::Build || self == Self::Tests
    }
}

/// A file that has to be there, and the Debian package that brings it.
struct Need {
    /// A program's name, or a path from the root.
    file: &'static str,
    package: &'static str,
    purpose: Purpose,
}

const fn need(purpose: Purpose, file: &'static str, package: &'static str) -> Need {
    Need { file, package, purpose }
}

const NEEDS: &[Need] = &[
    need(Purpose::Build, "cc", "gcc"),
    need(Purpose::Build, "/usr/include/stdio.h", "libc6-dev"),
    need(Purpose::Packages, "dpkg-shlibdeps", "dpkg-dev"),
    need(Purpose::Demo, "ip", "iproute2"),
    need(Purpose::Demo, "nft", "nftables"),
    need(Purpose::Demo, "etcd", "etcd-server"),
    need(Purpose::Tests, "etcdctl", "etcd-client"),
    need(Purpose::Tests, "protoc", "protobuf-compiler"),
    need(Purpose::Tests, "/usr/include/google/protobuf/descriptor.proto", "libprotobuf-dev"),
    need(Purpose::Tests, "/usr/lib/cni/bridge", "containernetworking-plugins"),
    need(Purpose::Tests, "containerd", "containerd"),
    need(Purpose::Tests, "runc", "runc"),
    need(Purpose::Tests, "podman", "podman"),
    need(Purpose::Tests, "crun", "crun"),
    need(Purpose::Tests, "nginx", "nginx-light"),
    need(Purpose::Tests, "curl", "curl"),
    need(Purpose::Tests, "openssl", "openssl"),
    need(Purpose::Tests, "redis-server", "redis-server"),
    need(Purpose::Tests, "iperf3", "iperf3"),
    need(Purpose::Tests, "iptables", "iptables"),
    need(Purpose::Tests, "conntrack", "conntrack"),
    need(Purpose::Tests, "ethtool", "ethtool"),
    need(Purpose::Tests, "systemd-nspawn", "systemd-container"),
    need(Purpose::Tests, "musl-gcc", "musl-tools"),
    need(Purpose::Tests, "gccgo", "gccgo"),
    need(Purpose::Tests, "/usr/bin/python3", "python3"),
    need(Purpose::Tests, "vagrant", "vagrant"),
    need(Purpose::Tests, "prometheus", "prometheus"),
];

/// Makes sure that everything is there that a purpose needs: installs it when root, and otherwise
/// says which command does.
pub(crate) fn provide(purpose: Purpose) -> Result<()> {
    let packages = missing(purpose, |file| {
        if file.starts_with('/') { Path::new(file).exists() } else { on_path(file).is_some() }
    });
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    let by_hand = format!("apt-get update && apt-get install --no-install-recommends {list}");
    if on_path("apt-get").is_none() {
        bail!(
            "this machine lacks what these Debian packages bring: {list}; install it by its own means"
        );
    }
    if !is_root()? {
        bail!("this machine lacks {list}; install it and come back:\n  sudo sh -c '{by_hand}'");
    }
    heading(&format!("installing {list}"));
    apt(&["update", "-qq"]).and_then(|()| {
        let _no_daemons = NoDaemons::new();
        let install =
            ["install", "-qq", "-y", "--no-install-recommends", "-o", "Dpkg::Progress-Fancy=1"];
        apt(&[&install[..], &packages[..]].concat())
    })
}

/// Packages that tests install on hosts of their own: firewalls, which would be in force on this machine from
/// its next boot on.
const FOR_HOSTS: [&str; 2] = ["ufw", "firewalld"];

/// Fetches them, and what they need and this machine has not, into a folder, unless they are there.
pub(crate) fn fetch_for_hosts(to: &Path) -> Result<()> {
    let has = |package: &str| {
        let files = std::fs::read_dir(to).into_iter().flatten().flatten();
        let prefix = format!("{package}_");
        files.map(|file| file.file_name()).any(|name| name.to_string_lossy().starts_with(&prefix))
    };
    if FOR_HOSTS.into_iter().all(has) || on_path("apt-get").is_none() || !is_root()? {
        return Ok(());
    }
    heading(&format!("fetching {}", FOR_HOSTS.join(" ")));
    std::fs::create_dir_all(to.join("partial")).with_context(|| format!("cannot make {to:?}"))?;
    let archives = format!("Dir::Cache::archives={}", to.display());
    let fetch =
        ["install", "-qq", "-y", "--no-install-recommends", "--download-only", "-o", &archives];
    let fetch = [&fetch[..], &FOR_HOSTS].concat();
    apt(&fetch).or_else(|_| apt(&["update", "-qq"]).and_then(|()| apt(&fetch)))
}

/// The packages that bring what is not there, each once.
fn missing(purpose: Purpose, is_there: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let wanted = NEEDS.iter().filter(|need| purpose.includes(need.purpose));
    wanted.filter(|need| !is_there(need.file)).map(|need| need.package).collect()
}

fn apt(args: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command
        .args(args)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let status = command.status().context("cannot start apt-get")?;
    if !status.success() {
        bail!("`apt-get {}` failed with {status}", args.join(" "));
    }
    Ok(())
}

/// While it lives, packages that are installed do not start their daemons: the lab starts its own
/// etcd, and a developer's machine need not serve nginx.
struct NoDaemons(Option<&'static Path>);

impl NoDaemons {
    fn new() -> Self {
        // invoke-rc.d(8) asks it; 101 forbids every action.
        let policy = Path::new("/usr/sbin/policy-rc.d");
        let ours = !policy.exists()
            && std::fs::write(policy, "#!/bin/sh\nexit 101\n").is_ok()
            && executable(policy);
        Self(ours.then_some(policy))
    }
}

fn executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).is_ok()
}

impl Drop for NoDaemons {
    fn drop(&mut self) {
        if let Some(policy) = self.0 {
            let _already_removed = std::fs::remove_file(policy);
        }
    }
}

/// Whether this process may install packages.
pub(crate) fn is_root() -> Result<bool> {
    let output = Command::new("id").arg("-u").output().context("cannot start `id`")?;
    Ok(output.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn the_demo_needs_little() {
        let all = missing(Purpose::Demo, |_| false);
        assert_eq!(all, ["gcc", "libc6-dev", "iproute2", "nftables", "etcd-server"]);
        assert_eq!(missing(Purpose::Demo, |file| file != "nft"), ["nftables"]);
        assert_eq!(missing(Purpose::Packages, |_| false), ["gcc", "libc6-dev", "dpkg-dev"]);
        assert!(missing(Purpose::Tests, |_| true).is_empty());
    }
}
