//! Pontoon's daemon. Data flows one way: what comes in (a CNI call, the command, the store) → the
//! store → a watched view → a plan, which is pure → the kernel, which is read back at the start.
//!
//! | module | its one job |
//! | --- | --- |
//! | [`app`] | wires the others together |
//! | [`config`], [`identity`] | what a person set; who this node is |
//! | [`view`] | the cluster as the store tells it |
//! | [`registrar`], [`lease`] | what the store says of this node: its record, its subnets |
//! | [`pods`] | this node's pods as the cluster sees them, and whether they are ready |
//! | [`underlay`], [`backend`] | the way to other nodes, and how packets take it |
//! | [`network`] | bridge, overlay, routes: what is, what should be, the plan between them |
//! | [`controller`] | the loop that makes the kernel follow the cluster |
//! | [`attach`], [`ipam`] | pods on this node |
//! | [`feed`] | follows the store, and hands each part what concerns it |
//! | [`services`] | makes the kernel's table of services follow the store |
//! | [`firewall`] | our tables in nf_tables |
//! | [`server`], [`requests`] | the socket that the CNI plugin speaks to |
//! | [`api`], [`objects`] | what people use over HTTP, and the objects that they apply |
//! | [`mesh`] | how well this node reaches its peers |
//! | [`metrics`], [`monitoring`] | what is counted; where that and the daemon's health can be seen |
//! | [`doctor`] | what is wrong with the node and its cluster |
//! | [`trace`] | how a packet goes |
//! | [`situation`], [`problems`] | what the parts tell each other; what is wrong, of that |
//! | [`run_folder`], [`snapshot`], [`conflist`], [`watchdog`], [`cleanup`], [`names`] | the rest |

pub mod api;
pub mod app;
pub mod attach;
pub mod backend;
pub mod cleanup;
pub mod config;
pub mod conflist;
pub mod controller;
pub mod dns;
pub mod doctor;
pub mod feed;
pub mod firewall;
pub mod identity;
pub mod ipam;
pub mod lease;
pub mod mesh;
pub mod metrics;
pub mod monitoring;
pub mod names;
pub mod network;
pub mod objects;
pub mod pods;
pub(crate) mod problems;
pub mod registrar;
pub mod requests;
pub mod run_folder;
pub mod server;
pub mod services;
pub mod situation;
pub mod snapshot;
pub mod trace;
pub mod underlay;
pub mod view;
pub mod watchdog;
