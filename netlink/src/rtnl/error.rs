//! What went wrong, and on what.

use std::fmt;
use std::io;

use nix::errno::Errno;

use crate::name::LinkName;
use crate::netns::NetnsError;
use crate::op::Op;

/// Why an operation was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpFailure {
    /// The kernel refused it.
    Kernel {
        /// Its error number.
        errno: Errno,
        /// Its explanation (the extended acknowledgement), when it gave one.
        message: Option<String>,
    },
    /// It names a device that does not exist in the namespace.
    NoDevice(LinkName),
    /// It was not sent, or its outcome is not known: the socket failed.
    Transport(Errno),
    /// It was not sent, since an operation before it failed.
    NotTried,
}

/// An operation that failed, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct OpError {
    /// The operation.
    pub op: Box<Op>,
    /// Why it failed.
    pub failure: OpFailure,
}

impl OpError {
    pub(crate) fn new(op: &Op, failure: OpFailure) -> Self {
        Self { op: Box::new(op.clone()), failure }
    }

    /// The error number; that of a device which is not there is `ENODEV`.
    #[must_use]
    pub fn errno(&self) -> Errno {
        match self.failure {
            OpFailure::Kernel { errno, .. } | OpFailure::Transport(errno) => errno,
            OpFailure::NoDevice(_) => Errno::ENODEV,
            OpFailure::NotTried => Errno::ECANCELED,
        }
    }

    /// What was to be made is there already.
    #[must_use]
    pub fn is_exists(&self) -> bool {
        self.errno() == Errno::EEXIST
    }

    /// What was to be changed or deleted is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(
            self.errno(),
            Errno::ENOENT | Errno::ESRCH | Errno::ENODEV | Errno::ENXIO | Errno::EADDRNOTAVAIL
        )
    }

    /// A device that it names is not there.
    #[must_use]
    pub fn is_no_device(&self) -> bool {
        matches!(self.errno(), Errno::ENODEV | Errno::ENXIO)
    }

    fn likely_cause(&self) -> Option<&'static str> {
        match (&*self.op, self.errno()) {
            (_, Errno::EPERM) => Some("the process lacks CAP_NET_ADMIN in the namespace"),
            (Op::AddRoute(_) | Op::ReplaceRoute(_), Errno::ENETUNREACH | Errno::EHOSTUNREACH) => {
                Some("the gateway is on no link of the device, and the route is not onlink")
            }
            (Op::AddRoute(_) | Op::ReplaceRoute(_), Errno::ENETDOWN) => Some("the device is down"),
            (Op::CreateVxlan(_), Errno::EEXIST) => {
                Some("a device of this name, or of this VNI and port, exists")
            }
            (Op::CreateBridge(_) | Op::CreateVeth(_) | Op::CreateVxlan(_), Errno::EOPNOTSUPP) => {
                Some("the kernel lacks this type of device, or one of the settings")
            }
            (_, Errno::EACCES | Errno::EOPNOTSUPP) => {
                Some("IPv6 is switched off on the device or in the kernel")
            }
            _ => None,
        }
    }
}

impl fmt::Display for OpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {:?}: ", self.op.to_string())?;
        match &self.failure {
            OpFailure::Kernel { errno, message } => {
                f.write_str(errno.desc())?;
                if let Some(message) = message {
                    write!(f, ": {message}")?;
                }
            }
            OpFailure::NoDevice(name) => write!(f, "there is no device {name}")?,
            OpFailure::Transport(errno) => {
                write!(f, "the netlink socket failed: {}", errno.desc())?
            }
            OpFailure::NotTried => f.write_str("not tried after an earlier failure")?,
        }
        match self.likely_cause() {
            Some(cause) => write!(f, " ({cause})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for OpError {}

/// A batch that was not carried out in full.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchError {
    /// The place of the first operation that failed, from 0.
    pub index: usize,
    /// That operation, and why it failed.
    pub error: OpError,
    /// How many others failed or were not tried.
    pub others: usize,
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "operation {}: {}", self.index, self.error)?;
        if self.others > 0 {
            write!(f, " [{} others failed or were not tried]", self.others)?;
        }
        Ok(())
    }
}

impl std::error::Error for BatchError {}

/// Why a connection could not be opened or a question not be answered.
#[derive(Debug, thiserror::Error)]
pub enum RtnlError {
    /// The namespace cannot be used.
    #[error(transparent)]
    Netns(#[from] NetnsError),
    /// The socket failed.
    #[error("cannot {doing}: {source}")]
    Socket {
        /// What was tried.
        doing: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// The kernel refused the question.
    #[error("cannot {asking}: {}{}", .errno.desc(), .message.as_ref().map(|m| format!(": {m}")).unwrap_or_default())]
    Refused {
        /// What was asked.
        asking: String,
        /// Its error number.
        errno: Errno,
        /// Its explanation, when it gave one.
        message: Option<String>,
    },
    /// The tables changed under every one of several dumps.
    #[error(
        "cannot {asking}: the kernel's tables kept changing while they were read ({attempts} attempts)"
    )]
    Unstable {
        /// What was asked.
        asking: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// An operation failed.
    #[error(transparent)]
    Batch(#[from] BatchError),
}

impl RtnlError {
    /// Whether the namespace does not exist (any more).
    #[must_use]
    pub fn is_gone_netns(&self) -> bool {
        matches!(self, Self::Netns(error) if error.is_gone())
    }

    /// Whether what was asked for is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        match self {
            Self::Refused { errno, .. } => {
                matches!(errno, Errno::ENOENT | Errno::ESRCH | Errno::ENODEV | Errno::ENXIO)
            }
            Self::Batch(batch) => batch.error.is_not_found(),
            _ => false,
        }
    }
}
