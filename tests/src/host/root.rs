//! The private root of a runtime host, made from inside by its init process.
//!
//! It is the machine's own root file system under an overlay: all programs are there, and all that
//! is written stays in the host's folder. What must not be an overlay, since runtimes lay overlays
//! of their own upon it, is a folder bound to its place.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::{chdir, pivot_root, sethostname};

use super::spec::Spec;

/// Folders that start out empty.
const EMPTY: &[&str] = &["run", "var/lib/containerd", "var/lib/containers", "var/lib/cni", "tmp"];
const OLD_ROOT: &str = ".machine";

/// Moves the calling process, alone in its mount namespace, to the new root.
pub(super) fn enter(spec: &Spec) -> Result<()> {
    sethostname(&spec.hostname).context("cannot set the host's name")?;
    // Nothing mounted here is to be seen on the machine.
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_PRIVATE | MsFlags::MS_REC, None::<&str>)
        .context("cannot make the mounts private")?;
    let root = spec.folder.join("root");
    overlay(&spec.folder, &root)?;
    for folder in EMPTY {
        let source = spec.folder.join(folder.replace('/', "-"));
        make_folder(&source)?;
        bind(&source, &root.join(folder), MsFlags::empty())?;
    }
    for (source, target) in &spec.binds {
        bind(source, &root.join(target.strip_prefix("/")?), MsFlags::empty())?;
    }
    bind(Path::new("/dev"), &root.join("dev"), MsFlags::MS_REC)?;
    // Podman keeps its locks there.
    mount_fs("tmpfs", &root.join("dev/shm"), None)?;
    mount_fs("proc", &root.join("proc"), None)?;
    mount_fs("sysfs", &root.join("sys"), None)?;
    mount_cgroups(spec, &root.join("sys/fs/cgroup"))?;
    let old = root.join(OLD_ROOT);
    make_folder(&old)?;
    pivot_root(&root, &old).with_context(|| format!("cannot make {root:?} the root"))?;
    chdir("/").context("cannot go to the new root")?;
    let old = Path::new("/").join(OLD_ROOT);
    umount2(&old, MntFlags::MNT_DETACH).context("cannot leave the machine's root")?;
    // Runtimes mount namespaces below /run, and share them with their children.
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_SHARED | MsFlags::MS_REC, None::<&str>)
        .context("cannot share the mounts")?;
    fs::remove_dir(&old).context("cannot remove the place of the machine's root")
}

fn overlay(folder: &Path, target: &Path) -> Result<()> {
    let (upper, work) = (folder.join("upper"), folder.join("work"));
    for folder in [&upper, &work, &target.to_path_buf()] {
        make_folder(folder)?;
    }
    let options = format!("lowerdir=/,upperdir={},workdir={}", upper.display(), work.display());
    mount_fs("overlay", target, Some(&options))
}

/// The hierarchies as the host's cgroup namespace shows them.
fn mount_cgroups(spec: &Spec, target: &Path) -> Result<()> {
    if spec.unified_cgroups {
        return mount_fs("cgroup2", target, None);
    }
    mount_fs("tmpfs", target, None)?;
    let text = fs::read_to_string("/proc/self/cgroup").context("cannot read /proc/self/cgroup")?;
    let controllers = text.lines().filter_map(|line| line.split(':').nth(1));
    for controllers in controllers.filter(|c| !c.is_empty() && !c.starts_with("name=")) {
        let target = target.join(controllers);
        make_folder(&target)?;
        mount_fs("cgroup", &target, Some(controllers))?;
    }
    Ok(())
}

fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("cannot make {path:?}"))
}

fn bind(source: &Path, target: &Path, extra: MsFlags) -> Result<()> {
    if source.is_dir() {
        make_folder(target)?;
    } else {
        target.parent().map_or(Ok(()), make_folder)?;
        fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(target)
            .with_context(|| format!("cannot make {target:?}"))?;
    }
    mount(Some(source), target, None::<&str>, MsFlags::MS_BIND | extra, None::<&str>)
        .with_context(|| format!("cannot bind {source:?} to {target:?}"))
}

fn mount_fs(kind: &str, target: &Path, options: Option<&str>) -> Result<()> {
    mount(Some(kind), target, Some(kind), MsFlags::empty(), options)
        .with_context(|| format!("cannot mount {kind} at {target:?}"))
}
