//! Why a transaction or a listing failed.

use std::fmt;
use std::io;

/// Why a [`Batch`](super::Batch) changed nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// The kernel refused some of the changes, and so made none.
    #[error("nf_tables refused the transaction, nothing was changed: {}", Refusals(.0))]
    Refused(Vec<Refusal>),
    /// The kernel refused the transaction as a whole.
    #[error("nf_tables refused the transaction as a whole, nothing was changed: {error}{}", hint(.error, None))]
    RefusedAll {
        /// What the kernel said.
        error: io::Error,
    },
    /// Somebody changed the ruleset since the generation that the batch was made for.
    #[error(
        "the ruleset is no longer at generation {expected}, nothing was changed: read it again and retry"
    )]
    StaleGeneration {
        /// The generation that the caller named.
        expected: u32,
    },
    /// The transaction does not fit one datagram.
    #[error(
        "a transaction of {needed} bytes is more than the {limit} that this process may send at once; raise \
         net.core.wmem_max, grant CAP_NET_ADMIN in the initial user namespace, or split it"
    )]
    TooLarge {
        /// Bytes of the batch.
        needed: usize,
        /// Bytes that may be sent.
        limit: usize,
    },
    /// Some attribute is longer than 65,535 bytes: a rule of thousands of expressions, or a name or
    /// comment of that length.
    #[error("a rule, name or comment in the transaction is too long to be encoded")]
    Unencodable,
    /// The socket failed.
    #[error("cannot talk to nf_tables over netlink: {0}")]
    Socket(#[from] io::Error),
}

impl CommitError {
    /// The first object that the kernel refused has an error number.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Refused(refusals) => {
                refusals.first().and_then(|first| first.error.raw_os_error())
            }
            Self::RefusedAll { error } | Self::Socket(error) => error.raw_os_error(),
            Self::StaleGeneration { .. } | Self::TooLarge { .. } | Self::Unencodable => None,
        }
    }
}

/// One change that the kernel refused.
#[derive(Debug)]
pub struct Refusal {
    /// Which change of the batch, from 0 on. Elements of one call count as one or more.
    pub position: usize,
    /// The change, as nft would write it.
    pub change: String,
    /// What the kernel said.
    pub error: io::Error,
    /// The kernel's own words beyond the number, if any.
    pub text: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.change, self.error)?;
        if let Some(text) = &self.text {
            write!(f, " ({text})")?;
        }
        f.write_str(hint(&self.error, Some(&self.change)))
    }
}

/// The first refusals in full, the number of the rest.
struct Refusals<'a>(&'a [Refusal]);

impl fmt::Display for Refusals<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 3;
        for (index, refusal) in self.0.iter().take(SHOWN).enumerate() {
            let separator = if index > 0 { "; " } else { "" };
            write!(f, "{separator}{refusal}")?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

/// The likely cause, where a number has one.
fn hint(error: &io::Error, change: Option<&str>) -> &'static str {
    let is_delete = change.is_some_and(|change| change.starts_with("delete"));
    match error.raw_os_error() {
        Some(nix::libc::EPERM) => ": this needs CAP_NET_ADMIN in the network namespace",
        Some(nix::libc::ENOENT) if is_delete => ": it does not exist",
        Some(nix::libc::ENOENT) => ": it names a table, chain or set that does not exist",
        Some(nix::libc::EEXIST) => ": it exists with other data or in another shape",
        Some(nix::libc::EBUSY) if is_delete => ": something still refers to it",
        Some(nix::libc::EBUSY) => ": it exists with other data; delete it first",
        Some(nix::libc::ENFILE) => ": the set is full",
        Some(nix::libc::EOPNOTSUPP) => ": this kernel lacks a feature that it needs",
        _ => "",
    }
}

/// Why the ruleset could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// The socket failed, or the kernel refused.
    #[error("cannot list {what}: {error}")]
    Refused {
        /// What was asked for.
        what: String,
        /// What the kernel said.
        error: io::Error,
    },
    /// The ruleset changed under every attempt to read it.
    #[error(
        "cannot list {what}: another program kept changing the ruleset through {attempts} attempts"
    )]
    Unstable {
        /// What was asked for.
        what: String,
        /// Attempts made.
        attempts: u32,
    },
}
