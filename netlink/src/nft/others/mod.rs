//! The tables of all programs as [`filter`](crate::filter) has them.

mod expressions;
mod sets;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use self::sets::Shape;
use super::error::ListError;
use super::uapi::*;
use super::{ChainKind, Family, Nft, Table, decode};
use crate::filter;
use crate::nfnetlink::{DumpEnd, MessageBuffer};

/// Tables of these families see the packets that the IP layer forwards.
const FAMILIES: [Family; 3] = [Family::Inet, Family::Ip, Family::Ip6];

type Shapes = BTreeMap<String, Shape>;

impl Nft {
    /// All tables that IPv4 and IPv6 packets pass, but for those that are switched off, and that `wanted` wants by their family and name,
    /// with the chains that decide whether they do. Chains for address translation are not among
    /// them.
    ///
    /// # Errors
    /// [`ListError`].
    pub fn filters(
        &mut self,
        wanted: impl Fn(&Table) -> bool,
    ) -> Result<Vec<filter::Table>, ListError> {
        let (tables, dormant) = (self.list_tables()?, self.list_dormant_tables()?);
        let mut found = Vec::new();
        let concerns =
            |t: &&Table| FAMILIES.contains(&t.family) && wanted(t) && !dormant.contains(t);
        for table in tables.iter().filter(concerns) {
            let what = format!("table {table}");
            let ((mut filters, shapes), _) =
                self.consistently(&what, |nft| nft.read_filters(table))?;
            let named: BTreeSet<String> = filters
                .chains
                .iter()
                .flat_map(|chain| &chain.rules)
                .flat_map(filter::Rule::sets)
                .map(str::to_owned)
                .collect();
            for name in named {
                let elements = match shapes.get(&name) {
                    Some(shape) => sets::read(self, table, &name, shape)?,
                    None => None,
                };
                filters.sets.push(filter::Set { name, elements });
            }
            found.push(filters);
        }
        Ok(found)
    }

    fn read_filters(&mut self, table: &Table) -> io::Result<((filter::Table, Shapes), DumpEnd)> {
        let number = table.family.number();
        let mut found = filter::Table {
            name: table.to_string(),
            legacy: false,
            ipv4: table.family != Family::Ip6,
            ipv6: table.family != Family::Ip,
            chains: Vec::new(),
            sets: Vec::new(),
        };
        let mut shapes = Shapes::new();
        let of_table = |out: &mut MessageBuffer| out.string(NFTA_RULE_TABLE, &table.name);
        let sets = self.dump(msg::GETSET, number, of_table, |message| {
            shapes.extend(sets::shape(&message, table));
        })?;
        let chains = self.dump(
            msg::GETCHAIN,
            number,
            |_| {},
            |message| {
                let chain = decode::chain(&message, table);
                let chain =
                    chain.filter(|c| c.hook.as_ref().is_none_or(|h| h.kind != ChainKind::Nat));
                found.chains.extend(chain.map(|chain| filter::Chain {
                    name: chain.name.to_string(),
                    base: chain.hook.map(|hook| filter::Base {
                        point: hook.point,
                        priority: hook.priority,
                        drops: hook.policy == super::Policy::Drop,
                    }),
                    rules: Vec::new(),
                }));
            },
        )?;
        let rules = self.dump(msg::GETRULE, number, of_table, |message| {
            if let Some((chain, rule)) = expressions::rule(&message, table, &shapes)
                && let Some(place) = found.chains.iter_mut().find(|known| known.name == chain)
            {
                place.rules.push(rule);
            }
        })?;
        let complete = [sets, chains, rules].iter().all(|end| *end == DumpEnd::Complete);
        let end = if complete { DumpEnd::Complete } else { DumpEnd::Interrupted };
        Ok(((found, shapes), end))
    }
}
