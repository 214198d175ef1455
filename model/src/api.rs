//! What is spoken over the daemon's socket: one JSON [`Request`], one JSON [`Response`], then the
//! connection is closed. The client shuts down its writing half behind the request, so the end of
//! the document is the end of the stream.

use std::net::IpAddr;
use std::path::PathBuf;

use ipnetwork::IpNetwork;
use serde::{Deserialize, Serialize};

use crate::attachment::{Attached, AttachmentId, AttachmentSpec, NetworkName};
use crate::cluster::{BackendKind, ClusterConfig};
use crate::name::{NodeName, PodId};
use crate::object::{Documents, LabelChange, Outcome, Selection};

/// Where the daemon listens unless told otherwise.
pub const DEFAULT_SOCKET: &str = "/run/pontoon/pontoond.sock";
/// How a problem begins that is of the store alone, which whoever looks at the store tells better.
pub const STORE_AWAY: &str = "the store is away";
/// The longest request that the daemon reads, bytes.
pub const MAX_REQUEST: u64 = 4 << 20;

/// What a client asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Request {
    /// CNI ADD.
    Add(Box<AttachmentSpec>),
    /// CNI DEL.
    Del {
        /// Which attachment.
        id: AttachmentId,
    },
    /// CNI CHECK.
    Check {
        /// Which attachment.
        id: AttachmentId,
        /// Where the runtime says that it lives.
        netns: PathBuf,
        /// The addresses that the runtime remembers; each must still be there.
        addresses: Vec<IpNetwork>,
    },
    /// CNI GC: every attachment of the network that is not named is to go.
    Gc {
        /// The network; attachments of others stay.
        network: NetworkName,
        /// The attachments that the runtime still knows.
        valid: Vec<AttachmentId>,
    },
    /// CNI STATUS: would an ADD be served now?
    Ready,
    /// Whether the daemon answers at all.
    Ping,
    /// What `pontoon status` shows.
    Status,
    /// Frees everything that a node holds in the store.
    RemoveNode {
        /// The node.
        name: NodeName,
    },
    /// Changes the backend of the running cluster.
    SetBackend {
        /// The new one.
        kind: BackendKind,
    },
    /// Creates objects, or makes those of their names like them.
    Apply {
        /// Kubernetes documents, one object each.
        documents: Documents,
        /// Only says what would be done.
        #[serde(default)]
        dry_run: bool,
    },
    /// Reads objects.
    Get(Selection),
    /// Deletes objects.
    Delete(Selection),
    /// Changes labels of objects.
    Label {
        /// Which.
        objects: Selection,
        /// How.
        change: LabelChange,
    },
}

