//! Namespaces without a name, which end with their handles, also when a test panics.

use pontoon_netlink::{Address, LinkChange, LinkName, Netns, NewBridge, Op, Rtnl};

/// A fresh namespace and a connection to it.
pub(crate) struct Host {
    pub(crate) netns: Netns,
    pub(crate) rtnl: Rtnl,
}

/// A fresh namespace; `None`, with the reason printed, where that is not allowed.
pub(crate) fn host() -> Option<Host> {
    let netns = match Netns::create() {
        Ok(netns) => netns,
        Err(error) => {
            eprintln!("skipped: needs root or a user namespace (unshare -Urn): {error}");
            return None;
        }
    };
    let rtnl = Rtnl::open_in(&netns).unwrap();
    Some(Host { netns, rtnl })
}

impl Host {
    pub(crate) fn apply(&mut self, ops: &[Op]) {
        if let Err(error) = self.rtnl.execute(ops) {
            panic!("{error}");
        }
    }
}

pub(crate) fn name(text: &str) -> LinkName {
    LinkName::try_new(text).unwrap()
}

pub(crate) fn up(dev: &str) -> Op {
    Op::SetLink { dev: name(dev), change: LinkChange::up() }
}

pub(crate) fn bridge(dev: &str) -> Op {
    Op::CreateBridge(NewBridge::new(name(dev)))
}

pub(crate) fn address(dev: &str, net: &str) -> Address {
    Address::new(name(dev), net.parse().unwrap())
}

pub(crate) fn add_address(dev: &str, net: &str) -> Op {
    Op::AddAddress(address(dev, net))
}
