//! What was found, as text for a person.

use pontoon_doctor::{Examiner, Finding, Report, Severity};

use crate::say::{Tone, toned};

/// The whole: the worst comes first, what could not be looked at last.
pub(super) fn whole(report: &Report) -> String {
    let mut parts = vec![head(report)];
    parts.extend(report.findings.iter().map(finding));
    if !report.unexamined.is_empty() {
        let lines = report
            .unexamined
            .iter()
            .map(|gap| format!("  {}: {} ({})", gap.what, gap.why, gap.checks.join(", ")));
        let lines: Vec<String> = lines.collect();
        parts.push(format!("{}\n{}", toned(Tone::Head, "not looked at:"), lines.join("\n")));
    }
    parts.join("\n\n")
}

fn head(report: &Report) -> String {
    let whose = match &report.node {
        Some(node) => format!("node {node}"),
        None => "this host".to_owned(),
    };
    let by = match report.examiner {
        Examiner::Daemon => format!("pontoond {}", report.version),
        Examiner::Command => format!("pontoon {}, without pontoond", report.version),
    };
    let found = if report.findings.is_empty() {
        toned(Tone::Good, "nothing is wrong")
    } else {
        let counts = [Severity::Fault, Severity::Warning, Severity::Note].map(|severity| {
            let count = report.findings.iter().filter(|f| f.severity == severity).count();
            let plural = if count == 1 { "" } else { "s" };
            let text = format!("{count} {severity}{plural}");
            (count > 0).then(|| toned(tone(severity), &text))
        });
        counts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    };
    let checks = report.checks.len();
    let plural = if checks == 1 { "" } else { "s" };
    format!("{whose}: {found} ({checks} check{plural} by {by})")
}

fn finding(finding: &Finding) -> String {
    let severity = toned(tone(finding.severity), &finding.severity.to_string());
    let mut text = format!("{severity} {}: {}", finding.check, finding.what);
    for (name, value) in [("why", &finding.why), ("mend", &finding.mend)] {
        // Commands stand below each other, as they are to be typed.
        let value = value.replace('\n', "\n        ");
        text.push_str(&format!("\n  {name:<4}  {value}"));
    }
    text
}

const fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Fault => Tone::Bad,
        Severity::Warning => Tone::Warn,
        Severity::Note => Tone::Plain,
    }
}

#[cfg(test)]
mod tests {
    use pontoon_doctor::Unexamined;

    use super::*;

    fn report(findings: Vec<Finding>) -> Report {
        Report {
            node: "a".parse().ok(),
            version: "0.1.0".to_owned(),
            examiner: Examiner::Daemon,
            checks: vec!["mtu".to_owned(), "etcd".to_owned()],
            findings,
            unexamined: Vec::new(),
        }
    }

    #[test]
    fn each_finding_says_what_why_and_how_to_mend_it() {
        let finding = |severity, mend: &str| Finding {
            check: "mtu".to_owned(),
            severity,
            what: "it is too large".to_owned(),
            why: "packets vanish".to_owned(),
            mend: mend.to_owned(),
        };
        let mut report =
            report(vec![finding(Severity::Fault, "one\ntwo"), finding(Severity::Note, "nothing")]);
        report.unexamined.push(Unexamined {
            what: "rules".to_owned(),
            why: "not allowed".to_owned(),
            checks: vec!["firewall".to_owned(), "ufw".to_owned()],
        });
        let expected = "\
node a: 1 fault, 1 note (2 checks by pontoond 0.1.0)

fault mtu: it is too large
  why   packets vanish
  mend  one
        two

note mtu: it is too large
  why   packets vanish
  mend  nothing

not looked at:
  rules: not allowed (firewall, ufw)";
        assert_eq!(whole(&report), expected);
    }

    #[test]
    fn a_healthy_node_is_one_line_and_who_looked_is_said() {
        let mut report = report(Vec::new());
        assert_eq!(whole(&report), "node a: nothing is wrong (2 checks by pontoond 0.1.0)");
        report.examiner = Examiner::Command;
        report.node = None;
        report.checks.pop();
        let expected = "this host: nothing is wrong (1 check by pontoon 0.1.0, without pontoond)";
        assert_eq!(whole(&report), expected);
    }
}
