//! A bar for every goal: how many times better (right of the line) or worse than it should be.

use std::fmt::Write as _;

use super::results::Results;
use super::rows::Row;

const ROW_HEIGHT: f64 = 18.0;
const TEXT_WIDTH: f64 = 250.0;
const PLOT_WIDTH: f64 = 440.0;
const NOTE_WIDTH: f64 = 270.0;
/// The plot reaches from 1/16 of a goal to 16 times.
const DOUBLINGS: f64 = 4.0;

pub(crate) fn draw(rows: &[Row], results: &Results) -> String {
    let mut bars = Vec::new();
    for row in rows {
        for verdict in results.verdicts(row) {
            bars.push((row.id.as_str(), verdict));
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a few hundred bars")]
    let height = bars.len() as f64 * ROW_HEIGHT + 50.0;
    let width = TEXT_WIDTH + PLOT_WIDTH + NOTE_WIDTH;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <title>Roadstead against its goals</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    for doubling in [-4, -2, 0, 2, 4] {
        let x = position(2f64.powi(doubling));
        let (stroke, label) = match doubling {
            0 => ("#333", "goal".to_owned()),
            below if below < 0 => ("#ddd", format!("1/{}", 1 << -below)),
            above => ("#ddd", format!("{} ×", 1 << above)),
        };
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"24\" y2=\"{:.1}\" stroke=\"{stroke}\"/><text x=\"{x:.1}\" y=\"16\" text-anchor=\"middle\">{label}</text>",
            height - 20.0
        );
    }
    let mut y = 30.0;
    for (id, verdict) in bars {
        let (zero, end) = (position(1.0), position(verdict.margin));
        let fill = if verdict.reached {
            "#2f7d5b"
        } else {
            "#b4482f"
        };
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text><rect x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"11\" fill=\"{fill}\"/><text x=\"{:.1}\" y=\"{:.1}\" fill=\"#555\">{}</text>",
            TEXT_WIDTH - 8.0,
            y + 10.0,
            escaped(id),
            zero.min(end),
            (zero - end).abs().max(1.0),
            TEXT_WIDTH + PLOT_WIDTH + 8.0,
            y + 10.0,
            escaped(&verdict.text),
        );
        y += ROW_HEIGHT;
    }
    svg.push_str("</svg>\n");
    svg
}

fn position(margin: f64) -> f64 {
    let doublings = margin
        .max(f64::MIN_POSITIVE)
        .log2()
        .clamp(-DOUBLINGS, DOUBLINGS);
    TEXT_WIDTH + (doublings + DOUBLINGS) / (2.0 * DOUBLINGS) * PLOT_WIDTH
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
