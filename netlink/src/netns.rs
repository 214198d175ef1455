//! Network namespaces.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::sched::{CloneFlags, setns};
use nix::sys::stat::fstat;
use nix::sys::statfs::{NSFS_MAGIC, fstatfs};

const THREAD_NETNS: &str = "/proc/thread-self/ns/net";

/// What tells one network namespace from another while both live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NetnsId {
    /// The device number of the kernel's namespace file system.
    pub dev: u64,
    /// The namespace's inode in it; free for reuse once the namespace is gone.
    pub ino: u64,
}

impl fmt::Display for NetnsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "net:[{}]", self.ino)
    }
}

/// A handle on a network namespace, which lives as long as the handle does.
///
/// Two handles are equal when they are of the same namespace.
#[derive(Clone)]
pub struct Netns(Arc<Inner>);

struct Inner {
    file: OwnedFd,
    id: NetnsId,
    path: PathBuf,
}

/// Why a network namespace cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NetnsError {
    /// Nothing is at the path.
    #[error("network namespace {path:?} is gone: nothing is at this path")]
    Gone {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The path leads to something else.
    #[error("{path:?} is not a network namespace: {found}")]
    NotNetns {
        /// Where it was looked for.
        path: PathBuf,
        /// What is there.
        found: &'static str,
    },
    /// The kernel refused.
    #[error("cannot {doing} network namespace {path:?}: {source}")]
    Io {
        /// The step that failed.
        doing: &'static str,
        /// The namespace.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
}

impl NetnsError {
    /// Whether the namespace does not exist (any more), so that there is nothing to undo in it.
    ///
    /// The plain file that is left when a bind mount under `/run/netns` has been undone counts.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Gone { .. } | Self::NotNetns { .. })
    }
}

impl From<NetnsError> for io::Error {
    fn from(error: NetnsError) -> Self {
        let kind = match &error {
            NetnsError::Gone { .. } => io::ErrorKind::NotFound,
            NetnsError::NotNetns { .. } => io::ErrorKind::InvalidInput,
            NetnsError::Io { source, .. } => source.kind(),
        };
        Self::new(kind, error)
    }
}

