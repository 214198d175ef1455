//! Names outside the cluster: upstreams are asked, and their answers kept.
//!
//! | module | its one job |
//! | --- | --- |
//! | [`config`], [`address`] | what a person can set |
//! | [`resolv_conf`] | the host's upstreams |
//! | [`message`] | messages of others, record by record |
//! | [`answer`] | an answer as it is kept and as it is given |
//! | [`cache`], [`key`] | answers by their questions |
//! | [`clock`] | time |

pub mod address;
pub mod answer;
pub mod cache;
pub mod clock;
pub mod config;
pub mod key;
pub mod message;
pub mod resolv_conf;

#[cfg(test)]
mod testing;
