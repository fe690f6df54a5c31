//! XML status reports, with the fields of the JSON. We limit their number, and ignore unknown elements.

use super::receipt::Report;
use crate::{
    domain::ParseError,
    formats::xml::{self, Elements, Tag},
};

/// Twice the depth of the format.
const DEEPEST: usize = 8;
/// As many messages as CM.com accepts per request.
const MOST_REPORTS: usize = 1000;

pub(super) fn read(body: &[u8]) -> Result<Vec<Report>, ParseError> {
    let mut reports = Reports(Vec::new());
    xml::read(body, DEEPEST, &mut reports)?;
    if reports.0.is_empty() { Err(ParseError::new("MSG", "is missing")) } else { Ok(reports.0) }
}

struct Reports(Vec<Report>);

impl Elements for Reports {
    type Error = ParseError;

    fn open(&mut self, path: &[&str], _: Tag<'_>) -> Result<(), ParseError> {
        if path == ["MESSAGES", "MSG"] {
            if self.0.len() >= MOST_REPORTS {
                return Err(ParseError::new("(body)", "has too many reports"));
            }
            self.0.push(Report::default());
        }
        Ok(())
    }

    fn close(&mut self, path: &[&str], text: String) {
        let Some(report) = self.0.last_mut() else { return };
        let said = match path {
            ["MESSAGES", "MSG", "REFERENCE"] => &mut report.reference,
            ["MESSAGES", "MSG", "STATUS", "CODE"] => &mut report.code,
            ["MESSAGES", "MSG", "STATUS", "ERRORCODE"] => &mut report.error_code,
            ["MESSAGES", "MSG", "STATUS", "ERRORDESCRIPTION"] => &mut report.error_description,
            _ => return,
        };
        *said = Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    }
}
