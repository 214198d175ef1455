//! What etcd's answers and the transport's errors mean.

use std::error::Error as StdError;

use tonic::{Code, Status};

use super::hints::likely_reason;
use crate::{Error, Fault, LeaseId, Revision};

/// What to do about a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The endpoint cannot serve now; another one might.
    Away,
    /// There is no login, or it is over, or was made before the users changed. Log in again.
    LoginOver,
    /// etcd was asked for a user, but has authentication turned off.
    AuthenticationOff,
    /// Wrong user or password.
    Unauthenticated,
    PermissionDenied,
    Compacted,
    FutureRevision,
    LeaseNotFound,
    Full,
    Corrupt,
    Invalid,
}

pub(super) fn verdict(status: &Status) -> Verdict {
    let message = status.message();
    let says = |part: &str| message.contains(part);
    match status.code() {
        _ if says("revision of auth store is old")
            || says("invalid auth token")
            || says("user name is empty") =>
        {
            Verdict::LoginOver
        }
        _ if says("authentication is not enabled") => Verdict::AuthenticationOff,
        _ if says("authentication failed") || says("user name not found") => {
            Verdict::Unauthenticated
        }
        _ if says("requested lease not found") => Verdict::LeaseNotFound,
        _ if says("revision has been compacted") => Verdict::Compacted,
        _ if says("revision is a future revision") => Verdict::FutureRevision,
        _ if says("database space exceeded") || says("etcdserver: no space") => Verdict::Full,
        Code::Unauthenticated => Verdict::LoginOver,
        Code::PermissionDenied => Verdict::PermissionDenied,
        Code::DataLoss => Verdict::Corrupt,
        Code::InvalidArgument
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented => Verdict::Invalid,
        _ => Verdict::Away,
    }
}

/// Whether the call failed before anything was sent, so that even a write may be tried elsewhere.
pub(super) fn never_sent(status: &Status) -> bool {
    sources(status).any(<dyn StdError>::is::<tonic::ConnectError>)
}

/// Whether the answer was longer than we are willing to take in one piece.
pub(super) fn too_long(status: &Status) -> bool {
    status.code() == Code::OutOfRange && status.message().contains("message length too large")
}

/// The particulars that errors need beyond the status.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Subject {
    pub(super) revision: Option<Revision>,
    pub(super) lease: Option<LeaseId>,
}

/// Says what a failed call means for the person who runs the cluster.
pub(super) fn explain(endpoint: &str, operation: &str, subject: Subject, status: &Status) -> Error {
    let verdict = verdict(status);
    let fault = |hint: Option<&str>| {
        Box::new(Fault {
            target: endpoint.to_owned(),
            operation: operation.to_owned(),
            cause: cause(status),
            hint: hint.map(str::to_owned),
        })
    };
    match (verdict, subject) {
        (Verdict::Compacted, Subject { revision, .. }) => {
            Error::Compacted { requested: revision.unwrap_or_default(), compacted: None }
        }
        (Verdict::FutureRevision, Subject { revision, .. }) => {
            Error::FutureRevision { requested: revision.unwrap_or_default(), current: None }
        }
        (Verdict::LeaseNotFound, Subject { lease: Some(lease), .. }) => Error::LeaseNotFound(lease),
        (Verdict::Away, _) => {
            let fault = fault(likely_reason(endpoint, &cause(status)));
            Error::Unavailable(fault)
        }
        (Verdict::LoginOver, _) if status.message().contains("user name is empty") => {
            Error::Unauthenticated(fault(Some("etcd wants a user: set username and password")))
        }
        (Verdict::LoginOver | Verdict::Unauthenticated, _) => Error::Unauthenticated(fault(Some(
            "check username and password, and that the user exists in etcd (etcdctl user list)",
        ))),
        (Verdict::PermissionDenied, _) => Error::PermissionDenied(fault(Some(
            "grant the user a role that may read and write everything under the prefix (etcdctl role \
             grant-permission --prefix)",
        ))),
        (Verdict::Full, _) => Error::Full(fault(Some(
            "etcd's quota is used up: compact, etcdctl defrag, then etcdctl alarm disarm; reads go on",
        ))),
        (Verdict::Corrupt, _) => Error::Corrupt(fault(Some(
            "etcd found its data damaged: replace that member, or restore a backup",
        ))),
        (Verdict::AuthenticationOff | Verdict::Invalid | Verdict::LeaseNotFound, _) => {
            Error::Invalid(fault(None))
        }
    }
}

/// The chain of causes as one line, without the repetitions of wrappers.
pub(super) fn cause(status: &Status) -> String {
    let mut parts: Vec<String> = Vec::new();
    let message = status.message();
    if !message.is_empty() {
        parts.push(message.to_owned());
    }
    for text in sources(status).map(ToString::to_string) {
        // A tonic::Status in the chain prints as a dump of its fields.
        if text == "transport error"
            || text.contains("metadata:")
            || parts.iter().any(|part| part.contains(&text))
        {
            continue;
        }
        parts.retain(|part| !text.contains(part.as_str()));
        parts.push(text);
    }
    match parts.is_empty() {
        true => status.code().to_string(),
        false => parts.join(": "),
    }
}

type Cause<'a> = &'a (dyn StdError + 'static);

fn sources<'a>(error: Cause<'a>) -> impl Iterator<Item = Cause<'a>> {
    std::iter::successors(error.source(), |error: &Cause<'a>| {
        let error: Cause<'a> = *error;
        error.source()
    })
}

#[cfg(test)]
mod tests;
