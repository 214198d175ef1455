use pontoon_model::trace::live::{Ends, Sight, Stage};
use pontoon_model::trace::{Destination, Outcome, PassedRule, Question, Trace};

use super::*;
use crate::tests::given::{Planner, at, ip, name, pod, service, world};
use crate::world::World;
use crate::{aim, tell};

/// A pod of node a asks for `to`, and what is planned.
fn planned(world: &World, to: Destination, port: u16) -> (Trace, Probe) {
    let port = (port != 0).then_some(pontoon_model::trace::Port::Number(port));
    let question = Question { from: pod("a-1"), to, port, protocol: None, live: true };
    let aim = aim(world, &question, None).unwrap();
    let trace = tell(world, &Planner(world), &question, &aim, None);
    let probe = probe(world, &question, &trace, 61000).unwrap();
    (trace, probe)
}

fn sight(hook: &str, output: Option<&str>, to: (&str, u16)) -> Sight {
    Sight {
        pass: 1,
        answers: false,
        hook: Some(hook.to_owned()),
        input: Some("pontoon0".to_owned()),
        output: output.map(str::to_owned),
        ends: Some(Ends {
            source: ip("10.244.1.11"),
            source_port: 61000,
            destination: ip(to.0),
            port: to.1,
        }),
        rule: PassedRule {
            table: "inet filter".to_owned(),
            chain: "forward".to_owned(),
            rule: "policy".to_owned(),
            verdict: "accept".to_owned(),
            comment: None,
        },
        dropped: false,
    }
}

fn report(sights: Vec<Sight>) -> Report {
    Report { stage: Stage::Done, echo: None, sights, problem: None }
}

fn echoed(sights: Vec<Sight>, echo: Echo) -> Report {
    Report { echo: Some(echo), ..report(sights) }
}

const SILENCE: Echo = Echo::Silence { micros: 2_000_000 };

/// It left node a for node b.
fn leaving() -> Sight {
    sight("postrouting", Some("pontoon-vxlan"), ("10.244.2.11", 80))
}

/// It came to the pod on node b.
fn arriving() -> Sight {
    sight("postrouting", Some("pontoon0"), ("10.244.2.11", 80))
}

fn judged(a: Report, b: Option<Report>) -> Trace {
    let world = world();
    let (trace, probe) = planned(&world, at("10.244.2.11"), 80);
    let mut reports = Reports::from([(name("a"), a)]);
    reports.extend(b.map(|b| (name("b"), b)));
    join(&world, trace, &probe, &reports)
}

#[test]
fn the_nodes_of_every_endpoint_look_for_it_if_they_are_alive() {
    let mut world = world();
    world.services.push(service(&["a-2", "b-1", "c-1"]));
    let (_, all) = planned(&world, at("10.96.0.80"), 80);
    assert_eq!(all.nodes, ["a", "b", "c"].map(name));
    assert_eq!(all.targets.len(), 4);
    world.nodes.get_mut(&name("c")).unwrap().alive = false;
    let (_, fewer) = planned(&world, at("10.96.0.80"), 80);
    assert_eq!(fewer.nodes, ["a", "b"].map(name));
    assert!(fewer.pod.is_some() && fewer.sender == name("a"));
}

#[test]
fn an_answer_counts_whatever_was_planned() {
    let trace = judged(
        echoed(vec![leaving()], Echo::Answered { micros: 312 }),
        Some(report(vec![arriving()])),
    );
    assert_eq!(trace.verdict.outcome, Outcome::Delivered);
    assert_eq!(trace.verdict.node, Some(name("b")));
    assert!(trace.verdict.text.contains("312 µs"));
    assert!(trace.planned.is_some());
}

#[test]
fn the_rule_that_drops_it_is_named_with_its_node() {
    let mut dropped = sight("forward", None, ("10.244.2.11", 80));
    dropped.dropped = true;
    dropped.rule.rule = "rule 2".to_owned();
    dropped.rule.comment = Some("by hand".to_owned());
    let b = report(vec![sight("prerouting", None, ("10.244.2.11", 80)), dropped]);
    let trace = judged(echoed(vec![leaving()], SILENCE), Some(b));
    assert_eq!((trace.verdict.outcome, trace.verdict.node), (Outcome::Dropped, Some(name("b"))));
    let text = &trace.verdict.text;
    assert_eq!(text, "table inet filter, chain forward: rule 2 (by hand)");
}

