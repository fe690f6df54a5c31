//! Output: lines and tables for people, a JSON object for scripts.
//!
//! We trust no text: carriers, phones and clients wrote many of the values, and a terminal obeys escape sequences. So
//! a value in a table or field keeps to its cell ([`escaped`]), and whatever is printed, outputs and errors alike,
//! passes through [`lines`] or [`json`], which leave no character that could do something to a terminal.

use std::fmt::Write;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use shared::domain::CallbackUrl;

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
        let text = if json { self::json(&self.json) } else { lines(self.text.trim_end()) };
        if text.is_empty() { text } else { text + "\n" }
    }

    pub fn notes(&self) -> String {
        self.notes.iter().map(|note| lines(note) + "\n").collect()
    }
}

/// Returns whether a terminal may act on the character instead of showing it: a control character (C0, DEL, C1), a
/// line or paragraph separator, or a character with the property `Bidi_Control` (Unicode, UAX #9), which reorders the
/// text around it.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Escapes a value, so that it stays on its line and in order: a line break becomes `\n`, an escape character
/// `\u{1b}`. A backslash stays as it is. So a value may look like an escaped one; `--json` tells them apart.
pub fn escaped(value: &str) -> String {
    escape(value, is_unsafe)
}

/// Escapes a text of ours with values in it. The line breaks of its layout stay.
pub fn lines(text: &str) -> String {
    escape(text, |c| c != '\n' && is_unsafe(c))
}

fn escape(text: &str, is_unsafe: impl Fn(char) -> bool) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) { safe.extend(c.escape_default()) } else { safe.push(c) }
    }
    safe
}

/// Serializes a value to JSON. `serde_json` escapes only C0; other unsafe characters occur only within strings, where
/// `\u202e` is equal in meaning. All have four hex digits.
pub fn json(value: &Value) -> String {
    let mut safe = String::new();
    for c in value.to_string().chars() {
        // Writing to a string cannot fail.
        let _ = if is_unsafe(c) { write!(safe, "\\u{:04x}", u32::from(c)) } else { safe.write_char(c) };
    }
    safe
}

/// Formats a client's URL: whole with `--reveal`, and without it only the origin, because the rest may hold a token.
pub fn url(url: &CallbackUrl, reveal: bool) -> String {
    if reveal { url.as_str().to_owned() } else { url.redacted() }
}

/// Formats rows in columns under their headings. Each row stays on its line.
pub fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let rows: Vec<_> = rows.iter().map(|row| row.each_ref().map(|cell| escaped(cell))).collect();
    let mut widths = headings.map(str::len);
    for row in &rows {
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

/// Formats a line for each field with a value. Each value stays on its line.
pub fn fields(fields: &[(&str, Option<String>)]) -> String {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let line = |(name, value): &(&str, Option<String>)| {
        value.as_ref().map(|value| format!("{name:width$}  {}", escaped(value)).trim_end().to_owned() + "\n")
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

    #[test]
    fn unsafe_characters_are_escaped_and_others_stay() {
        for (value, shown, in_json) in [
            ("a\nb\r\tc", r"a\nb\r\tc", r"a\nb\r\tc"),
            ("\u{1b}]0;pwned\u{7}", r"\u{1b}]0;pwned\u{7}", r"\u001b]0;pwned\u0007"),
            (
                "\u{0}\u{7f}\u{80}\u{9b}31m\u{9f}",
                r"\u{0}\u{7f}\u{80}\u{9b}31m\u{9f}",
                r"\u0000\u007f\u0080\u009b31m\u009f",
            ),
            ("\u{202a}\u{202e}\u{2066}\u{2069}", r"\u{202a}\u{202e}\u{2066}\u{2069}", r"\u202a\u202e\u2066\u2069"),
            (
                "\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}",
                r"\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}",
                r"\u061c\u200e\u200f\u2028\u2029",
            ),
            (r"C:\new \u{1b}", r"C:\new \u{1b}", r"C:\\new \\u{1b}"),
            ("Grüße 👨\u{200d}👩 שלום \u{a0}…", "Grüße 👨\u{200d}👩 שלום \u{a0}…", "Grüße 👨\u{200d}👩 שלום \u{a0}…"),
        ] {
            assert_eq!(escaped(value), shown, "{value:?}");
            assert_eq!(json(&value.into()), format!("\"{in_json}\""), "{value:?}");
            assert_eq!(serde_json::from_str::<String>(&json(&value.into())).unwrap(), value);
        }
    }

    #[test]
    fn only_line_breaks_of_the_layout_stay() {
        let rows = [["a\nb".to_owned(), "\u{9b}".to_owned()], ["c".to_owned(), "d".to_owned()]];
        assert_eq!(table(["ID", "NAME"], &rows), "ID    NAME\na\\nb  \\u{9b}\nc     d\n");
        assert_eq!(fields(&[("id", Some("a\r\nb".to_owned()))]), "id  a\\r\\nb\n");
        let report =
            Report::new("one\ntwo\u{1b}\u{9b}", &serde_json::json!({"\u{9b}": "\u{202e}"})).note("note\n\u{7}");
        assert_eq!(report.shown(false), "one\ntwo\\u{1b}\\u{9b}\n");
        assert_eq!(report.shown(true), "{\"\\u009b\":\"\\u202e\"}\n");
        assert_eq!(report.notes(), "note\n\\u{7}\n");
    }

    #[test]
    fn url_is_whole_only_if_revealed() {
        let acme = "https://acme.example/hooks/T0?token=x".parse().unwrap();
        assert_eq!([true, false].map(|reveal| url(&acme, reveal)), [acme.as_str(), "https://acme.example/…"]);
    }
}
