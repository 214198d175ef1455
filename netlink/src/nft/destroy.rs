//! "Delete if it exists" on kernels before 6.3, which have no message for it.

use super::Batch;
use super::connection::Nft;
use super::error::CommitError;
use super::uapi::*;
use crate::nfnetlink::{Header, Message, MessageBuffer, Messages};

/// Each attempt reads what exists and commits against the generation that it read.
const ATTEMPTS: u32 = 8;

/// Commits the batch with each `DESTROY` turned into a `DELETE`, or left out where the object does
/// not exist. What the same batch adds before does not count as existing.
pub(super) fn commit(
    nft: &mut Nft,
    batch: &Batch,
    generation: Option<u32>,
) -> Result<(), CommitError> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let expected = match generation {
            Some(generation) => generation,
            None => nft.generation_id()?,
        };
        let changes = resolve(nft, batch.messages().as_bytes())?;
        if changes.len() == 0 {
            return Ok(());
        }
        match nft.transact(&changes, Some(expected)) {
            Err(CommitError::StaleGeneration { .. })
                if generation.is_none() && attempt < ATTEMPTS => {}
            outcome => return outcome,
        }
    }
}

fn resolve(nft: &mut Nft, messages: &[u8]) -> Result<MessageBuffer, CommitError> {
    let mut changes = MessageBuffer::default();
    for message in Messages::new(messages) {
        let replacement = match message.kind() & 0xff {
            msg::DESTROYTABLE => Some((msg::GETTABLE, msg::DELTABLE)),
            msg::DESTROYCHAIN => Some((msg::GETCHAIN, msg::DELCHAIN)),
            msg::DESTROYRULE => Some((msg::GETRULE, msg::DELRULE)),
            msg::DESTROYSET => Some((msg::GETSET, msg::DELSET)),
            msg::DESTROYSETELEM => {
                resolve_elements(nft, &message, &mut changes)?;
                continue;
            }
            _ => None,
        };
        match replacement {
            None => changes.copy_message(message.as_bytes()),
            Some((get, delete)) => {
                if exists(nft, &message, get, attributes(&message))? {
                    let header = header(&message, delete);
                    changes.message(header, |out| out.raw(attributes(&message)));
                }
            }
        }
    }
    Ok(changes)
}

/// Asks for each element by itself, since the kernel answers for all of a message or for none.
fn resolve_elements(
    nft: &mut Nft,
    message: &Message<'_>,
    changes: &mut MessageBuffer,
) -> Result<(), CommitError> {
    let mut kept = MessageBuffer::default();
    let Some(list) = message.attributes().find(NFTA_SET_ELEM_LIST_ELEMENTS) else {
        return Ok(());
    };
    for element in list.nested() {
        let mut one = MessageBuffer::default();
        with_elements(message, &mut one, |out| {
            out.nested(NFTA_LIST_ELEM, |out| out.raw(element.value))
        });
        if exists(nft, message, msg::GETSETELEM, one.as_bytes())? {
            kept.nested(NFTA_LIST_ELEM, |out| out.raw(element.value));
        }
    }
    if kept.len() > 0 {
        changes.message(header(message, msg::DELSETELEM), |out| {
            with_elements(message, out, |out| out.raw(kept.as_bytes()));
        });
    }
    Ok(())
}

/// The set that `message` names, with other elements.
fn with_elements(
    message: &Message<'_>,
    out: &mut MessageBuffer,
    elements: impl FnOnce(&mut MessageBuffer),
) {
    for attribute in message.attributes() {
        if attribute.kind != NFTA_SET_ELEM_LIST_ELEMENTS {
            out.bytes(attribute.kind, attribute.value);
        }
    }
    out.nested(NFTA_SET_ELEM_LIST_ELEMENTS, elements);
}

fn exists(
    nft: &mut Nft,
    message: &Message<'_>,
    get: u16,
    attributes: &[u8],
) -> Result<bool, CommitError> {
    let mut header = header(message, get);
    header.flags |= NLM_F_ACK;
    let mut request = MessageBuffer::default();
    request.message(header, |out| out.raw(attributes));
    match nft.socket.request(request.as_bytes(), |_| {}) {
        Ok(_) => Ok(true),
        Err(error) if error.raw_os_error() == Some(nix::libc::ENOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn attributes<'a>(message: &Message<'a>) -> &'a [u8] {
    message.as_bytes().get(crate::nfnetlink::HEADERS..).unwrap_or_default()
}

fn header(message: &Message<'_>, kind: u16) -> Header {
    Header {
        kind: NFNL_SUBSYS_NFTABLES | kind,
        flags: NLM_F_REQUEST,
        sequence: message.sequence(),
        family: message.family(),
        resource: 0,
    }
}
