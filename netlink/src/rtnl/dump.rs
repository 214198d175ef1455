//! What is in the kernel.

use std::net::IpAddr;
use std::os::fd::AsRawFd;

use netlink_packet_core::{NLM_F_DUMP, NLM_F_DUMP_INTR};
use netlink_packet_route::address::AddressMessage;
use netlink_packet_route::link::{LinkAttribute, LinkExtentMask, LinkMessage};
use netlink_packet_route::neighbour::{NeighbourAttribute, NeighbourMessage};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol,
};
use netlink_packet_route::rule::RuleMessage;
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use nix::errno::Errno;

use super::devices::{self, Names};
use super::{Rtnl, RtnlError, append};
use crate::address::AddressInfo;
use crate::link::Link;
use crate::name::LinkName;
use crate::neighbour::{FdbEntry, Neighbour};
use crate::route::{Route, RouteFilter, RouteLookup};
use crate::rule::Rule;
use crate::transport::{NLMSG_DONE, NLMSG_ERROR, Verdict};

/// A dump of 10,000 routes takes some 10 ms; a node never changes that often for long.
const ATTEMPTS: u32 = 16;

/// Types below this one are netlink's own.
const NLMSG_MIN_TYPE: u16 = 0x10;

impl Rtnl {
    /// All devices.
    ///
    /// # Errors
    /// As every dump: when the socket fails, or the tables change under every attempt.
    pub fn links(&mut self) -> Result<Vec<Link>, RtnlError> {
        let mut message = LinkMessage::default();
        message.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
        let mut names = self.names();
        self.dump("list the devices", &RouteNetlinkMessage::GetLink(message), |payload| {
            Link::decode(payload, &mut |index| names.get(index))
        })
    }

