use super::*;
use serde_json::{Value, json};

fn read(document: Value) -> Result<Wishes, String> {
    let network = "pontoon".parse().unwrap();
    Wishes::read(&Field::document(&document), &network, Args::default())
        .map_err(|error| error.to_string())
}

fn ports(mappings: Value) -> Result<Vec<PortMapping>, String> {
    read(json!({"runtimeConfig": {"portMappings": mappings}})).map(|wishes| wishes.port_mappings)
}

fn mapping(host_port: u16, protocol: PortProtocol, host_ip: Option<&str>) -> PortMapping {
    let host_ip = host_ip.map(|text| text.parse().unwrap());
    PortMapping { host_port, container_port: 80, protocol, host_ip }
}

#[test]
fn nothing_asked_is_nothing_wished() {
    assert_eq!(read(json!({})), Ok(Wishes::default()));
    assert_eq!(
        read(json!({"runtimeConfig": null, "args": {"org.other": 1}})),
        Ok(Wishes::default())
    );
    let empty = json!({"runtimeConfig": {"portMappings": null, "ips": [], "mac": ""},
        "args": {"cni": {"ips": null, "labels": []}}});
    assert_eq!(read(empty), Ok(Wishes::default()));
}

#[test]
fn port_mappings_are_read_as_containerd_and_as_podman_write_them() {
    let containerd = json!([
        {"HostPort": 8080, "ContainerPort": 80, "Protocol": "tcp", "HostIP": ""},
        {"HostPort": 8080, "ContainerPort": 80, "Protocol": "UDP", "HostIP": "192.0.2.1"},
    ]);
    let podman = json!([
        {"hostPort": 8080, "containerPort": 80, "protocol": ""},
        {"hostPort": 8080, "containerPort": 80, "protocol": "udp", "hostIP": "192.0.2.1"},
    ]);
    let expected = vec![
        mapping(8080, PortProtocol::Tcp, None),
        mapping(8080, PortProtocol::Udp, Some("192.0.2.1")),
    ];
    assert_eq!(ports(containerd), Ok(expected.clone()));
    assert_eq!(ports(podman), Ok(expected));
}

#[test]
fn ports_that_a_pod_merely_declares_are_dropped() {
    assert_eq!(
        ports(json!([{"HostPort": 0, "ContainerPort": 80}, {"containerPort": 81}, {}])),
        Ok(vec![])
    );
}

#[test]
fn a_wrong_port_mapping_is_named() {
    let path = "runtimeConfig.portMappings[0]";
    for (entry, at, says) in [
        (json!({"hostPort": 65536, "containerPort": 80}), ".hostPort", "65536"),
        (json!({"hostPort": -1, "containerPort": 80}), ".hostPort", "-1"),
        (json!({"hostPort": "80", "containerPort": 80}), ".hostPort", "\"80\""),
        (json!({"HostPort": 1.5, "containerPort": 80}), ".HostPort", "1.5"),
        (json!({"hostPort": 80}), "", "containerPort"),
        (json!({"hostPort": 80, "containerPort": 0}), ".containerPort", "1 to 65535"),
        (json!({"hostPort": 80, "containerPort": 80, "protocol": "icmp"}), ".protocol", "tcp, udp"),
        (json!({"hostPort": 80, "containerPort": 80, "hostIP": "host"}), ".hostIP", "\"host\""),
        (json!(80), "", "object"),
    ] {
        let error = ports(json!([entry])).unwrap_err();
        assert!(error.starts_with(&format!("{path}{at}: ")) && error.contains(says), "{error}");
    }
}

#[test]
fn a_port_of_an_address_is_mapped_once() {
    let entry = |address: &str| json!({"hostPort": 80, "containerPort": 80, "hostIP": address});
    for (one, other) in [("", ""), ("", "192.0.2.1"), ("0.0.0.0", "192.0.2.1"), ("::1", "::1")] {
        let error = ports(json!([entry(one), entry(other)])).unwrap_err();
        assert!(
            error.starts_with("runtimeConfig.portMappings[1]: ") && error.contains("80/tcp"),
            "{error}"
        );
    }
    for (one, other) in [("192.0.2.1", "192.0.2.2"), ("0.0.0.0", "::"), ("::", "192.0.2.1")] {
        assert_eq!(ports(json!([entry(one), entry(other)])).unwrap().len(), 2, "{one} {other}");
    }
}

#[test]
fn addresses_and_mac_come_from_the_most_particular_source() {
    let args = || Args {
        addresses: vec!["10.0.0.1".parse().unwrap()],
        mac: Some(MacAddr([2, 0, 0, 0, 0, 1])),
        ..Args::default()
    };
    let network = "pontoon".parse().unwrap();
    let wishes =
        |document: Value| Wishes::read(&Field::document(&document), &network, args()).unwrap();
    let mut document = json!({});
    let check = |document: &Value, address: &str, last: u8| {
        let wishes = wishes(document.clone());
        assert_eq!(wishes.addresses, [address.parse::<IpAddr>().unwrap()]);
        assert_eq!(wishes.mac, Some(MacAddr([2, 0, 0, 0, 0, last])));
    };
    check(&document, "10.0.0.1", 1);
    document["args"] = json!({"cni": {"ips": ["10.0.0.2"], "mac": "02:00:00:00:00:02"}});
    check(&document, "10.0.0.2", 2);
    document["runtimeConfig"] = json!({"ips": ["10.0.0.3/24"], "mac": "02:00:00:00:00:03"});
    check(&document, "10.0.0.3", 3);
}

