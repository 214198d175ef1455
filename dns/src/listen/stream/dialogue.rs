//! Questions and answers on one connection (RFC 7766): answers leave as they are ready, in any order.

use std::net::IpAddr;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::codec::{FramedRead, LengthDelimitedCodec};

use super::ask::{Desk, LINGER, LONGEST, Taken};
use crate::exchange::Answers;
use crate::metrics::tally::{Closed, Loss};

/// Room for what was read: most questions fit several times.
const BUFFER: usize = 1024;
/// What a client has to take within its time-out: about a message.
const PIECE: usize = 64 * 1024;

/// Answers until the client has gone, asks nothing for long, or the end has come; says why it was
/// closed, unless the client did so.
pub(super) async fn hold<A: Answers>(
    desk: &Desk<A>,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    client: IpAddr,
) -> Option<Closed> {
    let codec = LengthDelimitedCodec::builder()
        .length_field_type::<u16>()
        .max_frame_length(LONGEST)
        .new_codec();
    let mut questions = FramedRead::with_capacity(stream, codec, BUFFER);
    let mut waiting = FuturesUnordered::new();
    let mut out = Vec::new();
    let mut reading = true;
    let mut ending = false;
    let mut closed = None;
    // A question counts once it is whole, so that one that comes byte by byte wins no time.
    let mut since = Instant::now();
    while reading || !waiting.is_empty() {
        let patience = if ending { LINGER } else { desk.limits.idle };
        tokio::select! {
            question = questions.next(), if reading && waiting.len() < desk.limits.in_flight => {
                match question {
                    Some(Ok(message)) => match desk.ask(&message, client) {
                        Taken::Answer(answer) => frame(&answer, &mut out),
                        Taken::Later => waiting.push(desk.later(message.into(), client)),
                        Taken::Refusal(answer) => {
                            frame(&answer, &mut out);
                            closed = Some(Closed::Unwelcome);
                        }
                        Taken::Lost(Loss::RateLimited) => {}
                        Taken::Lost(_) => closed = Some(Closed::Unwelcome),
                    },
                    Some(Err(error)) if error.kind() == std::io::ErrorKind::InvalidData => {
                        desk.tally.lost(Loss::TooLong, 1);
                        closed = Some(Closed::Unwelcome);
                    }
                    // It asks no more, and may still listen.
                    Some(Err(_)) | None => reading = false,
                }
            }
            Some(answers) = waiting.next() => {
                answers.iter().for_each(|answer| frame(answer, &mut out));
            }
            () = sleep_until(since + patience), if waiting.is_empty() => {
                closed = (!ending).then_some(Closed::Idle);
                reading = false;
            }
            () = desk.ending.cancelled(), if !ending => ending = true,
        }
        since = Instant::now();
        if !out.is_empty() {
            if let Err(closed) = send(questions.get_mut(), &out, desk.limits.idle).await {
                return closed;
            }
            out.clear();
        }
        if closed.is_some() {
            break;
        }
    }
    let _ = timeout(desk.limits.idle, questions.get_mut().shutdown()).await;
    closed
}

/// Sends answers, as long as the client goes on taking them: a whole zone may take a while.
async fn send(
    stream: &mut (impl AsyncWrite + Unpin),
    all: &[u8],
    patience: Duration,
) -> Result<(), Option<Closed>> {
    for piece in all.chunks(PIECE) {
        let sending = async { stream.write_all(piece).await.and(stream.flush().await) };
        match timeout(patience, sending).await {
            Ok(sent) => sent.map_err(|_| None)?,
            Err(_) => return Err(Some(Closed::Stuck)),
        }
    }
    Ok(())
}

/// Puts an answer behind others, its length before it.
fn frame(answer: &[u8], out: &mut Vec<u8>) {
    // No answer is longer than its length can say.
    let Ok(length) = u16::try_from(answer.len()) else { return };
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(answer);
}
