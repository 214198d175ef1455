//! All or nothing, and what is said of nothing.

use std::time::Duration;

use pontoon_netlink::nft::FieldType::{InetService, Ipv4Addr};
use pontoon_netlink::nft::{
    Batch, Chain, ChainKind, CommitError, Element, Family, Hook, HookPoint, Load, Nft, Policy,
    Rule, Set, Table, Value, Verdict, m, priority,
};

use crate::support::{in_netns, nft_elements, nft_tables, nft_text, run};

const TABLE: Table = Table::new(Family::Inet, "nf_transactions");
const PAIRS: Set = Set::new("pairs", &[Ipv4Addr, InetService]);
const NAMES: Set = Set::map("names", &[InetService], &[Ipv4Addr]);

fn pair(number: u32) -> Value {
    Value::new().ip(number.to_be_bytes()).port(80)
}

/// A table with a chain that a rule jumps to, and a set.
fn base() -> Batch {
    let mut batch = Batch::new();
    batch.add_table(&TABLE);
    batch.add_set(&TABLE, &PAIRS);
    batch.add_set(&TABLE, &NAMES);
    batch.add_chain(&TABLE, &Chain::new("target"));
    let hook = Hook::new(ChainKind::Filter, HookPoint::Forward, priority::FILTER);
    batch.add_chain(&TABLE, &Chain::base("forward", hook));
    batch.add_rule(&TABLE, &Rule::new("forward").with(m::jump("target")));
    batch
}

fn refused(outcome: Result<(), CommitError>) -> String {
    let error = outcome.expect_err("the kernel must refuse this");
    assert!(matches!(error, CommitError::Refused(_)), "{error:?}");
    error.to_string()
}

#[test]
fn one_wrong_element_among_thousands_is_named_and_nothing_is_changed() {
    in_netns(|| {
        let mut batch = base();
        let wrong = Element::new(Value::new().ip([10, 9, 8, 7]).port(80).proto(6));
        let right = |range: std::ops::Range<u32>| range.map(|number| Element::new(pair(number)));
        batch.add_elements(&TABLE, &PAIRS, right(0..3000).chain([wrong]).chain(right(3000..6000)));
        let mut nft = Nft::open().unwrap();
        let error = refused(nft.commit(&batch));
        println!("{error}");
        assert!(
            error.contains("add element inet nf_transactions pairs { 10.9.8.7 . 80"),
            "{error}"
        );
        assert_eq!(nft_tables(), "");
        assert_eq!(nft.list_tables().unwrap(), []);
    });
}

#[test]
fn a_rule_with_a_wrong_expression_is_shown_with_the_expression_marked() {
    in_netns(|| {
        let mut nft = Nft::open().unwrap();
        let mut batch = base();
        let rule = Rule::new("forward").with(m::in_set(&[Load::DPORT], "nowhere"));
        batch.add_rule(&TABLE, &rule.with(m::accept()).with_comment("for the demo"));
        let error = refused(nft.commit(&batch));
        println!("{error}");
        assert!(
            error.contains(
                "`add rule inet nf_transactions forward payload →lookup immediate … comment \"for the demo\"`: \
                 No such file or directory"
            ),
            "{error}"
        );
        assert_eq!(nft_tables(), "");
    });
}

#[test]
fn every_refusal_of_a_transaction_is_told() {
    in_netns(|| {
        let mut nft = Nft::open().unwrap();
        let mut batch = Batch::new();
        for name in ["one", "two", "three", "four", "five"] {
            batch.delete_table(&Table::new(Family::Ip6, name));
        }
        let Err(CommitError::Refused(refusals)) = nft.commit(&batch) else { panic!("not refused") };
        let positions: Vec<usize> = refusals.iter().map(|refusal| refusal.position).collect();
        assert_eq!(positions, [0, 1, 2, 3, 4]);
        assert_eq!(refusals[3].change, "delete table ip6 four");
        let text = CommitError::Refused(refusals).to_string();
        assert!(text.ends_with("`delete table ip6 three`: No such file or directory (os error 2): it does not exist; and 2 more"), "{text}");
    });
}

