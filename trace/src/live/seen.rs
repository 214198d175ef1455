//! What a node saw of a packet, as steps: one for each pass through the host.

use pontoon_model::name::NodeName;
use pontoon_model::trace::live::{Ends, Report, Sight, Stage};
use pontoon_model::trace::{Basis, PassedRule, Step, StepKind};

use crate::rules::walk_words::socket;

/// What is said of the end of a base chain.
pub const POLICY: &str = "policy";

/// One pass of a packet through a host.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass<'r> {
    pub(super) sights: &'r [Sight],
}

/// The passes of packets through a host, in order.
pub(super) fn passes(report: &Report) -> impl Iterator<Item = Pass<'_>> {
    let same = |a: &Sight, b: &Sight| a.pass == b.pass && a.answers == b.answers;
    report.sights.chunk_by(same).map(|sights| Pass { sights })
}

impl<'r> Pass<'r> {
    pub(super) fn answers(self) -> bool {
        self.sights.first().is_some_and(|sight| sight.answers)
    }

    pub(super) fn dropped(self) -> Option<&'r Sight> {
        self.sights.iter().find(|sight| sight.dropped)
    }

    /// The last device that it was to leave by.
    pub(super) fn output(self) -> Option<&'r str> {
        self.sights.iter().rev().find_map(|sight| sight.output.as_deref())
    }

    pub(super) fn input(self) -> Option<&'r str> {
        self.sights.iter().find_map(|sight| sight.input.as_deref())
    }

    /// Both ends as they last were.
    pub(super) fn ends(self) -> Option<Ends> {
        self.sights.iter().rev().find_map(|sight| sight.ends)
    }

    /// Whether it came to the host itself.
    pub(super) fn came_in(self) -> bool {
        self.sights.iter().any(|sight| sight.hook.as_deref() == Some("input"))
    }

    fn hooks(self) -> Vec<&'r str> {
        let mut hooks: Vec<&str> =
            self.sights.iter().filter_map(|sight| sight.hook.as_deref()).collect();
        hooks.dedup();
        hooks
    }

    fn ends_on_way(self) -> Vec<Ends> {
        let mut ends: Vec<Ends> = self.sights.iter().filter_map(|sight| sight.ends).collect();
        ends.dedup();
        ends
    }
}

/// What a node saw; that it saw nothing is a step as well.
pub(super) fn steps(node: &NodeName, report: Option<&Report>) -> Vec<Step> {
    let of = |kind, text: String, details, rules| Step {
        kind,
        node: Some(node.clone()),
        basis: Basis::Sight,
        text,
        details,
        rules,
    };
    let nothing = |text: String| vec![of(StepKind::Seen, text, Vec::new(), Vec::new())];
    let Some(report) = report else {
        return nothing("its daemon did not look for the packet".to_owned());
    };
    let unsure = match &report.problem {
        // It looked, and whoever asked waits no more.
        Some(problem) if report.stage != Stage::Done => return nothing(problem.clone()),
        Some(problem) if report.sights.is_empty() => {
            return nothing(format!("it could not look for the packet: {problem}"));
        }
        Some(problem) => Some(format!("this may not be all: {problem}")),
        None => None,
    };
    let mut steps = Vec::new();
    for answers in [false, true] {
        let kind = if answers { StepKind::SeenBack } else { StepKind::Seen };
        let all: Vec<Pass<'_>> = passes(report).filter(|pass| pass.answers() == answers).collect();
        // Those behind the first are the rest of the conversation, or the same once more.
        let ended = all.iter().position(|pass| pass.dropped().is_some());
        for index in [Some(0), ended.filter(|at| *at > 0)].into_iter().flatten() {
            let Some(pass) = all.get(index) else { continue };
            let mut details: Vec<String> = pass.ends_on_way().into_iter().map(arrow).collect();
            if index == 0 && all.len() > 1 {
                details.push(match all.len() - 1 {
                    1 => "and 1 packet more".to_owned(),
                    more => format!("and {more} packets more"),
                });
            }
            steps.push(of(kind, text(*pass), details, rules(*pass)));
        }
    }
    if !steps.iter().any(|step| step.kind == StepKind::Seen) {
        steps.insert(0, of(StepKind::Seen, "nothing was seen".to_owned(), Vec::new(), Vec::new()));
    }
    if let Some(first) = steps.first_mut() {
        first.details.extend(unsure);
    }
    steps
}

fn text(pass: Pass<'_>) -> String {
    let mut text = format!("in {}", pass.hooks().join(", "));
    if let Some(input) = pass.input() {
        text.push_str(&format!(", came by {input}"));
    }
    if let Some(dropped) = pass.dropped() {
        text.push_str(&format!(", ended in chain {}", dropped.rule.chain));
    } else if pass.came_in() {
        text.push_str(", taken by the host");
    } else if let Some(output) = pass.output() {
        text.push_str(&format!(", left by {output}"));
    }
    text
}

fn arrow(ends: Ends) -> String {
    let from = socket(ends.source, ends.source_port);
    format!("{from} -> {}", socket(ends.destination, ends.port))
}

/// Policies that let it pass are many and say nothing.
fn rules(pass: Pass<'_>) -> Vec<PassedRule> {
    let tells = |sight: &&Sight| sight.dropped || sight.rule.rule != POLICY;
    pass.sights.iter().filter(tells).map(|sight| sight.rule.clone()).collect()
}