impl Netns {
    /// Opens a namespace by its path, such as `/run/netns/blue` or `/proc/4711/ns/net`.
    ///
    /// # Errors
    /// [`NetnsError::Gone`] when there is nothing, [`NetnsError::NotNetns`] when there is
    /// something else (also a namespace of another type).
    pub fn open(path: impl AsRef<Path>) -> Result<Self, NetnsError> {
        let path = path.as_ref();
        // O_NONBLOCK: a FIFO in the place of a namespace must not hang the caller.
        let opened = File::options().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path);
        let file = opened.map_err(|source| match source.raw_os_error() {
            // The process may end between the opening of its /proc entry and ours.
            Some(nix::libc::ENOENT | nix::libc::ENOTDIR | nix::libc::ESRCH) => {
                NetnsError::Gone { path: path.to_owned() }
            }
            _ => NetnsError::Io { doing: "open", path: path.to_owned(), source },
        })?;
        Self::adopt(file.into(), path)
    }

    /// The namespace of the calling thread.
    ///
    /// # Errors
    /// When /proc is not mounted.
    pub fn current() -> Result<Self, NetnsError> {
        Self::open(THREAD_NETNS)
    }

    /// Makes a namespace that has no name and ends with the last handle or process in it.
    ///
    /// # Errors
    /// When the process lacks `CAP_SYS_ADMIN` in its user namespace.
    pub fn create() -> Result<Self, NetnsError> {
        on_a_thread(|| {
            nix::sched::unshare(CloneFlags::CLONE_NEWNET).map_err(|errno| NetnsError::Io {
                doing: "create a new",
                path: PathBuf::from(THREAD_NETNS),
                source: errno.into(),
            })?;
            Self::current()
        })
    }

    fn adopt(file: OwnedFd, path: &Path) -> Result<Self, NetnsError> {
        let io = |doing| {
            move |errno: nix::Error| NetnsError::Io {
                doing,
                path: path.to_owned(),
                source: errno.into(),
            }
        };
        let not_netns = |found| NetnsError::NotNetns { path: path.to_owned(), found };
        if fstatfs(&file).map_err(io("inspect"))?.filesystem_type() != NSFS_MAGIC {
            return Err(not_netns(
                "it is an ordinary file, as is left when the bind mount of a namespace has been undone",
            ));
        }
        if namespace_type(file.as_fd()).map_err(io("inspect"))? != nix::libc::CLONE_NEWNET {
            return Err(not_netns("it is a namespace of another type"));
        }
        let stat = fstat(&file).map_err(io("inspect"))?;
        let id = NetnsId { dev: stat.st_dev, ino: stat.st_ino };
        Ok(Self(Arc::new(Inner { file, id, path: path.to_owned() })))
    }

    /// What tells this namespace from all others.
    #[must_use]
    pub fn id(&self) -> NetnsId {
        self.0.id
    }

    /// The path it was opened by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Runs a function inside the namespace, on a thread that ends with it: no thread of the
    /// process is ever left in a wrong namespace. Costs a thread (30 µs on an idle machine, a millisecond on a busy one);
    /// a panic of the function goes on in the caller.
    ///
    /// # Errors
    /// When the namespace cannot be entered; the function has not run then.
    pub fn run<T: Send>(&self, f: impl FnOnce() -> T + Send) -> Result<T, NetnsError> {
        on_a_thread(|| {
            self.enter()?;
            Ok(f())
        })
    }

    /// Runs a function inside the namespace, on the calling thread: for the few microseconds
    /// that it takes to open a socket. A thread of its own costs 30 µs when the machine is idle
    /// and up to a millisecond when it is not, in the middle of attaching a pod.
    pub(crate) fn briefly<T>(&self, f: impl FnOnce() -> T) -> Result<T, NetnsError> {
        let home = File::open(THREAD_NETNS).map_err(|source| NetnsError::Io {
            doing: "open the thread's own",
            path: THREAD_NETNS.into(),
            source,
        })?;
        self.enter()?;
        let _return = Return { home: home.into() };
        Ok(f())
    }

    /// Moves the calling thread into the namespace, for good.
    fn enter(&self) -> Result<(), NetnsError> {
        setns(&self.0.file, CloneFlags::CLONE_NEWNET).map_err(|errno| NetnsError::Io {
            doing: "enter",
            path: self.0.path.clone(),
            source: errno.into(),
        })
    }
}

/// Brings the thread home when dropped, also when it unwinds.
struct Return {
    home: OwnedFd,
}

impl Drop for Return {
    fn drop(&mut self) {
        if let Err(errno) = setns(&self.home, CloneFlags::CLONE_NEWNET) {
            // The kernel has no reason to refuse. Should it, the thread would go on to configure
            // the node inside a pod. Nothing is lost by a restart of the daemon.
            tracing::error!(
                "cannot bring a thread back to its network namespace: {}; the process ends",
                errno.desc()
            );
            std::process::abort();
        }
    }
}

fn on_a_thread<T: Send>(f: impl FnOnce() -> Result<T, NetnsError> + Send) -> Result<T, NetnsError> {
    std::thread::scope(|scope| {
        let spawned = std::thread::Builder::new().name("netns".into()).spawn_scoped(scope, f);
        let thread = spawned.map_err(|source| NetnsError::Io {
            doing: "start a thread for the",
            path: PathBuf::from(THREAD_NETNS),
            source,
        })?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[allow(unsafe_code, reason = "NS_GET_NSTYPE has no safe wrapper")]
fn namespace_type(file: BorrowedFd<'_>) -> nix::Result<i32> {
    /// `_IO(0xb7, 3)` of linux/nsfs.h.
    const NS_GET_NSTYPE: nix::libc::Ioctl = 0xb703;
    // SAFETY: the descriptor is open, and this request takes no argument and writes no memory.
    nix::errno::Errno::result(unsafe { nix::libc::ioctl(file.as_raw_fd(), NS_GET_NSTYPE) })
}

impl PartialEq for Netns {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for Netns {}

impl fmt::Debug for Netns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Netns({} {:?})", self.0.id, self.0.path)
    }
}

impl fmt::Display for Netns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.path.display())
    }
}

impl AsFd for Netns {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.file.as_fd()
    }
}

impl AsRawFd for Netns {
    fn as_raw_fd(&self) -> RawFd {
        self.0.file.as_raw_fd()
    }
}
