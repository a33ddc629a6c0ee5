//! A small text table.

use std::fmt::{Display, Formatter, Result};

/// A table with a heading; its columns are as wide as their widest cell.
#[derive(Clone, Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with this heading and no rows.
    pub fn new(heading: &[&str]) -> Self {
        Self {
            rows: vec![owned(heading)],
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: &[&str]) {
        self.rows.push(owned(cells));
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    }
}

fn owned(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| cell.to_string()).collect()
}

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for row in &self.rows {
            let cells = row.iter().enumerate();
            let padded = cells.map(|(i, cell)| format!("{cell:<0$}", self.width(i)));
            writeln!(f, "{}", padded.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["who", "price"]);
        table.row(&["provider-1", "0.5"]);
        table.row(&["x", ""]);
        assert_eq!(table.to_string(), "who         price\nprovider-1  0.5\nx\n");
    }
}
