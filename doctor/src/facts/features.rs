//! What the kernel lacks. It is tried in a network namespace of its own, which goes away with all
//! that was made in it: a list of what was built says nothing of modules that are missing.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use pontoon_netlink::conntrack::Conntrack;
use pontoon_netlink::nft::m::{self, ct_state_bits};
use pontoon_netlink::nft::{
    AddressType, Batch, Chain, ChainKind, Expr, Family, FieldType, Hook, HookPoint, Limit,
    LimitUnit, Load, Name, Nft, Register, Rule as NftRule, Set, Table, Value, nat_flags, priority,
};
use pontoon_netlink::{
    LinkName, Netns, NetnsError, NewBridge, NewVeth, NewVxlan, Op, Rtnl, Rule, VxlanSettings,
};

/// Something that the kernel lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// What it is called.
    pub name: String,
    /// The option that it is built with.
    pub option: &'static str,
    /// What the kernel said.
    pub error: String,
}

/// Tries everything that Pontoon needs.
///
/// # Errors
/// When no network namespace can be made to try it in: nobody may, or the kernel has none.
pub fn probe() -> Result<Vec<Feature>, NetnsError> {
    let netns = Netns::create()?;
    let mut lacking = Vec::new();
    for (name, option, op) in links() {
        let outcome = op
            .map_err(|error| error.to_string())
            .and_then(|op| try_op(&netns, op).map_err(|error| error.to_string()));
        note(&mut lacking, name, option, outcome);
    }
    let tracked = Conntrack::open_in(&netns).and_then(|mut conntrack| conntrack.count());
    let outcome = tracked.map(drop).map_err(|error| error.to_string());
    note(&mut lacking, "connection tracking over netlink", "CONFIG_NF_CT_NETLINK", outcome);
    for (name, option, rule) in expressions() {
        let outcome = try_rule(&netns, rule).map_err(|error| error.to_string());
        note(&mut lacking, name, option, outcome);
    }
    Ok(lacking)
}

fn note(lacking: &mut Vec<Feature>, name: &str, option: &'static str, outcome: Result<(), String>) {
    if let Err(error) = outcome {
        lacking.push(Feature { name: name.to_owned(), option, error });
    }
}

fn links() -> [(&'static str, &'static str, Result<Op, pontoon_netlink::LinkNameError>); 4] {
    let name = |name: &str| LinkName::try_new(name);
    let vxlan = |name| Op::CreateVxlan(NewVxlan::new(name, VxlanSettings::new(1, 8472)));
    let veth = name("veth0").and_then(|one| Ok(Op::CreateVeth(NewVeth::new(one, name("veth1")?))));
    [
        (
            "bridge devices",
            "CONFIG_BRIDGE",
            name("bridge0").map(|n| Op::CreateBridge(NewBridge::new(n))),
        ),
        ("veth devices", "CONFIG_VETH", veth),
        ("vxlan devices", "CONFIG_VXLAN", name("vxlan0").map(vxlan)),
        (
            "rules that choose a routing table",
            "CONFIG_IP_MULTIPLE_TABLES",
            Ok(Op::AddRule(Rule::to_table(true, 112, 11_200))),
        ),
    ]
}

fn try_op(netns: &Netns, op: Op) -> io::Result<()> {
    let mut rtnl = Rtnl::open_in(netns).map_err(io::Error::other)?;
    rtnl.execute(&[op]).map_err(io::Error::other)
}

/// A table that has a rule, and the sets that the rule looks into.
struct Probe {
    family: Family,
    kind: ChainKind,
    point: HookPoint,
    exprs: Vec<Expr>,
}

impl Probe {
    fn new(exprs: impl IntoIterator<Item = Expr>) -> Self {
        Self::at(ChainKind::Filter, HookPoint::Prerouting, exprs)
    }

    fn at(kind: ChainKind, point: HookPoint, exprs: impl IntoIterator<Item = Expr>) -> Self {
        Self { family: Family::Inet, kind, point, exprs: exprs.into_iter().collect() }
    }
}

/// A map of every kind that Pontoon has.
fn sets() -> [Set; 3] {
    use FieldType::{InetProto, InetService, Ipv4Addr};
    [
        Set::new("networks", &[Ipv4Addr, Ipv4Addr]).with_intervals(),
        Set::map("targets", &[InetProto, InetService], &[Ipv4Addr, InetService]),
        Set::new("clients", &[Ipv4Addr]).expiring().dynamic(),
    ]
}

fn try_rule(netns: &Netns, probe: Probe) -> io::Result<()> {
    let table = Table { family: probe.family, name: Name::Borrowed("probe"), comment: None };
    let mut batch = Batch::new();
    batch.add_table(&table);
    let is_bridge = probe.family == Family::Bridge;
    for set in sets().iter().filter(|_| !is_bridge) {
        batch.add_set(&table, set);
    }
    batch.add_chain(&table, &Chain::new("other"));
    batch.add_chain(
        &table,
        &Chain::base("probe", Hook::new(probe.kind, probe.point, priority::FILTER)),
    );
    batch.add_rule(&table, &NftRule::new("probe").with(probe.exprs));
    let mut nft = Nft::open_in(netns)?;
    nft.commit(&batch).map_err(io::Error::other)?;
    let mut batch = Batch::new();
    batch.delete_table(&table);
    nft.commit(&batch).map_err(io::Error::other)
}

