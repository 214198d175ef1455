//! What the kernel lacks.

use crate::checks::remark::{Remark, fault};
use crate::facts::Facts;

pub(in crate::checks) fn check(facts: &Facts) -> Vec<Remark> {
    let lacking = facts.kernel.features.iter().flatten();
    lacking
        .map(|feature| {
            fault(format!("the kernel has no {}: {}", feature.name, feature.error))
                .because("pontoond needs it and cannot set the node's network up")
                .mend(format!(
                    "boot a kernel that is built with {} (distributions' kernels are), with its modules installed; in a container, load the module on the machine itself",
                    feature.option
                ))
        })
        .collect()
}
