//! From and to as they are typed.

use std::net::IpAddr;

use pontoon_model::name::{NameError, Namespace, NodeName, PodId};
use pontoon_model::object::Kind;
use pontoon_model::service::ServiceId;
use pontoon_model::trace::{Destination, Origin, Port, Transport};

use crate::kinds::spellings;
use crate::suggest;
use crate::usage::Usage;

/// Who does not belong to the cluster.
const OUTSIDE: &str = "outside";
/// What nobody writes out.
const SHORT: &str = "svc";
/// What packets are sent from and to.
const ENDS: [Kind; 3] = [Kind::Pod, Kind::Service, Kind::Node];

/// What is typed of a pod, a service or a node.
struct Named<'t> {
    kind: Kind,
    namespace: Namespace,
    name: &'t str,
}

/// Reads who sends.
pub(super) fn from(text: &str, namespace: &Namespace) -> Result<Origin, Usage> {
    if text == OUTSIDE {
        return Ok(Origin::Outside { address: None, node: None });
    }
    if let Some(address) = text.strip_prefix("outside/") {
        let address = address.parse().map_err(|_| {
            Usage(format!("{address:?} is no address: write outside/203.0.113.9, or outside alone"))
        })?;
        return Ok(Origin::Outside { address: Some(address), node: None });
    }
    if text.parse::<IpAddr>().is_ok() {
        return Err(Usage(format!(
            "{text} says not whether it is a pod: write pod/NAME, node/NAME or outside/{text}"
        )));
    }
    let Some(named) = named(text, namespace)? else {
        if suggest::nearest(text, [OUTSIDE]).is_some() {
            return Err(Usage(format!("there is no {text:?} to send from; did you mean outside?")));
        }
        return pod(namespace.clone(), text).map(Origin::Pod);
    };
    match named.kind {
        Kind::Node => named.name.parse().map(Origin::Node).map_err(wrong),
        Kind::Pod => pod(named.namespace, named.name).map(Origin::Pod),
        _ => Err(Usage(format!("{text} is a service, and services send nothing: name a pod"))),
    }
}

/// The same, by way of a node.
pub(super) fn by(from: Origin, by: Option<NodeName>) -> Result<Origin, Usage> {
    match (from, by) {
        (Origin::Outside { address, .. }, node) => Ok(Origin::Outside { address, node }),
        (from, None) => Ok(from),
        (_, Some(_)) => {
            Err(Usage("--by is for packets from outside: others begin on a node".to_owned()))
        }
    }
}

/// Reads where to. `from` tells what a name alone stands for: the DNS's, or for outsiders a node.
pub(super) fn to(
    text: &str,
    namespace: &Namespace,
    from: &Origin,
) -> Result<(Destination, Option<Port>, Option<Transport>), Usage> {
    let (rest, protocol) = protocol(text)?;
    if let Ok(address) = rest.parse::<IpAddr>() {
        return Ok((Destination::Address(address), None, protocol));
    }
    let (end, port) = port(rest)?;
    let bare = end.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(end);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok((Destination::Address(address), port, protocol));
    }
    if end.is_empty() {
        return Err(Usage(format!("{text:?} names nobody to send to")));
    }
    let destination = match named(end, namespace)? {
        Some(Named { kind: Kind::Node, name, .. }) => {
            Destination::Node(name.parse().map_err(wrong)?)
        }
        Some(Named { kind: Kind::Pod, namespace, name }) => Destination::Pod(pod(namespace, name)?),
        Some(Named { namespace, name, .. }) => {
            Destination::Service(ServiceId { namespace, name: name.parse().map_err(wrong)? })
        }
        None if matches!(from, Origin::Outside { .. }) => {
            Destination::Node(end.parse().map_err(wrong)?)
        }
        None => Destination::Name(end.to_owned()),
    };
    Ok((destination, port, protocol))
}

/// Takes the protocol off the end; what follows a slash is one where a kind cannot have a name so.
fn protocol(text: &str) -> Result<(&str, Option<Transport>), Usage> {
    let Some((rest, last)) = text.rsplit_once('/') else { return Ok((text, None)) };
    if kind(rest).is_some() {
        return Ok((text, None));
    }
    match last.parse() {
        Ok(protocol) => Ok((rest, Some(protocol))),
        // A port is never followed by a name.
        Err(said) if rest.contains(':') => Err(Usage(said)),
        Err(_) => Ok((text, None)),
    }
}

fn port(text: &str) -> Result<(&str, Option<Port>), Usage> {
    // An IPv6 address has colons of its own.
    let split = match text.rsplit_once("]:") {
        Some((end, port)) => Some((text.get(..=end.len()).unwrap_or(end), port)),
        None => text.rsplit_once(':'),
    };
    let Some((end, port)) = split else { return Ok((text, None)) };
    if port.bytes().all(|byte| byte.is_ascii_digit()) {
        let number = port.parse().ok().filter(|number| *number != 0);
        let number: u16 = number.ok_or_else(|| {
            Usage(format!("{port:?} is no port: use 1 to 65535, or the name of a service's port"))
        })?;
        return Ok((end, Some(Port::Number(number))));
    }
    Ok((end, Some(Port::Name(port.to_owned()))))
}

