//! Cluster DNS: what the Kubernetes DNS specification 1.1.0 asks for, answered on every node; all
//! other names forwarded and cached.
//!
//! | module | its one job |
//! | --- | --- |
//! | [`wire`] | questions as they arrive and answers as they leave: bytes |
//! | [`exchange`] | what stands between the listeners and whoever answers |
//! | [`answer`] | questions answered |
//! | [`forward`] | names outside, asked of upstreams and cached |
//! | [`zone`] | what the cluster's names answer |
//! | [`config`] | what a person can set |
//! | [`listen`] | how questions come in and answers go out |
//! | [`metrics`] | what is counted |

pub mod answer;
pub mod config;
pub mod exchange;
pub mod forward;
pub mod listen;
pub mod metrics;
pub mod wire;
pub mod zone;
