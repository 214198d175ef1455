//! Whether `pontoond` runs, and what it complains of itself.

use pontoon_model::api::STORE_AWAY;

use crate::checks::remark::{Remark, fault, warning};
use crate::facts::Facts;
use crate::facts::daemon::{Presence, Reason};

const WHY: &str = "pods that run keep their network; no pod can be added, and nothing is mended";

pub(in crate::checks) fn check(facts: &Facts) -> Vec<Remark> {
    match &facts.daemon.presence {
        Presence::There => versions(facts).into_iter().collect(),
        Presence::Absent { socket, reason } => vec![absent(socket, reason)],
        Presence::Denied { socket } => vec![
            warning(format!("this user may not ask pontoond: {socket} is not for everybody"))
                .because("what only the daemon knows was not looked at")
                .mend("sudo pontoon doctor"),
        ],
        Presence::Silent { socket, what } => vec![
            fault(format!("pontoond at {socket} does not answer as it should: {what}"))
                .because(WHY)
                .mend("systemctl restart pontoond\njournalctl -u pontoond"),
        ],
    }
}

fn absent(socket: &str, reason: &Reason) -> Remark {
    let (what, mend) = if reason.missing {
        (
            "pontoond is not installed: the program was found nowhere".to_owned(),
            "install the package, or run packaging/install.sh".to_owned(),
        )
    } else if !reason.configuration.is_empty() {
        let faults = reason.configuration.join("; ");
        (
            format!("pontoond cannot start: {} cannot be used: {faults}", reason.file),
            format!(
                "mend {}; pontoond --check-config says whether it is good; then: systemctl restart pontoond",
                reason.file
            ),
        )
    } else if reason.locked {
        (
            format!("pontoond runs, but its socket {socket} is gone"),
            "systemctl restart pontoond".to_owned(),
        )
    } else if let Some(failure) = &reason.failure {
        (
            format!("pontoond is not running: it ended with: {failure}"),
            "mend what it says, then: systemctl restart pontoond".to_owned(),
        )
    } else if let Some(unit) = &reason.unit {
        (
            format!("pontoond is not running: its unit is {unit}"),
            "systemctl start pontoond\njournalctl -u pontoond".to_owned(),
        )
    } else {
        (
            format!("pontoond is not running: nobody listens at {socket}"),
            "systemctl start pontoond".to_owned(),
        )
    };
    fault(what).because(WHY).mend(mend)
}

/// A command and a daemon of one release understand each other.
fn versions(facts: &Facts) -> Option<Remark> {
    let (daemon, command) = (facts.daemon.version.as_ref()?, facts.daemon.command.as_ref()?);
    (daemon != command).then(|| {
        warning(format!("pontoond is {daemon}, the command pontoon is {command}"))
            .because("one may not understand the other, and an upgrade is not in force before pontoond is restarted")
            .mend("systemctl restart pontoond")
    })
}

pub(in crate::checks) fn problems(facts: &Facts) -> Vec<Remark> {
    // What the store says is told by a check of its own.
    let problems = facts.daemon.problems.iter().filter(|problem| !problem.starts_with(STORE_AWAY));
    problems
        .map(|problem| {
            fault(problem.clone())
                .because("pontoond says that it is in its way")
                .mend("do what it says; journalctl -u pontoond has more")
        })
        .collect()
}
