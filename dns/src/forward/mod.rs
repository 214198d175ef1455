//! Names outside the cluster: upstreams are asked, and their answers kept.
//!
//! | module | its one job |
//! | --- | --- |
//! | [`config`], [`address`] | what a person can set |
//! | [`resolv_conf`] | the host's upstreams |

pub mod address;
pub mod config;
pub mod resolv_conf;
