//! XML status reports, with the fields of the JSON; the time is an attribute. We limit their number, and ignore
//! unknown elements.

use super::receipt::Report;
use crate::{
    domain::{CarrierReceipt, ParseError, ParsedItems},
    formats::xml::{self, Elements, Tag},
};

/// Twice the depth of the format.
const DEEPEST: usize = 8;
/// As many messages as CM.com accepts per request.
const MOST_REPORTS: usize = 1000;

pub(super) fn read(body: &[u8]) -> Result<ParsedItems<CarrierReceipt>, ParseError> {
    let mut reports = Reports::default();
    xml::read(body, DEEPEST, &mut reports)?;
    let items: Vec<_> = reports.read.into_iter().map(Report::read).collect();
    match items.len() {
        0 => Err(ParseError::new("MSG", "is missing")),
        1 => Ok(items.into()),
        _ => Ok(ParsedItems::of_list(items, reports.bodies)),
    }
}

#[derive(Default)]
struct Reports {
    read: Vec<Report>,
    /// For each report, a document with this report alone.
    bodies: Vec<String>,
}

impl Elements for Reports {
    type Error = ParseError;

    fn open(&mut self, path: &[&str], tag: Tag<'_>) -> Result<(), ParseError> {
        if path == ["MESSAGES", "MSG"] {
            if self.read.len() >= MOST_REPORTS {
                return Err(ParseError::new("(body)", "has too many reports"));
            }
            let received = tag.attribute("RECEIVED").ok().flatten();
            self.read.push(Report { received, ..Report::default() });
        }
        Ok(())
    }

    fn close(&mut self, path: &[&str], text: String) {
        let Some(report) = self.read.last_mut() else { return };
        let said = match path {
            ["MESSAGES", "MSG", "REFERENCE"] => &mut report.reference,
            ["MESSAGES", "MSG", "OPERATOR"] => &mut report.operator,
            ["MESSAGES", "MSG", "STATUS", "CODE"] => &mut report.code,
            ["MESSAGES", "MSG", "STATUS", "ERRORCODE"] => &mut report.error_code,
            ["MESSAGES", "MSG", "STATUS", "ERRORDESCRIPTION"] => &mut report.error_description,
            _ => return,
        };
        *said = Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    }

    fn source(&mut self, path: &[&str], source: &str) {
        if path == ["MESSAGES", "MSG"] {
            self.bodies.push(format!("<MESSAGES>{source}</MESSAGES>"));
        }
    }
}
