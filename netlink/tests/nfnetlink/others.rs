//! The rules of other programs, read as tests of a packet.

use pontoon_netlink::filter::{self, Action, Field, Rule, Test, legacy};
use pontoon_netlink::nft::{CmpOp, HookPoint, Nft, m::ct_state_bits};

use crate::support::{in_netns, run};

const RULES: &str = r#"
table inet filter {
    set trusted { type ifname; elements = { "pontoon0" }; }
    map zones { type ifname : verdict; elements = { "a" : accept, "b" : jump x }; }
    set hosts { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 80-90 }; }
    chain forward {
        type filter hook forward priority 10; policy drop;
        ct state established,related accept
        iifname @trusted accept
        oifname "eth*" counter drop
        ip saddr 10.244.0.0/17 goto x
        ip saddr != { 10.1.0.0/16, 10.2.0.1 } accept
        ip saddr . tcp dport @hosts accept
        iifname vmap @zones
        limit rate 5/second accept
        tcp dport 1000-2000 reject with icmpx admin-prohibited
    }
    chain x { return; };
    chain out { type nat hook postrouting priority 100; masquerade; };
}
table inet pontoon { chain forward { type filter hook forward priority 0; policy drop; }; }
"#;

fn read(wanted: &str) -> filter::Table {
    let tables = Nft::open().unwrap().filters(|table| table.to_string() == wanted).unwrap();
    let [table] = <[filter::Table; 1]>::try_from(tables).unwrap();
    table
}

fn load(script: &str) {
    let file = tempfile(script);
    run("nft", &["-f", &file]);
    std::fs::remove_file(file).unwrap();
}

fn tempfile(content: &str) -> String {
    let path = std::env::temp_dir().join(format!("pontoon-others-{}.nft", std::process::id()));
    std::fs::write(&path, content).unwrap();
    path.display().to_string()
}

fn compare(field: Field, mask: Option<&[u8]>, op: CmpOp, value: &[u8]) -> Test {
    Test::Compare { field, mask: mask.map(<[u8]>::to_vec), op, value: value.to_vec() }
}

fn any_state(bits: u32) -> Test {
    compare(Field::State, Some(&bits.to_ne_bytes()), CmpOp::Ne, &[0; 4])
}

const SADDR: Field = Field::Network { offset: 12, length: 4 };
const DPORT: Field = Field::Transport { offset: 2, length: 2 };

#[test]
fn a_table_that_is_switched_off_drops_nothing_until_it_is_switched_on() {
    in_netns(|| {
        load(
            "table inet a { chain c { type filter hook forward priority 0; policy drop; }; }\ntable ip b { }",
        );
        let mut nft = Nft::open().unwrap();
        assert_eq!(nft.list_dormant_tables().unwrap(), []);
        run("nft", &["add table inet a { flags dormant; }"]);
        let names: Vec<String> =
            nft.list_dormant_tables().unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["inet a"]);
        let shown = nft.filters(|_| true).unwrap();
        assert!(shown.iter().all(|table| table.name == "ip b"), "{shown:?}");
        run("nft", &["add table inet a"]);
        assert_eq!(nft.list_dormant_tables().unwrap(), []);
        assert_eq!(nft.filters(|_| true).unwrap().len(), 2);
    });
}

#[test]
fn every_test_of_a_foreign_rule_is_read_or_said_to_be_unreadable() {
    in_netns(|| {
        load(RULES);
        let table = read("inet filter");
        assert!(table.ipv4 && table.ipv6 && !table.legacy);
        let names: Vec<&str> = table.chains.iter().map(|chain| chain.name.as_str()).collect();
        assert_eq!(names, ["forward", "x"], "chains of translation decide nothing");
        let forward = table.chain("forward").unwrap();
        let base = forward.base.unwrap();
        assert_eq!((base.point, base.priority, base.drops), (HookPoint::Forward, 10, true));
        let is = |index: usize, tests: &[Test], action: Action| {
            let rule: &Rule = &forward.rules[index];
            let head = tests.len().min(rule.tests.len());
            // `ip saddr` in an inet table begins with the family, `tcp dport` with the protocol.
            let tail = &rule.tests[rule.tests.len() - head..];
            assert_eq!((tail, &rule.action), (tests, &action), "rule {index}: {rule:?}");
        };
        is(0, &[any_state(ct_state_bits::ESTABLISHED | ct_state_bits::RELATED)], Action::Accept);
        let among = |key, set: &str, negated| Test::Among { key, set: set.to_owned(), negated };
        is(1, &[among(vec![Field::InName], "trusted", false)], Action::Accept);
        is(2, &[compare(Field::OutName, None, CmpOp::Eq, b"eth")], Action::Drop);
        let masked = compare(SADDR, Some(&[255, 255, 128, 0]), CmpOp::Eq, &[10, 244, 0, 0]);
        is(3, &[masked], Action::Goto("x".into()));
        let anonymous = &table.sets.iter().find(|set| set.name.starts_with("__")).unwrap();
        is(4, &[among(vec![SADDR], &anonymous.name, true)], Action::Accept);
        is(5, &[among(vec![SADDR, DPORT], "hosts", false)], Action::Accept);
        is(6, &[], Action::ByMap { key: vec![Field::InName], map: "zones".into() });
        is(7, &[Test::Unreadable("limit".into())], Action::Accept);
        let tests = &forward.rules[8].tests;
        assert!(
            matches!(
                tests.as_slice(),
                [.., Test::Compare { op: CmpOp::Ge, .. }, Test::Compare { op: CmpOp::Le, .. }]
                    | [.., Test::Between { .. }]
            ),
            "{tests:?}"
        );
        assert_eq!(forward.rules[8].action, Action::Reject);

        let elements = |name: &str| table.set(name).unwrap().elements.clone().unwrap();
        let mut networks: Vec<_> =
            elements(&anonymous.name).into_iter().map(|e| e.keys.unwrap()).collect();
        networks.sort();
        let network = (vec![10, 1, 0, 0], vec![10, 1, 255, 255]);
        assert_eq!(networks, [network, (vec![10, 2, 0, 1], vec![10, 2, 0, 1])]);
        let hosts = elements("hosts")[0].keys.clone().unwrap();
        assert_eq!(hosts, (vec![10, 0, 0, 0, 0, 80, 0, 0], vec![10, 255, 255, 255, 0, 90, 0, 0]));
        let mut actions: Vec<_> =
            elements("zones").into_iter().map(|e| e.action.unwrap()).collect();
        actions.sort_by_key(|action| format!("{action:?}"));
        assert_eq!(actions, [Action::Accept, Action::Jump("x".into())]);
    });
}

