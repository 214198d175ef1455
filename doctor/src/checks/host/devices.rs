//! Devices of strangers under our names.

use pontoon_model::kernel::{BRIDGE, VXLAN};

use crate::checks::remark::{Remark, fault};
use crate::facts::Facts;

pub(in crate::checks) fn check(facts: &Facts) -> Vec<Remark> {
    [(BRIDGE, "bridge"), (VXLAN, "vxlan")]
        .into_iter()
        .filter_map(|(name, kind)| {
            let link = facts.network.link(name).filter(|link| link.kind.name() != kind)?;
            let found = match link.kind.name() {
                "" => "hardware",
                other => other,
            };
            Some(
                fault(format!("the device {name} is of kind {found}, not {kind}"))
                    .because("it has the name of Pontoon's own, which cannot be made beside it")
                    .mend(format!(
                        "ip link set dev {name} down && ip link set dev {name} name old-{kind}"
                    )),
            )
        })
        .collect()
}
