//! The clauses of who is gone.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use pontoon_model::name::NodeName;

use crate::Liveness;

/// Nodes a, b, c …, of which `a` is the local one; each letter of a word is a node.
struct Watch {
    liveness: Liveness,
    start: Instant,
}

fn nodes(letters: &str) -> BTreeSet<NodeName> {
    letters.chars().map(|letter| letter.to_string().parse().unwrap()).collect()
}

impl Watch {
    fn new() -> Self {
        Self { liveness: Liveness::new("a".parse().unwrap()), start: Instant::now() }
    }

    fn at(&mut self, seconds: u64, registered: &str, alive: &str) -> String {
        let now = self.start + Duration::from_secs(seconds);
        let gone = self.liveness.update(&nodes(registered), &nodes(alive), now);
        gone.iter().map(NodeName::as_str).collect()
    }

    fn deadline(&self) -> Option<u64> {
        self.liveness.next_deadline().map(|deadline| (deadline - self.start).as_secs())
    }
}

#[test]
fn a_node_whose_key_vanishes_is_gone_at_once_and_back_with_its_key() {
    let mut watch = Watch::new();
    assert_eq!(watch.at(0, "abc", "abc"), "");
    assert_eq!(watch.at(1, "abc", "ab"), "c");
    assert_eq!(watch.at(500, "abc", "ab"), "c");
    assert_eq!(watch.at(501, "abc", "abc"), "");
    assert_eq!(watch.deadline(), None);
}

#[test]
fn of_two_nodes_the_other_may_be_gone() {
    let mut watch = Watch::new();
    watch.at(0, "ab", "ab");
    assert_eq!(watch.at(1, "ab", "a"), "b");
}

#[test]
fn of_two_nodes_the_other_may_be_gone_before_the_local_key_was_written() {
    let mut watch = Watch::new();
    watch.at(0, "ab", "b");
    assert_eq!(watch.at(1, "ab", ""), "b");
    let mut watch = Watch::new();
    watch.at(0, "b", "b");
    assert_eq!(watch.at(1, "b", ""), "b");
}

#[test]
fn most_nodes_vanishing_at_once_is_the_control_plane() {
    let mut watch = Watch::new();
    watch.at(0, "abcde", "abcde");
    assert_eq!(watch.at(1, "abcde", ""), "");
    assert_eq!(watch.at(1000, "abcde", ""), "");
}

#[test]
fn exactly_half_is_not_most() {
    let mut watch = Watch::new();
    watch.at(0, "abcd", "abcd");
    assert_eq!(watch.at(1, "abcd", "ab"), "cd");
}

#[test]
fn who_was_gone_in_the_same_burst_comes_back() {
    let mut watch = Watch::new();
    watch.at(0, "abcde", "abcde");
    assert_eq!(watch.at(1, "abcde", "abcd"), "e");
    assert_eq!(watch.at(16, "abcde", "abc"), "de");
    assert_eq!(watch.at(31, "abcde", "ab"), "", "30 s after the first, 3 of 5");
}

#[test]
fn who_was_gone_long_before_stays_gone() {
    let mut watch = Watch::new();
    watch.at(0, "abcdef", "abcdef");
    assert_eq!(watch.at(1, "abcdef", "abcde"), "f");
    assert_eq!(watch.at(32, "abcdef", "ab"), "f", "3 of the 5 that were alive");
}

#[test]
fn nodes_that_vanish_slowly_are_gone_one_by_one() {
    let mut watch = Watch::new();
    watch.at(0, "abcde", "abcde");
    assert_eq!(watch.at(1, "abcde", "abcd"), "e");
    assert_eq!(watch.at(32, "abcde", "abc"), "de");
    assert_eq!(watch.at(63, "abcde", "ab"), "cde");
}

#[test]
fn a_late_node_of_the_burst_is_excused_with_it() {
    let mut watch = Watch::new();
    watch.at(0, "abcde", "abcde");
    assert_eq!(watch.at(1, "abcde", "ab"), "");
    assert_eq!(watch.at(20, "abcde", "a"), "");
}

#[test]
fn an_excused_node_counts_again_once_it_was_seen_alive() {
    let mut watch = Watch::new();
    watch.at(0, "abcde", "abcde");
    watch.at(1, "abcde", "");
    assert_eq!(watch.at(100, "abcde", "abcd"), "", "e is still excused");
    assert_eq!(watch.at(200, "abcde", "abce"), "d");
}

#[test]
fn an_excused_node_that_is_removed_is_forgotten() {
    let mut watch = Watch::new();
    watch.at(0, "abcde", "abcde");
    watch.at(1, "abcde", "");
    assert_eq!(watch.at(2, "abcd", ""), "");
    assert_eq!(watch.at(3, "abcde", ""), "");
    assert_eq!(watch.at(33, "abcde", ""), "e", "it is a new node that gave no sign");
}

#[test]
fn the_local_node_is_never_gone() {
    let mut watch = Watch::new();
    watch.at(0, "abcde", "abcde");
    assert_eq!(watch.at(1, "abcde", "bcde"), "");
    let mut watch = Watch::new();
    watch.at(0, "ab", "b");
    assert_eq!(watch.deadline(), None);
    assert_eq!(watch.at(100, "ab", "b"), "");
}

#[test]
fn a_node_that_never_was_alive_is_gone_30_s_after_it_was_first_seen() {
    let mut watch = Watch::new();
    assert_eq!(watch.at(0, "abc", "ab"), "");
    assert_eq!(watch.deadline(), Some(30));
    assert_eq!(watch.at(10, "abcd", "ab"), "");
    assert_eq!(watch.at(29, "abcd", "ab"), "");
    assert_eq!(watch.at(30, "abcd", "ab"), "c");
    assert_eq!(watch.deadline(), Some(40));
    assert_eq!(watch.at(40, "abcd", "ab"), "cd");
    assert_eq!(watch.deadline(), None);
    assert_eq!(watch.at(41, "abcd", "abcd"), "");
}

#[test]
fn nodes_that_never_were_alive_make_no_burst() {
    let mut watch = Watch::new();
    watch.at(0, "abcdefg", "abcd");
    assert_eq!(watch.at(30, "abcdefg", "abcd"), "efg");
    assert_eq!(watch.at(31, "abcdefg", "abc"), "defg");
}

#[test]
fn a_removed_node_is_not_gone_and_does_not_count_as_vanished() {
    let mut watch = Watch::new();
    watch.at(0, "abcd", "abcd");
    assert_eq!(watch.at(1, "abc", "abc"), "");
    assert_eq!(watch.at(2, "ab", "ab"), "");
    assert_eq!(watch.at(3, "ab", "a"), "b");
}
