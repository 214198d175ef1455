//! Which addresses a service is to have: what it says, what it has, what the cluster has.

use std::net::IpAddr;

use pontoon_model::api::Failure;
use pontoon_model::cidr::{self, Family};
use pontoon_model::cluster::ClusterConfig;
use pontoon_model::manifest::{AddressWish, FamilyPolicy, ServiceManifest};
use pontoon_model::service::ServiceKind;

use super::claim::Claim;
use super::pick;
use super::want::{Pool, Want};
use crate::objects::failure::invalid;

/// The addresses of a service that is no ExternalName.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) headless: bool,
    pub(super) policy: FamilyPolicy,
    pub(super) families: Vec<Family>,
    /// One a family; none when headless.
    pub(super) wants: Vec<Want>,
}

/// `None` for ExternalName.
pub(super) fn lay_out(
    new: &ServiceManifest,
    old: Option<&ServiceManifest>,
    config: &ClusterConfig,
) -> Result<Option<Layout>, Failure> {
    if new.service.kind == ServiceKind::ExternalName {
        return Ok(None);
    }
    let wish = &new.addresses;
    let old = old.filter(|old| old.service.kind != ServiceKind::ExternalName);
    let held = old.map(|old| old.service.cluster_ips.as_slice()).unwrap_or_default();
    if let Some(old) = old {
        stays(wish, old)?;
    }
    let headless = wish.headless || old.is_some_and(|old| old.service.headless);
    if headless {
        if new.service.kind != ServiceKind::ClusterIp {
            return Err(invalid(
                "spec.type",
                "the service is headless and cannot become another type: delete it first",
            ));
        }
        return Ok(Some(without_addresses(new, old, config)));
    }
    let served: Vec<Family> =
        config.service_cidrs.iter().map(|range| Family::of_network(*range)).collect();
    let (Some(preferred), served) = (served.first(), &served) else {
        let problem = "the cluster has no service CIDR (cluster.service-cidrs), so that services can only be headless or of type ExternalName";
        return Err(invalid("spec.clusterIP", problem));
    };
    are_served(wish, held, served)?;
    let policy = wish
        .policy
        .or_else(|| old.and_then(|old| old.addresses.policy))
        .unwrap_or(FamilyPolicy::SingleStack);
    let of = |ips: &[IpAddr]| ips.iter().map(|ip| Family::of(*ip)).collect::<Vec<_>>();
    let said = [&wish.families, &of(&wish.fixed), &of(held), &vec![*preferred]];
    let mut families = said.into_iter().find(|f| !f.is_empty()).cloned().unwrap_or_default();
    let count = match policy {
        FamilyPolicy::SingleStack => 1,
        FamilyPolicy::PreferDualStack => served.len().max(held.len()).min(2),
        FamilyPolicy::RequireDualStack => 2,
    };
    if count > served.len().max(held.len()) {
        let problem = format!(
            "RequireDualStack needs two service CIDRs, and the cluster has only {preferred}: use PreferDualStack or SingleStack"
        );
        return Err(invalid("spec.ipFamilyPolicy", problem));
    }
    if let ([only], 2) = (families.as_slice(), count) {
        families.push(other(*only));
    }
    families.truncate(count);
    let wants = families.iter().enumerate().map(|(index, family)| {
        match (held.get(index), wish.fixed.get(index)) {
            (Some(ip), _) => Ok(Want::Kept(Claim::ClusterIp(*ip))),
            (None, Some(ip)) => fixed(&path(wish, index), *ip, config),
            (None, None) => Ok(Want::Any(Pool::ClusterIp(*family))),
        }
    });
    let wants = wants.collect::<Result<_, _>>()?;
    Ok(Some(Layout { headless, policy, families, wants }))
}

