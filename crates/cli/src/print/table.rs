//! Aligned columns.

use super::{Paint, Printer, safe};

/// Between two columns.
const GAP: &str = "  ";

/// A table of safe one-line cells under a head; `empty` says how to make the first row.
pub(crate) fn table(printer: Printer, head: &[&str], rows: &[Vec<String>], empty: &str) -> String {
    if rows.is_empty() {
        return empty.to_owned();
    }
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| safe::line(cell)).collect())
        .collect();
    let widths: Vec<usize> = (0..head.len())
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let longest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
            longest.max(head[column].len())
        })
        .collect();
    let aligned = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (cell, &width) in cells.zip(&widths) {
            line.push_str(&format!("{cell:width$}{GAP}"));
        }
        line.trim_end().to_owned()
    };
    let mut lines = vec![printer.paint(Paint::Dim, &aligned(&mut head.iter().copied()))];
    lines.extend(
        rows.iter()
            .map(|row| aligned(&mut row.iter().map(String::as_str))),
    );
    lines.join("\n")
}

/// Names and values under each other; values without a word are left out.
pub(crate) fn pairs(pairs: &[(&str, Option<String>)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    pairs
        .iter()
        .filter_map(|(name, value)| Some((name, value.as_ref()?)))
        .map(|(name, value)| format!("  {name:width$}{GAP}{value}\n"))
        .collect()
}
