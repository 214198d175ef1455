//! Names outside the cluster: upstreams are asked, and their answers kept.
//!
//! | module | its one job |
//! | --- | --- |
//! | [`config`], [`address`] | what a person can set |
//! | [`resolv_conf`] | the host's upstreams |
//! | [`own`] | where we answer ourselves |
//! | [`message`] | messages of others, record by record |
//! | [`answer`] | an answer as it is kept and as it is given |
//! | [`forwarder`] | all of it together |
//! | [`routes`] | which upstreams are asked about which names |
//! | [`pool`] | which of them first |
//! | `flight` | questions under way, each once |
//! | [`upstream`] | one upstream: UDP, TCP, TLS, and whether it answers |
//! | [`cache`], [`key`] | answers by their questions |
//! | [`clock`] | time |

pub mod address;
pub mod answer;
pub mod cache;
pub mod clock;
pub mod config;
mod flight;
pub mod forwarder;
pub mod key;
pub mod message;
pub mod own;
pub mod pool;
pub mod resolv_conf;
pub mod routes;
pub mod upstream;

pub use self::config::ForwardConfig;
pub use self::forwarder::{Forwarder, Host};
pub use self::own::Own;

#[cfg(test)]
mod testing;
