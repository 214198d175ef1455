//! Figures as text: OpenMetrics 1.0, or the older format of Prometheus, as the reader likes.

use std::fmt::Write;

use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

use super::Source;

/// How figures are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus 0.0.4.
    Prometheus,
}

impl Format {
    /// What a reader likes that says so, as the header `Accept` has it.
    #[must_use]
    pub fn of(accept: &str) -> Self {
        let weight = |wanted: &str| {
            accept
                .split(',')
                .filter_map(|range| {
                    let mut parts = range.split(';').map(str::trim);
                    let is_it = parts.next()?.eq_ignore_ascii_case(wanted);
                    let weight = parts.find_map(|part| part.strip_prefix("q="));
                    let weight = weight.map_or(Some(1.0), |text| text.parse::<f32>().ok())?;
                    (is_it && weight > 0.0).then_some(weight)
                })
                .reduce(f32::max)
        };
        let plain = ["text/plain", "text/*", "*/*"].into_iter().find_map(weight);
        match (weight("application/openmetrics-text"), plain) {
            (Some(open), plain) if plain.is_none_or(|plain| open >= plain) => Self::OpenMetrics,
            _ => Self::Prometheus,
        }
    }

    /// The type of the text.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// All figures of these sources.
///
/// # Errors
/// When one of them cannot be written.
pub fn write(sources: &[Source], format: Format) -> Result<String, std::fmt::Error> {
    let mut registry = Registry::default();
    sources.iter().for_each(|source| source(&mut registry));
    let mut text = String::new();
    text::encode(&mut text, &registry)?;
    match format {
        Format::OpenMetrics => Ok(text),
        Format::Prometheus => older(&text),
    }
}

/// The older format differs in what is said of the figures: counters are called as their samples
/// are, there are no units, no information and no end.
fn older(open: &str) -> Result<String, std::fmt::Error> {
    let mut text = String::with_capacity(open.len());
    let mut help: Option<(&str, &str)> = None;
    for line in open.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ').or(Some((rest, "")));
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                other => ("", other),
            };
            if let Some((_, help)) = help.take().filter(|(helped, _)| *helped == name) {
                writeln!(text, "# HELP {name}{suffix} {help}")?;
            }
            writeln!(text, "# TYPE {name}{suffix} {kind}")?;
        } else if !line.starts_with('#') {
            writeln!(text, "{line}")?;
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reader_chooses() {
        for (accept, format) in [
            ("", Format::Prometheus),
            ("*/*", Format::Prometheus),
            ("text/plain", Format::Prometheus),
            ("application/openmetrics-text", Format::OpenMetrics),
            (
                "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1",
                Format::OpenMetrics,
            ),
            ("application/openmetrics-text;q=0.1, text/plain", Format::Prometheus),
            ("application/openmetrics-text;q=0, */*", Format::Prometheus),
        ] {
            assert_eq!(Format::of(accept), format, "{accept}");
        }
    }

    #[test]
    fn the_older_format_calls_counters_as_their_samples() {
        let open = "# HELP a_seconds How long.\n# TYPE a_seconds counter\n# UNIT a_seconds seconds\n\
            a_seconds_total 1.5\n# HELP b Build.\n# TYPE b info\nb_info{v=\"1\"} 1\n# EOF\n";
        assert_eq!(
            older(open).unwrap(),
            "# HELP a_seconds_total How long.\n# TYPE a_seconds_total counter\na_seconds_total 1.5\n\
             # HELP b_info Build.\n# TYPE b_info gauge\nb_info{v=\"1\"} 1\n"
        );
    }
}
