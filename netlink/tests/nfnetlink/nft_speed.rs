//! What large and small transactions cost. Prints figures; checks only what holds on any machine,
//! in any build.
//!
//! `cargo test -p pontoon-netlink --release --test nfnetlink -- nft_speed --nocapture
//! --test-threads 1`

use std::time::Duration;

use netlink_packet_core::NetlinkMessage;
use netlink_packet_netfilter::nftables::{
    DataAttribute, ListAttribute, NfTablesMessage, SetElementAttribute, SetElementList,
    SetElementMessage,
};
use netlink_packet_netfilter::{NetfilterHeader, NetfilterMessage, NetfilterProtoFamily};
use pontoon_netlink::nft::{Batch, Element, ElementData, ElementKey, Monitor, Nft, Value};

use crate::layouts::{BACKENDS, services};
use crate::support::{Cost, in_netns, timed};

const SERVICES: u32 = 10_000;
const SLOTS: u32 = 10;

fn slot(service: u32, slot: u32) -> Element {
    let address = (0x0a60_0000 + service).to_be_bytes();
    let endpoint = (0x0af4_0000 + service * SLOTS + slot).to_be_bytes();
    Element::new(Value::new().ip(address).proto(6).port(80).number(slot))
        .to_value(Value::new().ip(endpoint).port(8080))
}

fn all_slots() -> impl Iterator<Item = Element> {
    (100..100 + SERVICES).flat_map(|service| (0..SLOTS).map(move |number| slot(service, number)))
}

#[test]
fn a_hundred_thousand_elements_and_then_one() {
    in_netns(|| {
        let mut nft = Nft::open().unwrap();
        let (table, tables) = services();
        nft.commit(&tables).unwrap();

        let (batch, encoding) = timed(|| {
            let mut batch = Batch::new();
            batch.add_elements(&table, &BACKENDS, all_slots());
            batch
        });
        let ((), commit) = timed(|| nft.commit(&batch).unwrap());
        println!(
            "100,000 elements, {} bytes: encoded {encoding:?}, committed {commit:?}",
            batch.len()
        );

        let (count, reading) = timed(|| {
            nft.fold_elements(&table, &BACKENDS, || 0usize, |count, _| *count += 1).unwrap()
        });
        assert_eq!(count, 100_005);
        println!("read back: {reading:?}");

        println!("one element exchanged: {}", exchanges(&mut nft));
        let mut flush = Batch::new();
        flush.flush_set(&table, "backends");
        let ((), flushing) = timed(|| nft.commit(&flush).unwrap());
        println!("flushed: {flushing:?}");
    });
}

#[test]
fn somebody_listens() {
    in_netns(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _guard = runtime.enter();
        for who in ["our monitor", "another monitor"] {
            let mut nft = Nft::open().unwrap();
            let own = if who == "our monitor" { vec![nft.port()] } else { vec![] };
            let _monitor = Monitor::open(&own).unwrap();
            let (table, mut batch) = services();
            batch.add_elements(&table, &BACKENDS, all_slots());
            let ((), commit) = timed(|| nft.commit(&batch).unwrap());
            println!("100,000 elements while {who} listens: committed {commit:?}");
            println!("one element exchanged while {who} listens: {}", exchanges(&mut nft));
            batch.clear();
            batch.delete_table(&table);
            nft.commit(&batch).unwrap();
        }
    });
}

/// Deletes and adds one element, many times.
fn exchanges(nft: &mut Nft) -> String {
    let (table, _) = services();
    let mut batch = Batch::new();
    let mut costs: Vec<Cost> = (0..1000)
        .map(|round| {
            let element = slot(100 + round, 3);
            let ((), cost) = timed(|| {
                batch.clear();
                batch.delete_elements(&table, &BACKENDS, [&element]);
                batch.add_elements(&table, &BACKENDS, [&element]);
                nft.commit(&batch).unwrap();
            });
            cost
        })
        .collect();
    costs.sort_by_key(|cost| cost.wall);
    let cpu: Duration = costs.iter().map(|cost| cost.cpu).sum();
    format!("p50 {:?}, p99 {:?}, cpu {:?} on average", costs[500].wall, costs[990].wall, cpu / 1000)
}

/// The same messages by way of the crate's attribute trees: why they are written directly.
#[test]
fn attribute_trees_in_place_of_direct_writing() {
    let (table, _) = services();
    let elements: Vec<Element> = all_slots().collect();
    let (direct, direct_cost) = timed(|| {
        let mut batch = Batch::new();
        batch.add_elements(&table, &BACKENDS, &elements);
        batch.len()
    });
    let (trees, trees_cost) =
        timed(|| elements.chunks(1000).map(|chunk| tree(chunk).len()).sum::<usize>());
    println!("direct: {direct} bytes {direct_cost:?}; trees: {trees} bytes {trees_cost:?}");
}

/// One message of elements, as that crate makes it.
fn tree(elements: &[Element]) -> Vec<u8> {
    let elements = elements.iter().map(|element| {
        let ElementKey::Single(key) = &element.key else { panic!("a single key") };
        let Some(ElementData::Value(data)) = &element.data else { panic!("a value") };
        ListAttribute::Element(vec![
            SetElementAttribute::Key(DataAttribute::Value(key.as_bytes().to_vec())),
            SetElementAttribute::Data(DataAttribute::Value(data.as_bytes().to_vec())),
        ])
    });
    let message = NfTablesMessage::NewSetElement(SetElementMessage {
        attributes: vec![
            SetElementList::Table("pontoon".to_owned()),
            SetElementList::Set("backends".to_owned()),
            SetElementList::Elements(elements.collect()),
        ],
    });
    let header = NetfilterHeader::new(NetfilterProtoFamily::Inet, 0, 0);
    let mut message = NetlinkMessage::from(NetfilterMessage::new(header, message));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}
