//! Rules of other programs.

use super::*;
use Severity::{Fault, Warning};
use pontoon_netlink::filter::{Action, Base, Chain, Field, Rule as FilterRule, Table, Test};
use pontoon_netlink::nft::m::ct_state_bits;
use pontoon_netlink::nft::{CmpOp, HookPoint};

fn device(field: Field, name: &str) -> Test {
    let value = [name.as_bytes(), &[0]].concat();
    Test::Compare { field, mask: None, op: CmpOp::Eq, value }
}

fn rule(tests: Vec<Test>, action: Action) -> FilterRule {
    FilterRule { tests, action }
}

fn chain(name: &str, point: Option<HookPoint>, drops: bool, rules: Vec<FilterRule>) -> Chain {
    let base = point.map(|point| Base { point, priority: 0, drops });
    Chain { name: name.to_owned(), base, rules }
}

fn table(name: &str, chains: Vec<Chain>) -> Table {
    Table {
        name: name.to_owned(),
        legacy: false,
        ipv4: true,
        ipv6: false,
        chains,
        sets: Vec::new(),
    }
}

fn with(tables: Vec<Table>) -> impl FnOnce(&mut Facts) {
    move |f| f.filters = Some(tables)
}

/// What lets pods' packets pass, as the mends do it.
fn accepts() -> Vec<FilterRule> {
    [Field::InName, Field::OutName]
        .map(|field| rule(vec![device(field, BRIDGE)], Action::Accept))
        .to_vec()
}

fn forward(name: &str, rules: Vec<FilterRule>) -> Chain {
    chain(name, Some(HookPoint::Forward), true, rules)
}

#[test]
fn a_policy_of_drop_is_told_with_all_that_it_drops() {
    let finding =
        one("firewall", Fault, with(vec![table("ip filter", vec![forward("FORWARD", vec![])])]));
    for way in
        ["of other nodes to pods here", "to pods of other nodes", "of this node", "to the outside"]
    {
        assert!(finding.what.contains(way), "{way}: {}", finding.what);
    }
    assert!(finding.what.starts_with("the policy of chain FORWARD in table ip filter drops"));
    assert!(finding.mend.starts_with("iptables-nft -I FORWARD -i pontoon0 -j ACCEPT\niptables-nft -I FORWARD -o pontoon0 -j ACCEPT"));
    for other in ["firewalld", "ufw", "docker-forward"] {
        silent(other, with(vec![table("ip filter", vec![forward("FORWARD", vec![])])]));
    }
}

#[test]
fn a_policy_of_drop_is_no_finding_where_a_rule_lets_pods_pass() {
    silent("firewall", with(vec![table("ip filter", vec![forward("FORWARD", accepts())])]));
    let half = vec![accepts().remove(0)];
    let finding =
        one("firewall", Fault, with(vec![table("ip filter", vec![forward("FORWARD", half)])]));
    assert!(
        finding.what.ends_with(
            "packets: from pods of other nodes to pods here; answers to those from pods here to pods of other nodes; answers to those from pods to the outside"
        ),
        "{}",
        finding.what
    );
}

#[test]
fn what_another_table_accepts_does_not_save_what_one_drops() {
    let open = table("inet a", vec![forward("forward", accepts())]);
    let closed = table("inet b", vec![forward("forward", vec![])]);
    let finding = one("firewall", Fault, with(vec![open, closed]));
    assert!(finding.mend.starts_with("nft insert rule inet b forward iifname pontoon0 accept"));
}

#[test]
fn rules_that_cannot_be_read_make_it_a_warning() {
    let maybe = rule(vec![Test::Unreadable("set".to_owned())], Action::Accept);
    let finding = one(
        "firewall",
        Warning,
        with(vec![table("ip filter", vec![forward("FORWARD", vec![maybe])])]),
    );
    assert!(finding.what.contains("cannot be read"), "{}", finding.what);
}

#[test]
fn the_legacy_tables_count_too() {
    let legacy = Table { legacy: true, ..table("ip filter", vec![forward("FORWARD", vec![])]) };
    let finding = one("firewall", Fault, with(vec![legacy]));
    assert!(finding.what.contains("(iptables-legacy)"));
    assert!(finding.mend.starts_with("iptables-legacy -I"));
}