/// What cannot be changed is not.
fn stays(wish: &AddressWish, old: &ServiceManifest) -> Result<(), Failure> {
    let held = &old.service.cluster_ips;
    if let (true, Some(ip)) = (wish.headless, held.first()) {
        let problem =
            format!("None cannot replace {ip}: delete the service first, or leave the field out");
        return Err(invalid("spec.clusterIP", problem));
    }
    if let (true, Some(ip)) = (old.service.headless, wish.fixed.first()) {
        let problem =
            format!("{ip} cannot replace None: delete the service first, or leave the field out");
        return Err(invalid("spec.clusterIP", problem));
    }
    for (index, (ip, was)) in wish.fixed.iter().zip(held).enumerate() {
        if ip != was {
            let problem = format!(
                "{ip} cannot replace {was}: a service keeps its cluster IPs; delete it first, or leave the field out"
            );
            return Err(invalid(&path(wish, index), problem));
        }
    }
    if let (Some(family), Some(was)) = (wish.families.first(), held.first())
        && *family != Family::of(*was)
    {
        let problem = format!(
            "{family} cannot replace {}: a service keeps its first family; delete it first",
            Family::of(*was)
        );
        return Err(invalid("spec.ipFamilies[0]", problem));
    }
    Ok(())
}

fn are_served(wish: &AddressWish, held: &[IpAddr], served: &[Family]) -> Result<(), Failure> {
    let known = |family: Family| {
        served.contains(&family) || held.iter().any(|ip| Family::of(*ip) == family)
    };
    let families = wish.families.iter().enumerate();
    let mut named = families.map(|(index, family)| (format!("spec.ipFamilies[{index}]"), *family));
    let mut fixed =
        wish.fixed.iter().enumerate().map(|(index, ip)| (path(wish, index), Family::of(*ip)));
    match named.by_ref().chain(fixed.by_ref()).find(|(_, family)| !known(*family)) {
        Some((path, family)) => {
            let problem =
                format!("the cluster has no {family} service CIDR (cluster.service-cidrs)");
            Err(invalid(&path, problem))
        }
        None => Ok(()),
    }
}

/// A headless service has families for whoever reads them in the store: its name leads to all its endpoints,
/// of both.
fn without_addresses(
    new: &ServiceManifest,
    old: Option<&ServiceManifest>,
    config: &ClusterConfig,
) -> Layout {
    let before = old.map(|old| &old.addresses);
    let preferred = config.service_cidrs.first().map_or(Family::V4, |c| Family::of_network(*c));
    // Without a selector the endpoints may be of any family, as in Kubernetes.
    let usual = match new.service.selector {
        None => FamilyPolicy::RequireDualStack,
        Some(_) => FamilyPolicy::SingleStack,
    };
    let policy = new.addresses.policy.or(before.and_then(|b| b.policy)).unwrap_or(usual);
    let named = [Some(&new.addresses), before].into_iter().flatten().map(|a| a.families.clone());
    let mut families = named.into_iter().find(|f| !f.is_empty()).unwrap_or(vec![preferred]);
    let both = match policy {
        FamilyPolicy::SingleStack => false,
        FamilyPolicy::PreferDualStack => config.service_cidrs.len() > 1,
        FamilyPolicy::RequireDualStack => true,
    };
    match (families.as_slice(), both) {
        ([only], true) => families.push(other(*only)),
        (_, false) => families.truncate(1),
        _ => {}
    }
    Layout { headless: true, policy, families, wants: Vec::new() }
}

/// Checks an address that somebody wants for a service.
fn fixed(path: &str, ip: IpAddr, config: &ClusterConfig) -> Result<Want, Failure> {
    let family = Family::of(ip);
    let range = config.service_cidrs.iter().find(|range| Family::of_network(**range) == family);
    let usable = range.is_some_and(|range| {
        let offset = cidr::offset(*range, ip);
        offset.zip(pick::usable(*range)).is_some_and(|(offset, usable)| usable.contains(&offset))
    });
    match range {
        Some(range) if !range.contains(ip) => {
            Err(invalid(path, format!("{ip} is not in the cluster's service CIDR {range}")))
        }
        Some(range) if !usable => {
            Err(invalid(path, format!("{ip} is {range}'s network or broadcast address")))
        }
        _ if config.dns_addresses().contains(&ip) => {
            Err(invalid(path, format!("{ip} is held by the cluster's DNS: choose another")))
        }
        _ => Ok(Want::Fixed(Claim::ClusterIp(ip), path.to_owned())),
    }
}

/// Where the document has an address.
fn path(wish: &AddressWish, index: usize) -> String {
    match (index, wish.fixed.len()) {
        (0, 1) => "spec.clusterIP".to_owned(),
        _ => format!("spec.clusterIPs[{index}]"),
    }
}

fn other(family: Family) -> Family {
    match family {
        Family::V4 => Family::V6,
        Family::V6 => Family::V4,
    }
}
