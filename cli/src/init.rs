//! `pontoon init`: the daemon's configuration, asked for or given by flags, checked before it is put
//! in its place.

mod ask;
mod place;
mod plan;

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use ipnetwork::IpNetwork;
use pontoon_model::name::NodeName;

use crate::exit::Exit;
use crate::say;
use crate::usage::Usage;
use plan::{Etcd, Plan};

/// Where the daemon looks for its configuration.
pub(crate) const DEFAULT_CONFIG: &str = "/etc/pontoon/pontoond.toml";

const EXAMPLES: &str = "\
Examples:
  pontoon init                                         asks, on a terminal
  pontoon init --yes                                   one host alone, all defaults
  pontoon init --etcd http://192.0.2.1:2379 --pod-cidr 10.244.0.0/16 --pod-cidr fd00:10:244::/48
  pontoon init --etcd https://192.0.2.1:2379 --etcd-ca /etc/pontoon/ca.pem --join
  pontoon init --yes --print                           only shows the file

A file that is there already stays, unless --force is given; then it is kept beside the new one.
Exit code: 0 when the file is written, 1 when it is not.";

/// What `pontoon init` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The file to write
    #[arg(long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    config: PathBuf,
    /// Asks nothing: what no flag says has its default
    #[arg(short, long)]
    yes: bool,
    /// Also where there is a file already
    #[arg(long)]
    force: bool,
    /// Prints the file in place of writing it
    #[arg(long)]
    print: bool,
    /// Joins a cluster that is there: its settings are left to it
    #[arg(long, conflicts_with_all = ["pod_cidr", "service_cidr", "backend", "cluster_domain"])]
    join: bool,
    /// Name of the node [default: the host's name]
    #[arg(long, value_name = "NAME")]
    node_name: Option<NodeName>,
    /// Interface, range or address towards the other hosts [default: the way to the store]
    #[arg(long, value_name = "UNDERLAY")]
    underlay: Option<String>,
    /// Zone that the node is in
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// A member of etcd, as http://192.0.2.1:2379; may be repeated [default: a store of this host's own]
    // It is read later: what reads it for the command line shows it when it is wrong.
    #[arg(long, value_name = "URL")]
    etcd: Vec<String>,
    /// Certificate of whoever signed etcd's
    #[arg(long, value_name = "FILE", requires = "etcd")]
    etcd_ca: Option<PathBuf>,
    /// Certificate to show to etcd
    #[arg(long, value_name = "FILE", requires_all = ["etcd", "etcd_key"])]
    etcd_cert: Option<PathBuf>,
    /// Key of that certificate
    #[arg(long, value_name = "FILE", requires_all = ["etcd", "etcd_cert"])]
    etcd_key: Option<PathBuf>,
    /// User of etcd's own
    #[arg(long, value_name = "NAME", requires_all = ["etcd", "etcd_password_file"])]
    etcd_username: Option<String>,
    /// File with that user's password
    #[arg(long, value_name = "FILE", requires_all = ["etcd", "etcd_username"])]
    etcd_password_file: Option<PathBuf>,
    /// Range of pods' addresses, one of each family at the most; may be repeated [default: 10.244.0.0/16]
    #[arg(long, value_name = "CIDR")]
    pod_cidr: Vec<IpNetwork>,
    /// Range of services' addresses; may be repeated [default: 10.96.0.0/12]
    #[arg(long, value_name = "CIDR")]
    service_cidr: Vec<IpNetwork>,
    /// How packets cross hosts [default: vxlan]
    #[arg(long, value_name = "BACKEND", value_parser = ["vxlan", "host-gw", "auto"])]
    backend: Option<String>,
    /// Domain of names in the cluster [default: cluster.local]
    #[arg(long, value_name = "DOMAIN")]
    cluster_domain: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit> {
    if !arguments.print && arguments.config.exists() && !arguments.force {
        bail!(
            "{} is there already: edit it and run `pontoond --check-config`, or replace it with --force",
            arguments.config.display()
        );
    }
    let mut plan = given(arguments)?;
    if !arguments.yes {
        if !io::stdin().is_terminal() {
            bail!("there is no terminal to ask at: say what is to be by flags, and --yes");
        }
        ask::complete(&mut plan, &mut ask::Terminal)?;
    }
    let text = plan.to_toml();
    if arguments.print {
        say::line(text.trim_end())?;
        return Ok(Exit::Done);
    }
    for unreached in plan.unreached() {
        say::aside(format_args!("warning: {unreached}"));
    }
    let checked = place::put(&arguments.config, &text)?;
    let written = if checked { "written, and the daemon finds it good" } else { "written" };
    say::line(format_args!("{} is {written}", arguments.config.display()))?;
    say::line(next_steps(&plan))?;
    Ok(Exit::Done)
}

fn given(arguments: &Arguments) -> Result<Plan, Usage> {
    let endpoints = arguments.etcd.iter().map(|text| plan::url(text)).collect::<Result<_, _>>();
    let endpoints: Vec<String> = endpoints.map_err(|wrong| Usage(format!("--etcd: {wrong}")))?;
    let etcd = (!endpoints.is_empty()).then(|| Etcd {
        endpoints,
        ca: arguments.etcd_ca.clone(),
        pair: arguments.etcd_cert.clone().zip(arguments.etcd_key.clone()),
        user: arguments.etcd_username.clone().zip(arguments.etcd_password_file.clone()),
    });
    Ok(Plan {
        node_name: arguments.node_name.clone(),
        underlay: arguments.underlay.clone(),
        zone: arguments.zone.clone(),
        etcd,
        join: arguments.join,
        pod_cidrs: arguments.pod_cidr.clone(),
        service_cidrs: arguments.service_cidr.clone(),
        backend: arguments.backend.clone(),
        cluster_domain: arguments.cluster_domain.clone(),
    })
}

fn next_steps(plan: &Plan) -> String {
    let mut steps = vec![
        "Next:".to_owned(),
        "  systemctl enable --now pontoond".to_owned(),
        "  pontoon status".to_owned(),
    ];
    if let Some(etcd) = plan.etcd.as_ref().filter(|_| !plan.join) {
        let endpoints: Vec<String> = etcd.endpoints.iter().map(|e| format!("--etcd {e}")).collect();
        steps.push(format!(
            "and on every further host: pontoon init --join {}",
            endpoints.join(" ")
        ));
    }
    steps.join("\n")
}
