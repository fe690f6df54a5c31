//! Output: lines and tables for people, a JSON object for scripts.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// Output from a command.
pub struct Report {
    text: String,
    json: Value,
    notes: Vec<String>,
}

impl Report {
    /// Creates a report. Standard output gets `text`, or `json` with `--json`.
    pub fn new(text: impl Into<String>, json: &impl Serialize) -> Self {
        // Cannot fail: reports are maps with string keys.
        Self { text: text.into(), json: serde_json::to_value(json).unwrap_or_default(), notes: Vec::new() }
    }

    /// Adds a remark for people, on standard error.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds a field for scripts.
    pub fn and(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.json[field] = value.into();
        self
    }

    pub fn shown(&self, json: bool) -> String {
        let text = if json { self.json.to_string() } else { self.text.trim_end().to_owned() };
        if text.is_empty() { text } else { text + "\n" }
    }

    pub fn notes(&self) -> String {
        self.notes.iter().flat_map(|note| [note, "\n"]).collect()
    }
}

/// Formats rows in columns under their headings.
pub fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = headings.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: [&str; N]| {
        let cells = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let body = rows.iter().map(|row| line(row.each_ref().map(String::as_str)));
    std::iter::once(line(headings)).chain(body).collect()
}

/// Formats a line for each field with a value.
pub fn fields(fields: &[(&str, Option<String>)]) -> String {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let line = |(name, value): &(&str, Option<String>)| {
        value.as_ref().map(|value| format!("{name:width$}  {value}").trim_end().to_owned() + "\n")
    };
    fields.iter().filter_map(line).collect()
}

/// Formats a time to the millisecond, so texts sort as times do.
pub fn time(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// Returns the value, or a dash if there is none.
pub fn or_dash(value: Option<String>) -> String {
    value.unwrap_or_else(|| "-".to_owned())
}

/// Formats a count with its noun: `1 reply`, `2 replies`.
pub fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a".to_owned(), "long one".to_owned()], ["longer".to_owned(), String::new()]];
        assert_eq!(table(["ID", "NAME"], &rows), "ID      NAME\na       long one\nlonger\n");
        assert_eq!(fields(&[("id", Some("x".to_owned())), ("state", None)]), "id     x\n");
    }
}
