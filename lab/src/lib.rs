//! A lab: hosts made of network namespaces on one machine, with a real underlay, a real etcd,
//! real daemons and real pods.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! use std::time::Duration;
//! use pontoon_lab::{Lab, probe};
//!
//! let lab = Lab::builder().hosts(2).build()?;
//! lab.start(Duration::from_secs(10))?;
//! let (a, b) = (lab.host(1).add_pod("a")?, lab.host(2).add_pod("b")?);
//! let _web = probe::Responder::start(b.netns(), 80)?;
//! let seen = probe::tcp(a.netns(), (b.v4()?, 80).into(), Duration::from_secs(2))?;
//! assert_eq!(seen.source.ip(), a.v4()?);
//! # Ok(())
//! # }
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`builder`], [`lab`], [`underlay`], [`outside`] | hosts, segments, the router, the outside; cuts and losses |
//! | [`host`], [`pod`], [`cni`] | one host and its daemon, its pods, CNI calls as a runtime makes them |
//! | [`etcd`] | a real etcd |
//! | [`probe`] | who reaches whom, from which address; loads that count what they lose |
//! | [`netns`], [`process`], [`folder`] | what a lab is made of, and how it goes away |
//! | [`demo`] | what `cargo xtask demo` shows |
//! | [`kept`] | labs that outlive the program that made them |
//! | [`privilege`], [`binaries`] | what a lab needs of the machine |

pub mod binaries;
pub mod builder;
pub mod cni;
mod config;
pub mod demo;
pub mod etcd;
mod faults;
pub mod folder;
pub mod host;
pub mod kept;
pub mod lab;
pub mod netns;
pub mod outside;
pub mod pod;
pub mod privilege;
pub mod probe;
pub mod process;
mod tool;
pub mod underlay;

pub use builder::LabBuilder;
pub use cni::{CniCall, CniOutput, Network, Verb};
pub use etcd::Etcd;
pub use host::Host;
pub use kept::KeptLab;
pub use lab::Lab;
pub use netns::Netns;
pub use outside::Outside;
pub use pod::{Pod, PodBuilder};
pub use privilege::unavailable;
pub use process::Process;
