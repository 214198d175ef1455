//! Pontoon's desired state: one trait, two engines, and a watched mirror of either.
//!
//! | module | its one job |
//! | --- | --- |
//! | [`Store`] | the contract: get, list at a revision, watch from a revision, transact, leases, compact |
//! | [`embedded`] | the contract on a database file of this host, for one host without etcd |
//! | [`etcd`] | the contract on an etcd cluster, over TLS, with user and password, several endpoints |
//! | [`mirror`] | follow a prefix for ever, across outages, compactions and wiped stores |
//! | [`cache`] | what the mirror delivers, decoded into typed objects; bad ones reported and skipped |
//! | [`lease_keeper`] | keys that live as long as this process does |
//!
//! Keys are relative to the prefix that the engine was opened with (`nodes/a`, never
//! `/pontoon/v1/nodes/a`); values are bytes, and what they mean is the caller's.
//!
//! # Revisions
//!
//! A store counts its changes. Each transaction that changes anything gets the next [`Revision`], and all its changes
//! carry that one. A [`Listing`] says at which revision it was taken; a [`Watch`] from the revision after it misses
//! nothing. Old revisions are compacted away in time, and who asks for them gets [`Error::Compacted`] and lists again.
//! The `etcd` engine shares its revisions with the other users of that etcd, so they may jump.
//!
//! # Errors
//!
//! [`Error::is_retryable`] separates what may pass (the store is away) from what needs a person. A write that failed
//! with [`Error::Unavailable`] may have been applied or not: write through [`Txn`] with compares, so that doing it
//! again is safe.

pub mod backoff;
pub mod cache;
pub mod embedded;
mod error;
pub mod etcd;
mod kv;
pub mod lease_keeper;
pub mod mirror;
mod store;
mod txn;
mod watch;

pub use cache::{Cache, Delta, Rejected};
pub use embedded::EmbeddedStore;
pub use error::{Error, Fault, Result};
pub use etcd::{EtcdConfig, EtcdStore};
pub use kv::{Event, KeyValue, Lease, LeaseId, Listing, Revision};
pub use lease_keeper::LeaseKeeper;
pub use mirror::{Mirror, Update};
pub use store::{Created, Deleted, Examination, Health, Member, Store};
pub use txn::{Compare, MAX_OPS, MAX_VALUE_BYTES, Op, OpResponse, Txn, TxnOutcome};
pub use watch::{Batch, Watch};
