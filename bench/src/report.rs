//! Rows: what was measured, on both sides, and what it means.

use anyhow::Result;
use comfy_table::{Table, presets};
use serde::Serialize;

/// A measurement. Samples of both sides were taken in turn, one a round.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub name: String,
    pub unit: &'static str,
    pub ours: Vec<f64>,
    pub peer: String,
    pub theirs: Vec<f64>,
    pub better: Better,
    /// The ratio to reach.
    pub target: f64,
}

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Better {
    Lower,
    Higher,
}

impl Row {
    /// The ratio of each round; above 1 ours is better.
    fn ratios(&self) -> Vec<f64> {
        let of = |(ours, theirs): (&f64, &f64)| match self.better {
            // Nothing on both sides, too.
            _ if ours == theirs => 1.0,
            Better::Lower => theirs / ours,
            Better::Higher => ours / theirs,
        };
        self.ours.iter().zip(&self.theirs).map(of).collect()
    }
}

/// The middle of samples; of an even number the lower of the two in the middle.
pub(crate) fn median(samples: &[f64]) -> f64 {
    percentile(samples, 50)
}

/// A percentile by nearest rank.
pub(crate) fn percentile(samples: &[f64], percent: usize) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
}

pub(crate) fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header([
        "what",
        "unit",
        "ours",
        "theirs",
        "peer",
        "ratio",
        "min–median–max",
        "target",
    ]);
    for row in rows {
        let ratios = row.ratios();
        let ratio = median(&ratios);
        let range = [percentile(&ratios, 1), ratio, percentile(&ratios, 100)]
            .map(|r| format!("{r:.2}"))
            .join("–");
        let met = if ratio >= row.target { "met" } else { "MISSED" };
        table.add_row([
            row.name.clone(),
            row.unit.to_owned(),
            format!("{:.2}", median(&row.ours)),
            format!("{:.2}", median(&row.theirs)),
            row.peer.clone(),
            format!("{ratio:.2}"),
            range,
            format!("≥ {:.2} {met}", row.target),
        ]);
    }
    table.trim_fmt()
}

#[derive(Serialize)]
struct JsonRow<'a> {
    name: &'a str,
    unit: &'a str,
    ours: f64,
    peer: &'a str,
    theirs: f64,
    ratio: f64,
}

pub(crate) fn json(rows: &[Row]) -> Result<String> {
    let rows: Vec<JsonRow<'_>> = rows
        .iter()
        .map(|row| JsonRow {
            name: &row.name,
            unit: row.unit,
            ours: median(&row.ours),
            peer: &row.peer,
            theirs: median(&row.theirs),
            ratio: median(&row.ratios()),
        })
        .collect();
    Ok(serde_json::to_string_pretty(&rows)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(better: Better) -> Row {
        Row {
            name: "add".into(),
            unit: "ms",
            ours: vec![1.0, 2.0, 4.0],
            peer: "bridge".into(),
            theirs: vec![10.0, 10.0, 10.0],
            better,
            target: 5.0,
        }
    }

    #[test]
    fn a_ratio_above_one_is_ours() {
        assert_eq!(row(Better::Lower).ratios(), [10.0, 5.0, 2.5]);
        assert_eq!(row(Better::Higher).ratios(), [0.1, 0.2, 0.4]);
        let nothing = Row { ours: vec![0.0], theirs: vec![0.0], ..row(Better::Lower) };
        assert_eq!(nothing.ratios(), [1.0]);
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(percentile(&[1.0, 2.0, 3.0, 4.0], 99), 4.0);
    }

    #[test]
    fn the_table_says_whether_a_target_is_met_and_the_json_is_a_list() {
        assert!(table(&[row(Better::Lower)]).contains("≥ 5.00 met"));
        assert!(table(&[row(Better::Higher)]).contains("MISSED"));
        let rows: serde_json::Value =
            serde_json::from_str(&json(&[row(Better::Lower)]).unwrap()).unwrap();
        assert_eq!(rows[0]["ratio"], 5.0);
        assert_eq!(rows[0]["peer"], "bridge");
    }
}
