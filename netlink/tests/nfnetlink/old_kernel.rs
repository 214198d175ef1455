//! Deleting what may not exist, with the messages of Linux 6.3 and without.

use pontoon_netlink::nft::FieldType::{InetService, Ipv4Addr};
use pontoon_netlink::nft::{
    Batch, Chain, CommitError, Element, Family, Nft, Rule, Set, Table, Value, m,
};

use crate::support::{in_netns, nft_text};

const TABLE: Table = Table::new(Family::Inet, "nf_destroy");
const PORTS: Set = Set::new("ports", &[InetService]);
const NETWORKS: Set = Set::new("networks", &[Ipv4Addr]).with_intervals();

fn port(number: u16) -> Element {
    Element::new(Value::new().port(number))
}

fn network(text: &str) -> Element {
    Element::network(text.parse().unwrap())
}

fn deletions(mut nft: Nft) {
    let mut batch = Batch::new();
    batch.destroy_table(&TABLE);
    nft.commit(&batch).unwrap();

    batch.clear();
    batch.add_table(&TABLE);
    batch.add_set(&TABLE, &PORTS);
    batch.add_set(&TABLE, &NETWORKS);
    batch.add_chain(&TABLE, &Chain::new("kept"));
    batch.add_chain(&TABLE, &Chain::new("gone"));
    batch.add_rule(&TABLE, &Rule::new("kept").with(m::counter()));
    batch.add_elements(&TABLE, &PORTS, (1..=9).map(port));
    batch.add_elements(&TABLE, &NETWORKS, [network("10.0.0.0/24"), network("10.0.9.0/24")]);
    nft.commit(&batch).unwrap();
    let info = nft.list_table(Family::Inet, "nf_destroy").unwrap().unwrap();
    let handle = info.chain("kept").unwrap().rules[0].handle;

    batch.clear();
    batch.destroy_elements(&TABLE, &PORTS, [3, 4, 33, 44].map(port));
    batch.destroy_elements(&TABLE, &NETWORKS, [network("10.0.0.0/24"), network("10.0.5.0/24")]);
    batch.destroy_elements(&TABLE, &PORTS, [port(99)]);
    batch.destroy_chain(&TABLE, "gone");
    batch.destroy_chain(&TABLE, "never_there");
    batch.destroy_set(&TABLE, "never_there");
    batch.destroy_rule(&TABLE, "kept", handle);
    batch.destroy_rule(&TABLE, "kept", handle + 1000);
    batch.destroy_table(&Table::new(Family::Inet, "nf_never_there"));
    batch.add_elements(&TABLE, &PORTS, [port(10)]);
    nft.commit(&batch).unwrap();
    assert_eq!(
        nft_text(&TABLE.to_string()),
        "table inet nf_destroy {\n\
         \tset ports {\n\t\ttype inet_service\n\t\telements = { 1, 2, 5, 6, 7,\n\t\t\t     8, 9, 10 }\n\t}\n\n\
         \tset networks {\n\t\ttype ipv4_addr\n\t\tflags interval\n\t\telements = { 10.0.9.0/24 }\n\t}\n\n\
         \tchain kept {\n\t}\n}\n"
    );

    batch.clear();
    batch.destroy_elements(&TABLE, &PORTS, [port(77)]);
    nft.commit(&batch).unwrap();

    // The table made anew in the transaction that destroys it.
    batch.clear();
    batch.destroy_table(&TABLE);
    batch.add_table(&TABLE);
    nft.commit(&batch).unwrap();
    assert_eq!(nft_text(&TABLE.to_string()), "table inet nf_destroy {\n}\n");

    batch.clear();
    batch.destroy_table(&TABLE);
    batch.delete_table(&Table::new(Family::Inet, "nf_never_there"));
    let outcome = nft.commit(&batch);
    assert!(matches!(outcome, Err(CommitError::Refused(_))), "{outcome:?}");
    assert_eq!(nft_text(&TABLE.to_string()), "table inet nf_destroy {\n}\n");
}

#[test]
fn what_may_not_exist_is_destroyed() {
    in_netns(|| deletions(Nft::open().unwrap()));
}

#[test]
fn what_may_not_exist_is_destroyed_on_a_kernel_that_cannot() {
    in_netns(|| {
        let mut nft = Nft::open().unwrap();
        nft.pretend_old_kernel();
        deletions(nft);
    });
}
