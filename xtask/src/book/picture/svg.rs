//! The picture's file.

use std::fmt::Write;

use super::frame::{self, Frame};
use super::grid::Grid;
use super::stroke::{self, is_round};

/// A character's place, pixels.
const WIDTH: usize = 9;
const HEIGHT: usize = 19;
const MARGIN: usize = 14;
/// Readable on light pages and on dark ones: it brings its own ground.
const STYLE: &str = "\
.ground{fill:#fbfaf7}.d0{fill:#eaf1f7}.d1{fill:#fff}.d2{fill:#f6ecd9}\
line,.bow{stroke:#46596b;stroke-width:1.5;fill:none;stroke-linecap:round}.dashed{stroke-dasharray:3 5}\
.head{fill:#46596b}text{fill:#1d2935;font:14px ui-monospace,Menlo,Consolas,monospace;white-space:pre}.name{font-weight:600}\
@media(prefers-color-scheme:dark){.ground{fill:#16191d}.d0{fill:#212a33}.d1{fill:#2c3742}.d2{fill:#4a3f2a}\
line,.bow{stroke:#9db2c6}.head{fill:#9db2c6}text{fill:#e3e9ef}}";

/// Writes it.
pub(super) fn write(title: &str, grid: &Grid) -> String {
    let (wide, high) = (2 * MARGIN + grid.columns() * WIDTH, 2 * MARGIN + grid.rows() * HEIGHT);
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide}\" height=\"{high}\" viewBox=\"0 0 {wide} {high}\" role=\"img\">"
    );
    let _ = writeln!(out, "<title>{}</title>\n<style>{STYLE}</style>", escape(title));
    let _ = writeln!(out, "<rect class=\"ground\" width=\"{wide}\" height=\"{high}\" rx=\"8\"/>");
    let frames = frame::find(grid);
    for (frame, depth) in &frames {
        fill(&mut out, *frame, (*depth).min(2));
    }
    for line in stroke::find(grid) {
        let ((x1, y1), (x2, y2)) = (place(line.from), place(line.to));
        let class = if line.dashed { " class=\"dashed\"" } else { "" };
        let _ = writeln!(out, "<line{class} x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>");
    }
    for row in 0..grid.rows() {
        for column in 0..grid.columns() {
            mark(&mut out, grid, row, column);
        }
    }
    for (row, column, text) in grid.texts() {
        let named = frames.iter().any(|(f, _)| row == f.top && (f.left..f.right).contains(&column));
        let class = if named { " class=\"name\"" } else { "" };
        let (x, y) = (MARGIN + column * WIDTH, MARGIN + row * HEIGHT + 14);
        let length = text.chars().count() * WIDTH;
        let _ = writeln!(
            out,
            "<text{class} x=\"{x}\" y=\"{y}\" textLength=\"{length}\" lengthAdjust=\"spacingAndGlyphs\">{}</text>",
            escape(&text)
        );
    }
    out.push_str("</svg>\n");
    out
}

fn fill(out: &mut String, frame: Frame, class: usize) {
    let (x, y) = place((2 * frame.left + 1, 2 * frame.top + 1));
    let (right, bottom) = place((2 * frame.right + 1, 2 * frame.bottom + 1));
    let (wide, high) = (right - x, bottom - y);
    let _ = writeln!(
        out,
        "<rect class=\"d{class}\" x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{high}\" rx=\"3\"/>"
    );
}

/// Rounded corners, and the heads of arrows.
fn mark(out: &mut String, grid: &Grid, row: usize, column: usize) {
    let (c, arms) = (grid.at(row, column), grid.arms(row, column));
    let (x, y) = place((2 * column + 1, 2 * row + 1));
    if is_round(c) {
        let (side, _) = place((2 * column + if arms.right { 2 } else { 0 }, 0));
        let (_, end) = place((0, 2 * row + if arms.down { 2 } else { 0 }));
        let _ = writeln!(out, "<path class=\"bow\" d=\"M{side} {y}Q{x} {y} {x} {end}\"/>");
    }
    let tips = match c {
        '▶' => [(5, 0), (-5, -5), (-5, 5)],
        '◀' => [(-5, 0), (5, -5), (5, 5)],
        '▲' => [(0, -7), (-5, 4), (5, 4)],
        '▼' => [(0, 7), (-5, -4), (5, -4)],
        _ => return,
    };
    let tips = tips.map(|(dx, dy)| format!("{} {}", x + f64::from(dx), y + f64::from(dy)));
    let _ = writeln!(out, "<path class=\"head\" d=\"M{}Z\"/>", tips.join("L"));
}

/// Pixels of a place that is given in halves.
fn place((x, y): (usize, usize)) -> (f64, f64) {
    let pixels = |halves: usize, size: usize| (2 * MARGIN + halves * size) as f64 / 2.0;
    (pixels(x, WIDTH), pixels(y, HEIGHT))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
