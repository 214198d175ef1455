//! Network namespaces and their settings.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Instant;

use pontoon_netlink::{
    LinkName, Netns, NetnsError, NewVeth, Op, Rtnl, RtnlError, Sysctl, VethPeer, sysctl,
};

use crate::support::{bridge, host, name};

#[test]
fn a_namespace_is_known_by_its_identity() {
    let Some(host) = host() else { return };
    let here = Netns::current().unwrap();
    assert_ne!(here, host.netns);
    assert_eq!(here, Netns::open("/proc/self/ns/net").unwrap());
    assert_eq!(host.netns.run(Netns::current).unwrap().unwrap(), host.netns);
    assert_eq!(host.netns.run(|| Netns::current().unwrap().id()).unwrap(), host.netns.id());
    assert_eq!(Netns::current().unwrap(), here);
    let _opened = Rtnl::open_in(&host.netns).unwrap();
    assert_eq!(Netns::current().unwrap(), here);
}

#[test]
fn what_is_no_namespace_is_named() {
    let folder = std::env::temp_dir().join(format!("nl-netns-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let gone = folder.join("gone");
    // What `ip netns` leaves when the mount is undone.
    let left = folder.join("left");
    fs::write(&left, "").unwrap();
    let dangling = folder.join("dangling");
    symlink(&gone, &dangling).unwrap();
    let fifo = folder.join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();

    let open = |path: &std::path::Path| Netns::open(path).unwrap_err();
    assert!(matches!(open(&gone), NetnsError::Gone { .. }));
    assert!(matches!(open(&dangling), NetnsError::Gone { .. }));
    assert!(matches!(open("/proc/4194305/ns/net".as_ref()), NetnsError::Gone { .. }));
    assert!(matches!(open(&left.join("below")), NetnsError::Gone { .. }));
    for path in [&left, &fifo, &folder] {
        assert!(matches!(open(path), NetnsError::NotNetns { .. }), "{path:?}");
    }
    let other = open("/proc/self/ns/uts".as_ref());
    assert!(other.to_string().ends_with("it is a namespace of another type"), "{other}");
    assert!(RtnlError::from(open(&left)).is_gone_netns());
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_panic_inside_goes_on_outside() {
    let Some(host) = host() else { return };
    let caught = std::panic::catch_unwind(|| host.netns.run(|| panic!("inside")));
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"inside"));
}

#[test]
fn settings_belong_to_the_namespace() {
    let (Some(mut one), Some(other)) = (host(), host()) else { return };
    one.apply(&[bridge("br.0")]);
    let forwarding = Sysctl::ipv4_forwarding();
    let toggled = sysctl::in_netns(&one.netns, || {
        let dad = Sysctl::ipv6_conf(name("br.0"), "accept_dad")?;
        dad.write(0)?;
        assert_eq!(dad.read()?, "0");
        let before = forwarding.read()?;
        let wanted = if before == "1" { 0 } else { 1 };
        assert!(forwarding.write_if_different(wanted)?);
        assert!(!forwarding.write_if_different(wanted)?);
        Ok(before)
    });
    let before = toggled.unwrap();
    assert_eq!(sysctl::in_netns(&other.netns, || forwarding.read()).unwrap(), before);
}

#[test]
fn a_setting_that_cannot_be_says_why() {
    let Some(host) = host() else { return };
    let missing = Sysctl::ipv4_conf(name("nothing"), "rp_filter").unwrap();
    let error = sysctl::in_netns(&host.netns, || missing.write_if_different(1)).unwrap_err();
    assert!(error.is_not_found());
    let said = error.to_string();
    assert!(
        said.contains("write \"1\" to net/ipv4/conf/nothing/rp_filter")
            && said.contains("the device is gone"),
        "{said}"
    );
    let value = sysctl::in_netns(&host.netns, || Sysctl::ipv4_forwarding().write("maybe"));
    assert!(value.unwrap_err().to_string().contains("Invalid argument"));
}

/// By the hundred, as when a node is drained.
#[test]
fn devices_of_a_group_share_one_grace_period() {
    let (Some(mut node), Some(pod)) = (host(), host()) else { return };
    let group = 4711;
    let pairs = |number| -> Vec<Op> {
        let veth = |n: u32| {
            let peer = LinkName::try_new(&format!("p{n}")).unwrap();
            let host = LinkName::try_new(&format!("v{n}")).unwrap();
            let netns = Some(pod.netns.clone());
            Op::CreateVeth(NewVeth {
                group: Some(group),
                peer: VethPeer { name: peer, mac: None, mtu: None, netns },
                ..NewVeth::new(host, peer)
            })
        };
        (0..number).map(veth).collect()
    };
    node.apply(&pairs(100));
    let start = Instant::now();
    node.apply(&[Op::DeleteLinkGroup { group }]);
    let together = start.elapsed();
    assert!(node.rtnl.links().unwrap().iter().all(|link| link.group != group));

    node.apply(&pairs(20));
    let delete: Vec<_> = (0..20).map(|n| Op::DeleteLink { dev: name(&format!("v{n}")) }).collect();
    let start = Instant::now();
    node.apply(&delete);
    let alone = start.elapsed();
    let ratio = (alone.as_secs_f64() / 20.0) / (together.as_secs_f64() / 100.0);
    println!("100 together {together:?}, 20 alone {alone:?}: {ratio:.1} times quicker a link");
    assert!(ratio > 2.0, "{ratio}");
    let again = node.rtnl.execute(&[Op::DeleteLinkGroup { group }]).unwrap_err();
    assert!(again.error.is_not_found(), "{again}");
}
