use super::*;
use crate::attachment::{AttachedAddress, Dns, Interface};
use crate::mac::MacAddr;
use serde_json::{Value, json};

fn attached() -> Attached {
    let interface = |name: &str, last| Interface {
        name: name.parse().unwrap(),
        mac: MacAddr([2, 0, 0, 0, 0, last]),
    };
    let address = |address: &str, gateway: &str| AttachedAddress {
        address: address.parse().unwrap(),
        gateway: gateway.parse().unwrap(),
    };
    Attached {
        pod_interface: interface("eth0", 3),
        host_interface: interface("ptn0123456789ab", 2),
        bridge: interface("pontoon0", 1),
        mtu: 1450,
        addresses: vec![
            address("10.244.1.7/32", "10.244.1.1"),
            address("fd00:10:244:1::7/128", "fd00:10:244:1::1"),
        ],
        dns: Dns { nameservers: vec!["10.96.0.10".parse().unwrap()], ..Dns::default() },
    }
}

fn ours() -> CniResult {
    CniResult::of(&attached(), Path::new("/run/netns/c1"))
}

fn written(result: CniResult, version: SpecVersion) -> Value {
    serde_json::to_value(result.in_version(version)).unwrap()
}

fn read(document: &Value) -> Result<CniResult, String> {
    CniResult::read(&Field::document(document)).map_err(|error| error.to_string())
}

/// A result as the reference plugins write it in 1.1.0.
fn foreign() -> Value {
    json!({
        "cniVersion": "1.1.0",
        "interfaces": [
            {"name": "br0", "mac": "0a:00:00:00:00:01", "mtu": 1500},
            {"name": "net1", "mac": "0a:00:00:00:00:02", "sandbox": "/run/netns/c1", "mtu": 9000,
             "socketPath": "/run/vhost.sock", "pciID": "0000:00:1f.6"},
        ],
        "ips": [{"interface": 1, "address": "192.0.2.5/24", "gateway": "192.0.2.1"}],
        "routes": [{"dst": "198.51.100.0/24", "gw": "192.0.2.1", "mtu": 1400, "advmss": 1360,
                    "priority": 100, "table": 50, "scope": 0}],
        "dns": {"nameservers": ["192.0.2.53"], "domain": "a.example", "search": ["a.example"],
                "options": ["ndots:5"]},
    })
}

#[test]
fn ours_in_1_1_0() {
    assert_eq!(
        written(ours(), SpecVersion::V1_1_0),
        json!({
            "cniVersion": "1.1.0",
            "interfaces": [
                {"name": "pontoon0", "mac": "02:00:00:00:00:01"},
                {"name": "ptn0123456789ab", "mac": "02:00:00:00:00:02"},
                {"name": "eth0", "mac": "02:00:00:00:00:03", "sandbox": "/run/netns/c1", "mtu": 1450},
            ],
            "ips": [
                {"interface": 2, "address": "10.244.1.7/32", "gateway": "10.244.1.1"},
                {"interface": 2, "address": "fd00:10:244:1::7/128", "gateway": "fd00:10:244:1::1"},
            ],
            "routes": [
                {"dst": "0.0.0.0/0", "gw": "10.244.1.1"},
                {"dst": "::/0", "gw": "fd00:10:244:1::1"},
            ],
            "dns": {"nameservers": ["10.96.0.10"]},
        })
    );
}

#[test]
fn addresses_carry_their_family_up_to_0_4_0() {
    for version in SpecVersion::ALL {
        let document = written(ours(), version);
        assert_eq!(document["cniVersion"], version.as_str());
        let families: Vec<_> = (0..2).map(|ip| &document["ips"][ip]["version"]).collect();
        if version <= SpecVersion::V0_4_0 {
            assert_eq!(families, ["4", "6"]);
        } else {
            assert_eq!(families, [&Value::Null, &Value::Null]);
        }
    }
}

#[test]
fn the_mtu_is_written_since_1_1_0() {
    for version in SpecVersion::ALL {
        let document = written(ours(), version);
        let mtu = &document["interfaces"][2]["mtu"];
        assert_eq!(mtu.as_i64(), (version == SpecVersion::V1_1_0).then_some(1450));
    }
}

#[test]
fn a_result_of_any_version_is_read_back() {
    for version in SpecVersion::ALL {
        let document = written(ours(), version);
        assert_eq!(written(read(&document).unwrap(), version), document);
    }
    assert_eq!(written(read(&foreign()).unwrap(), SpecVersion::V1_1_0), foreign());
}