#[test]
fn a_wrong_address_is_named() {
    for (ips, at) in [
        (json!(["10.0.0.256"]), "runtimeConfig.ips[0]"),
        (json!(["10.0.0.1", "10.0.0.2"]), "runtimeConfig.ips[1]"),
        (json!(["fd00::1", "::ffff:10.0.0.1", "10.0.0.2"]), "runtimeConfig.ips[2]"),
        (json!(["127.0.0.1"]), "runtimeConfig.ips[0]"),
        (json!(["ff02::1"]), "runtimeConfig.ips[0]"),
        (json!("10.0.0.1"), "runtimeConfig.ips"),
    ] {
        let error = read(json!({"runtimeConfig": {"ips": ips}})).unwrap_err();
        assert!(error.starts_with(&format!("{at}: ")), "{error}");
    }
    let error = read(json!({"runtimeConfig": {"mac": "01:00:00:00:00:00"}})).unwrap_err();
    assert!(error.starts_with("runtimeConfig.mac: "), "{error}");
}

#[test]
fn labels_are_a_list_by_convention_or_a_map() {
    let expected = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
    for labels in [json!([{"key": "app", "value": "web"}]), json!({"app": "web"})] {
        assert_eq!(read(json!({"args": {"cni": {"labels": labels}}})).unwrap().labels, expected);
    }
    for (labels, at) in [
        (json!([{"value": "web"}]), "args.cni.labels[0]"),
        (json!([{"key": "a", "value": 1}]), "args.cni.labels[0].value"),
        (json!([{"key": "a"}, {"key": "a"}]), "args.cni.labels[1].key"),
        (json!({"a.b/c": 1}), r#"args.cni.labels["a.b/c"]"#),
    ] {
        let error = read(json!({"args": {"cni": {"labels": labels}}})).unwrap_err();
        assert!(error.starts_with(&format!("{at}: ")), "{error}");
    }
}

#[test]
fn annotations_come_as_a_capability_of_containerd() {
    let read = read(json!({"runtimeConfig": {"io.kubernetes.cri.pod-annotations": {"a/b": "c"}}}));
    assert_eq!(read.unwrap().annotations, BTreeMap::from([("a/b".into(), "c".into())]));
}

#[test]
fn aliases_are_those_in_this_network_or_else_all() {
    let aliases = |aliases: Value| {
        read(json!({"runtimeConfig": {"aliases": aliases}})).map(|wishes| wishes.aliases)
    };
    // As podman 4.3 writes them: the container's short id is always the last.
    let podman = json!({"pontoon": ["db", "Cache_1", "3829956560cc"], "other": ["x"]});
    assert_eq!(aliases(podman).unwrap(), ["db", "Cache_1", "3829956560cc"]);
    assert_eq!(aliases(json!({"a": ["x"], "b": null, "c": ["y"]})).unwrap(), ["x", "y"]);
    assert_eq!(aliases(json!({"pontoon": []})), Ok(vec![]));
    let nerdctl = Args { hostname: Some("web".to_owned()), ..Args::default() };
    let network = "pontoon".parse().unwrap();
    let wishes = Wishes::read(&Field::document(&json!({})), &network, nerdctl).unwrap();
    assert_eq!(wishes.aliases, ["web"]);
    for (wrong, at) in [
        (json!(["db"]), "runtimeConfig.aliases: "),
        (json!({"pontoon": "db"}), "runtimeConfig.aliases.pontoon: "),
        (json!({"pontoon": [1]}), "runtimeConfig.aliases.pontoon[0]: "),
    ] {
        let error = aliases(wrong).unwrap_err();
        assert!(error.starts_with(at), "{error}");
    }
}

#[test]
fn dns_is_read_as_containerd_and_as_the_conventions_write_it() {
    let dns = |dns: Value| read(json!({"runtimeConfig": {"dns": dns}})).map(|wishes| wishes.dns);
    let containerd =
        json!({"Servers": ["10.0.0.10", "fd00::a"], "Searches": null, "Options": ["ndots:2"]});
    let conventions = json!({"servers": ["10.0.0.10", "fd00::a"], "options": ["ndots:2"]});
    let expected = Dns {
        nameservers: vec!["10.0.0.10".parse().unwrap(), "fd00::a".parse().unwrap()],
        options: vec!["ndots:2".to_owned()],
        ..Dns::default()
    };
    assert_eq!(dns(containerd).unwrap(), expected);
    assert_eq!(dns(conventions).unwrap(), expected);
    assert_eq!(dns(json!({"searches": ["a.b"]})).unwrap().search, ["a.b"]);
    for (wrong, at) in [
        (json!({"Servers": ["dns.example"]}), "runtimeConfig.dns.Servers[0]: "),
        (json!({"searches": "a"}), "runtimeConfig.dns.searches: "),
        (json!([]), "runtimeConfig.dns: "),
    ] {
        let error = dns(wrong).unwrap_err();
        assert!(error.starts_with(at), "{error}");
    }
}

#[test]
fn capabilities_of_others_are_passed_over() {
    let document = json!({"runtimeConfig": {"bandwidth": {"ingressRate": 1}}});
    assert_eq!(read(document), Ok(Wishes::default()));
}
