//! Connection tracking, and the daemon as a process; read when somebody looks.

use std::fmt;
use std::fs;

use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::{SysconfVar, sysconf};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::figure::gauge;

const CONNTRACK: &str = "/proc/sys/net/netfilter/nf_conntrack_";

/// Name and meaning.
pub(super) const ENTRIES: (&str, &str) = (
    "pontoon_conntrack_entries",
    "Connections that the kernel tracks in the daemon's network namespace",
);
pub(super) const ENTRIES_LIMIT: (&str, &str) =
    ("pontoon_conntrack_entries_limit", "Connections that the kernel tracks at most");

/// What the host says of itself and of us.
#[derive(Debug)]
pub struct Host;

impl Collector for Host {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        // Without connection tracking there is neither.
        for (file, (name, help)) in [("count", ENTRIES), ("max", ENTRIES_LIMIT)] {
            let text = fs::read_to_string(format!("{CONNTRACK}{file}")).unwrap_or_default();
            if let Ok(value) = text.trim().parse() {
                gauge(&mut encoder, name, help, None, value)?;
            }
        }
        process(&mut encoder)
    }
}

/// Under the names that Prometheus' own clients have for it.
fn process(encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field is the name, which may hold anything.
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest.split_whitespace().collect())
        .unwrap_or_default();
    // proc(5) counts from 1, and two fields are gone.
    let field = |number: usize| fields.get(number - 3).and_then(|text| text.parse::<f64>().ok());
    let per = |var: SysconfVar| sysconf(var).ok().flatten().map(|value| value as f64);
    if let (Some(user), Some(system), Some(ticks)) =
        (field(14), field(15), per(SysconfVar::CLK_TCK))
    {
        encoder
            .encode_descriptor(
                "process_cpu",
                "Processor time that the daemon has used",
                Some(&Unit::Seconds),
                MetricType::Counter,
            )?
            .encode_counter::<NoLabelSet, _, u64>(&((user + system) / ticks), None)?;
    }
    if let (Some(since), Some(ticks), Some(boot)) = (field(22), per(SysconfVar::CLK_TCK), booted())
    {
        let help = "When the daemon started, since the Unix epoch";
        gauge(encoder, "process_start_time", help, Some(&Unit::Seconds), boot + since / ticks)?;
    }
    if let Some(bytes) = field(23) {
        let help = "Address space of the daemon";
        gauge(encoder, "process_virtual_memory", help, Some(&Unit::Bytes), bytes)?;
    }
    if let (Some(pages), Some(size)) = (field(24), per(SysconfVar::PAGE_SIZE)) {
        let help = "Memory of the daemon that is resident";
        gauge(encoder, "process_resident_memory", help, Some(&Unit::Bytes), pages * size)?;
    }
    if let Some(threads) = field(20) {
        gauge(encoder, "process_threads", "Threads of the daemon", None, threads)?;
    }
    if let Ok((most, _)) = getrlimit(Resource::RLIMIT_NOFILE) {
        gauge(encoder, "process_max_fds", "Files that it may have open", None, most as f64)?;
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        // Reading them opens one more.
        let open = open.count().saturating_sub(1);
        gauge(encoder, "process_open_fds", "Open files of the daemon", None, open as f64)?;
    }
    Ok(())
}

/// When the host started, seconds since the Unix epoch.
fn booted() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())
}