#[test]
fn what_a_version_cannot_say_is_left_out() {
    let document = written(read(&foreign()).unwrap(), SpecVersion::V0_3_1);
    assert_eq!(
        document["interfaces"][1],
        json!({"name": "net1", "mac": "0a:00:00:00:00:02", "sandbox": "/run/netns/c1"})
    );
    assert_eq!(document["routes"][0], json!({"dst": "198.51.100.0/24", "gw": "192.0.2.1"}));
    assert_eq!(document["ips"][0]["version"], "4");
}

#[test]
fn ours_follows_what_was_there() {
    let both = read(&foreign()).unwrap().followed_by(ours());
    let document = written(both, SpecVersion::V1_0_0);
    let names: Vec<_> =
        document["interfaces"].as_array().unwrap().iter().map(|i| i["name"].clone()).collect();
    assert_eq!(names, ["br0", "net1", "pontoon0", "ptn0123456789ab", "eth0"]);
    let of: Vec<_> =
        document["ips"].as_array().unwrap().iter().map(|ip| ip["interface"].clone()).collect();
    assert_eq!(of, [1, 4, 4]);
    assert_eq!(document["routes"].as_array().unwrap().len(), 3);
    assert_eq!(
        document["dns"],
        json!({"nameservers": ["192.0.2.53", "10.96.0.10"], "domain": "a.example",
               "search": ["a.example"], "options": ["ndots:5"]})
    );
}

#[test]
fn the_addresses_of_an_interface_are_those_in_a_sandbox() {
    let ifname = "eth0".parse().unwrap();
    let own = ["10.244.1.7/32", "fd00:10:244:1::7/128"].map(|text| text.parse().unwrap());
    assert_eq!(read(&foreign()).unwrap().followed_by(ours()).addresses_of(&ifname), own);
    assert_eq!(read(&foreign()).unwrap().addresses_of(&ifname), []);
    let on_host = json!({"interfaces": [{"name": "eth0"}],
        "ips": [{"interface": 0, "address": "192.0.2.5/24"}]});
    assert_eq!(read(&on_host).unwrap().addresses_of(&ifname), []);
    let bare = json!({"ips": [{"address": "192.0.2.5/24"}]});
    assert_eq!(read(&bare).unwrap().addresses_of(&ifname), ["192.0.2.5/24".parse().unwrap()]);
}

#[test]
fn what_go_writes_for_nothing_is_nothing() {
    let document = json!({"cniVersion": "", "interfaces": null, "dns": {},
        "ips": [{"version": "4", "interface": null, "address": "192.0.2.5/24", "gateway": ""}]});
    let result = read(&document).unwrap();
    assert_eq!((result.ips[0].interface, result.ips[0].gateway), (None, None));
    assert_eq!(read(&json!({})), Ok(CniResult::default()));
}

#[test]
fn a_wrong_field_is_named() {
    for (document, at) in [
        (json!([]), "a list is not valid"),
        (json!({"cniVersion": "0.2.0", "ip4": {}}), "cniVersion: \"0.2.0\""),
        (json!({"interfaces": [{"mac": ""}]}), "interfaces[0]: an object"),
        (json!({"interfaces": [{"name": 1}]}), "interfaces[0].name: 1"),
        (json!({"ips": [{}]}), "ips[0]: an object"),
        (json!({"ips": [{"address": "192.0.2.5"}]}), "ips[0].address: \"192.0.2.5\""),
        (json!({"ips": [{"address": "192.0.2.5/33"}]}), "ips[0].address: "),
        (json!({"ips": [{"address": "192.0.2.5/24", "interface": 0}]}), "ips[0].interface: 0"),
        (json!({"ips": [{"address": "192.0.2.5/24", "interface": -1}]}), "ips[0].interface: -1"),
        (json!({"ips": [{"address": "192.0.2.5/24", "gateway": "x"}]}), "ips[0].gateway: \"x\""),
        (json!({"routes": [{"dst": "default"}]}), "routes[0].dst: \"default\""),
        (json!({"routes": [{"dst": "::/0", "mtu": "1"}]}), "routes[0].mtu: \"1\""),
        (json!({"dns": {"nameservers": [1]}}), "dns.nameservers[0]: 1"),
    ] {
        let error = read(&document).unwrap_err();
        assert!(error.starts_with(at), "{error}");
    }
}
