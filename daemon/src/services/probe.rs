//! A service of the daemon's own, by which a node finds out whether its table works: at the cluster's
//! DNS addresses, UDP port 9555, which leads to the node's own gateway. It takes the way of all
//! services through plan, arrangement and kernel, it exists on every node, and nobody's program is
//! bothered by probes.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use pontoon_model::cidr::Family;
use pontoon_model::mesh::PORT;
use pontoon_model::name::NameError;
use pontoon_model::service::{Protocol, ServiceId};
use pontoon_proxy::ServicePlan;
use pontoon_proxy::frontend::Frontend;
use pontoon_proxy::plan::{FrontendPlan, PortKey, PortPlan, Reach};

const LABEL: &str = "pontoon-system/mesh:9555";

/// Whose it is. A service that people give this name goes before it.
///
/// # Errors
/// Never: the name is valid.
pub fn id() -> Result<Arc<ServiceId>, NameError> {
    Ok(Arc::new(ServiceId { namespace: "pontoon-system".parse()?, name: "mesh".parse()? }))
}

/// Virtual addresses, each with the address that it leads to.
#[must_use]
pub fn plan(leads: &[(IpAddr, IpAddr)]) -> ServicePlan {
    let port = |(vip, gateway): &(IpAddr, IpAddr)| PortPlan {
        key: PortKey { family: Family::of(*vip), protocol: Protocol::Udp, port: PORT },
        label: LABEL.into(),
        cluster: vec![SocketAddr::new(*gateway, PORT)],
        local: Vec::new(),
        frontends: vec![FrontendPlan {
            at: Frontend { address: *vip, protocol: Protocol::Udp, port: PORT },
            to: Reach::Cluster,
            ranges: Vec::new(),
        }],
        affinity: None,
    };
    leads.iter().map(port).collect()
}
