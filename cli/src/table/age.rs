//! How long ago something was made, as kubectl says it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// From a timestamp such as `2024-01-01T00:00:00Z` until now.
pub(crate) fn since(created: &str, now: SystemTime) -> String {
    match seconds(created) {
        None => "<unknown>".to_owned(),
        Some(created) => {
            let now = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
            span(now.cast_signed() - created)
        }
    }
}

/// Two units where the second one matters.
fn span(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    const YEAR: i64 = 365 * DAY;
    let one = |unit: i64, sign: char| format!("{}{sign}", seconds / unit);
    let two = |unit: i64, sign: char, small: i64, small_sign: char| match seconds % unit / small {
        0 => one(unit, sign),
        rest => format!("{}{rest}{small_sign}", one(unit, sign)),
    };
    match seconds {
        // A clock may be a second behind another.
        -1 => "0s".to_owned(),
        ..0 => "<invalid>".to_owned(),
        _ if seconds < 2 * MINUTE => one(1, 's'),
        _ if seconds < 10 * MINUTE => two(MINUTE, 'm', 1, 's'),
        _ if seconds < 3 * HOUR => one(MINUTE, 'm'),
        _ if seconds < 8 * HOUR => two(HOUR, 'h', MINUTE, 'm'),
        _ if seconds < 2 * DAY => one(HOUR, 'h'),
        _ if seconds < 8 * DAY => two(DAY, 'd', HOUR, 'h'),
        _ if seconds < 2 * YEAR => one(DAY, 'd'),
        _ if seconds < 8 * YEAR => two(YEAR, 'y', DAY, 'd'),
        _ => one(YEAR, 'y'),
    }
}

/// Seconds since 1970 of an RFC 3339 timestamp in UTC, which is how Kubernetes writes them.
fn seconds(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = three(date, '-')?;
    let time = time.split_once('.').map_or(time, |(whole, _)| whole);
    let [hour, minute, second] = three(time, ':')?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 {
        return None;
    }
    Some(((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
}

fn three(text: &str, between: char) -> Option<[i64; 3]> {
    let parse = |part: &str| part.parse::<u16>().ok().map(i64::from);
    let parts: Option<Vec<i64>> = text.split(between).map(parse).collect();
    parts?.try_into().ok()
}

/// Days from 1970-01-01 in the Gregorian calendar. Years begin in March here, so that the leap day is
/// the last of one.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * month + 2) / 5 + day - 719_469
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_read() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2000-02-29T12:30:15Z", Some(951_827_415)),
            ("2000-03-01T00:00:00.25Z", Some(951_868_800)),
            ("2024-12-31T23:59:59Z", Some(1_735_689_599)),
            ("2100-03-01T00:00:00Z", Some(4_107_542_400)),
            ("2024-13-01T00:00:00Z", None),
            ("2024-01-01", None),
            ("", None),
            ("-1-1-1T0:0:0Z", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn ages_are_said_as_kubectl_says_them() {
        for (seconds, said) in [
            (-5, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (599, "9m59s"),
            (600, "10m"),
            (10_799, "179m"),
            (10_800, "3h"),
            (18_180, "5h3m"),
            (28_800, "8h"),
            (172_799, "47h"),
            (172_800, "2d"),
            (190_800, "2d5h"),
            (691_200, "8d"),
            (63_071_999, "729d"),
            (63_072_000, "2y"),
            (95_040_000, "3y5d"),
            (252_288_000, "8y"),
        ] {
            assert_eq!(span(seconds), said, "{seconds}");
        }
    }
}