fn expressions() -> Vec<(&'static str, &'static str, Probe)> {
    let at = |kind, point| move |exprs: Vec<Expr>| Probe::at(kind, point, exprs);
    let dnat = at(ChainKind::Nat, HookPoint::Prerouting);
    let snat = at(ChainKind::Nat, HookPoint::Postrouting);
    let input = at(ChainKind::Filter, HookPoint::Input);
    let bridge = Probe { family: Family::Bridge, ..Probe::new(m::iifname("ptn0")) };
    let meta = [m::iifname("pontoon0").to_vec(), m::mark_set_bits(1).to_vec(), vec![m::counter()]]
        .concat();
    let matched = [m::l4proto(6).to_vec(), m::dport(80).to_vec()].concat();
    let networks = m::in_set(&[Load::IP_SADDR, Load::IP_DADDR], "networks");
    let address = IpAddr::from(Ipv4Addr::new(192, 0, 2, 1));
    let any = Value::new().number(0);
    let numgen = m::compare(Load::random(2), pontoon_netlink::nft::CmpOp::Eq, any);
    let hash = [Expr::Jhash {
        from: Register::FIRST,
        length: 4,
        to: Register::FIRST.after(4),
        modulus: 2,
        seed: None,
    }];
    let hash = [vec![Expr::Load(Load::IP_SADDR, Register::FIRST)], hash.to_vec()].concat();
    let notrack = Probe::new([Expr::Notrack]);
    let redirect = m::redirect(80).to_vec();
    let limit =
        Expr::Limit(Limit { rate: 5, per: LimitUnit::Second, burst: 5, bytes: false, over: false });
    vec![
        ("nf_tables for IPv4 and IPv6 together", "CONFIG_NF_TABLES_INET", Probe::new(meta)),
        ("nf_tables for bridges", "CONFIG_NF_TABLES_BRIDGE", bridge),
        ("nf_tables: headers", "CONFIG_NF_TABLES", Probe::new(matched)),
        ("nf_tables: sets of ranges", "CONFIG_NF_TABLES", Probe::new(networks)),
        (
            "nf_tables: connection tracking",
            "CONFIG_NFT_CT",
            Probe::new(m::ct_state(ct_state_bits::NEW)),
        ),
        ("nf_tables: fib", "CONFIG_NFT_FIB_INET", Probe::new(m::daddr_type(AddressType::Local))),
        ("nf_tables: random numbers", "CONFIG_NFT_NUMGEN", Probe::new(numgen)),
        ("nf_tables: hashes", "CONFIG_NFT_HASH", Probe::new(hash)),
        (
            "nf_tables: entries learnt from packets",
            "CONFIG_NF_TABLES",
            Probe::new(m::update_set(
                &[Load::IP_SADDR],
                "clients",
                Some(std::time::Duration::from_secs(1)),
            )),
        ),
        ("nf_tables: rates", "CONFIG_NFT_LIMIT", Probe::new([limit])),
        ("nf_tables: refusals", "CONFIG_NFT_REJECT_INET", input(vec![m::reject_port()])),
        (
            "nf_tables: translation of addresses",
            "CONFIG_NFT_NAT",
            dnat(
                [
                    m::nfproto(pontoon_netlink::nft::NfProto::Ipv4).to_vec(),
                    m::dnat(address, Some(80)),
                ]
                .concat(),
            ),
        ),
        (
            "nf_tables: masquerading",
            "CONFIG_NFT_MASQ",
            snat(vec![m::masquerade(nat_flags::FULLY_RANDOM)]),
        ),
        ("nf_tables: redirection", "CONFIG_NFT_REDIR", dnat(redirect)),
        ("nf_tables: connections left alone", "CONFIG_NFT_CT", notrack),
    ]
}

/// The kernel's names of the expressions that are tried.
#[must_use]
pub fn tried() -> Vec<&'static str> {
    let probes = expressions();
    let names = probes.iter().flat_map(|(_, _, probe)| &probe.exprs).map(Expr::name);
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_has_is_not_lacking_and_what_it_has_not_is() {
        let Ok(netns) = Netns::create() else { return eprintln!("skipped: needs root") };
        assert_eq!(probe().unwrap(), []);
        let no_such_set = Probe::new(m::in_set(&[Load::IP_SADDR], "nowhere"));
        assert!(try_rule(&netns, no_such_set).is_err());
        let names = Rtnl::open_in(&netns).unwrap().links().unwrap();
        assert_eq!(names.len(), 1, "a probe left something in a namespace that it was not in");
    }
}