#[test]
fn refusals_say_the_likely_cause() {
    in_netns(|| {
        let mut nft = Nft::open().unwrap();
        nft.commit(&base()).unwrap();
        let mut outcome = |change: &dyn Fn(&mut Batch)| {
            let mut batch = Batch::new();
            change(&mut batch);
            refused(nft.commit(&batch))
        };
        let busy = outcome(&|batch| batch.delete_chain(&TABLE, "target"));
        assert!(busy.ends_with("something still refers to it"), "{busy}");
        let entry = |address: [u8; 4]| {
            Element::new(Value::new().port(53)).to_value(Value::new().ip(address))
        };
        let conflict = outcome(&|batch| {
            batch.add_elements(&TABLE, &NAMES, [entry([10, 0, 0, 1]), entry([10, 0, 0, 2])]);
        });
        assert!(conflict.contains("exists"), "{conflict}");
        let policy = Hook::new(ChainKind::Filter, HookPoint::Input, priority::FILTER);
        let moved =
            outcome(&|batch| batch.add_chain(&TABLE, &Chain::base("forward", policy.clone())));
        assert!(moved.contains("add chain inet nf_transactions forward"), "{moved}");
        let set = outcome(&|batch| batch.add_set(&TABLE, &Set::new("pairs", &[Ipv4Addr])));
        assert!(set.contains("add set inet nf_transactions pairs"), "{set}");
        let chain = outcome(&|batch| {
            batch.add_rule(&TABLE, &Rule::new("forward").with(m::goto("nowhere")));
        });
        assert!(chain.contains("→immediate"), "{chain}");
    });
}

#[test]
fn adding_what_exists_changes_nothing() {
    in_netns(|| {
        let mut nft = Nft::open().unwrap();
        let mut batch = Batch::new();
        batch.add_table(&TABLE);
        batch.add_set(&TABLE, &PAIRS);
        batch.add_chain(&TABLE, &Chain::new("target"));
        batch.add_elements(&TABLE, &PAIRS, [Element::new(pair(7))]);
        nft.commit(&batch).unwrap();
        let text = nft_text(&TABLE.to_string());
        nft.commit(&batch).unwrap();
        assert_eq!(nft_text(&TABLE.to_string()), text);
    });
}

