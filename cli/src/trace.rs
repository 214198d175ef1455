//! `pontoon trace`: how a packet goes.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `ends` | from and to as they are typed |
//! | `page` | the answer, for people |

mod ends;
mod page;

use anyhow::Result;
use clap::Args;
use pontoon_model::api::{Code, Failure};
use pontoon_model::name::{Namespace, NodeName};
use pontoon_model::object::Kind;
use pontoon_model::trace::{Destination, Origin, Question};

use crate::api::{Api, ApiError};
use crate::exit::Exit;
use crate::get::explain;
use crate::output::Format;
use crate::say;
use crate::scope::Scope;

const EXAMPLES: &str = "\
From: pod/[NAMESPACE/]NAME, or the name alone; node/NAME; outside, or outside/ADDRESS
To:   svc/[NAMESPACE/]NAME, pod/[NAMESPACE/]NAME, node/NAME, an address, or any name that the DNS knows;
      behind it :PORT by number or name, and /tcp, /udp, /sctp or /icmp. Without a port it is a ping, but
      for services that have one port.
Examples:
  pontoon trace pod/shop/web-1 svc/shop/api:http     a service by the name of its port
  pontoon trace web-1 api -n shop                    a name, as the pod's resolver finds it
  pontoon trace web-1 10.96.0.10:53/udp              an address
  pontoon trace node/b example.com:443               from a node
  pontoon trace web-1 svc/api --live                 a packet that is really sent, and where it died
  pontoon trace outside node-a:30080                 from outside to a node port
  pontoon trace outside 203.0.113.80:443 --by node-a from outside, by way of a node
What is of this node is read from its kernel, what is of others follows from the store; each step says
which. Exit code: 0 when it arrives or leaves the cluster, 9 when it does not arrive or may not.";

/// What `pontoon trace` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Who sends
    #[arg(value_name = "FROM", add = crate::completion::objects())]
    from: String,
    /// Where to
    #[arg(value_name = "TO[:PORT][/PROTOCOL]", add = crate::completion::objects())]
    to: String,
    /// The node that packets from outside come to [default: the one that has the address, or this one]
    #[arg(long, value_name = "NODE")]
    by: Option<NodeName>,
    /// Really sends a packet, and has every node on its way look for it
    #[arg(long)]
    live: bool,
    /// The namespace of names that have none [default: default]
    #[arg(short, long, value_name = "NAMESPACE", add = crate::completion::namespaces())]
    namespace: Option<Namespace>,
    /// How to show it
    #[arg(short, long, value_enum, default_value = "text", value_name = "FORMAT")]
    output: Format,
}

pub(crate) fn run(api: &Api, arguments: &Arguments) -> Result<Exit> {
    let namespace = arguments.namespace.clone().unwrap_or_default();
    let from = ends::by(ends::from(&arguments.from, &namespace)?, arguments.by.clone())?;
    let (to, port, protocol) = ends::to(&arguments.to, &namespace, &from)?;
    let question = Question { from, to, port, protocol, live: arguments.live };
    let trace = match api.trace(&question)? {
        Ok(trace) => trace,
        Err(failure) => return Err(told(api, &question, failure).into()),
    };
    say::line(arguments.output.shown(&trace, page::text)?)?;
    Ok(if trace.verdict.outcome.is_good() { Exit::Done } else { Exit::Undelivered })
}

/// The failure, with what was probably meant.
fn told(api: &Api, question: &Question, failure: Failure) -> ApiError {
    if failure.code != Code::NotFound {
        return failure.into();
    }
    let of = |kind: Kind, namespace: Option<&Namespace>, name: &str| {
        let full = namespace.map(|namespace| format!("{namespace}/{name}"));
        let said = format!("{kind} {} does not exist", full.as_deref().unwrap_or(name));
        let scope = Scope::in_namespace(namespace.cloned());
        (failure.msg == said).then(|| explain(api, kind, &scope, name, &failure))
    };
    let from = match &question.from {
        Origin::Pod(id) => of(Kind::Pod, Some(&id.namespace), id.name.as_str()),
        Origin::Node(name) => of(Kind::Node, None, name.as_str()),
        Origin::Outside { node, .. } => {
            node.as_ref().and_then(|name| of(Kind::Node, None, name.as_str()))
        }
    };
    let to = || match &question.to {
        Destination::Pod(id) => of(Kind::Pod, Some(&id.namespace), id.name.as_str()),
        Destination::Service(id) => of(Kind::Service, Some(&id.namespace), id.name.as_str()),
        Destination::Node(name) => of(Kind::Node, None, name.as_str()),
        Destination::Name(_) | Destination::Address(_) => None,
    };
    match from.or_else(to) {
        Some(text) => Failure { msg: text, details: String::new(), ..failure }.into(),
        None => failure.into(),
    }
}
