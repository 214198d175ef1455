//! Which pod address is free: pure bookkeeping over the node's subnets.
//!
//! An address that was released rests: addresses never used come first, then the one that was
//! released longest ago. A peer, a resolver or a firewall that remembers a dead pod's address then
//! has the longest time to forget it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::IpAddr;

use ipnetwork::IpNetwork;
use pontoon_model::attachment::AttachmentId;
use pontoon_model::cidr::{self, Family};

#[cfg(test)]
mod tests;

/// Released addresses that a subnet remembers; beyond that an IPv6 subnet has so many never used
/// ones that it will not come back to them.
const REMEMBERED: usize = 1 << 16;

/// Why no address could be given.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IpamError {
    /// Every address of every subnet of this family is in use.
    #[error(
        "no free {family} address: all {capacity} of the node's subnets ({subnets}) are in use"
    )]
    Exhausted {
        /// The family.
        family: Family,
        /// How many addresses pods can have in all.
        capacity: u128,
        /// The subnets.
        subnets: String,
    },
    /// The node has no subnet of this family.
    #[error("this node has no {0} subnet")]
    NoSubnet(Family),
    /// An address was asked for that is in use.
    #[error("{ip} is in use by attachment {holder}")]
    InUse {
        /// The address.
        ip: IpAddr,
        /// Who has it.
        holder: AttachmentId,
    },
    /// An address was asked for that this node cannot give.
    #[error("{ip} is not an address for pods of this node: {why}")]
    Foreign {
        /// The address.
        ip: IpAddr,
        /// Why not, and what would be right.
        why: String,
    },
}

/// The addresses of one node subnet.
#[derive(Debug)]
struct Pool {
    subnet: IpNetwork,
    /// Offset of the first address that was never used.
    fresh: u128,
    released: VecDeque<u128>,
}

impl Pool {
    fn new(subnet: IpNetwork) -> Self {
        Self { subnet, fresh: FIRST_POD, released: VecDeque::new() }
    }

    /// The last offset that a pod can have: IPv4's broadcast address is left out.
    fn last(&self) -> u128 {
        let all = cidr::size_less_one(self.subnet);
        if self.subnet.is_ipv4() { all.saturating_sub(1) } else { all }
    }

    fn capacity(&self) -> u128 {
        (self.last() + 1).saturating_sub(FIRST_POD)
    }
}

/// The subnet's own address and its gateway are no pod's.
const FIRST_POD: u128 = 2;

/// What is used of a subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// The subnet.
    pub subnet: IpNetwork,
    /// Addresses that pods have.
    pub used: usize,
    /// Addresses that pods can have.
    pub capacity: u128,
}

/// All pod addresses of a node.
#[derive(Debug, Default)]
pub struct Ipam {
    pools: Vec<Pool>,
    in_use: HashMap<IpAddr, AttachmentId>,
}

impl Ipam {
    /// Adds a subnet that the node has leased; nothing happens when it is there already.
    pub fn add_subnet(&mut self, subnet: IpNetwork) {
        if self.pools.iter().any(|p| p.subnet == subnet) {
            return;
        }
        let mut pool = Pool::new(subnet);
        for ip in self.in_use.keys() {
            if let Some(offset) = cidr::offset(subnet, *ip) {
                pool.fresh = pool.fresh.max(offset + 1);
            }
        }
        self.pools.push(pool);
    }

    /// Forgets a subnet; addresses in use stay in use until they are released.
    pub fn remove_subnet(&mut self, subnet: IpNetwork) {
        self.pools.retain(|p| p.subnet != subnet);
    }

