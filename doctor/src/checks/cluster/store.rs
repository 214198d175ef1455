//! The store: whether it answers, how soon, and whose clock is right.

use std::time::Duration;

use crate::checks::remark::{Remark, fault, warning};
use crate::facts::Facts;

/// The quickest of several answers from a healthy etcd takes a few milliseconds.
const SLOW: Duration = Duration::from_millis(100);
const TOO_SLOW: Duration = Duration::from_secs(1);

const WHY_AWAY: &str =
    "pods keep their network, but nothing new is learnt: no services, nodes or endpoints";

pub(in crate::checks) fn check(facts: &Facts) -> Vec<Remark> {
    let Some(store) = &facts.store else { return Vec::new() };
    let mut found = Vec::new();
    if let Some(away) = &store.away {
        found.push(
            fault(format!("the store at {} does not answer: {away}", store.target))
                .because(WHY_AWAY)
                .mend(if store.etcd {
                    "etcdctl endpoint health --cluster    # on a host of etcd's\nsystemctl status etcd"
                } else {
                    "systemctl restart pontoond"
                }),
        );
    }
    for (member, why) in &store.silent {
        found.push(
            warning(format!("the etcd member {member} does not answer: {why}"))
                .because("with the loss of one or two more, etcd stops taking changes")
                .mend("systemctl status etcd    # on its host"),
        );
    }
    for alarm in &store.alarms {
        found.push(of_alarm(alarm));
    }
    match store.latency {
        Some(latency) if latency >= TOO_SLOW => found.push(slow(&store.target, latency, fault)),
        Some(latency) if latency >= SLOW => found.push(slow(&store.target, latency, warning)),
        _ => {}
    }
    found
}

fn slow(target: &str, latency: Duration, remark: fn(String) -> Remark) -> Remark {
    let what =
        format!("the store at {target} takes {} ms for an answer, at best", latency.as_millis());
    remark(what)
        .because("every change of a service or a node is late by that and more, and leases run out")
        .mend("give etcd a disk of its own that writes within 10 ms (etcdctl check perf), and look at the network between")
}

fn of_alarm(alarm: &str) -> Remark {
    let remark = fault(format!("etcd raises an alarm: {alarm}"));
    if alarm.to_ascii_uppercase().contains("NOSPACE") {
        remark
            .because("its database has reached its quota: it takes no changes any more")
            .mend("rev=$(etcdctl endpoint status -w json | grep -o '\"revision\":[0-9]*' | grep -o '[0-9]*' | head -1)\netcdctl compact $rev && etcdctl defrag --cluster && etcdctl alarm disarm")
    } else {
        remark
            .because("etcd may not take changes, or its members may differ")
            .mend("etcdctl alarm list\n# and see etcd's documentation for what it means")
    }
}

/// Seconds from which on clocks differ by more than the network and rounding explain.
const APART: u64 = 5;
/// Certificates are issued so early at the least.
const FAR_APART: u64 = 60;

pub(in crate::checks) fn clock(facts: &Facts) -> Vec<Remark> {
    let Some((store, ahead)) = facts.store.as_ref().and_then(|s| Some((s, s.clock_ahead?))) else {
        return Vec::new();
    };
    let apart = ahead.unsigned_abs();
    let remark = match apart {
        0..APART => return Vec::new(),
        APART..FAR_APART => warning,
        _ => fault,
    };
    let direction = if ahead > 0 { "ahead of" } else { "behind" };
    vec![
        remark(format!("this host's clock is {apart} s {direction} that of the store at {}", store.target))
            .because("certificates seem expired or not yet valid, and ages and logs of different hosts do not fit together")
            .mend("timedatectl set-ntp true    # or chrony, ntpd; on the host whose clock is wrong"),
    ]
}
