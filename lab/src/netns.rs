//! Network namespaces with a path, as runtimes make them for pods and as the lab makes them for hosts.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

/// A network namespace that is kept alive by a bind mount, until [`Netns::remove`] or the end of its lab.
#[derive(Debug, Clone)]
pub struct Netns {
    path: PathBuf,
    handle: pontoon_netlink::Netns,
}

impl Netns {
    /// Makes a new, empty namespace (its `lo` is down) and mounts it at a path that does not exist yet.
    ///
    /// # Errors
    /// When the process may not make namespaces or mounts, or the path exists.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let handle = pontoon_netlink::Netns::create()?;
        File::create_new(&path)
            .with_context(|| format!("cannot make {path:?} for a network namespace"))?;
        let source = format!("/proc/self/fd/{}", handle.as_raw_fd());
        mount(Some(source.as_str()), &path, None::<&str>, MsFlags::MS_BIND, None::<&str>)
            .with_context(|| format!("cannot mount a network namespace at {path:?}"))?;
        Ok(Self { path, handle })
    }

    /// Opens the namespace that is mounted at a path.
    ///
    /// # Errors
    /// When there is nothing at the path, or something else.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        Ok(Self { handle: pontoon_netlink::Netns::open(&path)?, path })
    }

    /// The path that programs such as `nsenter --net=` take.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The handle that netlink connections are opened by.
    #[must_use]
    pub fn handle(&self) -> &pontoon_netlink::Netns {
        &self.handle
    }

    /// Runs a function inside the namespace, on a thread that ends with it. A socket that it
    /// opens belongs to the namespace for good and can be used from any thread.
    ///
    /// # Errors
    /// When the namespace cannot be entered.
    pub fn run<T: Send>(&self, f: impl FnOnce() -> T + Send) -> Result<T> {
        Ok(self.handle.run(f)?)
    }

    /// Runs a program inside the namespace to its end.
    ///
    /// # Errors
    /// When it cannot be started. A program that fails is no error here.
    pub fn output(&self, command: &mut Command) -> Result<Output> {
        let name = command.get_program().to_owned();
        self.run(|| command.stdin(Stdio::null()).output())?
            .with_context(|| format!("cannot run {name:?}: is it installed?"))
    }

    /// Writes a kernel setting of the namespace, such as `net.ipv4.ip_forward`.
    ///
    /// # Errors
    /// When there is no such setting, or the kernel refuses the value.
    pub fn set_sysctl(&self, name: &str, value: &str) -> Result<()> {
        let path = Path::new("/proc/sys").join(name.replace('.', "/"));
        self.run(|| fs::write(&path, value))?
            .with_context(|| format!("cannot set {name} to {value:?}"))
    }

    /// The namespace's inode, which `/proc/PID/ns/net` shows too.
    #[must_use]
    pub fn inode(&self) -> u64 {
        self.handle.id().ino
    }

    /// Undoes the mount and removes the path. The namespace ends with its last process and handle.
    ///
    /// # Errors
    /// When it is not mounted.
    pub fn remove(self) -> Result<()> {
        umount2(&self.path, MntFlags::MNT_DETACH)
            .with_context(|| format!("cannot unmount the network namespace {:?}", self.path))?;
        fs::remove_file(&self.path).with_context(|| format!("cannot remove {:?}", self.path))
    }
}
