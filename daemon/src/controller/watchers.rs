//! What changes in the kernel without us.

use std::time::Duration;

use pontoon_netlink::monitor::{Change, Event, Monitor, Watch};
use pontoon_netlink::nft::{self, Port};
use pontoon_netlink::{Link, LinkName};
use tracing::warn;

use crate::firewall::ruleset::INET_TABLE;
use crate::names::{BRIDGE, PROTOCOL, VETH_PREFIX, VXLAN};
use crate::network::RouteKey;

/// Something that changed.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Seen {
    /// An interface that is not ours, or an address on it: the underlay may be another.
    Foreign(LinkName),
    /// The default route is another: the underlay may be, too.
    DefaultRoute,
    /// One of our devices is as the event says.
    OurLink(Box<Link>),
    /// A route of our protocol number was taken away, by us or by somebody else.
    RouteGone(RouteKey),
    /// Something else of ours was taken away.
    OursGone,
    /// Events were lost.
    Everything,
    /// Somebody else changed one of our tables.
    Firewall,
    /// Somebody else changed the table of services.
    Services,
    /// A pod's host end has vanished.
    HostEndGone(LinkName),
    /// Nothing that matters.
    Nothing,
}

/// The sources of events.
pub(super) struct Watchers {
    kernel: Option<Monitor>,
    tables: Option<nft::Monitor>,
    /// Whose changes of the tables are our own.
    own: Vec<Port>,
}

/// Before a source that failed is opened again.
const REOPEN: Duration = Duration::from_secs(5);

impl Watchers {
    /// Opens the sources; what fails is tried again later.
    pub(super) fn open(own: Vec<Port>) -> Self {
        let mut watchers = Self { kernel: None, tables: None, own };
        watchers.reopen();
        watchers
    }

    fn reopen(&mut self) {
        if self.kernel.is_none() {
            self.kernel = Monitor::open(Watch::default())
                .inspect_err(|error| warn!(%error, "cannot follow changes of the kernel"))
                .ok();
        }
        if self.tables.is_none() {
            self.tables = nft::Monitor::open(&self.own)
                .inspect_err(|error| warn!(%error, "cannot follow changes of nf_tables"))
                .ok();
        }
    }

    /// The next event. Nothing is lost when the call is given up.
    pub(super) async fn next(&mut self) -> Seen {
        let (Some(kernel), Some(tables)) = (&mut self.kernel, &mut self.tables) else {
            tokio::time::sleep(REOPEN).await;
            self.reopen();
            return Seen::Everything;
        };
        let (source, seen) = tokio::select! {
            event = kernel.next() => ("interfaces and routes", event.map(classify).map_err(|e| e.to_string())),
            event = tables.next() => ("nf_tables", event.map(|e| of_tables(&e)).map_err(|e| e.to_string())),
        };
        seen.unwrap_or_else(|error| {
            warn!(error, source, "changes of the kernel are lost");
            self.kernel = None;
            self.tables = None;
            Seen::Everything
        })
    }
}

/// Only what somebody does to our own tables matters.
fn of_tables(event: &nft::Event) -> Seen {
    match event {
        nft::Event::TableDeleted { name, .. } | nft::Event::Changed { name, .. }
            if name == INET_TABLE.name.as_ref() =>
        {
            Seen::Firewall
        }
        nft::Event::TableDeleted { name, .. } | nft::Event::Changed { name, .. }
            if name == pontoon_proxy::layout::TABLE.name.as_ref() =>
        {
            Seen::Services
        }
        nft::Event::Overrun => Seen::Everything,
        _ => Seen::Nothing,
    }
}

fn classify(event: Event) -> Seen {
    match event {
        Event::Overrun => Seen::Everything,
        Event::Link(change, link) => of_link(change, link),
        Event::Address(change, info) => match (whose(info.address.dev), change) {
            (Whose::Ours, Change::Gone) => Seen::OursGone,
            (Whose::Foreign, _) => Seen::Foreign(info.address.dev),
            _ => Seen::Nothing,
        },
        Event::Route(Change::Gone, route) if route.protocol == PROTOCOL => {
            Seen::RouteGone(RouteKey { dst: route.dst, table: route.table, metric: route.metric })
        }
        Event::Route(_, route) if route.is_default() && route.protocol != PROTOCOL => {
            Seen::DefaultRoute
        }
        Event::Rule(Change::Gone, rule) if rule.protocol == PROTOCOL => Seen::OursGone,
        _ => Seen::Nothing,
    }
}

fn of_link(change: Change, link: Link) -> Seen {
    match (whose(link.name), change) {
        (Whose::Ours, Change::Gone) => Seen::OursGone,
        (Whose::Ours, Change::Present) => Seen::OurLink(Box::new(link)),
        (Whose::Pods, Change::Gone) => Seen::HostEndGone(link.name),
        (Whose::Pods, Change::Present) => Seen::Nothing,
        (Whose::Foreign, _) => Seen::Foreign(link.name),
    }
}

enum Whose {
    Ours,
    Pods,
    Foreign,
}

fn whose(dev: LinkName) -> Whose {
    match dev.as_str() {
        BRIDGE | VXLAN => Whose::Ours,
        name if name.starts_with(VETH_PREFIX) => Whose::Pods,
        _ => Whose::Foreign,
    }
}
