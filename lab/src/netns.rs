//! Network namespaces with a path, as runtimes make them for pods and as the lab makes them for hosts.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};

/// A network namespace that is kept alive by a bind mount, until [`Netns::remove`] or the end of its lab.
#[derive(Debug, Clone)]
pub struct Netns {
    path: PathBuf,
    file: Arc<File>,
}

impl Netns {
    /// Makes a new, empty namespace (its `lo` is down) and mounts it at a path that does not exist yet.
    ///
    /// # Errors
    /// When the process may not make namespaces or mounts, or the path exists.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        File::create_new(&path)
            .with_context(|| format!("cannot make {path:?} for a network namespace"))?;
        let made = on_a_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET)
                .context("the kernel refused a new network namespace")?;
            mount(
                Some("/proc/thread-self/ns/net"),
                &path,
                None::<&str>,
                MsFlags::MS_BIND,
                None::<&str>,
            )
            .with_context(|| format!("cannot mount a network namespace at {path:?}"))
        });
        match made {
            Ok(Ok(())) => Self::open(path),
            Ok(Err(error)) | Err(error) => {
                let _gone_already = fs::remove_file(&path);
                Err(error)
            }
        }
    }

    /// Opens the namespace that is mounted at a path.
    ///
    /// # Errors
    /// When there is nothing at the path.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let file = File::open(&path)
            .with_context(|| format!("cannot open the network namespace {path:?}"))?;
        Ok(Self { path, file: Arc::new(file) })
    }

    /// The path that programs such as `nsenter --net=` take.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs a function inside the namespace, on a thread that ends with it. A socket that it
    /// opens belongs to the namespace for good and can be used from any thread.
    ///
    /// # Errors
    /// When the namespace cannot be entered.
    pub fn run<T: Send>(&self, f: impl FnOnce() -> T + Send) -> Result<T> {
        on_a_thread(|| {
            setns(&self.file, CloneFlags::CLONE_NEWNET)
                .with_context(|| format!("cannot enter the network namespace {:?}", self.path))?;
            Ok(f())
        })?
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
    ///
    /// # Errors
    /// When the namespace is no longer mounted at its path.
    pub fn inode(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.ino())
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

fn on_a_thread<T: Send>(f: impl FnOnce() -> T + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("netns".into())
            .spawn_scoped(scope, f)
            .context("cannot start a thread for a network namespace")?;
        Ok(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}
