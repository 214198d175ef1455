//! Who reached whom, from which address, and what it means. Pure.

use std::net::IpAddr;

use comfy_table::Table;

use super::cluster::table;

/// Where a pod or a host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spot {
    /// `pod a-1` or `host-1`.
    pub name: String,
    /// The host that it is on; its own name for a host.
    pub host: String,
    /// The addresses that others reach it at.
    pub addresses: Vec<IpAddr>,
    /// The addresses that it may be seen at.
    pub own: Vec<IpAddr>,
}

/// One connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempt {
    pub from: Spot,
    pub to: Spot,
    /// The address that was connected to.
    pub target: IpAddr,
    /// The source that the far side saw, or why there was no connection.
    pub outcome: Result<IpAddr, String>,
}

impl Attempt {
    /// Whether the far side saw an address of the sender's own.
    fn holds(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|seen| self.from.own.contains(seen))
    }

    /// What does not hold, and where to look.
    pub(super) fn failure(&self) -> Option<String> {
        let (from, to) = (&self.from, &self.to);
        match &self.outcome {
            _ if self.holds() => None,
            Ok(seen) => {
                let own: Vec<_> = from.own.iter().map(ToString::to_string).collect();
                Some(format!(
                    "{} reached {} at {}, but was seen as {seen} and its own addresses are {}; hint: a rule \
                     masquerades traffic that stays in the cluster: `nft list ruleset` on {}",
                    from.name,
                    to.name,
                    self.target,
                    own.join(" and "),
                    from.host
                ))
            }
            Err(error) => Some(format!(
                "{} did not reach {}: {error}; hint: {}",
                from.name,
                to.name,
                self.hint()
            )),
        }
    }

    fn hint(&self) -> String {
        let (from, to) = (&self.from.host, &self.to.host);
        if from == to {
            format!("both are on {from}: `ip address show pontoon0` and `nft list ruleset` there")
        } else {
            format!(
                "is there a route to {} on {from} (`ip route get {}`), and does the underlay carry the \
                 backend's packets from {from} to {to}?",
                self.target, self.target
            )
        }
    }

    fn cell(&self) -> String {
        match &self.outcome {
            Ok(seen) if self.holds() => seen.to_string(),
            Ok(seen) => format!("✗ {seen}"),
            Err(_) => "✗ not reached".into(),
        }
    }
}

/// A row for each pair, in the order of the attempts, with the source that was seen over each family.
pub(super) fn matrix(attempts: &[Attempt]) -> Table {
    let mut rows: Vec<((&str, &str), [String; 2])> = Vec::new();
    for attempt in attempts {
        let pair = (attempt.from.name.as_str(), attempt.to.name.as_str());
        if rows.last().is_none_or(|(last, _)| *last != pair) {
            rows.push((pair, Default::default()));
        }
        if let Some((_, cells)) = rows.last_mut() {
            cells[usize::from(attempt.target.is_ipv6())] = attempt.cell();
        }
    }
    let mut table = table(&["from", "to", "seen over IPv4 as", "seen over IPv6 as"]);
    let mut last = "";
    for ((from, to), [v4, v6]) in &rows {
        let shown = if *from == last { "" } else { from };
        last = from;
        table.add_row([shown, to, v4, v6]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(name: &str, host: &str, address: &str) -> Spot {
        let addresses = vec![address.parse().unwrap()];
        Spot { name: name.into(), host: host.into(), own: addresses.clone(), addresses }
    }

    fn attempt(outcome: Result<&str, &str>) -> Attempt {
        let to = spot("pod b-2", "host-2", "10.244.1.3");
        let target = to.addresses[0];
        let outcome = outcome.map(|a| a.parse().unwrap()).map_err(str::to_owned);
        Attempt { from: spot("pod a-1", "host-1", "10.244.0.2"), to, target, outcome }
    }

    #[test]
    fn only_the_own_address_is_right() {
        assert_eq!(attempt(Ok("10.244.0.2")).failure(), None);
        let said = attempt(Ok("172.30.4.11")).failure().unwrap();
        assert!(
            said.starts_with("pod a-1 reached pod b-2 at 10.244.1.3, but was seen as 172.30.4.11"),
            "{said}"
        );
        assert!(said.contains("hint: a rule masquerades"), "{said}");
    }

    #[test]
    fn a_failure_says_where_to_look() {
        let said = attempt(Err("timed out")).failure().unwrap();
        assert!(said.contains(
            "did not reach pod b-2: timed out; hint: is there a route to 10.244.1.3 on host-1"
        ));
        let mut near = attempt(Err("refused"));
        near.to.host = "host-1".into();
        assert!(near.failure().unwrap().contains("both are on host-1"));
    }

    #[test]
    fn the_table_has_a_row_a_pair_and_marks_what_is_wrong() {
        let mut far = attempt(Ok("10.244.0.2"));
        far.to = spot("host-2", "host-2", "172.30.4.12");
        far.target = far.to.addresses[0];
        let text = matrix(&[attempt(Err("x")), far]).to_string();
        let rows: Vec<_> =
            text.lines().filter(|l| l.contains("host-2") || l.contains("pod b-2")).collect();
        assert_eq!(rows.len(), 2, "{text}");
        assert!(rows[0].contains("pod a-1") && rows[0].contains("✗ not reached"), "{text}");
        assert!(!rows[1].contains("pod a-1") && rows[1].contains("10.244.0.2"), "{text}");
    }
}
