//! Who answers for a service, as Kubernetes' `Endpoints` say it. Computed: no key of the store holds it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use pontoon_model::api::{Code, Failure};
use pontoon_model::key::Key;
use pontoon_model::object::{Kind, Selection};
use pontoon_model::service::ServiceId;
use serde_json::{Value, json};

use super::project::{Item, version_of};
use crate::services::inquiry::{Behind, Inquiries, Named, Position};

/// The endpoints of the services that a selection means, and the moment that they are of.
pub(crate) async fn select(
    inquiries: &Inquiries,
    selection: &Selection,
) -> Result<(Vec<Item>, Position), Failure> {
    check(selection)?;
    let position = inquiries.position();
    let mut ids = inquiries.services().await.ok_or_else(unknown)?;
    ids.retain(|id| means(selection, id));
    Ok((of(inquiries, &ids).await?, position))
}

/// The endpoints of these services.
pub(crate) async fn of(inquiries: &Inquiries, ids: &[ServiceId]) -> Result<Vec<Item>, Failure> {
    let found = inquiries.behind(ids).await.ok_or_else(unknown)?;
    Ok(found.iter().map(item).collect())
}

/// Whether a selection means the endpoints of a service.
pub(crate) fn means(selection: &Selection, id: &ServiceId) -> bool {
    let in_it = selection.namespace.as_ref().is_none_or(|namespace| *namespace == id.namespace);
    in_it && (selection.names.is_empty() || selection.names.iter().any(|n| *n == id.name.as_str()))
}

/// Endpoints are computed, and nobody labels them.
pub(crate) fn check(selection: &Selection) -> Result<(), Failure> {
    if selection.labels.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        Code::InvalidObject,
        "endpoints have no labels to select by",
        "select services, and ask for the endpoints of the same names",
    ))
}

fn unknown() -> Failure {
    Failure::new(Code::TryAgainLater, "services are not known yet", "the daemon has just started")
}

fn item(behind: &Behind) -> Item {
    let id = &behind.service.id;
    let names = Kind::Endpoints.names();
    let mut document = json!({
        "apiVersion": names.api_version,
        "kind": names.kind,
        "metadata": {"name": id.name, "namespace": id.namespace},
    });
    let subsets = subsets(behind);
    if !subsets.is_empty() {
        document["subsets"] = subsets.into();
    }
    Item {
        key: Key::Service(id.clone()),
        namespace: Some(id.namespace.clone()),
        name: id.name.to_string(),
        version: version_of(&document),
        document,
    }
}

/// Those that take new connections, and the others.
type Addresses = (Vec<Value>, Vec<Value>);

/// Addresses with the same ports stand together.
fn subsets(behind: &Behind) -> Vec<Value> {
    if behind.service.ports.is_empty() {
        let (ready, others) = behind.names.iter().partition::<Vec<_>, _>(|named| named.ready);
        let plain = |named: Vec<&Named>| -> Vec<Value> {
            named.iter().map(|named| address(behind, named.address, None, None)).collect()
        };
        return subset(plain(ready), plain(others), Vec::new()).into_iter().collect();
    }
    // The ports behind which the very same addresses stand, in the order in which they come.
    let mut groups: Vec<(Addresses, Vec<Value>)> = Vec::new();
    for (port, endpoints) in behind.service.ports.iter().zip(&behind.endpoints) {
        let mut by_number: BTreeMap<u16, Addresses> = BTreeMap::new();
        for endpoint in endpoints {
            let place = &endpoint.place;
            let node = place.node.as_ref().map(|node| node.as_str());
            let shown = address(behind, endpoint.address, node, place.zone.as_deref());
            let (ready, others) = by_number.entry(endpoint.port).or_default();
            if endpoint.conditions.ready { ready.push(shown) } else { others.push(shown) }
        }
        for (number, addresses) in by_number {
            let mut shown = json!({"port": number, "protocol": port.protocol});
            if !port.name.is_empty() {
                shown["name"] = json!(port.name);
            }
            match groups.iter_mut().find(|(others, _)| *others == addresses) {
                Some((_, ports)) => ports.push(shown),
                None => groups.push((addresses, vec![shown])),
            }
        }
    }
    groups.into_iter().filter_map(|((ready, others), ports)| subset(ready, others, ports)).collect()
}

fn subset(ready: Vec<Value>, others: Vec<Value>, ports: Vec<Value>) -> Option<Value> {
    let parts = [("addresses", ready), ("notReadyAddresses", others), ("ports", ports)];
    let addressed = parts[..2].iter().any(|(_, values)| !values.is_empty());
    let parts = parts.into_iter().filter(|(_, values)| !values.is_empty());
    let parts = parts.map(|(key, values)| (key.to_owned(), Value::from(values)));
    addressed.then(|| Value::Object(parts.collect()))
}

fn address(behind: &Behind, ip: IpAddr, node: Option<&str>, zone: Option<&str>) -> Value {
    let mut shown = json!({ "ip": ip });
    // They are sorted by their addresses.
    let at = behind.names.partition_point(|named| named.address < ip);
    let named = behind.names.get(at).filter(|named| named.address == ip);
    let hostname = named.and_then(|named| named.hostname.as_deref());
    for (key, value) in [("hostname", hostname), ("nodeName", node), ("zone", zone)] {
        if let Some(value) = value {
            shown[key] = value.into();
        }
    }
    if let Some(pod) = named.and_then(|named| named.pod.as_deref()) {
        let namespace = &behind.service.id.namespace;
        shown["targetRef"] = json!({"kind": "Pod", "name": pod, "namespace": namespace});
    }
    shown
}
