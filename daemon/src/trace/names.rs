//! What a name stands for: this node's own DNS is asked, the way the sender's resolver would.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use pontoon_dns::exchange::{Answers, AtOnce, Transport};
use pontoon_dns::forward::message;
use pontoon_dns::wire::code::{IN, Rcode, rtype};
use pontoon_dns::wire::name::Name;
use pontoon_dns::wire::reply::Section;
use pontoon_model::api::{Code, Failure};
use pontoon_model::cidr::Family;
use pontoon_model::trace::{Basis, Origin, Step, StepKind};
use pontoon_trace::Named;

use super::Tracer;
use super::gather::Gathered;
use crate::dns::Server;
use crate::dns::publisher::Serving;
use crate::dns::told::{Resolver, host_search};

/// How long a resolver waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// A name with fewer dots is tried along the search list first (resolv.conf(5)).
const NDOTS: usize = 1;
/// Names lead to names, at most so often within one message.
const POINTERS: usize = 16;

/// What is said where somebody else did not answer.
const FAILED: &str = Rcode::ServFail.name();

/// How the sender's resolver is set up.
struct Habits {
    /// From where it asks.
    client: IpAddr,
    search: Vec<String>,
    ndots: usize,
    whose: String,
}

/// What was answered.
struct Answer {
    rcode: u8,
    addresses: Vec<IpAddr>,
    aliases: Vec<String>,
}

/// Asks for the addresses of a name.
pub(super) async fn resolve(
    tracer: &Tracer,
    gathered: &Gathered,
    serving: &Serving,
    from: &Origin,
    name: &str,
) -> Result<Named, Failure> {
    let habits = habits(tracer, gathered, serving, from);
    let mut details = Vec::new();
    for candidate in candidates(name, &habits) {
        let parsed = Name::parse(&candidate).map_err(|error| {
            Failure::new(Code::Decode, error.to_string(), "").of_field("to.name")
        })?;
        let v4 = ask(&serving.server, &parsed, rtype::A, habits.client).await;
        let v6 = ask(&serving.server, &parsed, rtype::AAAA, habits.client).await;
        details.push(format!("{candidate}: A {}, AAAA {}", said(v4.as_ref()), said(v6.as_ref())));
        let found: Vec<&Answer> = v4.iter().chain(&v6).collect();
        let addresses: Vec<IpAddr> =
            found.iter().flat_map(|answer| answer.addresses.iter().copied()).collect();
        if addresses.is_empty() {
            continue;
        }
        for alias in found.first().into_iter().flat_map(|answer| &answer.aliases) {
            details.push(format!("it is another name of {alias}"));
        }
        let list: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let text = format!("{name} stands for {}, asked {}", list.join(", "), habits.whose);
        return Ok(Named { step: step(text, details, from), addresses, certain: true });
    }
    let silent = details.iter().any(|said| said.contains("no answer") || said.contains(FAILED));
    let text = if silent {
        format!("what {name} stands for cannot be told now, asked {}", habits.whose)
    } else {
        format!("{name} stands for no address, asked {}", habits.whose)
    };
    Ok(Named { step: step(text, details, from), addresses: Vec::new(), certain: !silent })
}

fn step(text: String, details: Vec<String>, from: &Origin) -> Step {
    let node = match from {
        Origin::Node(node) => Some(node.clone()),
        Origin::Pod(_) | Origin::Outside { .. } => None,
    };
    Step { kind: StepKind::Name, node, basis: Basis::Dns, text, details, rules: Vec::new() }
}

fn habits(tracer: &Tracer, gathered: &Gathered, serving: &Serving, from: &Origin) -> Habits {
    let world = &gathered.world;
    let host = || host_search(&tracer.resolv_conf);
    let nobody = IpAddr::from(Ipv4Addr::LOCALHOST);
    match from {
        Origin::Pod(id) => {
            let record = gathered.records.iter().find(|record| record.pod == *id);
            let told = record.map(|record| record.attached.dns.clone()).unwrap_or_else(|| {
                let resolver = Resolver {
                    servers: serving.cluster.dns_addresses.clone(),
                    domain: serving.cluster.domain.clone(),
                    host_search: host(),
                };
                resolver.of_pod(&id.namespace)
            });
            let option = |option: &String| option.strip_prefix("ndots:")?.parse().ok();
            let own = world.pod(id).and_then(|pod| pod.addresses.first().copied());
            Habits {
                client: own.unwrap_or(nobody),
                search: told.search,
                ndots: told.options.iter().find_map(option).unwrap_or(NDOTS),
                whose: format!("as pod {id} is told to"),
            }
        }
        Origin::Node(name) => {
            let node = world.nodes.get(name);
            let own = node.and_then(|node| node.address(Family::V4).or(node.address(Family::V6)));
            Habits {
                client: own.unwrap_or(nobody),
                search: if *name == world.me { host() } else { Vec::new() },
                ndots: NDOTS,
                whose: "the cluster's DNS, whatever the host's own resolver asks".to_owned(),
            }
        }
        Origin::Outside { .. } => Habits {
            client: nobody,
            search: Vec::new(),
            ndots: NDOTS,
            whose: "the cluster's DNS".to_owned(),
        },
    }
}