    /// One device by its name; `None` when there is none.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn link(&mut self, name: LinkName) -> Result<Option<Link>, RtnlError> {
        let mut message = LinkMessage::default();
        message.attributes.push(LinkAttribute::IfName(name.to_string()));
        message.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
        let asking = format!("show the device {name}");
        let mut names = self.names();
        let found = self.ask(&asking, RouteNetlinkMessage::GetLink(message), |payload| {
            Link::decode(payload, &mut |index| names.get(index))
        });
        match found {
            Err(error) if error.is_not_found() => Ok(None),
            found => found,
        }
    }

    /// The number of a device; `None` when there is none. Takes no lock of the kernel's.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn link_index(&self, name: LinkName) -> Result<Option<u32>, RtnlError> {
        match devices::index_of(self.transport.as_raw_fd(), name) {
            Ok(index) => Ok(Some(index)),
            Err(Errno::ENODEV) => Ok(None),
            Err(errno) => {
                Err(RtnlError::Socket { doing: "look up a device", source: errno.into() })
            }
        }
    }

    /// All addresses of both families.
    ///
    /// # Errors
    /// As [`Rtnl::links`].
    pub fn addresses(&mut self) -> Result<Vec<AddressInfo>, RtnlError> {
        let message = RouteNetlinkMessage::GetAddress(AddressMessage::default());
        let mut names = self.names();
        self.dump("list the addresses", &message, |payload| {
            AddressInfo::decode(payload, &mut |index| names.get(index))
        })
    }

    /// The routes that pass a filter.
    ///
    /// # Errors
    /// As [`Rtnl::links`]; that a table or a device of the filter does not exist is no error.
    pub fn routes(&mut self, filter: RouteFilter) -> Result<Vec<Route>, RtnlError> {
        let mut names = self.names();
        let mut found = Vec::new();
        let dev = match filter.dev.map(|dev| self.link_index(dev)).transpose()? {
            Some(None) => return Ok(found),
            dev => dev.flatten(),
        };
        for ipv4 in [true, false] {
            if filter.ipv4.is_some_and(|wanted| wanted != ipv4) {
                continue;
            }
            let mut message = RouteMessage::default();
            message.header.address_family = family(ipv4);
            message.header.protocol = RouteProtocol::from(filter.protocol.unwrap_or_default());
            message.header.table = RouteHeader::RT_TABLE_UNSPEC;
            message.attributes.extend(filter.table.map(RouteAttribute::Table));
            message.attributes.extend(dev.map(RouteAttribute::Oif));
            let message = RouteNetlinkMessage::GetRoute(message);
            let routes = self.dump("list the routes", &message, |payload| {
                Route::decode(payload, &mut |index| names.get(index))
            });
            match routes {
                Ok(routes) => found.extend(routes),
                // "FIB table does not exist"
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// How the kernel would send a packet to an address.
    ///
    /// # Errors
    /// [`RtnlError::Refused`] with `ENETUNREACH` and the like when it would not.
    pub fn route_get(&mut self, to: IpAddr) -> Result<RouteLookup, RtnlError> {
        self.route_of(to, None, None)
    }

    /// How the kernel would send a packet from one address to another: one that it makes itself, or one
    /// that came by a device.
    ///
    /// # Errors
    /// As [`Rtnl::route_get`]; also when the device does not exist, or is not one that such a packet
    /// may come by.
    pub fn route_of(
        &mut self,
        to: IpAddr,
        from: Option<IpAddr>,
        input: Option<LinkName>,
    ) -> Result<RouteLookup, RtnlError> {
        let mut message = RouteMessage::default();
        message.header.address_family = family(to.is_ipv4());
        let of = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => (32, RouteAddress::Inet(ip)),
            IpAddr::V6(ip) => (128, RouteAddress::Inet6(ip)),
        };
        let (len, address) = of(to);
        message.header.destination_prefix_length = len;
        message.attributes.push(RouteAttribute::Destination(address));
        if let Some((len, address)) = from.map(of) {
            message.header.source_prefix_length = len;
            message.attributes.push(RouteAttribute::Source(address));
        }
        if let Some(dev) = input {
            let index = self.link_index(dev)?.ok_or(RtnlError::Refused {
                asking: format!("find the route of what comes by {dev}"),
                errno: Errno::ENODEV,
                message: None,
            })?;
            message.attributes.push(RouteAttribute::Iif(index));
        }
        let asking = format!("find the route to {to}");
        let mut names = self.names();
        let found = self.ask(&asking, RouteNetlinkMessage::GetRoute(message), |payload| {
            RouteLookup::decode(payload, &mut |index| names.get(index))
        })?;
        found.ok_or(RtnlError::Refused { asking, errno: Errno::ENETUNREACH, message: None })
    }

    /// The neighbours on a device that have a link-layer address; none when it does not exist.
    ///
    /// # Errors
    /// As [`Rtnl::links`].
    pub fn neighbours(&mut self, dev: LinkName) -> Result<Vec<Neighbour>, RtnlError> {
        let mut message = NeighbourMessage::default();
        self.neighbours_of(&mut message, dev, Neighbour::decode)
    }

    /// The forwarding-database entries of a bridge's port or of a VXLAN device; none when it
    /// does not exist.
    ///
    /// # Errors
    /// As [`Rtnl::links`].
    pub fn fdb(&mut self, dev: LinkName) -> Result<Vec<FdbEntry>, RtnlError> {
        let mut message = NeighbourMessage::default();
        message.header.family = AddressFamily::Bridge;
        self.neighbours_of(&mut message, dev, FdbEntry::decode)
    }

    fn neighbours_of<T>(
        &mut self,
        message: &mut NeighbourMessage,
        dev: LinkName,
        decode: impl Fn(&[u8], &mut dyn FnMut(u32) -> LinkName) -> Option<T>,
    ) -> Result<Vec<T>, RtnlError> {
        let Some(index) = self.link_index(dev)? else { return Ok(Vec::new()) };
        message.attributes.push(NeighbourAttribute::IfIndex(index));
        let message = RouteNetlinkMessage::GetNeighbour(message.clone());
        let mut names = self.names();
        names.learn(index, dev);
        self.dump(&format!("list the neighbours on {dev}"), &message, |payload| {
            decode(payload, &mut |index| names.get(index))
        })
    }

    /// All policy-routing rules of both families.
    ///
    /// # Errors
    /// As [`Rtnl::links`].
    pub fn rules(&mut self) -> Result<Vec<Rule>, RtnlError> {
        let mut found = Vec::new();
        for ipv4 in [true, false] {
            let mut message = RuleMessage::default();
            message.header.family = family(ipv4);
            let message = RouteNetlinkMessage::GetRule(message);
            found.extend(self.dump("list the rules", &message, Rule::decode)?);
        }
        Ok(found)
    }

    fn names(&self) -> Names {
        Names::new(self.transport.as_raw_fd())
    }

    /// Asks for one object.
    fn ask<T>(
        &mut self,
        asking: &str,
        message: RouteNetlinkMessage,
        mut decode: impl FnMut(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, RtnlError> {
        let sequence = self.transport.next_sequence();
        let mut buffer = Vec::new();
        append(message, 0, sequence, &mut buffer);
        self.transport.send(&buffer).map_err(socket)?;
        loop {
            for frame in self.transport.receive().map_err(socket)? {
                if frame.sequence != sequence {
                    continue;
                }
                if frame.kind == NLMSG_ERROR {
                    return refused(asking, Verdict::of(&frame)).map(|()| None);
                }
                return Ok(decode(frame.payload));
            }
        }
    }

    fn dump<T>(
        &mut self,
        asking: &str,
        message: &RouteNetlinkMessage,
        mut decode: impl FnMut(&[u8]) -> Option<T>,
    ) -> Result<Vec<T>, RtnlError> {
        for _ in 0..ATTEMPTS {
            let sequence = self.transport.next_sequence();
            let mut buffer = Vec::new();
            append(message.clone(), NLM_F_DUMP, sequence, &mut buffer);
            self.transport.send(&buffer).map_err(socket)?;
            let mut found = Vec::new();
            let (mut done, mut torn) = (false, false);
            while !done {
                for frame in self.transport.receive().map_err(socket)? {
                    if frame.sequence != sequence {
                        continue;
                    }
                    torn |= frame.flags & NLM_F_DUMP_INTR != 0;
                    match frame.kind {
                        NLMSG_DONE | NLMSG_ERROR => {
                            refused(asking, Verdict::of(&frame))?;
                            done = true;
                        }
                        kind if kind >= NLMSG_MIN_TYPE => found.extend(decode(frame.payload)),
                        _ => {}
                    }
                }
            }
            if !torn {
                return Ok(found);
            }
        }
        Err(RtnlError::Unstable { asking: asking.to_owned(), attempts: ATTEMPTS })
    }
}

fn family(ipv4: bool) -> AddressFamily {
    if ipv4 { AddressFamily::Inet } else { AddressFamily::Inet6 }
}

fn socket(source: std::io::Error) -> RtnlError {
    RtnlError::Socket { doing: "talk to the kernel over rtnetlink", source }
}

fn refused(asking: &str, verdict: Verdict) -> Result<(), RtnlError> {
    match verdict.errno {
        0 => Ok(()),
        _ => Err(RtnlError::Refused {
            asking: asking.to_owned(),
            errno: verdict.errno(),
            message: verdict.message,
        }),
    }
}
