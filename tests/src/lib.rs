//! What tests need that run real container runtimes and a real systemd upon Pontoon.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`requirements`] | what a test needs of the machine, or the reason why it is skipped |
//! | [`book`] | commands of the book |
//! | [`cluster`] | whole clusters in the lab, and what is asked of them |
//! | [`relay`] | what stands between a daemon and its etcd |
//! | [`services`] | what is asked of services, from everywhere |
//! | [`naming`] | what is asked of the names of a cluster |
//! | [`host`] | hosts with a root, processes and cgroups of their own |
//! | [`node`], [`pair`] | such hosts in a lab, with `pontoond` |
//! | [`rootfs`] | root file systems for containers, without a registry |
//! | [`programs`] | what containers run |
//! | [`doctor`] | what `pontoon doctor` finds |
//! | [`containerd`], [`podman`] | the runtimes |
//! | [`systemd`], [`installed`] | a host that systemd boots, and Pontoon installed there |
//! | [`packages`] | what `cargo xtask package` makes, for such a host |

pub mod book;
pub mod cluster;
pub mod containerd;
pub mod doctor;
pub mod host;
pub mod installed;
pub mod naming;
pub mod node;
pub mod packages;
pub mod pair;
pub mod podman;
pub mod programs;
pub mod relay;
pub mod requirements;
pub mod rootfs;
pub mod services;
pub mod systemd;
