//! The Kubernetes DNS specification 1.1.0, CoreDNS where that is silent, and what the RFCs ask of any
//! server.

mod aliases;
mod autopath;
mod cluster_ip;
mod domain;
mod endpoint_names;
mod external_name;
mod faults;
mod headless;
mod hosts;
mod pods;
mod protocol;
mod ptr;
mod sizes;
mod srv;
mod transfer;
mod zone;
