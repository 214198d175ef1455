//! What can be wrong with the underlay: rules of the switch, rendered as one nft table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;

/// The faults that are in force. Pure: the lab loads what [`Faults::render`] returns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// Pairs of ports between which nothing passes, the lesser name first.
    cuts: BTreeSet<(String, String)>,
    /// Per cent of frames to and from a port that are lost.
    losses: BTreeMap<String, u8>,
}

impl Faults {
    pub(crate) fn cut(&mut self, a: &str, b: &str) {
        self.cuts.insert(pair(a, b));
    }

    pub(crate) fn heal(&mut self, a: &str, b: &str) {
        self.cuts.remove(&pair(a, b));
    }

    /// 0 ends the loss.
    pub(crate) fn lose(&mut self, port: &str, percent: u8) {
        self.losses.remove(port);
        if percent > 0 {
            self.losses.insert(port.to_owned(), percent.min(100));
        }
    }

    /// The whole table, in place of an earlier one. `addresses` tells those of a port: a cut pair
    /// on two segments is told apart by them, since the router stands between.
    pub(crate) fn render(&self, addresses: impl Fn(&str) -> Vec<IpAddr>) -> String {
        let mut rules = String::new();
        for (a, b) in &self.cuts {
            for (from, to) in [(a, b), (b, a)] {
                let _infallible = writeln!(rules, "    iifname \"{from}\" oifname \"{to}\" drop");
                for address in addresses(to) {
                    let family = if address.is_ipv4() { "ip" } else { "ip6" };
                    let _infallible =
                        writeln!(rules, "    iifname \"{from}\" {family} daddr {address} drop");
                }
            }
        }
        for (port, percent) in &self.losses {
            // nft refuses a range that is the whole.
            let chance = if *percent == 100 {
                String::new()
            } else {
                format!("numgen random mod 100 < {percent} ")
            };
            for direction in ["iifname", "oifname"] {
                let _infallible = writeln!(rules, "    {direction} \"{port}\" {chance}drop");
            }
        }
        format!(
            "table bridge lab\ndelete table bridge lab\ntable bridge lab {{\n  chain faults {{\n    \
             type filter hook forward priority 0; policy accept;\n{rules}  }}\n}}\n"
        )
    }
}

fn pair(a: &str, b: &str) -> (String, String) {
    if a < b { (a.into(), b.into()) } else { (b.into(), a.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_is_both_ways_and_healed_in_either_order() {
        let mut faults = Faults::default();
        faults.cut("host-2", "host-1");
        let text = faults.render(|port| {
            vec![if port == "host-1" { [10, 0, 0, 1] } else { [10, 0, 0, 2] }.into()]
        });
        for rule in [
            "iifname \"host-1\" oifname \"host-2\" drop",
            "iifname \"host-1\" ip daddr 10.0.0.2 drop",
            "iifname \"host-2\" oifname \"host-1\" drop",
            "iifname \"host-2\" ip daddr 10.0.0.1 drop",
        ] {
            assert!(text.contains(rule), "{rule} is not in {text}");
        }
        faults.heal("host-1", "host-2");
        assert_eq!(faults, Faults::default());
    }

    #[test]
    fn no_loss_is_no_rule() {
        let mut faults = Faults::default();
        faults.lose("host-1", 30);
        assert!(
            faults
                .render(|_| vec![])
                .contains("oifname \"host-1\" numgen random mod 100 < 30 drop")
        );
        faults.lose("host-1", 0);
        assert_eq!(faults, Faults::default());
    }
}
