use super::*;
use crate::facts::state::Difference;
use Severity::{Fault, Warning};

fn state(change: impl FnOnce(&mut State)) -> impl FnOnce(&mut Facts) {
    |f| change(f.state.as_mut().unwrap())
}

fn difference(op: &str, stale_neighbour: bool) -> Difference {
    Difference { op: op.to_owned(), stale_neighbour }
}

#[test]
fn a_kernel_that_is_not_as_planned_is_told_with_what_would_mend_it() {
    let op = "ip route replace 10.244.2.0/24 dev pontoon-vxlan";
    let differs = one("kernel-differs", Fault, state(|s| s.network.push(difference(op, false))));
    assert!(differs.what.contains(op));
    one(
        "kernel-differs",
        Fault,
        state(|s| s.tables.push("table inet pontoon is missing".to_owned())),
    );
    let many = |s: &mut State| s.network = vec![difference("op", false); 5];
    assert!(one("kernel-differs", Fault, state(many)).what.ends_with("op, op, op, and 2 more"));
    silent("kernel-differs", |f| f.state = None);
}

#[test]
fn a_table_of_ours_that_is_switched_off_is_switched_on_again() {
    let found = one(
        "kernel-differs",
        Severity::Fault,
        state(|s| s.dormant.push("inet pontoon".to_owned())),
    );
    assert_eq!(found.mend, "nft add table inet pontoon");
}

#[test]
fn entries_of_nodes_and_pods_that_are_gone_are_stale() {
    let stale = || difference("bridge fdb del 02:00:00:00:00:09 dev pontoon-vxlan", true);
    one("stale-neighbours", Warning, state(|s| s.network.push(stale())));
    silent("kernel-differs", state(|s| s.network.push(stale())));
    let stray =
        one("stale-neighbours", Warning, state(|s| s.strays.push("10.244.1.99".parse().unwrap())));
    assert_eq!(stray.mend, "ip neigh delete 10.244.1.99 dev pontoon0");
}

#[test]
fn a_pod_whose_namespace_has_lost_its_path_holds_its_address_in_vain() {
    let leaked = one(
        "leaked-addresses",
        Warning,
        state(|s| s.pods[0].gone = Some("nothing is at this path".to_owned())),
    );
    assert!(leaked.what.contains("default/web") && leaked.what.contains("10.244.1.2"));
    // What lasts is a namespace that lost its path: pontoond collects the others by itself.
    assert!(leaked.what.contains("is not at /run/netns/web any more"), "{}", leaked.what);
    assert!(leaked.mend.starts_with("lsns -t net") && leaked.mend.contains("disconnects"));
    assert!(leaked.mend.ends_with("\nip link delete dev ptn1"), "{}", leaked.mend);
}

#[test]
fn the_store_and_the_node_know_the_same_pods() {
    one("pods-in-store", Warning, state(|s| s.unknown.push("default/ghost".to_owned())));
    one("pods-in-store", Warning, state(|s| s.unpublished.push("default/web".to_owned())));
}
