//! One call, from the environment to the answer.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use pontoon_client::{Deadline, deadline, read_to_end};
use pontoon_model::api::{Code, Failure, Request, Response};
use pontoon_model::attachment::AttachmentId;
use pontoon_model::cni::call::{Call, Operation, Verb};
use pontoon_model::cni::conf::{MAX_CONF, NetConf};
use pontoon_model::cni::error::ErrorDocument;
use pontoon_model::cni::exchange::{Exchange, not_available};
use pontoon_model::cni::version::{SpecVersion, VersionInfo};
use serde::Serialize;

use crate::patience;
use crate::pending::PendingDel;

/// A call that failed, and the version to say it in.
#[derive(Debug)]
pub(crate) struct CallFailed {
    failure: Failure,
    version: SpecVersion,
}

impl CallFailed {
    pub(crate) fn as_document(&self) -> ErrorDocument<'_> {
        ErrorDocument::new(&self.failure, self.version)
    }
}

/// A document as it goes to stdout.
pub(crate) fn document(document: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec(document).unwrap_or_default();
    text.push(b'\n');
    text
}

/// Carries out the call that the environment and stdin describe; what it returns goes to stdout.
pub(crate) fn call() -> Result<Vec<u8>, CallFailed> {
    let early = |failure| CallFailed { failure, version: SpecVersion::UNSAID };
    match Call::from_environment(|name| std::env::var_os(name)).map_err(|e| early(e.into()))? {
        Call::Version => {
            let stdin = read_stdin(patience::STDIN_OF_VERSION).unwrap_or_default();
            Ok(document(&VersionInfo::answering(&stdin)))
        }
        Call::Network(operation) => {
            let stdin = read_stdin(patience::STDIN).map_err(|e| early(unreadable(&e)))?;
            on_network(operation, &stdin).map_err(|failure| CallFailed {
                failure,
                version: SpecVersion::said_in(&stdin).unwrap_or(SpecVersion::UNSAID),
            })
        }
    }
}

fn read_stdin(patience: Duration) -> io::Result<Vec<u8>> {
    // Not `Stdin` itself: what its buffer holds is unseen by poll(2).
    let stdin = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    read_to_end(&stdin, MAX_CONF, Deadline::after(patience))
}

fn unreadable(error: &io::Error) -> Failure {
    let (code, cause) = match error.kind() {
        io::ErrorKind::TimedOut => {
            (Code::Io, format!("its end did not come within {} s", patience::STDIN.as_secs()))
        }
        io::ErrorKind::InvalidData => (Code::Decode, error.to_string()),
        _ => (Code::Io, error.to_string()),
    };
    Failure::new(code, "cannot read the network configuration on stdin", cause)
}

fn on_network(operation: Operation, stdin: &[u8]) -> Result<Vec<u8>, Failure> {
    let verb = operation.verb();
    let conf = NetConf::parse(stdin, verb)?;
    let exchange = Exchange::prepare(operation, &conf)?;
    let response = match &exchange.request {
        Request::Del { id } => del(&conf, &exchange.request, id)?,
        request => {
            let answer = pontoon_client::ask(&conf.socket, request, deadline::of_request(request));
            answer.map_err(|error| match verb {
                Verb::Status => not_available((&error).into()),
                _ => (&error).into(),
            })?
        }
    };
    Ok(exchange.answer(response)?.map_or_else(Vec::new, |result| document(&result)))
}

/// DEL succeeds while the daemon is down: it is written to disk and carried out when the daemon is
/// back. The daemon may have come up, and looked for such files, between the first attempt and the
/// write; so it is asked once more.
fn del(conf: &NetConf, request: &Request, id: &AttachmentId) -> Result<Response, Failure> {
    let ask = |patience| match pontoon_client::ask(&conf.socket, request, patience) {
        Err(_) => None,
        Ok(Response::Failed(failure)) if failure.code == Code::TryAgainLater => None,
        Ok(response) => Some(response),
    };
    if let Some(response) = ask(deadline::of_request(request)) {
        return Ok(response);
    }
    let pending = PendingDel::write(&conf.pending_dir, id)?;
    match ask(patience::SECOND_ATTEMPT) {
        Some(response) => {
            pending.withdraw();
            Ok(response)
        }
        None => Ok(Response::Done),
    }
}
