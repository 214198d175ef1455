//! Kubernetes documents as people have them: read, checked, and what is not used said.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `service`, `slice`, `namespace`, `pod` | the kinds |
//! | `kind` | which kind a document is of |
//! | `metadata`, [`label`] | what every kind has |
//! | `rules` | ports, names and addresses |
//! | `decode` | from JSON to fields |
//! | `error`, `warnings` | what is wrong, and what has no effect, by its path |

mod decode;
mod error;
mod kind;
pub mod label;
mod metadata;
mod namespace;
mod pod;
mod rules;
mod service;
mod slice;
#[cfg(test)]
mod tests;
mod warnings;

use serde_json::Value;

pub use error::ManifestError;
pub use kind::{items, kind_of};
pub use metadata::Metadata;
pub use namespace::NamespaceManifest;
pub use pod::{HOSTNAME, PodManifest, SUBDOMAIN};
pub(crate) use rules::is_port_name;
pub use service::{AddressWish, FamilyPolicy, ServiceManifest, WEIGHTS};
pub use slice::{SERVICE_NAME, SliceManifest};

use crate::endpoint::EndpointSlice;
use crate::name::Namespace;
use crate::object::Kind;
use crate::service::Service;
use decode::{decode, decode_stored, strip_nulls};
use warnings::Warnings;

/// A document that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The object.
    pub object: Object,
    /// Which of its fields have no effect, as sentences that begin with the field's path.
    pub warnings: Vec<String>,
}

/// An object as somebody wrote it.
#[derive(Debug, Clone, PartialEq)]
pub enum Object {
    /// `Service`
    Service(Box<ServiceManifest>),
    /// `EndpointSlice`
    EndpointSlice(Box<SliceManifest>),
    /// `Namespace`
    Namespace(Box<NamespaceManifest>),
    /// `Pod`
    Pod(Box<PodManifest>),
}

/// Reads a document. An object without a namespace is in `default_namespace`.
///
/// # Errors
/// The first field that is wrong, or that it is of no kind that is served.
pub fn parse(mut document: Value, default_namespace: &Namespace) -> Result<Parsed, ManifestError> {
    strip_nulls(&mut document);
    let (object, warnings) = match kind_of(&document)? {
        Kind::Service => {
            let mut warnings = Warnings::except(service::MUTED);
            let raw = decode(&document, &mut warnings)?;
            let checked = service::check(raw, default_namespace, &mut warnings)?;
            (Object::Service(Box::new(checked.with(document))), warnings)
        }
        Kind::EndpointSlice => {
            let mut warnings = Warnings::default();
            let raw = decode(&document, &mut warnings)?;
            let (slice, metadata) = slice::check(raw, default_namespace, &mut warnings)?;
            let manifest = SliceManifest { slice, metadata, document };
            (Object::EndpointSlice(Box::new(manifest)), warnings)
        }
        Kind::Namespace => {
            let mut warnings = Warnings::except(namespace::MUTED);
            let raw = decode(&document, &mut warnings)?;
            (Object::Namespace(Box::new(namespace::check(raw, document)?)), warnings)
        }
        Kind::Pod => {
            let mut warnings = Warnings::except(pod::MUTED);
            let raw = decode(&document, &mut warnings)?;
            let pod = pod::check(raw, default_namespace, &mut warnings)?;
            (Object::Pod(Box::new(pod)), warnings)
        }
        kind => return Err(kind::not_applied(kind)),
    };
    Ok(Parsed { object, warnings: warnings.into_sentences() })
}

/// Reads a service of the store, whose addresses and ports have been allocated.
///
/// # Errors
/// The first field that is wrong.
pub fn stored_service(document: &[u8]) -> Result<Service, ManifestError> {
    let namespace = Namespace::default();
    decode_stored(document, |raw| {
        service::check(raw, &namespace, &mut Warnings::default()).map(|checked| checked.service)
    })
}

/// Reads a slice of the store.
///
/// # Errors
/// The first field that is wrong.
pub fn stored_slice(document: &[u8]) -> Result<EndpointSlice, ManifestError> {
    let namespace = Namespace::default();
    decode_stored(document, |raw| {
        slice::check(raw, &namespace, &mut Warnings::default()).map(|(slice, _)| slice)
    })
}
