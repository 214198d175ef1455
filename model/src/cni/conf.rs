//! The network configuration that a runtime writes to the plugin's stdin (CNI spec 1.1.0, section
//! 1, "Plugin configuration object").
//!
//! Keys of others are passed over, as runtimes add keys of their own. Pontoon's keys:
//!
//! | key | meaning | default |
//! | --- | --- | --- |
//! | `socket` | where the daemon listens | `/run/pontoon/pontoond.sock` |
//! | `pendingDir` | where a DEL waits for a daemon that is down | `/var/lib/pontoon/pending` |

use std::path::PathBuf;

use serde_json::Value;

use super::args::Args;
use super::call::Verb;
use super::field::{Field, FieldError};
use super::result::CniResult;
use super::version::SpecVersion;
use super::wishes::Wishes;
use crate::api::{Code, DEFAULT_SOCKET, Failure};
use crate::attachment::{AttachmentId, NetworkName};

/// The longest configuration that is read, bytes. What it holds goes into a request, which must
/// stay below [`crate::api::MAX_REQUEST`].
pub const MAX_CONF: u64 = 2 << 20;
/// Where a DEL waits unless told otherwise.
pub const DEFAULT_PENDING_DIR: &str = "/var/lib/pontoon/pending";
/// The longest path of a socket, bytes (`sun_path` in unix(7), less the closing zero).
const MAX_SOCKET_PATH: usize = 107;

/// A network configuration. What all verbs need is checked at once, the rest when it is asked for:
/// a DEL goes through with a port mapping that ADD refused.
#[derive(Debug, Clone, PartialEq)]
pub struct NetConf {
    /// The version to speak.
    pub version: SpecVersion,
    /// The network's name.
    pub name: NetworkName,
    /// Where the daemon listens, absolute.
    pub socket: PathBuf,
    /// Where a DEL waits, absolute.
    pub pending_dir: PathBuf,
    document: Value,
}

impl NetConf {
    /// Reads what stood on stdin.
    ///
    /// # Errors
    /// With code 6 when it is no JSON object, 7 when a field is wrong, 1 when the version is not
    /// supported or lacks the verb.
    pub fn parse(stdin: &[u8], verb: Verb) -> Result<Self, Failure> {
        let undecodable = |details: String| {
            Failure::new(Code::Decode, "cannot decode the network configuration on stdin", details)
        };
        if stdin.iter().all(u8::is_ascii_whitespace) {
            return Err(undecodable("stdin is empty: a runtime writes a JSON object".to_owned()));
        }
        let document: Value =
            serde_json::from_slice(stdin).map_err(|error| undecodable(error.to_string()))?;
        if !document.is_object() {
            return Err(undecodable("it is not a JSON object".to_owned()));
        }

        let root = Field::document(&document);
        let name = root
            .member("name")?
            .ok_or_else(|| FieldError::missing("name", "give the network's name"))?
            .parsed()?;
        let version = version(&root, verb)?;
        let socket = path(&root, "socket", DEFAULT_SOCKET, MAX_SOCKET_PATH)?;
        let pending_dir = path(&root, "pendingDir", DEFAULT_PENDING_DIR, usize::MAX)?;
        Ok(Self { version, name, socket, pending_dir, document })
    }

    /// What the runtime asks of the attachment, here and in `CNI_ARGS`.
    ///
    /// # Errors
    /// When a field of `runtimeConfig` or `args.cni` is wrong.
    pub fn wishes(&self, args: Args) -> Result<Wishes, FieldError> {
        Wishes::read(&Field::document(&self.document), &self.name, args)
    }

    /// The result of the plugin before this one (ADD) or of ADD itself (CHECK).
    ///
    /// # Errors
    /// When `prevResult` is no result of a supported version.
    pub fn prev_result(&self) -> Result<Option<CniResult>, FieldError> {
        Field::document(&self.document)
            .member("prevResult")?
            .map(|field| CniResult::read(&field))
            .transpose()
    }

    /// The attachments that GC must spare.
    ///
    /// # Errors
    /// When the list is missing or wrong: taken for an empty one, it would cost every pod its
    /// network.
    pub fn valid_attachments(&self) -> Result<Vec<AttachmentId>, FieldError> {
        // Drafts of the specification had the second key, and libcni writes both
        // (containernetworking/cni issue 1101).
        const KEYS: [&str; 2] = ["cni.dev/valid-attachments", "cni.dev/attachments"];
        let root = Field::document(&self.document);
        for key in KEYS {
            if let Some(list) = root.member(key)? {
                return list.items()?.iter().map(attachment).collect();
            }
        }
        // libcni writes an empty list as null; no key at all is a runtime that did not say.
        if KEYS.iter().any(|key| self.document.get(key).is_some()) {
            return Ok(Vec::new());
        }
        Err(FieldError::missing(
            KEYS[0],
            r#"list the attachments to keep as {"containerID": …, "ifname": …}"#,
        ))
    }
}

fn version(root: &Field<'_>, verb: Verb) -> Result<SpecVersion, Failure> {
    let asked = root.member("cniVersion")?.map(|field| field.text()).transpose()?;
    let listed = match root.member("cniVersions")? {
        Some(list) => list.items()?.iter().map(Field::text).collect::<Result<Vec<_>, _>>()?,
        None => Vec::new(),
    };
    SpecVersion::negotiate(asked, &listed, verb)
}

fn path(root: &Field<'_>, key: &str, default: &str, longest: usize) -> Result<PathBuf, FieldError> {
    let Some(field) = root.member(key)? else {
        return Ok(default.into());
    };
    let text = field.text()?;
    if !text.starts_with('/') || text.contains('\0') {
        return Err(field.wrong(format!("give an absolute path, such as {default}")));
    }
    if text.len() > longest {
        return Err(field.wrong(format!("a socket's path has at most {longest} bytes")));
    }
    Ok(text.into())
}

fn attachment(entry: &Field<'_>) -> Result<AttachmentId, FieldError> {
    let missing = || entry.wrong("give containerID and ifname");
    Ok(AttachmentId {
        container_id: entry.member("containerID")?.ok_or_else(missing)?.parsed()?,
        ifname: entry.member("ifname")?.ok_or_else(missing)?.parsed()?,
    })
}

#[cfg(test)]
mod tests;
