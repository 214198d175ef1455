//! What time it is at a member, to the second: the `Date` that its HTTP server puts on answers
//! (RFC 9110, section 5.6.7).

use std::time::{Duration, SystemTime};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::Uri;

/// What is asked: the least that etcd serves, to everybody.
pub(super) const PATH: &str = "/version";

/// Longer than the head of any answer.
const LONGEST: u64 = 8 << 10;

/// Asks a member that is spoken to without TLS: there, gRPC has a server of its own, which gives no
/// date.
pub(super) async fn ask(uri: &Uri, limit: Duration) -> Option<SystemTime> {
    let (host, port) = (uri.host()?, uri.port_u16()?);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let answer = async {
        let mut stream = TcpStream::connect((bare, port)).await.ok()?;
        let request =
            format!("HEAD {PATH} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut head = Vec::new();
        stream.take(LONGEST).read_to_end(&mut head).await.ok()?;
        date_of(&String::from_utf8_lossy(&head))
    };
    tokio::time::timeout(limit, answer).await.ok()?
}

fn date_of(head: &str) -> Option<SystemTime> {
    let fields = head.lines().skip(1).take_while(|line| !line.is_empty());
    let mut fields = fields.filter_map(|line| line.split_once(':'));
    let (_, date) = fields.find(|(name, _)| name.eq_ignore_ascii_case("date"))?;
    parse(date.trim())
}

/// Reads a date such as `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) fn parse(text: &str) -> Option<SystemTime> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let words: Vec<&str> = text.split([' ', ':']).filter(|word| !word.is_empty()).collect();
    let [_, day, month, year, hour, minute, second, "GMT"] = words.as_slice() else { return None };
    let number = |text: &str| text.parse::<u64>().ok();
    let (year, day) = (number(year)?, number(day)?);
    let month = u64::try_from(MONTHS.iter().position(|name| name == month)?).ok()? + 1;
    if !(1970..=9999).contains(&year) || !(1..=31).contains(&day) {
        return None;
    }
    // A year that begins in March has its odd day at the end.
    let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days =
        365 * years + years / 4 - years / 100 + years / 400 + (153 * months + 2) / 5 + day - 1;
    // From 1 March of the year 0 to 1 January 1970.
    let days = days.checked_sub(719_468)?;
    let seconds = days * 86_400 + number(hour)? * 3600 + number(minute)? * 60 + number(second)?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<u64> {
        parse(text)?.duration_since(SystemTime::UNIX_EPOCH).ok().map(|since| since.as_secs())
    }

    #[test]
    fn dates_are_read_as_servers_write_them() {
        assert_eq!(seconds("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(seconds("Thu, 29 Feb 2024 23:59:59 GMT"), Some(1_709_251_199));
        assert_eq!(seconds("Fri, 01 Mar 2024 00:00:00 GMT"), Some(1_709_251_200));
        for wrong in
            ["", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Foo 1994 08:49:37 GMT", "a b c d e f g GMT"]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_date_is_a_field_of_the_head() {
        let head =
            "HTTP/1.1 200 OK\r\nContent-Type: x\r\ndate: Thu, 01 Jan 1970 00:00:07 GMT\r\n\r\n";
        assert_eq!(date_of(head), SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(7)));
        assert_eq!(date_of("HTTP/1.1 200 OK\r\n\r\ndate: Thu, 01 Jan 1970 00:00:07 GMT\r\n"), None);
    }
}
