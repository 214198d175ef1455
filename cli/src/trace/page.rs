//! The answer, for people: a line a step, what else there is to say below it, the verdict last.

use std::fmt::Write;

use pontoon_model::trace::{Basis, Choice, Outcome, PassedRule, Step, StepKind, Trace, Verdict};

use crate::say::{Tone, toned};

/// The whole.
pub(super) fn text(trace: &Trace) -> String {
    let mut page = String::new();
    for step in &trace.steps {
        put(&mut page, step);
        if step.kind == StepKind::Service {
            trace.endpoints.iter().for_each(|choice| endpoint(&mut page, choice));
        }
    }
    if let Some(planned) = &trace.planned {
        let _ = writeln!(page, "planned   {}: {}", planned.outcome, planned.text);
    }
    page.push_str(&verdict(&trace.verdict));
    page
}

fn put(page: &mut String, step: &Step) {
    let place = step.node.as_ref().map(|node| format!("{node}: ")).unwrap_or_default();
    let head = format!("{:<9}", word(step.kind));
    let basis = if told(step) { format!("  [{}]", of(step.basis)) } else { String::new() };
    let _ = writeln!(page, "{} {place}{}{basis}", toned(Tone::Head, &head), step.text);
    for rule in &step.rules {
        let _ = writeln!(page, "            {}", line(rule));
    }
    for detail in &step.details {
        let _ = writeln!(page, "            {detail}");
    }
}

/// Whether it matters how the step is known: where the kernel was read, or where it could not be.
const fn told(step: &Step) -> bool {
    matches!(step.kind, StepKind::Rules | StepKind::Route | StepKind::Endpoint)
}

fn endpoint(page: &mut String, choice: &Choice) {
    let slots: Vec<String> = choice.slots.iter().map(ToString::to_string).collect();
    let many = if slots.len() == 1 { "slot" } else { "slots" };
    let at = std::net::SocketAddr::new(choice.address, choice.port);
    let pod = choice.pod.as_ref().map(|pod| format!("  pod {pod}")).unwrap_or_default();
    let node = choice.node.as_ref().map(|node| format!(" on {node}")).unwrap_or_default();
    let outcome = toned(tone(choice.verdict.outcome), &choice.verdict.outcome.to_string());
    let _ = writeln!(page, "            {many} {}: {at}{pod}{node}  {outcome}", slots.join(", "));
}

fn line(rule: &PassedRule) -> String {
    let PassedRule { table, chain, rule, verdict, comment } = rule;
    let comment = comment.as_ref().map(|comment| format!("  # {comment}")).unwrap_or_default();
    // A verdict that ends the rule is in its text already.
    let verdict = if rule.ends_with(verdict.as_str()) || verdict == "go on" {
        String::new()
    } else {
        format!(" -> {verdict}")
    };
    format!("{table} {chain}: {rule}{verdict}{comment}")
}

fn verdict(verdict: &Verdict) -> String {
    let outcome = toned(tone(verdict.outcome), &verdict.outcome.to_string());
    let place = verdict.node.as_ref().map(|node| format!(" on {node}")).unwrap_or_default();
    let mut text = format!("{outcome}{place}: {}", verdict.text);
    if let Some(next) = &verdict.next {
        let _ = write!(text, "\n  next: {next}");
    }
    text
}

const fn word(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Source => "from",
        StepKind::Name => "name",
        StepKind::Service => "service",
        StepKind::Endpoint => "endpoint",
        StepKind::Rules => "rules",
        StepKind::Route => "route",
        StepKind::Crossing => "crossing",
        StepKind::Arrival => "arrival",
        StepKind::Answer => "answer",
        StepKind::Probe => "sent",
        StepKind::Seen => "seen",
        StepKind::SeenBack => "back",
    }
}

const fn of(basis: Basis) -> &'static str {
    match basis {
        Basis::Store => "store",
        Basis::Plan => "planned",
        Basis::Kernel => "kernel",
        Basis::Dns => "dns",
        Basis::Sight => "seen",
    }
}

const fn tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Delivered | Outcome::Leaves => Tone::Good,
        Outcome::Partly | Outcome::Unknown => Tone::Warn,
        Outcome::Refused | Outcome::Dropped => Tone::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = r#"{
        "node": "a",
        "packet": {"source": "10.244.1.2", "destination": "10.96.0.80", "protocol": "TCP", "port": 80},
        "steps": [
            {"kind": "source", "node": "a", "basis": "store", "text": "pod shop/web sends"},
            {"kind": "service", "node": "a", "basis": "store", "text": "it is service shop/api", "details": ["clients stay"]},
            {"kind": "rules", "node": "a", "basis": "kernel", "text": "rules", "rules": [
                {"table": "inet t", "chain": "c", "rule": "jump d", "verdict": "jump d"},
                {"table": "inet t", "chain": "d", "rule": "vmap @m", "verdict": "goto e", "comment": "shop/api"},
                {"table": "inet t", "chain": "e", "rule": "notrack", "verdict": "go on"}]},
            {"kind": "seen", "node": "b", "basis": "sight", "text": "nothing was seen"}],
        "verdict": {"outcome": "dropped", "node": "a", "text": "the underlay lost it", "next": "look"},
        "planned": {"outcome": "delivered", "text": "it arrives"},
        "endpoints": [
            {"address": "10.244.2.2", "port": 8080, "pod": {"namespace": "shop", "name": "api-0"}, "node": "b",
                "slots": [0, 2], "verdict": {"outcome": "delivered", "text": "it arrives"}},
            {"address": "fd00::1", "port": 80, "slots": [1], "verdict": {"outcome": "refused", "text": "no"}}]
    }"#;

    #[test]
    fn a_line_a_step_and_the_verdict_last() {
        let trace: Trace = serde_json::from_str(TRACE).unwrap();
        let expected = "\
from      a: pod shop/web sends
service   a: it is service shop/api
            clients stay
            slots 0, 2: 10.244.2.2:8080  pod shop/api-0 on b  delivered
            slot 1: [fd00::1]:80  refused
rules     a: rules  [kernel]
            inet t c: jump d
            inet t d: vmap @m -> goto e  # shop/api
            inet t e: notrack
seen      b: nothing was seen
planned   delivered: it arrives
dropped on a: the underlay lost it
  next: look";
        assert_eq!(text(&trace), expected);
    }
}
