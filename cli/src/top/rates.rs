//! Rates between two looks at counters.

use std::time::Duration;

use serde_json::{Value, json};

use super::counters::{Counter, Counters};
use crate::grid::{self, Cell};
use crate::say::Tone;

/// A line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) rates: Rates,
    /// Tracked connections; `None` where they are not known.
    pub(super) flows: Option<u64>,
}

/// What moves in a second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Rates {
    pub(super) bytes_in: f64,
    pub(super) bytes_out: f64,
    pub(super) packets_in: f64,
    pub(super) packets_out: f64,
    pub(super) dropped: f64,
    /// Bytes in and out by the overlay, where that is asked for.
    pub(super) overlay: Option<(f64, f64)>,
}

impl Rates {
    pub(super) fn bytes(&self) -> f64 {
        self.bytes_in + self.bytes_out
    }

    /// As the other end of the cable sees it.
    pub(super) fn turned(self) -> Self {
        Self {
            bytes_in: self.bytes_out,
            bytes_out: self.bytes_in,
            packets_in: self.packets_out,
            packets_out: self.packets_in,
            ..self
        }
    }

    pub(super) fn pair(self) -> (f64, f64) {
        (self.bytes_in, self.bytes_out)
    }
}

/// The rates of an interface. One that is new, gone or counts from zero again moves nothing.
pub(super) fn between(
    before: &Counters,
    now: &Counters,
    interface: &str,
    passed: Duration,
) -> Rates {
    let (Some(before), Some(now)) = (before.get(interface), now.get(interface)) else {
        return Rates::default();
    };
    let seconds = passed.as_secs_f64().max(0.001);
    let rate = |of: fn(&Counter) -> u64| of(now).saturating_sub(of(before)) as f64 / seconds;
    Rates {
        bytes_in: rate(|counter| counter.received_bytes),
        bytes_out: rate(|counter| counter.sent_bytes),
        packets_in: rate(|counter| counter.received_packets),
        packets_out: rate(|counter| counter.sent_packets),
        dropped: rate(|counter| counter.received_dropped) + rate(|counter| counter.sent_dropped),
        overlay: None,
    }
}

/// All together.
pub(super) fn sum(rates: impl Iterator<Item = Rates>) -> Rates {
    rates.fold(Rates::default(), |all, one| Rates {
        bytes_in: all.bytes_in + one.bytes_in,
        bytes_out: all.bytes_out + one.bytes_out,
        packets_in: all.packets_in + one.packets_in,
        packets_out: all.packets_out + one.packets_out,
        dropped: all.dropped + one.dropped,
        overlay: None,
    })
}

impl Row {
    /// What tells it from others.
    pub(super) fn key(&self) -> (String, String) {
        (self.namespace.clone(), self.name.clone())
    }

    /// For programs.
    pub(super) fn document(&self) -> Value {
        let rates = &self.rates;
        let mut document = json!({
            "name": self.name,
            "receivedBytesPerSecond": rates.bytes_in, "sentBytesPerSecond": rates.bytes_out,
            "receivedPacketsPerSecond": rates.packets_in, "sentPacketsPerSecond": rates.packets_out,
            "droppedPacketsPerSecond": rates.dropped,
        });
        if !self.namespace.is_empty() {
            document["namespace"] = self.namespace.as_str().into();
        }
        if let Some(flows) = self.flows {
            document["flows"] = flows.into();
        }
        if let Some((received, sent)) = rates.overlay {
            document["overlayReceivedBytesPerSecond"] = received.into();
            document["overlaySentBytesPerSecond"] = sent.into();
        }
        document
    }
}

/// A line each, in their order.
pub(super) fn table(rows: &[Row], flows: bool) -> String {
    let overlay = rows.iter().any(|row| row.rates.overlay.is_some());
    let namespaces = rows.iter().any(|row| !row.namespace.is_empty());
    let mut heads = vec!["NAME", "IN/S", "OUT/S", "PACKETS IN/S", "OUT/S", "DROPPED/S"];
    if namespaces {
        heads.insert(0, "NAMESPACE");
    }
    heads.extend(flows.then_some("FLOWS"));
    if overlay {
        heads.extend(["OVERLAY IN/S", "OUT/S"]);
    }
    let mut all = vec![grid::heads(heads)];
    for row in rows {
        let rates = &row.rates;
        let mut cells: Vec<Cell> = Vec::new();
        if namespaces {
            cells.push(row.namespace.as_str().into());
        }
        cells.push(row.name.as_str().into());
        cells.extend([rates.bytes_in, rates.bytes_out].map(|rate| amount(rate, "B").into()));
        cells.extend([rates.packets_in, rates.packets_out].map(|rate| amount(rate, "").into()));
        let tone = if rates.dropped > 0.0 { Tone::Bad } else { Tone::Plain };
        cells.push(Cell::toned(amount(rates.dropped, ""), tone));
        if flows {
            cells.push(row.flows.map_or_else(|| "-".to_owned(), |flows| flows.to_string()).into());
        }
        if let Some((received, sent)) = rates.overlay {
            cells.extend([received, sent].map(|rate| amount(rate, "B").into()));
        }
        all.push(cells);
    }
    grid::lay_out(&all)
}

/// With a thousand's prefix, and as many digits as matter.
fn amount(rate: f64, unit: &str) -> String {
    let mut rate = rate;
    let mut prefixes = ["", "k", "M", "G", "T"].into_iter();
    let mut prefix = prefixes.next().unwrap_or_default();
    while rate >= 999.5 {
        let Some(next) = prefixes.next() else { break };
        (rate, prefix) = (rate / 1000.0, next);
    }
    let digits = usize::from(!prefix.is_empty() && rate < 9.95);
    let text = format!("{rate:.digits$} {prefix}{unit}");
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(received: u64, sent: u64) -> Counters {
        let counter = Counter { received_bytes: received, sent_bytes: sent, ..Counter::default() };
        [("ptn0".to_owned(), counter)].into()
    }

    #[test]
    fn what_the_host_sends_the_pod_receives() {
        let passed = Duration::from_secs(2);
        let rates = between(&counters(0, 100), &counters(50, 2100), "ptn0", passed).turned();
        assert_eq!((rates.bytes_in, rates.bytes_out), (1000.0, 25.0));
    }

    #[test]
    fn interfaces_that_come_and_go_move_nothing() {
        let passed = Duration::from_secs(1);
        for (before, now) in [
            (Counters::new(), counters(5, 5)),
            (counters(5, 5), Counters::new()),
            (counters(5, 5), counters(0, 0)),
        ] {
            assert_eq!(between(&before, &now, "ptn0", passed), Rates::default());
        }
    }

    #[test]
    fn amounts_are_short() {
        for (rate, said) in [
            (0.0, "0 B"),
            (999.0, "999 B"),
            (999.6, "1.0 kB"),
            (9940.0, "9.9 kB"),
            (12_345.0, "12 kB"),
            (1_500_000.0, "1.5 MB"),
            (2.5e9, "2.5 GB"),
        ] {
            assert_eq!(amount(rate, "B"), said);
        }
        assert_eq!((amount(12.0, ""), amount(1234.0, "")), ("12".to_owned(), "1.2 k".to_owned()));
    }
}