/// Reads `KIND/[NAMESPACE/]NAME` or `NAMESPACE/NAME`; `None` for a name alone.
fn named<'t>(text: &'t str, namespace: &Namespace) -> Result<Option<Named<'t>>, Usage> {
    let Some((first, rest)) = text.split_once('/') else { return Ok(None) };
    let Some(found) = kind(first) else {
        let words = ENDS.into_iter().map(|kind| kind.names().singular).chain([SHORT, OUTSIDE]);
        return match suggest::nearest(first, words) {
            Some(near) => Err(Usage(format!("there is no kind {first:?}; did you mean {near}?"))),
            None if rest.contains('/') => {
                Err(Usage(format!("there is no kind {first:?}: use pod, svc, node or outside")))
            }
            None => Err(Usage(format!(
                "{text:?} does not say what it is: write pod/{text} or svc/{text}"
            ))),
        };
    };
    let (namespace, name) = match rest.split_once('/') {
        Some((own, name)) if found != Kind::Node => (own.parse().map_err(wrong)?, name),
        Some(_) => return Err(Usage(format!("{text:?}: nodes are in no namespace"))),
        None => (namespace.clone(), rest),
    };
    Ok(Some(Named { kind: found, namespace, name }))
}

fn kind(word: &str) -> Option<Kind> {
    let lower = word.to_lowercase();
    ENDS.into_iter().find(|kind| spellings(*kind).contains(&lower))
}

fn pod(namespace: Namespace, name: &str) -> Result<PodId, Usage> {
    Ok(PodId { namespace, name: name.parse().map_err(wrong)? })
}

fn wrong(error: NameError) -> Usage {
    Usage(error.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shop() -> Namespace {
        "shop".parse().unwrap()
    }

    fn sent(text: &str) -> Result<String, String> {
        let origin = from(text, &shop()).map_err(|Usage(said)| said)?;
        Ok(serde_json::to_string(&origin).unwrap())
    }

    fn aimed(text: &str) -> Result<(String, Option<String>, Option<Transport>), String> {
        let from = Origin::Node("a".parse().unwrap());
        let (to, port, protocol) = to(text, &shop(), &from).map_err(|Usage(said)| said)?;
        Ok((serde_json::to_string(&to).unwrap(), port.map(|port| port.to_string()), protocol))
    }

    #[test]
    fn senders_are_pods_nodes_or_outside() {
        let pod = r#"{"pod":{"namespace":"shop","name":"web-1"}}"#;
        for text in ["web-1", "pod/web-1", "po/web-1", "pods/shop/web-1"] {
            assert_eq!(sent(text).as_deref(), Ok(pod), "{text}");
        }
        assert_eq!(sent("node/b").as_deref(), Ok(r#"{"node":"b"}"#));
        assert_eq!(sent("outside").as_deref(), Ok(r#"{"outside":{}}"#));
        assert_eq!(sent("outside/::1").as_deref(), Ok(r#"{"outside":{"address":"::1"}}"#));
    }

    #[test]
    fn ends_have_ports_and_protocols() {
        let service = r#"{"service":{"namespace":"shop","name":"api"}}"#;
        for (text, port, protocol) in [
            ("svc/api", None, None),
            ("svc/shop/api:http", Some("http"), None),
            ("service/api:80/tcp", Some("80"), Some(Transport::Tcp)),
            ("svc/shop/api/udp", None, Some(Transport::Udp)),
        ] {
            let (to, number, carried) = aimed(text).unwrap();
            assert_eq!((&*to, number.as_deref(), carried), (service, port, protocol), "{text}");
        }
        for (text, to, port) in [
            ("10.96.0.10:53/udp", r#"{"address":"10.96.0.10"}"#, Some("53")),
            ("fd00::1", r#"{"address":"fd00::1"}"#, None),
            ("[fd00::1]:80", r#"{"address":"fd00::1"}"#, Some("80")),
            ("example.com:443", r#"{"name":"example.com"}"#, Some("443")),
            ("node/b:30080", r#"{"node":"b"}"#, Some("30080")),
        ] {
            let (found, number, _) = aimed(text).unwrap();
            assert_eq!((&*found, number.as_deref()), (to, port), "{text}");
        }
        // A service may be called so.
        assert_eq!(aimed("svc/tcp").unwrap().0, r#"{"service":{"namespace":"shop","name":"tcp"}}"#);
        let outside = Origin::Outside { address: None, node: None };
        let (destination, ..) = to("node-a:30080", &shop(), &outside).unwrap();
        assert_eq!(destination, Destination::Node("node-a".parse().unwrap()));
    }

    #[test]
    fn what_is_mistyped_is_answered_with_the_nearest() {
        for (said, part) in [
            (sent("outsdie"), "did you mean outside?"),
            (sent("pdo/web-1"), "did you mean pod?"),
            (sent("svc/api"), "services send nothing"),
            (sent("10.0.0.1"), "outside/10.0.0.1"),
            (sent("Web"), "pod name \"Web\""),
            (sent("outside/web"), "no address"),
        ] {
            assert!(said.as_ref().is_err_and(|said| said.contains(part)), "{said:?}");
        }
        for (text, part) in [
            ("srevice/api", "did you mean service?"),
            ("web:99999", "no port"),
            ("web:80/tpc", "not one of tcp"),
            ("shop/api", "svc/shop/api"),
            ("node/a/b", "in no namespace"),
            (":80", "names nobody"),
            ("a/b/c", "use pod, svc, node or outside"),
        ] {
            let said = aimed(text);
            assert!(said.as_ref().is_err_and(|said| said.contains(part)), "{text}: {said:?}");
        }
    }

    proptest! {
        #[test]
        fn no_words_panic(text in "[a-z0-9/:.\\[\\]-]{0,20}|.{0,12}") {
            let _ = (sent(&text), aimed(&text));
        }
    }
}