#[test]
fn the_overlay_and_the_dns_must_be_let_in() {
    let closed = || chain("input", Some(HookPoint::Input), true, vec![]);
    let finding = one("firewall", Fault, with(vec![table("ip filter", vec![closed()])]));
    assert!(finding.what.contains("encapsulated ones from other nodes"), "{}", finding.what);
    assert!(finding.what.contains("to the cluster's DNS"), "{}", finding.what);
    assert!(finding.mend.contains("udp dport 8472 accept"), "{}", finding.mend);
    silent("firewall", |f| {
        f.setup.config.backend.kind = BackendKind::HostGw;
        f.setup.dns.clear();
        f.filters = Some(vec![table("ip filter", vec![closed()])]);
    });
    let outward = chain("output", Some(HookPoint::Output), true, vec![]);
    let finding = one("firewall", Fault, with(vec![table("ip filter", vec![outward])]));
    assert!(
        finding.what.ends_with(
            "encapsulated ones to other nodes; answers to those from pods to the cluster's DNS"
        ),
        "{}",
        finding.what
    );
    assert!(finding.mend.starts_with("nft insert rule ip filter output oifname pontoon0 accept\nnft insert rule ip filter output udp dport 8472 accept\n#"), "{}", finding.mend);
}

fn in_state(bits: u32) -> Test {
    let mask = Some(bits.to_ne_bytes().to_vec());
    Test::Compare { field: Field::State, mask, op: CmpOp::Ne, value: vec![0; 4] }
}

#[test]
fn answers_must_pass_too() {
    use ct_state_bits::{ESTABLISHED, NEW};
    let begin = |dev: &str| rule(vec![device(Field::InName, dev), in_state(NEW)], Action::Accept);
    let pods = || rule(vec![device(Field::InName, BRIDGE)], Action::Accept);
    let only = |rules: Vec<FilterRule>| with(vec![table("inet guard", vec![forward("f", rules)])]);
    let finding = one("firewall", Fault, only(vec![pods(), begin(VXLAN)]));
    assert!(
        finding.what.ends_with("packets: answers to those from pods here to pods of other nodes; answers to those from pods to the outside"),
        "{}",
        finding.what
    );
    assert!(finding.mend.contains("nft insert rule inet guard f oifname pontoon0 accept"));
    let answers = rule(vec![in_state(ESTABLISHED)], Action::Accept);
    silent("firewall", only(vec![answers.clone(), pods(), begin(VXLAN)]));
    // A node by itself.
    let alone = |rules: Vec<FilterRule>| {
        move |f: &mut Facts| {
            f.setup.peers.clear();
            only(rules)(f);
        }
    };
    one("firewall", Fault, alone(vec![pods()]));
    silent("firewall", alone(vec![pods(), answers.clone()]));
    // Questions to the DNS are not tracked: their answers belong to no connection.
    let output = |rules: Vec<FilterRule>| {
        let rules =
            [rules, vec![rule(vec![device(Field::OutName, BRIDGE)], Action::Drop)]].concat();
        with(vec![table("inet guard", vec![chain("out", Some(HookPoint::Output), false, rules)])])
    };
    let finding = one("firewall", Fault, output(vec![answers.clone()]));
    assert!(finding.what.starts_with("rule 2 of chain out"), "{}", finding.what);
    assert!(
        finding.what.ends_with("packets: answers to those from pods to the cluster's DNS"),
        "{}",
        finding.what
    );
    let untracked = rule(vec![in_state(ct_state_bits::UNTRACKED)], Action::Accept);
    silent("firewall", output(vec![untracked.clone()]));
    // Those to another address that it listens at are.
    one("firewall", Fault, |f| {
        f.setup.dns = vec!["192.0.2.1:53".parse().unwrap()];
        output(vec![untracked])(f);
    });
    silent("firewall", |f| {
        f.setup.dns = vec!["192.0.2.1:53".parse().unwrap()];
        output(vec![answers])(f);
    });
}

/// A chain that several others lead to is mended in each.
#[test]
fn what_a_shared_chain_drops_is_told_for_each_place() {
    let base = |name: &str, point| {
        let jump = rule(vec![], Action::Jump("FW".to_owned()));
        chain(name, Some(point), false, vec![jump])
    };
    let shared = chain("FW", None, false, vec![rule(vec![], Action::Drop)]);
    let chains = vec![base("INPUT", HookPoint::Input), base("FORWARD", HookPoint::Forward), shared];
    let findings = found("firewall", with(vec![table("ip filter", chains)]));
    let mut mends: Vec<&str> = findings.iter().flat_map(|f| f.mend.lines()).collect();
    mends.retain(|line| !line.starts_with('#'));
    mends.sort_unstable();
    assert_eq!(
        mends,
        [
            "iptables-nft -I FORWARD -i pontoon0 -j ACCEPT",
            "iptables-nft -I FORWARD -o pontoon0 -j ACCEPT",
            "iptables-nft -I INPUT -i pontoon0 -j ACCEPT",
            "iptables-nft -I INPUT -p udp --dport 8472 -j ACCEPT",
        ]
    );
}

#[test]
fn tables_of_the_other_family_are_no_business_of_pods_that_have_none() {
    let v6 =
        Table { ipv4: false, ipv6: true, ..table("ip6 filter", vec![forward("FORWARD", vec![])]) };
    silent("firewall", with(vec![v6]));
}

