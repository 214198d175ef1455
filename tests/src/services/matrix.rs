//! What must come of asking, position by position, as a table.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Result, ensure};
use pontoon_lab::Netns;
use pontoon_lab::probe::{self, Asked, Reply};
use pontoon_model::service::Protocol;

use super::stage::{Position, Stage};
use crate::cluster::{SOON, eventually};

/// For an answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// "At once", also for a refusal.
const AT_ONCE: Duration = Duration::from_secs(1);
/// So long nothing must come back of what is dropped.
const SILENCE: Duration = Duration::from_millis(700);
/// Two endpoints that are chosen evenly are both seen by then, but for one case in 10¹².
const ATTEMPTS: usize = 40;

/// What must come of asking.
#[derive(Debug, Clone, Copy)]
pub enum Expect {
    /// Each of these answers, nobody else does, and sees the client at an address of its own.
    Own(&'static [&'static str]),
    /// Each of these answers, nobody else does.
    Any(&'static [&'static str]),
    /// Refused at once.
    Refused,
    /// Refused or unreachable, at once.
    Rejected,
    /// Nothing comes back.
    Dropped,
    /// Whatever comes back, it is no answer.
    NoAnswer,
}

/// What must come of asking, by position as [`Position::ALL`] has them.
pub type Expects = [Expect; 5];

/// A line of the table.
#[derive(Debug, Clone)]
pub struct Row {
    /// The rule that it stands for.
    pub rule: &'static str,
    /// The protocols that it is asked over.
    pub protocols: &'static [Protocol],
    /// The addresses that are asked, as a rule one of each family.
    pub to: Vec<SocketAddr>,
    /// The port of the endpoints that must be reached.
    pub target: u16,
    /// What must come of it, by position.
    pub expect: Expects,
}

/// Over TCP and UDP.
pub const BOTH: &[Protocol] = &[Protocol::Tcp, Protocol::Udp];
/// Over TCP.
pub const TCP: &[Protocol] = &[Protocol::Tcp];
/// Over UDP.
pub const UDP: &[Protocol] = &[Protocol::Udp];

/// Asks all rows from all positions. What must be answered has some time until it is; by then every
/// node has been told of everything, so what must not be answered has one attempt.
///
/// # Errors
/// Every rule that does not hold, with what happened in place of it.
pub fn check(stage: &Stage, rows: &[Row]) -> Result<()> {
    let mut wrong = Vec::new();
    for answered in [true, false] {
        for (position, column) in Position::ALL.into_iter().zip(0..) {
            let (from, own) = (stage.netns(position), stage.own(position)?);
            let questions: Vec<_> =
                rows.iter().flat_map(|row| row.questions(position, column)).collect();
            let asked = questions.iter().filter(|question| question.expect.answered() == answered);
            wrong.extend(all_at_once(asked, &|question| match answered {
                true => eventually(SOON, || question.is_answered(from, &own)),
                false => question.is_not_answered(from),
            }));
        }
    }
    ensure!(wrong.is_empty(), "{} do not hold:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

/// A cell of the table, for one protocol and address.
struct Question {
    said: String,
    protocol: Protocol,
    to: SocketAddr,
    target: u16,
    expect: Expect,
}

impl Row {
    fn questions(&self, position: Position, column: usize) -> Vec<Question> {
        let mut questions = Vec::new();
        for (protocol, to) in
            self.protocols.iter().flat_map(|p| self.to.iter().map(move |t| (*p, *t)))
        {
            let said = format!("{} from {position:?} at {to}/{protocol}", self.rule);
            let (target, expect) = (self.target, self.expect[column]);
            questions.push(Question { said, protocol, to, target, expect });
        }
        questions
    }
}

impl Expect {
    fn answered(self) -> bool {
        matches!(self, Self::Own(_) | Self::Any(_))
    }
}

fn all_at_once<'a>(
    questions: impl Iterator<Item = &'a Question>,
    ask: &(dyn Fn(&Question) -> Result<()> + Sync),
) -> Vec<String> {
    std::thread::scope(|scope| {
        let asked: Vec<_> = questions.map(|q| (q, scope.spawn(move || ask(q)))).collect();
        let outcomes = asked.into_iter().map(|(question, thread)| (question, thread.join()));
        outcomes
            .filter_map(|(question, outcome)| match outcome {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(format!("  {}: {error:#}", question.said)),
                Err(_) => Some(format!("  {}: panicked", question.said)),
            })
            .collect()
    })
}

impl Question {
    fn is_answered(&self, from: &Netns, own: &[IpAddr]) -> Result<()> {
        let (names, source_is_kept) = match self.expect {
            Expect::Own(names) => (names, true),
            Expect::Any(names) => (names, false),
            _ => return Ok(()),
        };
        let mut missing: BTreeSet<&str> = names.iter().copied().collect();
        let mut problem = None;
        let mut attempts = 0;
        probe::ask_while(from, self.protocol, self.to, PATIENCE, |asked| {
            attempts += 1;
            problem = self.problem_of(asked, names, source_is_kept.then_some(own));
            missing.remove(asked.reply.name().unwrap_or_default());
            problem.is_none() && !missing.is_empty() && attempts < ATTEMPTS
        })?;
        ensure!(problem.is_none(), "attempt {attempts}: {}", problem.unwrap_or_default());
        ensure!(missing.is_empty(), "{missing:?} did not answer in {attempts} attempts");
        Ok(())
    }

    fn problem_of(&self, asked: &Asked, names: &[&str], own: Option<&[IpAddr]>) -> Option<String> {
        let Reply::Answered(answer) = &asked.reply else {
            return Some(format!("{:?} after {:?}, not an answer", asked.reply, asked.took));
        };
        if !names.contains(&answer.name.as_str()) {
            return Some(format!("{} answered in place of {names:?}", answer.name));
        }
        if answer.local.port() != self.target {
            let port = answer.local.port();
            return Some(format!(
                "{} was reached at port {port}, not {}",
                answer.name, self.target
            ));
        }
        let source = answer.source.ip();
        own.filter(|own| !own.contains(&source))
            .map(|own| format!("{} saw {source} in place of {own:?}", answer.name))
    }

    fn is_not_answered(&self, from: &Netns) -> Result<()> {
        let patience = if matches!(self.expect, Expect::Dropped) { SILENCE } else { AT_ONCE };
        let asked = probe::ask(from, self.protocol, self.to, patience)?;
        let holds = match (self.expect, &asked.reply) {
            (Expect::Refused, Reply::Refused)
            | (Expect::Rejected, Reply::Refused | Reply::Unreachable) => asked.took < AT_ONCE,
            (Expect::Dropped, Reply::TimedOut) => true,
            (Expect::NoAnswer, reply) => reply.name().is_none(),
            _ => false,
        };
        let Asked { reply, took } = asked;
        ensure!(holds, "{reply:?} after {took:?}, not {:?}", self.expect);
        Ok(())
    }
}