#[test]
fn what_left_and_never_came_was_lost_between() {
    let trace = judged(echoed(vec![leaving()], SILENCE), Some(report(Vec::new())));
    let text = &trace.verdict.text;
    assert!(text.contains("left by pontoon-vxlan and never came to node b"), "{text}");
    assert!(text.contains("from 192.168.0.1 to 192.168.0.2"), "{text}");
    assert!(trace.verdict.next.as_ref().is_some_and(|next| next.contains("UDP port 8472")));
    // Sent once more, it does not tell again how it leaves.
    let again = Sight { pass: 9, ..sight("prerouting", None, ("10.244.2.11", 80)) };
    let twice = judged(echoed(vec![leaving(), again], SILENCE), Some(report(Vec::new())));
    assert_eq!(twice.verdict, trace.verdict);
    // Nobody knows where nobody looked.
    let trace = judged(echoed(vec![leaving()], SILENCE), None);
    assert_eq!(trace.verdict.outcome, Outcome::Unknown);
}

#[test]
fn an_answer_that_is_lost_or_never_given_is_told_apart() {
    let mut answer = arriving();
    (answer.answers, answer.pass) = (true, 2);
    let b = |sights| Some(report(sights));
    let trace = judged(echoed(vec![leaving()], SILENCE), b(vec![arriving()]));
    assert!(trace.verdict.text.contains("no answer came out"), "{}", trace.verdict.text);
    let trace = judged(echoed(vec![leaving()], SILENCE), b(vec![arriving(), answer.clone()]));
    let text = &trace.verdict.text;
    assert!(text.contains("the answer left node b and never came to node a"), "{text}");
    answer.dropped = true;
    let trace = judged(echoed(vec![leaving()], SILENCE), b(vec![arriving(), answer]));
    let text = &trace.verdict.text;
    assert!(text.contains("the answer is dropped: table inet filter"), "{text}");
}

#[test]
fn refused_where_it_arrives_is_nobody_listening() {
    let refused = Echo::Refused { micros: 90 };
    let trace = judged(echoed(vec![leaving()], refused), Some(report(vec![arriving()])));
    assert_eq!((trace.verdict.outcome, trace.verdict.node), (Outcome::Refused, Some(name("b"))));
    assert!(trace.verdict.text.contains("10.244.2.11:80, and nobody listens"));
}

#[test]
fn what_was_never_seen_or_never_sent_is_said_so() {
    let trace = judged(echoed(Vec::new(), SILENCE), Some(report(Vec::new())));
    assert_eq!(trace.verdict.text, "it never came out of pod shop/a-1");
    let why = Echo::Unsent("no such namespace".to_owned());
    let trace = judged(echoed(Vec::new(), why), None);
    assert_eq!(trace.verdict.outcome, Outcome::Unknown);
    let trace = judged(report(Vec::new()), None);
    assert!(trace.verdict.text.contains("did not say"), "{}", trace.verdict.text);
}

#[test]
fn a_node_that_looks_and_does_not_tell_is_not_said_to_have_seen_nothing() {
    let problem = Some("it has not told in time what it saw".to_owned());
    let looks = Report { stage: Stage::Ready, problem, ..report(Vec::new()) };
    let trace = judged(echoed(vec![leaving()], SILENCE), Some(looks));
    assert_eq!(trace.verdict.outcome, Outcome::Unknown, "{}", trace.verdict.text);
    let of_b = |step: &&Step| step.kind == StepKind::Seen && step.node == Some(name("b"));
    let seen = trace.steps.iter().find(of_b).unwrap();
    assert_eq!(seen.text, "it has not told in time what it saw");
}

#[test]
fn a_node_that_did_not_see_all_makes_the_verdict_unsure() {
    let problem = || Some("only the first 1024 sights".to_owned());
    let blind = || Report { problem: problem(), ..report(vec![arriving()]) };
    let trace = judged(echoed(vec![leaving()], SILENCE), Some(blind()));
    assert_eq!((trace.verdict.outcome, trace.verdict.node), (Outcome::Unknown, Some(name("b"))));
    assert!(trace.verdict.text.contains("only the first 1024"), "{}", trace.verdict.text);
    let seen =
        trace.steps.iter().find(|step| step.kind == StepKind::Seen && step.node == Some(name("b")));
    let details = &seen.unwrap().details;
    assert!(details.iter().any(|line| line.starts_with("this may not be all")), "{details:?}");
    // That the answer left is known for sure, and not whether it came back unseen.
    let mut answer = arriving();
    (answer.answers, answer.pass) = (true, 2);
    let a = Report { problem: problem(), ..echoed(vec![leaving()], SILENCE) };
    let trace = judged(a, Some(report(vec![arriving(), answer])));
    assert_eq!(trace.verdict.outcome, Outcome::Unknown, "{}", trace.verdict.text);
    let trace = judged(echoed(vec![leaving()], Echo::Refused { micros: 90 }), Some(blind()));
    assert_eq!(trace.verdict.outcome, Outcome::Refused);
    assert!(trace.verdict.text.contains("by whom is not known"), "{}", trace.verdict.text);
    let trace = judged(echoed(vec![leaving()], Echo::Answered { micros: 90 }), Some(blind()));
    assert_eq!(trace.verdict.outcome, Outcome::Delivered);
}