#[test]
fn dockers_policy_is_mended_in_the_chain_that_docker_leaves_to_people() {
    let docker = |user: Vec<FilterRule>| {
        let jump = rule(vec![], Action::Jump("DOCKER-USER".to_owned()));
        let own = rule(vec![device(Field::OutName, "docker0")], Action::Accept);
        with(vec![table(
            "ip filter",
            vec![forward("FORWARD", vec![jump, own]), chain("DOCKER-USER", None, false, user)],
        )])
    };
    let finding = one("docker-forward", Fault, docker(vec![]));
    assert!(finding.mend.starts_with("iptables-nft -I DOCKER-USER -i pontoon0 -j ACCEPT"));
    silent("firewall", docker(vec![]));
    silent("docker-forward", docker(accepts()));
}

#[test]
fn ufw_and_firewalld_are_mended_by_their_own_commands() {
    let ufw = || {
        let jump = rule(vec![], Action::Jump("ufw-user-forward".to_owned()));
        vec![table(
            "ip filter",
            vec![forward("FORWARD", vec![jump]), chain("ufw-user-forward", None, false, vec![])],
        )]
    };
    let finding = one("ufw", Fault, with(ufw()));
    assert_eq!(finding.mend, "ufw route allow in on pontoon0\nufw route allow out on pontoon0");
    silent("firewall", with(ufw()));
    let reject = rule(vec![], Action::Reject);
    let firewalld = vec![table(
        "inet firewalld",
        vec![chain("filter_FORWARD", Some(HookPoint::Forward), false, vec![reject])],
    )];
    let finding = one("firewalld", Fault, with(firewalld.clone()));
    assert!(finding.mend.ends_with("firewall-cmd --reload"), "{}", finding.mend);
    assert!(finding.what.starts_with("rule 1 of chain filter_FORWARD"), "{}", finding.what);
    assert!(!finding.mend.contains("--add-source"), "{}", finding.mend);
    silent("firewall", with(firewalld.clone()));
    // Over plain routes it is the addresses that tell what is of pods.
    let finding = one("firewalld", Fault, |f| {
        f.setup.config.backend.kind = BackendKind::HostGw;
        f.filters = Some(firewalld.clone());
    });
    assert_eq!(
        finding.mend,
        "firewall-cmd --permanent --zone=trusted --add-interface=pontoon0\nfirewall-cmd --permanent --zone=trusted --add-source=10.244.0.0/16\nfirewall-cmd --reload"
    );
    let finding = one("firewalld", Fault, |f| {
        f.setup.peers[1].way = Some(BackendKind::HostGw);
        f.filters = Some(firewalld);
    });
    for part in ["--add-interface=pontoon-vxlan", "--add-source=10.244.0.0/16"] {
        assert!(finding.mend.contains(part), "{}", finding.mend);
    }
    let input = |drops: Option<HookPoint>| {
        with(vec![table(
            "ip filter",
            vec![chain("x", drops, true, vec![]), chain("ufw-x", None, false, vec![])],
        )])
    };
    let finding = one("ufw", Fault, input(Some(HookPoint::Input)));
    assert_eq!(finding.mend, "ufw allow in on pontoon0\nufw allow 8472/udp");
    let finding = one("ufw", Fault, input(Some(HookPoint::Output)));
    assert_eq!(finding.mend, "ufw allow out on pontoon0\nufw allow out 8472/udp");
}

#[test]
fn a_firewall_whose_rules_cannot_be_read_is_told_if_it_runs() {
    silent("firewalld", |f| f.filters = None);
    silent("firewalld", |f| f.host.services.extend(["firewalld".to_owned()]));
    one("firewalld", Warning, |f| {
        f.filters = None;
        f.host.services.insert("firewalld".to_owned());
    });
    silent("ufw", |f| f.filters = None);
    silent("ufw", |f| f.host.ufw = true);
    one("ufw", Warning, |f| {
        f.filters = None;
        f.host.ufw = true;
    });
}

#[test]
fn kube_proxys_traces_are_found_wherever_they_are() {
    silent(
        "kube-proxy",
        with(vec![table("ip mangle", vec![chain("KUBE-KUBELET-CANARY", None, false, vec![])])]),
    );
    one("kube-proxy", Warning, with(vec![table("ip kube-proxy", vec![])]));
    one(
        "kube-proxy",
        Warning,
        with(vec![table("ip nat", vec![chain("KUBE-SERVICES", None, false, vec![])])]),
    );
    one("kube-proxy", Warning, |f| {
        f.network.links.push(link(9, "kube-ipvs0", 1500, LinkKind::Other("dummy".to_owned())));
    });
}
