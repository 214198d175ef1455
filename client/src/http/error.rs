//! Why there is no answer.

use std::error::Error;
use std::io;
use std::time::Duration;

use pontoon_model::rest::ApiError;

use super::Address;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The daemon did not do it.
    #[error("{error}")]
    Refused {
        /// The status that HTTP has for it.
        status: u16,
        /// Why.
        error: ApiError,
    },
    /// Nobody listens there, or we may not speak to it.
    #[error("connecting to {address}: {error}; {}", hint(.error))]
    Absent {
        /// Where.
        address: String,
        /// What was said.
        error: io::Error,
    },
    /// The two sides could not agree on who they are.
    #[error(
        "{address} and this side do not trust each other: {error}; see api.cert and api.client-ca there, and the files given here"
    )]
    Untrusted {
        /// Where.
        address: String,
        /// What is wrong.
        error: String,
    },
    /// A file that is needed for the way there cannot be used.
    #[error("{path}: {problem}")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it; never what is in it.
        problem: String,
    },
    /// The connection ended before the answer did.
    #[error(
        "pontoond at {address} ended the connection without an answer: {error}; it was probably stopped or restarted: see `systemctl status pontoond`"
    )]
    Broken {
        /// Where.
        address: String,
        /// What ended it.
        error: String,
    },
    /// No answer in time.
    #[error("pontoond at {address} did not answer within {} s; it is overloaded or hangs: see `journalctl -u pontoond`", .patience.as_secs())]
    Silent {
        /// Where.
        address: String,
        /// How long it was waited for.
        patience: Duration,
    },
    /// An answer that cannot be read.
    #[error(
        "the answer of pontoond at {address} cannot be read: {error}; do both come from one version?"
    )]
    Undecodable {
        /// Where.
        address: String,
        /// What is wrong with it.
        error: serde_json::Error,
    },
}

impl HttpError {
    pub(super) fn absent(address: &Address, error: io::Error) -> Self {
        Self::Absent { address: address.to_string(), error }
    }

    pub(super) fn broken(
        address: &Address,
        error: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        let error = error.into();
        let mut said = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            said = format!("{said}: {cause}");
            source = cause.source();
        }
        // A server says so in its first answer only, behind the handshake.
        if said.contains("received fatal alert") {
            return Self::Untrusted { address: address.to_string(), error: said };
        }
        Self::Broken { address: address.to_string(), error: said }
    }

    pub(super) fn silent(address: &Address, patience: Duration) -> Self {
        Self::Silent { address: address.to_string(), patience }
    }

    pub(super) fn undecodable(address: &Address, error: serde_json::Error) -> Self {
        Self::Undecodable { address: address.to_string(), error }
    }

    /// What the daemon said, when it said something.
    #[must_use]
    pub fn refusal(&self) -> Option<&ApiError> {
        match self {
            Self::Refused { error, .. } => Some(error),
            _ => None,
        }
    }
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "pontoond is not running, or has its run folder elsewhere: see `systemctl status pontoond`"
        }
        io::ErrorKind::ConnectionRefused => {
            "pontoond has stopped, or does not listen there: see `systemctl status pontoond`"
        }
        io::ErrorKind::PermissionDenied => {
            "only root and the group that api.group names may use it: run this as root, or join the group"
        }
        _ => "see `systemctl status pontoond`",
    }
}
