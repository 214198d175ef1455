//! A call as a request to the daemon, and its response as a CNI answer.

use std::path::PathBuf;

use super::call::{Operation, Verb};
use super::conf::NetConf;
use super::field::FieldError;
use super::result::{CniResult, ResultDocument};
use super::version::SpecVersion;
use crate::api::{Code, Failure, Request, Response};
use crate::attachment::{AttachmentId, AttachmentSpec};

/// One exchange with the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// What to send.
    pub request: Request,
    verb: Verb,
    version: SpecVersion,
    netns: PathBuf,
    previous: CniResult,
}

impl Exchange {
    /// Makes the request out of a call and its configuration.
    ///
    /// # Errors
    /// When a field of the configuration that the verb needs is missing or wrong.
    pub fn prepare(operation: Operation, conf: &NetConf) -> Result<Self, FieldError> {
        let verb = operation.verb();
        let (mut previous, mut sandbox) = (CniResult::default(), PathBuf::new());
        let request = match operation {
            Operation::Add { id, netns, args } => {
                previous = conf.prev_result()?.unwrap_or_default();
                sandbox.clone_from(&netns);
                let wishes = conf.wishes(args)?;
                Request::Add(Box::new(AttachmentSpec {
                    id,
                    network: conf.name.clone(),
                    netns,
                    pod: wishes.pod,
                    labels: wishes.labels,
                    annotations: wishes.annotations,
                    port_mappings: wishes.port_mappings,
                    aliases: wishes.aliases,
                    dns: wishes.dns,
                    addresses: wishes.addresses,
                    mac: wishes.mac,
                }))
            }
            Operation::Del { id } => Request::Del { id },
            Operation::Check { id, netns } => check(id, netns, conf)?,
            Operation::Gc => {
                Request::Gc { network: conf.name.clone(), valid: conf.valid_attachments()? }
            }
            Operation::Status => Request::Ready,
        };
        Ok(Self { request, verb, version: conf.version, netns: sandbox, previous })
    }

    /// What goes to stdout, if anything.
    ///
    /// # Errors
    /// When the daemon failed, or answered something else.
    pub fn answer(self, response: Response) -> Result<Option<ResultDocument>, Failure> {
        match (self.verb, response) {
            (Verb::Status, Response::Failed(failure)) => Err(not_available(failure)),
            (_, Response::Failed(failure)) => Err(failure),
            (Verb::Add, Response::Attached(attached)) => {
                let ours = CniResult::of(&attached, &self.netns);
                Ok(Some(self.previous.followed_by(ours).in_version(self.version)))
            }
            (Verb::Del | Verb::Check | Verb::Gc | Verb::Status, Response::Done) => Ok(None),
            (verb, _) => Err(Failure::new(
                Code::Internal,
                format!("pontoond answered {verb} with something else"),
                "pontoond and pontoon-cni are probably of different versions: install both from one release and restart pontoond",
            )),
        }
    }
}

fn check(id: AttachmentId, netns: PathBuf, conf: &NetConf) -> Result<Request, FieldError> {
    let expected = "CHECK needs the result of ADD, with an address of the interface";
    let previous =
        conf.prev_result()?.ok_or_else(|| FieldError::missing("prevResult", expected))?;
    let addresses = previous.addresses_of(&id.ifname);
    if addresses.is_empty() {
        let ifname = &id.ifname;
        return Err(FieldError::missing("prevResult.ips", format!("{expected} {ifname}")));
    }
    Ok(Request::Check { id, netns, addresses })
}

/// STATUS knows one code for every reason why ADD would not be served (CNI spec 1.1.0, section 2,
/// "STATUS").
#[must_use]
pub fn not_available(failure: Failure) -> Failure {
    Failure { code: Code::NotAvailable, ..failure }
}

#[cfg(test)]
mod tests;
