//! Charts, drawn by the server: figures over days or months. Under each stands a table of the same figures, for those who
//! would rather read.

use crate::texts::Language;
use crate::values::Bytes;

/// The width of the drawing, in units of its own; its height is 180.
const WIDTH: u64 = 720;
/// What the figures leave free above and below.
const TOP: u64 = 18;
const BOTTOM: u64 = 158;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Bytes.
    Bytes,
}

impl Unit {
    fn text(self, language: Language, value: u64) -> String {
        match self {
            Self::Count => language.number(value),
            Self::Bytes => Bytes(value).text(language),
        }
    }
}

/// How a chart draws its figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A bar for each figure: what is done in a time.
    Bars,
    /// A line through all: what is there at a time.
    Line,
}

/// Figures over time.
#[derive(Clone, Debug)]
pub struct Chart {
    /// The language of its figures.
    pub language: Language,
    /// What it shows.
    pub title: &'static str,
    /// How.
    pub style: Style,
    /// What is counted.
    pub unit: Unit,
    /// The names of what is drawn beside each other, at most three.
    pub names: Vec<&'static str>,
    /// The times in their order, each with a figure for every name; `None` for what is not known.
    pub columns: Vec<(String, Vec<Option<u64>>)>,
    /// What must not be passed, and what that is called.
    pub limit: Option<(u64, &'static str)>,
}

/// A bar.
pub(crate) struct Bar {
    pub x: String,
    pub y: u64,
    pub width: String,
    pub height: u64,
    /// Which of the names it is of.
    pub series: usize,
    /// What it says.
    pub title: String,
}

impl Chart {
    /// Whether there is anything to draw.
    pub fn is_empty(&self) -> bool {
        self.figures().all(|figure| figure == 0)
    }

    fn figures(&self) -> impl Iterator<Item = u64> {
        self.columns
            .iter()
            .flat_map(|(_, all)| all)
            .filter_map(|figure| *figure)
    }

    /// The height of the drawing, as a figure: a round one that is not below any other. A limit that is far away is left out.
    fn most(&self) -> u64 {
        let most = self.figures().max().unwrap_or(0).max(1);
        let limit = self.limit.map(|(limit, _)| limit);
        round_up(
            self.unit,
            limit
                .filter(|limit| *limit <= most.saturating_mul(4))
                .unwrap_or(0)
                .max(most),
        )
    }

    fn y(&self, figure: u64) -> u64 {
        let share = u128::from(figure) * u128::from(BOTTOM - TOP) / u128::from(self.most());
        BOTTOM.saturating_sub(u64::try_from(share).unwrap_or(0))
    }

    /// Where a column begins, and how wide it is, in tenths.
    fn place(&self, column: usize) -> (u64, u64) {
        let count = u64::try_from(self.columns.len()).unwrap_or(1).max(1);
        let width = WIDTH * 10 / count;
        (width * u64::try_from(column).unwrap_or(0), width)
    }

    pub(crate) fn bars(&self) -> Vec<Bar> {
        let mut bars = Vec::new();
        if self.style != Style::Bars {
            return bars;
        }
        let names = u64::try_from(self.names.len()).unwrap_or(1).max(1);
        for (at, (label, figures)) in self.columns.iter().enumerate() {
            let (x, width) = self.place(at);
            let width = width * 8 / 10 / names;
            for (series, (figure, name)) in figures.iter().zip(&self.names).enumerate() {
                let Some(figure) = figure.filter(|figure| *figure > 0) else {
                    continue;
                };
                let y = self.y(figure).min(BOTTOM - 2);
                bars.push(Bar {
                    x: tenths(x + width * u64::try_from(series).unwrap_or(0)),
                    y,
                    width: tenths(width),
                    height: BOTTOM - y,
                    series,
                    title: format!("{label}: {} {name}", self.unit.text(self.language, figure)),
                });
            }
        }
        bars
    }

