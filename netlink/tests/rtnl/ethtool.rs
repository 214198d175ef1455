//! What devices tell of themselves.

use pontoon_netlink::ethtool::Ethtool;
use pontoon_netlink::{NewVeth, NewVxlan, Op, VxlanSettings};

use crate::support::{bridge, host, name};

#[test]
fn devices_tell_their_driver_and_whether_they_compute_checksums() {
    let Some(mut node) = host() else { return };
    let vxlan = NewVxlan::new(name("vx"), VxlanSettings::new(1, 8472));
    node.apply(&[
        bridge("br0"),
        Op::CreateVeth(NewVeth::new(name("v0"), name("v1"))),
        Op::CreateVxlan(vxlan),
    ]);
    let ethtool = node.netns.run(Ethtool::open).unwrap().unwrap();
    let driver = |dev: &str| ethtool.driver(name(dev));
    assert_eq!(driver("br0").as_deref(), Some("bridge"));
    assert_eq!(driver("v0").as_deref(), Some("veth"));
    assert_eq!(driver("vx").as_deref(), Some("vxlan"));
    assert_eq!(driver("none"), None);
    assert_eq!(ethtool.tx_checksum(name("vx")), Some(true));
    assert_eq!(ethtool.tx_checksum(name("none")), None);
}
