//! Operations as rtnetlink requests.

mod link;
mod net;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::RouteNetlinkMessage;

use super::Op;
use crate::name::LinkName;

const CREATE: u16 = NLM_F_CREATE | NLM_F_EXCL;
const REPLACE: u16 = NLM_F_CREATE | NLM_F_REPLACE;

/// A request and its `NLM_F_*` flags beside `NLM_F_REQUEST`.
#[derive(Debug, PartialEq)]
pub(crate) struct Request {
    pub(crate) message: RouteNetlinkMessage,
    pub(crate) flags: u16,
}

/// Finds the number of a device.
pub(crate) trait Devices {
    type Error;
    fn index(&mut self, name: LinkName) -> Result<u32, Self::Error>;
}

impl Op {
    /// The requests that carry the operation out, in order.
    pub(crate) fn encode<D: Devices>(&self, devices: &mut D) -> Result<Vec<Request>, D::Error> {
        let one = |message, flags| vec![Request { message, flags }];
        Ok(match self {
            Self::CreateBridge(new) => link::create_bridge(new),
            Self::CreateVeth(new) => link::create_veth(new, devices)?,
            Self::CreateVxlan(new) => link::create_vxlan(new, devices)?,
            Self::SetLink { dev, change } => link::set(*dev, change, devices)?,
            Self::SetBridgePort { dev, port } => one(link::set_port(*dev, port), 0),
            Self::DeleteLink { dev } => one(link::delete(*dev), 0),
            Self::DeleteLinkGroup { group } => one(link::delete_group(*group), 0),
            Self::AddAddress(address) => {
                one(RouteNetlinkMessage::NewAddress(net::address(address, devices)?), CREATE)
            }
            Self::ReplaceAddress(address) => {
                one(RouteNetlinkMessage::NewAddress(net::address(address, devices)?), REPLACE)
            }
            Self::DeleteAddress(address) => {
                one(RouteNetlinkMessage::DelAddress(net::address(address, devices)?), 0)
            }
            Self::AddRoute(route) => {
                one(RouteNetlinkMessage::NewRoute(net::route(route, devices)?), CREATE)
            }
            Self::ReplaceRoute(route) => {
                one(RouteNetlinkMessage::NewRoute(net::route(route, devices)?), REPLACE)
            }
            Self::DeleteRoute(route) => {
                one(RouteNetlinkMessage::DelRoute(net::route_to_delete(route, devices)?), 0)
            }
            Self::ReplaceNeighbour(neighbour) => {
                one(RouteNetlinkMessage::NewNeighbour(net::neighbour(neighbour, devices)?), REPLACE)
            }
            Self::DeleteNeighbour { dev, ip } => one(
                RouteNetlinkMessage::DelNeighbour(net::neighbour_to_delete(*dev, *ip, devices)?),
                0,
            ),
            Self::ReplaceFdb(entry) => {
                one(RouteNetlinkMessage::NewNeighbour(net::fdb(entry, devices)?), REPLACE)
            }
            Self::DeleteFdb(entry) => {
                one(RouteNetlinkMessage::DelNeighbour(net::fdb(entry, devices)?), 0)
            }
            Self::AddRule(rule) => one(RouteNetlinkMessage::NewRule(net::rule(rule)), CREATE),
            Self::DeleteRule(rule) => one(RouteNetlinkMessage::DelRule(net::rule(rule)), 0),
        })
    }
}