#[test]
fn a_value_changes_by_delete_and_add_in_one_transaction() {
    in_netns(|| {
        let mut nft = Nft::open().unwrap();
        nft.commit(&base()).unwrap();
        let key = Value::new().port(53);
        for last in [1, 2, 3] {
            let mut batch = Batch::new();
            batch.destroy_elements(&TABLE, &NAMES, [Element::new(key)]);
            let value = Value::new().ip([10, 0, 0, last]);
            batch.add_elements(&TABLE, &NAMES, [Element::new(key).to_value(value)]);
            nft.commit(&batch).unwrap();
        }
        let elements = nft_elements("map", "inet nf_transactions", "names");
        assert_eq!(serde_json::to_string(&elements).unwrap(), r#"[[53,"10.0.0.3"]]"#);
    });
}

#[test]
fn a_batch_for_a_generation_that_is_over_is_refused() {
    in_netns(|| {
        let mut nft = Nft::open().unwrap();
        let before = nft.generation().unwrap();
        nft.commit_at(&base(), before).unwrap();
        let mut delete = Batch::new();
        delete.delete_table(&TABLE);
        let stale = nft.commit_at(&delete, before);
        assert!(matches!(stale, Err(CommitError::StaleGeneration { .. })), "{stale:?}");
        assert_eq!(nft_tables(), "table inet nf_transactions\n");
        let now = nft.generation().unwrap();
        nft.commit_at(&delete, now).unwrap();
        assert_eq!(nft_tables(), "");
    });
}

#[test]
fn rules_go_where_they_are_put() {
    in_netns(|| {
        let mut nft = Nft::open().unwrap();
        let rule = |name: &'static str| Rule::new("target").with(m::counter()).with_comment(name);
        let mut batch = base();
        batch.add_rule(&TABLE, &rule("c"));
        batch.insert_rule(&TABLE, &rule("a"));
        nft.commit(&batch).unwrap();
        let comments = |nft: &mut Nft| {
            let info = nft.list_table(Family::Inet, "nf_transactions").unwrap().unwrap();
            let rules = &info.chain("target").unwrap().rules;
            let comments: Vec<_> = rules.iter().flat_map(|rule| rule.comment.clone()).collect();
            (comments.concat(), rules.iter().map(|rule| rule.handle).collect::<Vec<_>>())
        };
        let (order, handles) = comments(&mut nft);
        assert_eq!(order, "ac");
        let mut batch = Batch::new();
        batch.insert_rule_before(&TABLE, handles[1], &rule("b"));
        batch.add_rule_after(&TABLE, handles[1], &rule("d"));
        batch.replace_rule(&TABLE, handles[0], &rule("A"));
        nft.commit(&batch).unwrap();
        let (order, handles) = comments(&mut nft);
        assert_eq!(order, "Abcd");
        let mut batch = Batch::new();
        batch.delete_rule(&TABLE, "target", handles[2]);
        nft.commit(&batch).unwrap();
        assert_eq!(comments(&mut nft).0, "Abd");
        let mut batch = Batch::new();
        batch.flush_chain(&TABLE, "target");
        nft.commit(&batch).unwrap();
        assert_eq!(comments(&mut nft).0, "");
    });
}

#[test]
fn sets_are_flushed_and_elements_expire() {
    in_netns(|| {
        let mut nft = Nft::open().unwrap();
        let brief = Set::new("brief", &[InetService]).with_timeout(Duration::from_secs(3600));
        let mut batch = base();
        batch.add_set(&TABLE, &brief);
        let soon = Element::new(Value::new().port(1)).with_timeout(Duration::from_millis(200));
        batch.add_elements(&TABLE, &brief, [soon, Element::new(Value::new().port(2))]);
        batch.add_elements(&TABLE, &PAIRS, (0..10).map(|number| Element::new(pair(number))));
        nft.commit(&batch).unwrap();
        std::thread::sleep(Duration::from_millis(400));
        let left = nft.list_elements(&TABLE, &brief).unwrap();
        assert_eq!(left, [Element::new(Value::new().port(2))]);
        let mut batch = Batch::new();
        batch.flush_set(&TABLE, "pairs");
        nft.commit(&batch).unwrap();
        assert_eq!(nft.list_elements(&TABLE, &PAIRS).unwrap(), []);
    });
}

#[test]
fn a_catch_all_and_a_policy_are_written() {
    in_netns(|| {
        let mut nft = Nft::open().unwrap();
        let verdicts = Set::verdict_map("verdicts", &[InetService]);
        let mut batch = base();
        let hook = Hook::new(ChainKind::Filter, HookPoint::Input, priority::FILTER);
        batch.add_chain(&TABLE, &Chain::base("input", hook.with_policy(Policy::Drop)));
        batch.add_set(&TABLE, &verdicts);
        let all = Element::catch_all().to_verdict(Verdict::Drop);
        let some = Element::new(Value::new().port(22)).to_verdict(Verdict::jump("target"));
        batch.add_elements(&TABLE, &verdicts, [&all, &some]);
        nft.commit(&batch).unwrap();
        let text = nft_text(&TABLE.to_string());
        assert!(text.contains("22 : jump target") && text.contains("* : drop"), "{text}");
        assert!(text.contains("hook input priority filter; policy drop;"), "{text}");
        let mut listed = nft.list_elements(&TABLE, &verdicts).unwrap();
        listed.sort_by_key(|element| element.key);
        assert_eq!(listed, [some, all]);
    });
}

#[test]
fn an_attribute_that_is_too_long_is_not_sent() {
    in_netns(|| {
        let mut batch = base();
        let counters = std::iter::repeat_n(pontoon_netlink::nft::Expr::Counter, 5000);
        batch.add_rule(&TABLE, &Rule::new("target").with(counters));
        let outcome = Nft::open().unwrap().commit(&batch);
        assert!(matches!(outcome, Err(CommitError::Unencodable)), "{outcome:?}");
        assert_eq!(nft_tables(), "");
    });
}

/// Set in the copy of this program that runs without privilege.
const ROOTLESS: &str = "NF_TEST_ROOTLESS";

/// In a user namespace the kernel takes twice `net.core.wmem_max` (212,992 bytes unless it was
/// raised) and no more: the error names the limit, and what fits works.
#[test]
fn in_a_user_namespace_the_limit_of_a_transaction_is_told() {
    if std::env::var_os(ROOTLESS).is_none() {
        let program = std::env::current_exe().unwrap();
        let name = "transactions::in_a_user_namespace_the_limit_of_a_transaction_is_told";
        let child = std::process::Command::new("unshare")
            .args(["-Urn", "--"])
            .arg(program)
            .args(["--exact", name, "--nocapture"])
            .env(ROOTLESS, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stderr);
        if !child.status.success() && said.contains("unshare failed") {
            eprintln!("skipped: no user namespaces here ({said})");
            return;
        }
        assert!(child.status.success(), "{said}{}", String::from_utf8_lossy(&child.stdout));
        return;
    }
    let mut nft = Nft::open().unwrap();
    let mut batch = base();
    batch.add_elements(&TABLE, &PAIRS, (0..1000).map(|number| Element::new(pair(number))));
    nft.commit(&batch).unwrap();
    batch.clear();
    // An element of this set takes 20 bytes.
    let limit = std::fs::read_to_string("/proc/sys/net/core/wmem_max");
    let limit = limit.map_or(212_992, |limit| limit.trim().parse::<u32>().unwrap());
    let too_many = 2 * limit / 20 + 1000;
    batch.add_elements(&TABLE, &PAIRS, (0..too_many).map(|number| Element::new(pair(number))));
    let outcome = nft.commit(&batch);
    let Err(CommitError::TooLarge { needed, limit }) = outcome else { panic!("{outcome:?}") };
    assert!(needed > limit && limit > 100_000, "{needed} {limit}");
    assert_eq!(nft.list_elements(&TABLE, &PAIRS).unwrap().len(), 1000);
    run("nft", &["delete", "table", "inet", "nf_transactions"]);
}
