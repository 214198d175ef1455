//! What the kernel has counted for each interface, since it was made.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

/// Of one interface, as the host sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counter {
    pub(super) received_bytes: u64,
    pub(super) received_packets: u64,
    pub(super) received_dropped: u64,
    pub(super) sent_bytes: u64,
    pub(super) sent_packets: u64,
    pub(super) sent_dropped: u64,
}

/// By the interface's name.
pub(super) type Counters = BTreeMap<String, Counter>;

/// One file for all interfaces, and of this process' own network namespace, which /sys is not.
const FILE: &str = "/proc/self/net/dev";

pub(super) fn read() -> Result<Counters> {
    let text = std::fs::read_to_string(FILE).with_context(|| format!("{FILE} cannot be read"))?;
    Ok(parse(&text))
}

/// Lines such as `eth0: 1 2 0 3 0 0 0 0 4 5 0 6 0 0 0 0` below two of heads.
fn parse(text: &str) -> Counters {
    let line = |line: &str| {
        let (name, counted) = line.split_once(':')?;
        let numbers: Vec<u64> =
            counted.split_whitespace().map(|number| number.parse().unwrap_or_default()).collect();
        let [received_bytes, received_packets, _, received_dropped, _, _, _, _, rest @ ..] =
            numbers.as_slice()
        else {
            return None;
        };
        let [sent_bytes, sent_packets, _, sent_dropped, ..] = rest else { return None };
        let counter = Counter {
            received_bytes: *received_bytes,
            received_packets: *received_packets,
            received_dropped: *received_dropped,
            sent_bytes: *sent_bytes,
            sent_packets: *sent_packets,
            sent_dropped: *sent_dropped,
        };
        Some((name.trim().to_owned(), counter))
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_table_is_read() {
        let text = "Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:  100       2    0    0    0     0          0         0      100       2    0    0    0     0       0          0
ptn0123:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
";
        let read = parse(text);
        assert_eq!(read.len(), 2);
        let expected = Counter {
            received_bytes: 1,
            received_packets: 2,
            received_dropped: 4,
            sent_bytes: 9,
            sent_packets: 10,
            sent_dropped: 12,
        };
        assert_eq!(read["ptn0123"], expected);
        assert!(parse("x: 1 2\nno colon\n").is_empty());
    }
}