    /// The points of each line, without what is not known.
    pub(crate) fn lines(&self) -> Vec<(usize, String)> {
        if self.style != Style::Line {
            return Vec::new();
        }
        let line = |series: usize| {
            let points = self
                .columns
                .iter()
                .enumerate()
                .filter_map(|(at, (_, figures))| {
                    let (x, width) = self.place(at);
                    let y = self.y((*figures.get(series)?)?);
                    Some(format!("{},{y}", tenths(x + width / 2)))
                });
            (series, points.collect::<Vec<_>>().join(" "))
        };
        (0..self.names.len()).map(line).collect()
    }

    /// Where the limit is drawn, and what it is called; nothing when it is out of sight.
    pub(crate) fn limit_line(&self) -> Option<(u64, String)> {
        let (limit, name) = self.limit.filter(|(limit, _)| *limit <= self.most())?;
        Some((
            self.y(limit),
            format!("{name}: {}", self.unit.text(self.language, limit)),
        ))
    }

    /// What the top of the drawing stands for.
    pub(crate) fn top(&self) -> String {
        self.unit.text(self.language, self.most())
    }

    /// The first time and the last.
    pub(crate) fn ends(&self) -> (&str, &str) {
        let first = self.columns.first().map_or("", |(label, _)| label);
        let last = self.columns.last().map_or("", |(label, _)| label);
        (first, last)
    }

    /// A figure as text; a dash for what is not known.
    #[expect(clippy::ref_option, reason = "templates hand over references")]
    pub(crate) fn figure(&self, figure: &Option<u64>) -> String {
        figure.map_or_else(
            || "–".to_owned(),
            |figure| self.unit.text(self.language, figure),
        )
    }
}

fn tenths(tenths: u64) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// The next figure of one digit, or of 1, 2, 4, … of a unit of bytes.
fn round_up(unit: Unit, figure: u64) -> u64 {
    match unit {
        Unit::Bytes => figure.checked_next_power_of_two().unwrap_or(u64::MAX),
        Unit::Count => {
            let mut scale: u64 = 1;
            while figure / scale >= 10 {
                scale = scale.saturating_mul(10);
            }
            figure.div_ceil(scale).saturating_mul(scale).max(4)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(style: Style, figures: &[Option<u64>], limit: Option<u64>) -> Chart {
        let columns = figures.iter().enumerate();
        Chart {
            language: Language::English,
            title: "Storage",
            style,
            unit: Unit::Count,
            names: vec!["pulls"],
            columns: columns
                .map(|(at, figure)| (format!("day {at}"), vec![*figure]))
                .collect(),
            limit: limit.map(|limit| (limit, "limit")),
        }
    }

    #[test]
    fn the_highest_figure_fits_and_none_is_lost() {
        let drawn = chart(Style::Bars, &[Some(0), Some(1), Some(730), None], None);
        assert_eq!(drawn.top(), "800");
        let bars = drawn.bars();
        let shown: Vec<_> = bars
            .iter()
            .map(|bar| (bar.y, bar.height, bar.title.as_str()))
            .collect();
        assert_eq!(
            shown,
            [(156, 2, "day 1: 1 pulls"), (31, 127, "day 2: 730 pulls")]
        );
        assert!(chart(Style::Bars, &[Some(0), None], None).is_empty());
    }

    #[test]
    fn a_line_leaves_out_what_is_not_known() {
        let drawn = chart(Style::Line, &[Some(4), None, Some(8), Some(u64::MAX)], None);
        assert_eq!(
            drawn.lines(),
            [(0, "90.0,158 450.0,158 630.0,18".to_owned())]
        );
        assert_eq!(drawn.ends(), ("day 0", "day 3"));
    }

    #[test]
    fn a_limit_is_drawn_when_it_is_in_sight() {
        let near = chart(Style::Line, &[Some(10)], Some(40));
        assert_eq!(near.limit_line(), Some((18, "limit: 40".to_owned())));
        assert_eq!(near.top(), "40");
        assert_eq!(chart(Style::Line, &[Some(10)], Some(41)).limit_line(), None);
    }
}