    /// The subnets, in the order in which they were added.
    pub fn subnets(&self) -> impl Iterator<Item = IpNetwork> + '_ {
        self.pools.iter().map(|p| p.subnet)
    }

    /// The subnet that an address belongs to.
    #[must_use]
    pub fn subnet_of(&self, ip: IpAddr) -> Option<IpNetwork> {
        self.subnets().find(|s| s.contains(ip))
    }

    /// Addresses in use.
    #[must_use]
    pub fn used(&self) -> usize {
        self.in_use.len()
    }

    /// What is used of each subnet.
    #[must_use]
    pub fn usage(&self) -> Vec<Usage> {
        let usage = |pool: &Pool| Usage {
            subnet: pool.subnet,
            used: self.in_use.keys().filter(|ip| pool.subnet.contains(**ip)).count(),
            capacity: pool.capacity(),
        };
        self.pools.iter().map(usage).collect()
    }

    /// Marks an address as in use, as the records on disk say; where two claim one address the
    /// first keeps it.
    ///
    /// # Errors
    /// When another attachment has it.
    pub fn adopt(&mut self, ip: IpAddr, holder: &AttachmentId) -> Result<(), IpamError> {
        self.free_or_mine(ip, holder)?;
        self.take(ip, holder);
        Ok(())
    }

    /// Replays releases of an earlier run, oldest first, so that addresses go on resting.
    pub fn replay_released(&mut self, released: impl IntoIterator<Item = IpAddr>) {
        let in_order: Vec<IpAddr> =
            released.into_iter().filter(|ip| !self.in_use.contains_key(ip)).collect();
        let mut seen = HashSet::new();
        let mut newest_first: Vec<IpAddr> =
            in_order.into_iter().rev().filter(|ip| seen.insert(*ip)).collect();
        newest_first.reverse();
        for ip in newest_first {
            self.rest(ip);
        }
        // What was in use or rested was handed out once: whatever lies behind is fresh.
        for pool in &mut self.pools {
            let resting: HashSet<u128> = pool.released.iter().copied().collect();
            let highest = self
                .in_use
                .keys()
                .filter_map(|ip| cidr::offset(pool.subnet, *ip))
                .chain(resting.iter().copied())
                .max();
            let Some(highest) = highest else { continue };
            for skipped in (FIRST_POD..=highest).take(REMEMBERED) {
                let taken = resting.contains(&skipped)
                    || cidr::nth(pool.subnet, skipped)
                        .is_some_and(|ip| self.in_use.contains_key(&ip));
                if !taken {
                    pool.released.push_front(skipped);
                }
            }
            pool.fresh = pool.fresh.max(highest + 1);
        }
    }

    /// Gives an address of a family.
    ///
    /// # Errors
    /// When the node has no subnet of the family, or all are in use.
    pub fn allocate(&mut self, family: Family, holder: &AttachmentId) -> Result<IpAddr, IpamError> {
        let ip = self.pick(family)?;
        self.take(ip, holder);
        Ok(ip)
    }

    /// Gives the address that was asked for.
    ///
    /// # Errors
    /// When it is in use, reserved, or in none of the node's subnets.
    pub fn allocate_exact(&mut self, ip: IpAddr, holder: &AttachmentId) -> Result<(), IpamError> {
        let foreign = |why: String| Err(IpamError::Foreign { ip, why });
        let Some(pool) = self.pools.iter().find(|p| p.subnet.contains(ip)) else {
            let subnets = self.describe(Family::of(ip));
            return foreign(format!("use one of {subnets}"));
        };
        let offset = cidr::offset(pool.subnet, ip).unwrap_or_default();
        if offset < FIRST_POD || offset > pool.last() {
            return foreign(format!(
                "it is the network's, the gateway's or the broadcast address of {}",
                pool.subnet
            ));
        }
        self.free_or_mine(ip, holder)?;
        self.take(ip, holder);
        Ok(())
    }

    /// Takes an address back; it rests behind all others. Whether the holder had it.
    pub fn release(&mut self, ip: IpAddr, holder: &AttachmentId) -> bool {
        if self.in_use.get(&ip) != Some(holder) {
            return false;
        }
        self.in_use.remove(&ip);
        self.rest(ip);
        true
    }

    /// Whether an allocation of this family would succeed.
    #[must_use]
    pub fn has_free(&self, family: Family) -> bool {
        self.pools.iter().any(|p| {
            Family::of_network(p.subnet) == family
                && (p.fresh <= p.last() || !p.released.is_empty())
        })
    }

    fn pick(&mut self, family: Family) -> Result<IpAddr, IpamError> {
        let of_family = |p: &Pool| Family::of_network(p.subnet) == family;
        if !self.pools.iter().any(of_family) {
            return Err(IpamError::NoSubnet(family));
        }
        for pool in self.pools.iter_mut().filter(|p| of_family(p)) {
            while pool.fresh <= pool.last() {
                let offset = pool.fresh;
                pool.fresh += 1;
                if let Some(ip) =
                    cidr::nth(pool.subnet, offset).filter(|ip| !self.in_use.contains_key(ip))
                {
                    return Ok(ip);
                }
            }
        }
        for pool in self.pools.iter_mut().filter(|p| of_family(p)) {
            while let Some(offset) = pool.released.pop_front() {
                if let Some(ip) =
                    cidr::nth(pool.subnet, offset).filter(|ip| !self.in_use.contains_key(ip))
                {
                    return Ok(ip);
                }
            }
        }
        let capacity = self.pools.iter().filter(|p| of_family(p)).map(Pool::capacity).sum();
        Err(IpamError::Exhausted { family, capacity, subnets: self.describe(family) })
    }

    fn take(&mut self, ip: IpAddr, holder: &AttachmentId) {
        self.in_use.insert(ip, holder.clone());
    }

    fn rest(&mut self, ip: IpAddr) {
        for pool in &mut self.pools {
            if let Some(offset) = cidr::offset(pool.subnet, ip) {
                if pool.released.len() == REMEMBERED {
                    pool.released.pop_front();
                }
                pool.released.push_back(offset);
            }
        }
    }

    fn free_or_mine(&self, ip: IpAddr, holder: &AttachmentId) -> Result<(), IpamError> {
        match self.in_use.get(&ip) {
            Some(other) if other != holder => Err(IpamError::InUse { ip, holder: other.clone() }),
            _ => Ok(()),
        }
    }

    fn describe(&self, family: Family) -> String {
        let all: Vec<String> = self
            .subnets()
            .filter(|s| Family::of_network(*s) == family)
            .map(|s| s.to_string())
            .collect();
        all.join(", ")
    }
}
