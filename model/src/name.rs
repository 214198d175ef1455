//! Names that were checked once, where they came in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not the name it should be.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{kind} {text:?} is not valid: {rule}")]
pub struct NameError {
    kind: &'static str,
    text: String,
    rule: &'static str,
}

const LABEL_RULE: &str =
    "use 1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit (RFC 1123 label)";
const SUBDOMAIN_RULE: &str = "use 1 to 253 of a-z, 0-9, '-' and '.', each part beginning and ending with a letter or digit (RFC 1123 subdomain)";

fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
        && bytes[0] != b'-'
        && bytes[bytes.len() - 1] != b'-'
}

const SERVICE_RULE: &str = "use 1 to 63 of a-z, 0-9 and '-', beginning with a letter and ending with a letter or digit (RFC 1035 label)";

fn is_service(text: &str) -> bool {
    is_label(text) && text.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
}

fn is_subdomain(text: &str) -> bool {
    // Kubernetes bounds the whole, not each part (validation.IsDNS1123Subdomain).
    let part = |p: &str| {
        let b = p.as_bytes();
        !b.is_empty()
            && b.iter().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == b'-')
            && b[0] != b'-'
            && b[b.len() - 1] != b'-'
    };
    (1..=253).contains(&text.len()) && text.split('.').all(part)
}

const DOMAIN_RULE: &str = "use parts of 1 to 63 of a-z, 0-9 and '-' with '.' between them, each beginning and ending with a letter or digit, 253 in all (RFC 1123)";

fn is_domain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $kind:literal, $check:ident, $rule:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(Box<str>);

        impl $type {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                if $check(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(NameError { kind: $kind, text: text.to_owned(), rule: $rule })
                }
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0.into()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A node's name: what the host calls itself, unique in the cluster.
    NodeName, "node name", is_subdomain, SUBDOMAIN_RULE
);
name!(
    /// A namespace, in Kubernetes' sense.
    Namespace, "namespace", is_label, LABEL_RULE
);
name!(
    /// A pod's name, unique in its namespace.
    PodName, "pod name", is_subdomain, SUBDOMAIN_RULE
);

name!(
    /// A service's name, unique in its namespace.
    ServiceName, "service name", is_service, SERVICE_RULE
);
name!(
    /// An endpoint slice's name, unique in its namespace.
    SliceName, "endpoint slice name", is_subdomain, SUBDOMAIN_RULE
);

name!(
    /// A name in DNS, without a final dot.
    DomainName, "domain name", is_domain, DOMAIN_RULE
);

name!(
    /// One part of a name in DNS: a pod's hostname, an alias.
    DnsLabel, "DNS label", is_label, LABEL_RULE
);

name!(
    /// What tells packets apart that nodes look for at one time.
    TraceId, "trace", is_label, LABEL_RULE
);

impl Default for Namespace {
    /// `default`, as Kubernetes has it.
    fn default() -> Self {
        Self("default".into())
    }
}

/// A pod's full name, written `namespace/name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PodId {
    /// The namespace.
    pub namespace: Namespace,
    /// The name in it.
    pub name: PodName,
}

impl fmt::Display for PodId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_subdomains_follow_rfc_1123() {
        for good in ["a", "a-b", "0", "node-1.example.com"] {
            assert!(good.parse::<NodeName>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a_b", "a..b", ".a", "a/b", "é", &"a".repeat(254)] {
            assert!(bad.parse::<NodeName>().is_err(), "{bad}");
        }
        assert!("a.b".parse::<Namespace>().is_err());
        assert!("a".repeat(64).parse::<Namespace>().is_err());
        assert!(format!("{0}.{0}", "a".repeat(63)).parse::<DomainName>().is_ok());
        for bad in ["a.", "a..b", &"a".repeat(64), &"a.".repeat(127)[..], &"ab.".repeat(90)[..]] {
            assert!(bad.parse::<DomainName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_error_names_the_value_and_the_rule() {
        let said = "Web".parse::<Namespace>().unwrap_err().to_string();
        assert!(said.contains("namespace \"Web\"") && said.contains("RFC 1123"), "{said}");
    }
}
