//! Which subnets the node holds, whatever becomes of the store.

use ipnetwork::IpNetwork;
use pontoon_model::cidr;

use crate::lease::Identity;
use crate::view::ClusterView;

/// What the node holds now: what it held before, unless the store says that it is another's, and
/// what the store says that it has leased since, in the order in which it did.
#[must_use]
pub fn held(before: &[IpNetwork], view: &ClusterView, me: &Identity) -> Vec<IpNetwork> {
    let mine = me.subnet_record();
    let is_anothers = |net: IpNetwork| view.owner(net).is_some_and(|owner| *owner != mine);
    let ranges = view.config.iter().flat_map(|config| &config.value.pod_cidrs);
    let in_cluster = |net: IpNetwork| ranges.clone().any(|range| cidr::contains(*range, net));
    let mut held: Vec<IpNetwork> =
        before.iter().copied().filter(|net| !is_anothers(*net)).collect();
    let mut leased: Vec<(u64, IpNetwork)> = view
        .subnets
        .iter()
        .filter(|(net, record)| record.value == mine && in_cluster(**net))
        .map(|(net, record)| (record.created, *net))
        .filter(|(_, net)| !held.contains(net))
        .collect();
    leased.sort_unstable();
    held.extend(leased.into_iter().map(|(_, net)| net));
    held
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Known;
    use pontoon_model::cluster::ClusterConfig;
    use pontoon_model::subnet::SubnetRecord;

    fn view(subnets: &[(&str, &str, u64)]) -> ClusterView {
        let config = Known { value: ClusterConfig::default(), created: 2, modified: 2 };
        let mut view = ClusterView { config: Some(config), ..ClusterView::default() };
        for (net, node, created) in subnets {
            let value =
                SubnetRecord { node: node.parse().unwrap(), machine_id: format!("m-{node}") };
            view.subnets.insert(
                net.parse().unwrap(),
                Known { value, created: *created, modified: *created },
            );
        }
        view
    }

    fn me() -> Identity {
        Identity { name: "me".parse().unwrap(), machine_id: "m-me".into() }
    }

    fn nets(texts: &[&str]) -> Vec<IpNetwork> {
        texts.iter().map(|t| t.parse().unwrap()).collect()
    }

    #[test]
    fn a_further_subnet_comes_behind_the_first() {
        let view = view(&[
            ("10.244.9.0/24", "me", 5),
            ("10.244.1.0/24", "me", 8),
            ("10.244.2.0/24", "a", 3),
        ]);
        assert_eq!(held(&[], &view, &me()), nets(&["10.244.9.0/24", "10.244.1.0/24"]));
    }

    #[test]
    fn a_wiped_store_takes_nothing_away() {
        let before = nets(&["10.244.9.0/24"]);
        assert_eq!(held(&before, &ClusterView::default(), &me()), before);
    }

    #[test]
    fn who_comes_later_takes_nothing_away() {
        let before = nets(&["10.244.9.0/24"]);
        let view = view(&[("10.244.9.0/24", "me", 5), ("10.244.0.0/16", "thief", 8)]);
        assert_eq!(held(&before, &view, &me()), before);
    }

    #[test]
    fn what_was_given_to_another_is_let_go() {
        let view = view(&[("10.244.8.0/22", "a", 5)]);
        assert!(held(&nets(&["10.244.9.0/24"]), &view, &me()).is_empty());
    }
}
