//! Pontoon's words as types: parse, validate, select. No I/O.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`name`] | node, namespace and pod names, checked once at the border |
//! | [`mac`] | link-layer addresses |
//! | [`mesh`] | how well nodes reach each other |
//! | [`cidr`] | pod CIDRs, node subnets and the arithmetic on them |
//! | [`cluster`] | the cluster's configuration, key `config` |
//! | [`node`] | a node and its liveness, keys `nodes/` and `alive/` |
//! | [`subnet`] | which node owns which node subnet, keys `subnets/` |
//! | [`pod`] | a pod as other nodes see it, keys `pods/` |
//! | [`selector`] | labels and what selects by them |
//! | [`service`] | services as the data path and the DNS see them, keys `services/` |
//! | [`endpoint`] | who answers for a service, keys `endpointslices/` |
//! | [`manifest`] | Kubernetes documents, read and checked |
//! | [`readiness`], [`named_port`] | what pods say by annotation |
//! | [`port_range`] | ranges of ports |
//! | [`duration`] | durations as people write them |
//! | [`kernel`], [`files`] | what Pontoon calls its things in the kernel, and files that two programs know |
//! | [`key`] | the layout of the store |
//! | [`attachment`] | one CNI ADD: its id, what was asked, what it got |
//! | [`object`] | what is spoken of objects: kinds, selections, outcomes |
//! | [`doctor`] | what `pontoon doctor` finds |
//! | [`api`] | what is spoken over the daemon's socket |
//! | [`rest`] | what is spoken over the API that people use |
//! | [`trace`] | how a packet goes, and where it ends |
//! | [`cni`] | the CNI documents: configuration, arguments, results, errors |

pub mod api;
pub mod attachment;
pub mod cidr;
pub mod cluster;
pub mod cni;
pub mod doctor;
pub mod duration;
pub mod endpoint;
pub mod files;
pub mod kernel;
pub mod key;
pub mod mac;
pub mod manifest;
pub mod mesh;
pub mod name;
pub mod named_port;
pub mod node;
pub mod object;
pub mod pod;
pub mod port_range;
pub mod readiness;
pub mod rest;
pub mod selector;
pub mod service;
pub mod subnet;
pub mod trace;
