//! A Service's fields as they stand in a document.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::manifest::decode::from_object;
use crate::manifest::metadata::RawMetadata;
use crate::manifest::rules::IntOrString;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
pub(in crate::manifest) struct RawService {
    pub(super) api_version: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) metadata: RawMetadata,
    pub(super) spec: RawSpec,
    pub(super) status: RawStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
pub(super) struct RawSpec {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) selector: BTreeMap<String, String>,
    pub(super) ports: Vec<RawPort>,
    #[serde(rename = "clusterIP")]
    pub(super) cluster_ip: Option<String>,
    #[serde(rename = "clusterIPs")]
    pub(super) cluster_ips: Vec<String>,
    pub(super) ip_families: Vec<String>,
    pub(super) ip_family_policy: Option<String>,
    #[serde(rename = "externalIPs")]
    pub(super) external_ips: Vec<String>,
    #[serde(rename = "loadBalancerIP")]
    pub(super) load_balancer_ip: Option<String>,
    pub(super) load_balancer_source_ranges: Vec<String>,
    pub(super) external_traffic_policy: Option<String>,
    pub(super) internal_traffic_policy: Option<String>,
    pub(super) session_affinity: Option<String>,
    pub(super) session_affinity_config: Option<RawAffinity>,
    pub(super) health_check_node_port: Option<i64>,
    pub(super) publish_not_ready_addresses: bool,
    pub(super) traffic_distribution: Option<String>,
    pub(super) external_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
pub(super) struct RawPort {
    pub(super) name: Option<String>,
    pub(super) protocol: Option<String>,
    pub(super) port: Option<i64>,
    pub(super) target_port: Option<IntOrString>,
    pub(super) node_port: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
pub(super) struct RawAffinity {
    #[serde(rename = "clientIP")]
    pub(super) client_ip: Option<RawClientIp>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
pub(super) struct RawClientIp {
    pub(super) timeout_seconds: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
pub(super) struct RawStatus {
    pub(super) load_balancer: RawLoadBalancer,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
pub(super) struct RawLoadBalancer {
    pub(super) ingress: Vec<RawIngress>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
pub(super) struct RawIngress {
    pub(super) ip: Option<String>,
    pub(super) ip_mode: Option<String>,
    pub(super) hostname: Option<String>,
}

from_object!(
    RawService,
    RawSpec,
    RawPort,
    RawAffinity,
    RawClientIp,
    RawStatus,
    RawLoadBalancer,
    RawIngress
);