/// The names that a resolver tries, in its order.
fn candidates(name: &str, habits: &Habits) -> Vec<String> {
    if name.ends_with('.') {
        return vec![name.to_owned()];
    }
    let itself = format!("{name}.");
    let searched = habits.search.iter().map(|domain| format!("{name}.{domain}."));
    if name.matches('.').count() < habits.ndots {
        searched.chain([itself]).collect()
    } else {
        std::iter::once(itself.clone()).chain(searched).collect()
    }
}

/// Asks as if from that client. `None` when there is no answer in time.
async fn ask(server: &Server, name: &Name, rtype: u16, client: IpAddr) -> Option<Answer> {
    // An id, recursion desired, one question.
    let mut question = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    question.extend_from_slice(name.wire());
    question.extend([rtype, IN].into_iter().flat_map(u16::to_be_bytes));
    let mut out = Vec::new();
    // Nothing is cut short on a stream.
    let message = match server.at_once(&question, client, Transport::Tcp, &mut out) {
        AtOnce::Answered => out,
        AtOnce::Dropped => return None,
        AtOnce::Later => {
            let later = server.later(question, client, Transport::Tcp);
            tokio::time::timeout(PATIENCE, later).await.ok()?.into_iter().next()?
        }
    };
    read(&message)
}

fn read(message: &[u8]) -> Option<Answer> {
    let rcode = message.get(3)? & 15;
    let mut answer = Answer { rcode, addresses: Vec::new(), aliases: Vec::new() };
    for record in message::records(message).ok()?.map_while(Result::ok) {
        if record.section != Section::Answer {
            break;
        }
        let data = message.get(record.data.clone())?;
        match record.rtype {
            rtype::A => {
                answer.addresses.push(Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).into())
            }
            rtype::AAAA => {
                answer.addresses.push(Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).into());
            }
            rtype::CNAME => answer.aliases.extend(name_at(message, record.data.start)),
            _ => {}
        }
    }
    Some(answer)
}

/// The name that begins there, with its pointers followed (RFC 1035, section 4.1.4).
fn name_at(message: &[u8], mut at: usize) -> Option<String> {
    let mut name = String::new();
    for _ in 0..POINTERS {
        loop {
            let length = usize::from(*message.get(at)?);
            if length == 0 {
                return Some(if name.is_empty() { ".".to_owned() } else { name });
            }
            if length >= 0xc0 {
                at = (length & 0x3f) << 8 | usize::from(*message.get(at + 1)?);
                break;
            }
            let label = message.get(at + 1..at + 1 + length)?;
            name.push_str(&String::from_utf8_lossy(label));
            name.push('.');
            at += 1 + length;
        }
    }
    None
}

fn said(answer: Option<&Answer>) -> String {
    let Some(answer) = answer else { return "no answer".to_owned() };
    let code = Rcode::ALL.into_iter().find(|code| code.number() == u16::from(answer.rcode));
    match code {
        Some(Rcode::NoError) if answer.addresses.is_empty() => "none".to_owned(),
        Some(Rcode::NoError) => {
            let all: Vec<String> = answer.addresses.iter().map(ToString::to_string).collect();
            all.join(" ")
        }
        Some(code) => code.name().to_owned(),
        None => format!("code {}", answer.rcode),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn habits(search: &[&str], ndots: usize) -> Habits {
        let search = search.iter().map(ToString::to_string).collect();
        Habits { client: [127, 0, 0, 1].into(), search, ndots, whose: String::new() }
    }

    #[test]
    fn names_are_tried_as_a_resolver_does() {
        let pod = habits(&["shop.svc.x", "svc.x"], 5);
        assert_eq!(candidates("api", &pod), ["api.shop.svc.x.", "api.svc.x.", "api."]);
        assert_eq!(candidates("api.", &pod), ["api."]);
        let host = habits(&["lan"], 1);
        assert_eq!(candidates("a.b", &host), ["a.b.", "a.b.lan."]);
        assert_eq!(candidates("a", &host), ["a.lan.", "a."]);
    }

    #[test]
    fn an_alias_is_read_through_its_pointers() {
        // `a.` asked, `a. CNAME b.a.`, `b.a. A 1.2.3.4`.
        let message = b"\x00\x01\x81\x80\x00\x01\x00\x02\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01\
            \xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x05\x00\x04\x01b\xc0\x0c\
            \xc0\x1f\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04\x01\x02\x03\x04";
        let answer = read(message).unwrap();
        assert_eq!(answer.aliases, ["b.a."]);
        assert_eq!(answer.addresses, [IpAddr::from([1, 2, 3, 4])]);
        assert_eq!(said(Some(&answer)), "1.2.3.4");
        let round = b"\x00\x01\x81\x80\x00\x00\x00\x00\x00\x00\x00\x00\xc0\x0c";
        assert_eq!(name_at(round, 12), None, "a pointer to itself");
    }
}
