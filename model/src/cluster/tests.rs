use super::*;

fn with(change: impl FnOnce(&mut ClusterConfig)) -> Result<(), String> {
    let mut config = ClusterConfig::default();
    change(&mut config);
    config.validate().map_err(|e| e.to_string())
}

#[test]
fn the_default_is_valid_and_survives_json() {
    let config = ClusterConfig::default();
    assert_eq!(config.validate(), Ok(()));
    let json = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<ClusterConfig>(&json).unwrap(), config);
}

#[test]
fn dns_is_at_the_tenth_address_of_each_service_cidr_unless_said_otherwise() {
    let at = |json: &str| {
        let config: ClusterConfig = serde_json::from_str(json).unwrap();
        config.validate().unwrap();
        config.dns_addresses().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    let ranges = |v4: &str, rest: &str| {
        format!(
            r#"{{"podCidrs": ["10.244.0.0/16"], "serviceCidrs": ["{v4}", "fd00:96::/112"]{rest}}}"#
        )
    };
    assert_eq!(at(&ranges("10.96.0.0/12", "")), "10.96.0.10 fd00:96::a");
    assert_eq!(at(&ranges("10.96.0.0/29", "")), "fd00:96::a");
    assert_eq!(at(&ranges("10.96.0.0/12", r#", "dnsAddresses": []"#)), "");
    assert_eq!(at(&ranges("10.96.0.0/12", r#", "dnsAddresses": ["10.96.0.53"]"#)), "10.96.0.53");
    assert_eq!(at(r#"{"podCidrs": ["10.244.0.0/16"]}"#), "");
    assert!(!serde_json::to_string(&ClusterConfig::default()).unwrap().contains("dns"));

    for (ips, part) in [
        (vec!["10.95.0.1"], "10.95.0.1 is in no service CIDR"),
        (vec!["10.96.0.10", "10.96.0.11"], "10.96.0.11 is the second IPv4 address"),
        (vec!["10.96.0.0"], "10.96.0.0 is 10.96.0.0/12's network or broadcast"),
        (vec!["10.111.255.255"], "10.111.255.255 is 10.96.0.0/12's network or broadcast"),
    ] {
        let ips = ips.into_iter().map(|ip| ip.parse().unwrap()).collect();
        let said = with(|c| c.dns_addresses = Some(ips)).unwrap_err();
        assert!(said.starts_with(&format!("dnsAddresses: {part}")), "{said}");
    }
}

#[test]
fn errors_name_the_field_the_value_and_the_mend() {
    let said = with(|c| c.pod_cidrs = vec!["10.244.1.0/16".parse().unwrap()]).unwrap_err();
    assert_eq!(said, "podCidrs: 10.244.1.0/16 has host bits set: did you mean 10.244.0.0/16?");
    let said = with(|c| c.service_cidrs = vec!["10.244.128.0/20".parse().unwrap()]).unwrap_err();
    assert!(said.starts_with("serviceCidrs: 10.244.128.0/20 overlaps"), "{said}");
    let said = with(|c| c.node_prefix_v4 = 12).unwrap_err();
    assert_eq!(
        said,
        "nodePrefixV4: /12 does not fit: node subnets of 10.244.0.0/16 are /16 to /30"
    );
    assert!(with(|c| c.backend.vxlan_vni = 1 << 24).is_err());
    assert!(with(|c| c.pod_cidrs.clear()).is_err());
    assert!(with(|c| c.pod_cidrs.push("10.245.0.0/16".parse().unwrap())).is_err());
    assert!(with(|c| c.pod_cidrs = vec!["127.0.0.0/8".parse().unwrap()]).is_err());
    assert!(with(|c| c.cluster_domain = "cluster.local.".into()).is_err());
}

#[test]
fn every_services_name_fits_below_the_domain() {
    let domain = |length: usize| format!("{}.{}", "a".repeat(60), "b".repeat(length - 61));
    let of = |domain: &str| with(|config| domain.clone_into(&mut config.cluster_domain));
    assert_eq!(of(&domain(LONGEST_CLUSTER_DOMAIN)), Ok(()));
    let longest = format!("{0}.{0}.svc.{1}", "s".repeat(63), domain(LONGEST_CLUSTER_DOMAIN));
    assert_eq!(longest.len(), 253);
    for (bad, part) in [
        (domain(LONGEST_CLUSTER_DOMAIN + 1), "has 122 bytes, and below more than 121"),
        ("a".repeat(64), "is no domain name"),
        ("cluster.local.".to_owned(), "is no domain name"),
        (String::new(), "is no domain name"),
    ] {
        let said = of(&bad).unwrap_err();
        assert!(said.starts_with("clusterDomain: ") && said.contains(part), "{said}");
    }
}