/// What the daemon answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Response {
    /// To ADD.
    Attached(Box<Attached>),
    /// To everything that has nothing to tell.
    Done,
    /// To [`Request::Status`].
    Status(Box<Status>),
    /// To [`Request::Get`]: Kubernetes documents, sorted by namespace and name.
    Objects(#[serde(with = "crate::object::listed")] Documents),
    /// To [`Request::Apply`], [`Request::Delete`] and [`Request::Label`]: one for each object, in order.
    Outcomes(#[serde(with = "crate::object::listed")] Vec<Outcome>),
    /// It could not be done.
    Failed(Failure),
}

/// Why a request was not done, as a CNI error (CNI spec 1.1.0, section 5, "Error").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{msg}{}{details}", if .details.is_empty() { "" } else { ": " })]
pub struct Failure {
    /// The kind.
    pub code: Code,
    /// In a few words.
    pub msg: String,
    /// The cause and what to do.
    #[serde(default)]
    pub details: String,
    /// The path of the field that is wrong, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(code: Code, msg: impl Into<String>, details: impl Into<String>) -> Self {
        Self { code, msg: msg.into(), details: details.into(), field: None }
    }

    /// The same, of a field.
    #[must_use]
    pub fn of_field(mut self, path: impl Into<String>) -> Self {
        self.field = Some(path.into());
        self
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// Error codes: below 100 those of the CNI specification, from 100 Pontoon's own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "u32", into = "u32")]
        pub enum Code {
            $($(#[$doc])* $name = $number,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

codes! {
    /// The version of the configuration is not supported.
    IncompatibleVersion = 1,
    /// A field of the configuration is not supported.
    UnsupportedField = 2,
    /// The container is unknown.
    UnknownContainer = 3,
    /// An environment variable is missing or wrong.
    InvalidEnvironment = 4,
    /// Reading or writing failed.
    Io = 5,
    /// A document could not be decoded.
    Decode = 6,
    /// The network configuration is wrong.
    InvalidConfig = 7,
    /// Nothing is wrong that will not pass: try again.
    TryAgainLater = 11,
    /// The plugin cannot serve ADD.
    NotAvailable = 50,
    /// A fault of Pontoon's own.
    Internal = 100,
    /// No free address in any subnet of the node, and no further subnet to lease.
    AddressesExhausted = 101,
    /// The address asked for is taken, or is none of this node's.
    AddressUnavailable = 102,
    /// Another attachment has the host port.
    HostPortTaken = 103,
    /// The pod's network namespace is gone or is none.
    NetnsUnusable = 104,
    /// The pod has an interface of that name that is not ours.
    InterfaceExists = 105,
    /// The node's own state could not be written.
    StateNotWritten = 106,
    /// What CHECK found differs from what ADD made.
    CheckFailed = 107,
    /// The kernel refused an operation.
    Kernel = 108,
    /// The store refused or did not answer.
    Store = 109,
    /// An object is wrong; the message begins with the path of the field.
    InvalidObject = 110,
    /// There is no such object.
    NotFound = 111,
    /// Another object has the address or port, or somebody else changed the object meanwhile.
    Conflict = 112,
    /// What is there does not take this method.
    WrongMethod = 113,
    /// The request is longer than any that is read.
    TooLong = 114,
    /// What happened since then is not known any more: list again.
    Expired = 115,
    /// The node takes no new pods, since a person said so.
    Cordoned = 116,
    /// Whoever asks may not do that.
    NotAllowed = 117,
}

impl From<Code> for u32 {
    fn from(code: Code) -> Self {
        code as Self
    }
}

impl TryFrom<u32> for Code {
    type Error = String;
    fn try_from(number: u32) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|c| *c as u32 == number)
            .ok_or_else(|| format!("{number} is no error code of this version"))
    }
}

/// What the daemon knows of itself and its cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// This node.
    pub node: NodeName,
    /// The daemon's version.
    pub version: String,
    /// Whether ADD is served.
    pub ready: bool,
    /// What stands in the way when not ready, and what is wrong although ready.
    pub problems: Vec<String>,
    /// The store's kind and whether it answers.
    pub store: StoreStatus,
    /// The cluster's configuration, once known.
    pub cluster: Option<ClusterConfig>,
    /// MTU of pods, bytes.
    pub mtu: u32,
    /// All nodes, this one too, by name.
    pub nodes: Vec<NodeStatus>,
    /// The pods of this node, by name.
    pub pods: Vec<PodStatus>,
}

/// The store as the daemon sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StoreStatus {
    /// `embedded` or `etcd`.
    pub kind: String,
    /// Whether it answers.
    pub connected: bool,
    /// The last revision that was applied.
    pub revision: u64,
}

/// A node as this one sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct NodeStatus {
    /// The name.
    pub name: NodeName,
    /// The address that backends send to.
    pub underlay: IpAddr,
    /// The subnets that it owns.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub subnets: Vec<IpNetwork>,
    /// How packets get there; `None` for this node itself.
    pub backend: Option<BackendKind>,
    /// Whether its daemon is alive.
    pub alive: bool,
}

/// A pod of this node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PodStatus {
    /// Namespace and name.
    pub pod: PodId,
    /// The attachment.
    pub id: AttachmentId,
    /// The interface on the host.
    pub host_interface: String,
    /// The addresses.
    pub addresses: Vec<IpAddr>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_read_back() {
        for code in Code::ALL {
            assert_eq!(Code::try_from(u32::from(*code)), Ok(*code));
        }
        assert!(Code::try_from(9999).is_err());
    }

    #[test]
    fn requests_survive_the_wire() {
        let id =
            AttachmentId { container_id: "c".parse().unwrap(), ifname: "eth0".parse().unwrap() };
        let request = Request::Gc { network: "pontoon".parse().unwrap(), valid: vec![id.clone()] };
        let text = serde_json::to_string(&request).unwrap();
        assert_eq!(serde_json::from_str::<Request>(&text).unwrap(), request);
        let failure = Response::Failed(Failure::new(Code::HostPortTaken, "taken", "by web"));
        let text = serde_json::to_string(&failure).unwrap();
        assert!(text.contains("\"code\":103"), "{text}");
        assert_eq!(serde_json::from_str::<Response>(&text).unwrap(), failure);
    }
}
