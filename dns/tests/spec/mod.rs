//! The Kubernetes DNS specification 1.1.0, CoreDNS where that is silent, and what the RFCs ask of any
//! server.

mod cluster_ip;
