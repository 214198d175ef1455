//! One CNI ADD: its id, what was asked for, what it got.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use ipnetwork::IpNetwork;
use serde::{Deserialize, Serialize};

use crate::mac::MacAddr;
use crate::name::PodId;

/// What names an attachment for all time: the runtime's container id and the interface in the pod
/// (CNI spec 1.1.0, section 2, `CNI_CONTAINERID` and `CNI_IFNAME`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AttachmentId {
    /// The runtime's id of the container.
    pub container_id: ContainerId,
    /// The interface in the pod.
    pub ifname: IfName,
}

impl fmt::Display for AttachmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.container_id, self.ifname)
    }
}

/// A text that cannot be part of an attachment's id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AttachmentIdError {
    /// Not the characters that the CNI specification allows.
    #[error(
        "container id {0:?} is not valid: begin with a letter or digit, go on with letters, digits, '_', '.' or '-', 200 characters at most"
    )]
    ContainerId(String),
    /// Not a name that the kernel gives to an interface.
    #[error(
        "interface name {0:?} is not valid: 1 to 15 printable characters other than '/', ':' and space, and not '.' or '..'"
    )]
    IfName(String),
    /// Not the characters that the CNI library allows.
    #[error(
        "network name {0:?} is not valid: begin with a letter or digit, go on with letters, digits, '_', '.' or '-', 200 characters at most"
    )]
    NetworkName(String),
    /// Not an IANA service name: see [`PortProtocol`].
    #[error("protocol {0:?} is not one of tcp, udp and sctp")]
    Protocol(String),
}

macro_rules! checked_text {
    ($(#[$doc:meta])* $type:ident, $error:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(Box<str>);

        impl $type {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = AttachmentIdError;
            fn from_str(text: &str) -> Result<Self, AttachmentIdError> {
                let check: fn(&str) -> bool = $check;
                if check(text) { Ok(Self(text.into())) } else { Err(AttachmentIdError::$error(text.to_owned())) }
            }
        }

        impl TryFrom<String> for $type {
            type Error = AttachmentIdError;
            fn try_from(text: String) -> Result<Self, AttachmentIdError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(text: $type) -> Self {
                text.0.into()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// `^[a-zA-Z0-9][a-zA-Z0-9_.\-]*$`, bounded so that it can be part of a file's name.
fn is_cni_word(text: &str) -> bool {
    text.len() <= 200
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

checked_text!(
    /// A container's id (CNI spec 1.1.0, section 2, `CNI_CONTAINERID`).
    ContainerId, ContainerId, is_cni_word
);

checked_text!(
    /// The name of a CNI network (CNI spec 1.1.0, section 1, `name`): garbage collection of one
    /// network leaves the attachments of every other alone.
    NetworkName, NetworkName, is_cni_word
);

checked_text!(
    /// An interface's name (Linux `dev_valid_name`, IFNAMSIZ).
    IfName, IfName, |text| {
        (1..=15).contains(&text.len())
            && text != "."
            && text != ".."
            && text.bytes().all(|b| b.is_ascii_graphic() && b != b'/' && b != b':')
    }
);

/// A transport protocol that carries ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PortProtocol {
    /// RFC 9293.
    Tcp,
    /// RFC 768.
    Udp,
    /// RFC 9260.
    Sctp,
}

impl PortProtocol {
    /// The protocol's IP number (IANA).
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Sctp => 132,
        }
    }
}

impl FromStr for PortProtocol {
    type Err = AttachmentIdError;
    fn from_str(text: &str) -> Result<Self, AttachmentIdError> {
        match text.to_ascii_lowercase().as_str() {
            "tcp" => Ok(Self::Tcp),
            "udp" => Ok(Self::Udp),
            "sctp" => Ok(Self::Sctp),
            _ => Err(AttachmentIdError::Protocol(text.to_owned())),
        }
    }
}

impl fmt::Display for PortProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        })
    }
}

/// A port of the host that leads to a port of the pod (CNI conventions, capability `portMappings`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PortMapping {
    /// Port on the host, not 0.
    pub host_port: u16,
    /// Port in the pod, not 0.
    pub container_port: u16,
    /// Protocol of both.
    pub protocol: PortProtocol,
    /// The one address of the host that it holds for; all of them when absent, all of its family
    /// when it is the unspecified address (`0.0.0.0`, `::`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_ip: Option<IpAddr>,
}

/// What a runtime asks for with ADD, parsed and checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachmentSpec {
    /// The attachment's id.
    pub id: AttachmentId,
    /// The CNI network that it belongs to.
    pub network: NetworkName,
    /// Path of the pod's network namespace, absolute.
    pub netns: PathBuf,
    /// The pod, when the runtime named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<PodId>,
    /// Labels for selectors.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the pod.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Ports of the host that lead to the pod.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub port_mappings: Vec<PortMapping>,
    /// Names for the pod in its network, as the runtime wrote them: not all need be names in DNS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// What the runtime wants in the pod's resolv.conf; what it leaves empty is filled in.
    #[serde(default, skip_serializing_if = "Dns::is_empty")]
    pub dns: Dns,
    /// Addresses that the pod must get, one a family at the most; the others are chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
    /// The MAC that the pod's interface must get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<MacAddr>,
}

/// What an attachment got: enough to write a CNI result of any version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attached {
    /// The interface in the pod.
    pub pod_interface: Interface,
    /// The veth's other end, on the host.
    pub host_interface: Interface,
    /// The bridge it is in.
    pub bridge: Interface,
    /// MTU of the pod's interface, bytes.
    pub mtu: u32,
    /// The pod's addresses, as /32 or /128, each with its gateway.
    pub addresses: Vec<AttachedAddress>,
    /// Name servers, search list and options for the pod; empty when the cluster has no DNS.
    #[serde(default, skip_serializing_if = "Dns::is_empty")]
    pub dns: Dns,
}

/// An interface of an attachment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Interface {
    /// Its name.
    pub name: IfName,
    /// Its MAC.
    pub mac: MacAddr,
}

/// An address of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachedAddress {
    /// The address with its prefix length.
    pub address: IpNetwork,
    /// Next hop of the default route of this family.
    pub gateway: IpAddr,
}

/// What goes into the pod's resolv.conf (CNI spec 1.1.0, section 5, `dns`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dns {
    /// Name servers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nameservers: Vec<IpAddr>,
    /// The local domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Search list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub search: Vec<String>,
    /// Options, such as `ndots:5`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

impl Dns {
    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_the_cni_specification() {
        for good in ["a", "0a_b.c-D", &"x".repeat(200)] {
            assert!(good.parse::<ContainerId>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "../etc", "a/b", "a b", "a\0", &"x".repeat(201)] {
            assert!(bad.parse::<ContainerId>().is_err(), "{bad}");
        }
        for bad in ["", ".", "..", "a/b", "a:b", "a b", "0123456789abcdef", "a\n"] {
            assert!(bad.parse::<IfName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn protocols_are_read_in_any_case() {
        assert_eq!("UDP".parse(), Ok(PortProtocol::Udp));
        assert!("icmp".parse::<PortProtocol>().is_err());
    }
}