/// What `iptables` writes, by way of nf_tables or not, comes to the same rules.
const IPTABLES: [&[&str]; 7] = [
    &["-P", "FORWARD", "DROP"],
    &["-N", "USER"],
    &["-A", "FORWARD", "-j", "USER"],
    &[
        "-A",
        "FORWARD",
        "-i",
        "eth+",
        "-o",
        "docker0",
        "-m",
        "conntrack",
        "--ctstate",
        "RELATED,ESTABLISHED",
        "-j",
        "ACCEPT",
    ],
    &[
        "-A",
        "FORWARD",
        "-s",
        "10.244.0.0/17",
        "-p",
        "udp",
        "--dport",
        "53",
        "-m",
        "comment",
        "--comment",
        "hi",
        "-j",
        "REJECT",
    ],
    &["-A", "USER", "-g", "USER2"],
    &["-A", "USER2", "-m", "limit", "--limit", "5/s", "-j", "RETURN"],
];

fn check_iptables(table: &filter::Table) {
    let forward = table.chain("FORWARD").unwrap();
    let base = forward.base.unwrap();
    assert_eq!((base.point, base.drops), (HookPoint::Forward, true));
    let [user, docker, dns] = forward.rules.as_slice() else { panic!("{forward:?}") };
    assert_eq!(user, &Rule { tests: vec![], action: Action::Jump("USER".into()) });
    let names: Vec<&Field> = docker
        .tests
        .iter()
        .filter_map(|test| match test {
            Test::Compare { field, op: CmpOp::Eq, .. } => Some(field),
            _ => None,
        })
        .collect();
    assert_eq!(names, [&Field::InName, &Field::OutName]);
    let states = any_state(ct_state_bits::ESTABLISHED | ct_state_bits::RELATED);
    assert_eq!((docker.tests.last(), &docker.action), (Some(&states), &Action::Accept));
    assert_eq!(dns.action, Action::Reject);
    assert!(dns.tests.iter().all(|test| !matches!(test, Test::Unreadable(_))), "{dns:?}");
    let user = &table.chain("USER").unwrap().rules;
    assert_eq!(user, &[Rule { tests: vec![], action: Action::Goto("USER2".into()) }]);
    let limited = &table.chain("USER2").unwrap().rules;
    let [Rule { tests, action: Action::Return }] = limited.as_slice() else {
        panic!("{limited:?}")
    };
    assert_eq!(tests, &[Test::Unreadable("limit".into())]);
}

#[test]
fn iptables_is_read_from_nf_tables_and_from_its_own_tables() {
    in_netns(|| {
        for (program, ipv6) in [("iptables", false), ("ip6tables", true)] {
            let network = |arg: &'static str| match arg {
                "10.244.0.0/17" if ipv6 => "fd00:10::/33",
                other => other,
            };
            for variant in ["nft", "legacy"] {
                let program = format!("{program}-{variant}");
                if std::process::Command::new(&program).arg("-V").output().is_err() {
                    return eprintln!("skipped: needs {program}");
                }
                run(&program, &["-N", "USER2"]);
                for command in IPTABLES {
                    run(&program, &command.iter().copied().map(network).collect::<Vec<_>>());
                }
            }
            let family = if ipv6 { "ip6" } else { "ip" };
            check_iptables(&read(&format!("{family} filter")));
            let family = if ipv6 { legacy::Family::Ipv6 } else { legacy::Family::Ipv4 };
            let table = legacy::filter(family).unwrap().unwrap();
            assert!(table.legacy && table.ipv6 == ipv6 && table.ipv4 != ipv6);
            check_iptables(&table);
        }
    });
}

#[test]
fn where_there_are_no_tables_none_are_made_by_asking() {
    in_netns(|| {
        for family in legacy::Family::ALL {
            assert_eq!(legacy::filter(family).unwrap(), None);
            assert!(!legacy::is_loaded(family).unwrap());
        }
        assert_eq!(Nft::open().unwrap().filters(|_| true).unwrap(), []);
    });
}
