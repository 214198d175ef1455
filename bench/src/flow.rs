//! What one established TCP connection carries.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use anyhow::Result;
use pontoon_lab::{Netns, probe};

use crate::report::{Better, Row, median};

const ROUNDS: usize = 9;
const EXCHANGES: usize = 8_000;
const WAIT: Duration = Duration::from_secs(10);

/// A way from one namespace to a listener in another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path<'a> {
    pub from: &'a Netns,
    pub to: &'a Netns,
    /// Where the listener is; port 0 for any.
    pub at: SocketAddr,
    /// Where the client connects to, when that is another address.
    pub through: Option<SocketAddr>,
}

/// Measures throughput and round trip of two ways in turn.
pub(crate) fn compare(
    name: &str,
    ours: &Path<'_>,
    peer: &str,
    theirs: &Path<'_>,
    target: f64,
) -> Result<Vec<Row>> {
    let row = |what: &str, unit, better| Row {
        name: format!("{name}, {what}"),
        unit,
        ours: Vec::new(),
        peer: peer.into(),
        theirs: Vec::new(),
        better,
        target,
    };
    let mut throughput = row("one TCP stream", "Gbit/s", Better::Higher);
    let mut latency = row("TCP round trip, p50", "µs", Better::Lower);
    for round in 0..=ROUNDS {
        // Which goes first changes, so that neither always meets the warmer machine.
        let order = if round % 2 == 0 { [true, false] } else { [false, true] };
        for is_ours in order {
            let path = if is_ours { ours } else { theirs };
            let (speed, time) = (path.stream()?, path.round_trip()?);
            match (round, is_ours) {
                (0, _) => {}
                (_, true) => {
                    throughput.ours.push(speed);
                    latency.ours.push(time);
                }
                (_, false) => {
                    throughput.theirs.push(speed);
                    latency.theirs.push(time);
                }
            }
        }
    }
    Ok(vec![throughput, latency])
}

impl Path<'_> {
    fn listen(&self) -> Result<(TcpListener, SocketAddr)> {
        let listener = self.to.run(|| TcpListener::bind(self.at))??;
        let at = listener.local_addr()?;
        Ok((listener, self.through.unwrap_or(at)))
    }

    /// Gbit/s of one TCP stream over a second.
    fn stream(&self) -> Result<f64> {
        const SECOND: Duration = Duration::from_secs(1);
        let (listener, at) = self.listen()?;
        let sink = std::thread::spawn(move || -> Result<f64> {
            let (mut stream, _) = listener.accept()?;
            let mut buffer = vec![0; 256 << 10];
            let (mut total, began) = (0usize, Instant::now());
            loop {
                match stream.read(&mut buffer)? {
                    0 => return Ok(total as f64 * 8.0 / began.elapsed().as_secs_f64() / 1e9),
                    count => total += count,
                }
            }
        });
        let mut source = probe::connect(self.from, at, WAIT)?;
        let (block, began) = (vec![0; 256 << 10], Instant::now());
        while began.elapsed() < SECOND {
            source.write_all(&block)?;
        }
        drop(source);
        sink.join().unwrap_or_else(|_| anyhow::bail!("the receiver panicked"))
    }

    /// Microseconds of a byte there and back, the median of many.
    fn round_trip(&self) -> Result<f64> {
        let (listener, at) = self.listen()?;
        let echo = std::thread::spawn(move || -> Result<()> {
            let (mut stream, _) = listener.accept()?;
            stream.set_nodelay(true)?;
            let mut byte = [0];
            while stream.read(&mut byte)? == 1 {
                stream.write_all(&byte)?;
            }
            Ok(())
        });
        let mut stream = probe::connect(self.from, at, WAIT)?;
        stream.set_nodelay(true)?;
        let mut samples = Vec::with_capacity(EXCHANGES);
        let mut byte = [0];
        for _ in 0..EXCHANGES {
            let began = Instant::now();
            stream.write_all(&byte)?;
            stream.read_exact(&mut byte)?;
            samples.push(began.elapsed().as_secs_f64() * 1e6);
        }
        drop(stream);
        echo.join().unwrap_or_else(|_| anyhow::bail!("the echo panicked"))?;
        Ok(median(&samples))
    }
}
