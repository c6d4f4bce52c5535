//! Columns that line up.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

/// On which side of its column a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Rows of texts under a heading.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    columns: [(&'static str, Align); N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub(crate) fn new(columns: [(&'static str, Align); N]) -> Self {
        Table { columns, rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, row: [String; N]) {
        self.rows.push(row);
    }
}

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: [usize; N] = core::array::from_fn(|column| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.chain([self.columns[column].0.len()]).max().unwrap_or(0)
        });
        let heading = self.columns.map(|(title, _)| title);
        let rows = self.rows.iter().map(|row| core::array::from_fn(|column| row[column].as_str()));
        for row in core::iter::once(heading).chain(rows) {
            let mut line = String::new();
            for (column, text) in row.iter().enumerate() {
                let gap = if column == 0 { "" } else { "  " };
                match self.columns[column].1 {
                    Align::Right => write!(line, "{gap}{text:>width$}", width = widths[column])?,
                    Align::Left => write!(line, "{gap}{text:width$}", width = widths[column])?,
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn each_column_is_as_wide_as_its_widest_text() {
        let mut table = Table::new([("ID", Align::Right), ("STATE", Align::Left), ("NAME", Align::Left)]);
        table.row(["1".into(), "waiting".into(), "shell".into()]);
        table.row(["1000".into(), "é".into(), "x".into()]);
        let lines = ["  ID  STATE    NAME", "   1  waiting  shell", "1000  é        x", ""];
        assert_eq!(table.to_string(), lines.join("\n"));
    }
}
