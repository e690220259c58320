//! How answers of `roadstead admin` look to people.

use jiff::Timestamp;

/// A moment in UTC, to the second; `-` for none.
pub(crate) fn date(at_ms: Option<i64>) -> String {
    let timestamp = at_ms.and_then(|at_ms| Timestamp::from_second(at_ms / 1000).ok());
    timestamp.map_or_else(|| "-".to_owned(), |timestamp| timestamp.to_string())
}

/// Columns as wide as their widest cell.
pub(crate) fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut lines = vec![
        head.iter()
            .map(|cell| (*cell).to_owned())
            .collect::<Vec<_>>(),
    ];
    lines.extend(rows);
    let widths: Vec<usize> = (0..head.len())
        .map(|column| {
            lines
                .iter()
                .map(|line| line[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for line in &lines {
        let cells: Vec<String> = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}
