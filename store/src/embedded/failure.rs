//! Why a step on the database failed, and what that means for the person who runs the host.

use std::io::{self, ErrorKind};
use std::path::Path;

use crate::{Error, Fault};

pub(super) type Outcome<T> = std::result::Result<T, Failure>;

/// Why a step on the tables failed: for a reason of the database, or one that the caller is to see as it is.
#[derive(Debug)]
pub(super) enum Failure {
    Database(redb::Error),
    Io(io::Error),
    Store(Error),
    /// The file is sound, but not for this version or this program. What it is, and what to do.
    Foreign(String, &'static str),
    /// redb panicked, with these words.
    Panic(String),
}

impl Failure {
    pub(super) fn corrupt(cause: impl Into<String>) -> Self {
        Self::Database(redb::Error::Corrupted(cause.into()))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

macro_rules! database_failures {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::Database(error.into())
            }
        }
    )*};
}
database_failures!(
    redb::CommitError,
    redb::DatabaseError,
    redb::StorageError,
    redb::TableError,
    redb::TransactionError
);

const CORRUPT: &str = "move the file away and start again: nodes, pods and leases are written anew, services must be \
                       applied again";
const LOCKED: &str =
    "another pontoond runs on this host; stop it first (fuser shows its process id)";

/// Says what a failure means.
pub(super) fn explain(path: &Path, operation: &str, failure: Failure) -> Error {
    let fault = |cause: String, hint: &str| {
        Box::new(Fault {
            target: path.display().to_string(),
            operation: operation.to_owned(),
            cause,
            hint: Some(hint.to_owned()),
        })
    };
    match failure {
        Failure::Store(error) => error,
        Failure::Io(error) | Failure::Database(redb::Error::Io(error)) => explain_io(&error, fault),
        Failure::Database(error @ redb::Error::DatabaseAlreadyOpen) => {
            Error::Locked(fault(error.to_string(), LOCKED))
        }
        Failure::Database(error @ (redb::Error::PreviousIo | redb::Error::DatabaseClosed)) => {
            Error::Unavailable(fault(error.to_string(), "it is opened again on the next call"))
        }
        Failure::Database(error) => Error::Corrupt(fault(error.to_string(), CORRUPT)),
        Failure::Foreign(cause, hint) => Error::Invalid(fault(cause, hint)),
        Failure::Panic(said) => Error::Corrupt(fault(
            format!("the database library stumbled over its content: {said}"),
            CORRUPT,
        )),
    }
}

fn explain_io(error: &io::Error, fault: impl Fn(String, &str) -> Box<Fault>) -> Error {
    let cause = error.to_string();
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            Error::Full(fault(
                cause,
                "free some space on that file system; nothing was changed and reads go on",
            ))
        }
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof | ErrorKind::InvalidInput => {
            Error::Corrupt(fault(cause, CORRUPT))
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Error::PermissionDenied(
            fault(cause, "pontoond needs to write this file; check its owner, mode and mount"),
        ),
        ErrorKind::WouldBlock => {
            Error::Locked(fault("another process has it open".to_owned(), LOCKED))
        }
        ErrorKind::NotFound => {
            Error::Unavailable(fault(cause, "make the folder that it is to be in"))
        }
        ErrorKind::IsADirectory | ErrorKind::NotADirectory => {
            Error::Invalid(fault(cause, "the path of the embedded store must be a file"))
        }
        _ => Error::Unavailable(fault(cause, "look in dmesg for errors of the disk")),
    }
}
