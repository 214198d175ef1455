//! `spec.clusterIP`, `clusterIPs`, `ipFamilies`, `ipFamilyPolicy`: what is asked for, and whether it
//! agrees with itself.

use std::net::IpAddr;

use super::raw::RawSpec;
use crate::cidr::Family;
use crate::manifest::error::{At, ManifestError};
use crate::manifest::rules;
use crate::service::ServiceKind;

/// `spec.ipFamilyPolicy`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FamilyPolicy {
    /// One address.
    SingleStack,
    /// One of each family that the cluster has.
    PreferDualStack,
    /// One of each family.
    RequireDualStack,
}

impl FamilyPolicy {
    /// As Kubernetes writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SingleStack => "SingleStack",
            Self::PreferDualStack => "PreferDualStack",
            Self::RequireDualStack => "RequireDualStack",
        }
    }
}

/// What a service says of its own addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressWish {
    /// `clusterIP: None`
    pub headless: bool,
    /// The addresses that it names, the preferred first.
    pub fixed: Vec<IpAddr>,
    /// The families that it names, the preferred first.
    pub families: Vec<Family>,
    /// Whether one address or two.
    pub policy: Option<FamilyPolicy>,
}

const NONE: &str = "None";

pub(super) fn check(
    spec: &At<'_>,
    raw: &RawSpec,
    kind: ServiceKind,
) -> Result<AddressWish, ManifestError> {
    let policy = policy(spec, raw)?;
    let families = families(spec, raw)?;
    let given = given(spec, raw)?;
    if kind == ServiceKind::ExternalName {
        let set = [
            ("clusterIP", !given.is_empty()),
            ("ipFamilies", !families.is_empty()),
            ("ipFamilyPolicy", policy.is_some()),
        ];
        if let Some((field, _)) = set.iter().find(|(_, set)| *set) {
            return Err(spec
                .field(field)
                .wrong("a service of type ExternalName has none: leave it out"));
        }
        return Ok(AddressWish::default());
    }
    let headless = given.iter().any(|(_, ip)| *ip == NONE);
    if headless && given.len() > 1 {
        return Err(spec.field("clusterIPs").wrong("None stands alone, for a headless service"));
    }
    if headless && kind != ServiceKind::ClusterIp {
        let problem = "None is for type ClusterIP: other types stand on a cluster IP";
        return Err(spec.field("clusterIP").wrong(problem));
    }
    let mut fixed: Vec<IpAddr> = Vec::new();
    for (place, text) in given.iter().filter(|_| !headless) {
        let list = spec.field("clusterIPs");
        let at = place.map_or(spec.field("clusterIP"), |index| list.index(index));
        let ip = rules::plain_address(&at, text)?;
        if fixed.iter().any(|other| Family::of(*other) == Family::of(ip)) {
            let problem =
                format!("{ip} is the second {} address: give one a family", Family::of(ip));
            return Err(at.wrong(problem));
        }
        if let Some(family) = families.get(fixed.len()).filter(|f| **f != Family::of(ip)) {
            let problem = format!("{ip} is not {family}, which stands there in spec.ipFamilies");
            return Err(at.wrong(problem));
        }
        fixed.push(ip);
    }
    let two = fixed.len() > 1 || families.len() > 1;
    if two && policy.is_none_or(|policy| policy == FamilyPolicy::SingleStack) {
        let what = if fixed.len() > 1 { "clusterIPs" } else { "ipFamilies" };
        let problem =
            format!("use PreferDualStack or RequireDualStack when spec.{what} has two entries");
        return Err(spec.field("ipFamilyPolicy").wrong(problem));
    }
    Ok(AddressWish { headless, fixed, families, policy })
}

fn policy(spec: &At<'_>, raw: &RawSpec) -> Result<Option<FamilyPolicy>, ManifestError> {
    let words =
        [FamilyPolicy::SingleStack, FamilyPolicy::PreferDualStack, FamilyPolicy::RequireDualStack]
            .map(|policy| (policy.as_str(), Some(policy)));
    rules::one_of_or(&spec.field("ipFamilyPolicy"), raw.ip_family_policy.as_deref(), &words, None)
}

fn families(spec: &At<'_>, raw: &RawSpec) -> Result<Vec<Family>, ManifestError> {
    let at = spec.field("ipFamilies");
    let mut families = Vec::new();
    for (index, word) in raw.ip_families.iter().enumerate() {
        let at = at.index(index);
        let family = rules::one_of(&at, word, &[("IPv4", Family::V4), ("IPv6", Family::V6)])?;
        if families.contains(&family) {
            return Err(at.wrong(format!("{family} is there twice")));
        }
        families.push(family);
    }
    Ok(families)
}

/// `clusterIPs`, or `clusterIP` alone; with their place in the list.
fn given<'a>(
    spec: &At<'_>,
    raw: &'a RawSpec,
) -> Result<Vec<(Option<usize>, &'a str)>, ManifestError> {
    let single = raw.cluster_ip.as_deref().filter(|ip| !ip.is_empty());
    match (single, raw.cluster_ips.first()) {
        (Some(single), Some(first)) if single != first => {
            let at = spec.field("clusterIPs");
            let problem =
                format!("{first:?} is not spec.clusterIP, which is {single:?}: write the same");
            Err(at.index(0).wrong(problem))
        }
        (_, Some(_)) => {
            Ok(raw.cluster_ips.iter().enumerate().map(|(i, ip)| (Some(i), ip.as_str())).collect())
        }
        (single, None) => Ok(single.map(|ip| (None, ip)).into_iter().collect()),
    }
}
