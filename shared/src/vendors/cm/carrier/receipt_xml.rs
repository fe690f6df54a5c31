//! XML status reports, with the fields of the JSON. We limit their number, and ignore unknown elements.

use super::receipt::Report;
use crate::{
    domain::ParseError,
    vendors::cm::xml::{self, Elements, Tag, XmlError},
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

impl From<XmlError> for ParseError {
    fn from(error: XmlError) -> Self {
        Self::new("(body)", error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escaped_text_in_report_is_read() {
        let body = "<?xml version='1.0'?><!-- no --><MESSAGES SENT='x'><MSG RECEIVED='y'><TO>1</TO><REFERENCE> r&amp;1 </REFERENCE>\
            <STATUS><ERRORDESCRIPTION><![CDATA[<a>]]> &#65;</ERRORDESCRIPTION><CODE>3</CODE><ERRORCODE/></STATUS>\
            <OTHER><CODE>9</CODE></OTHER></MSG></MESSAGES>";
        let reports = read(body.as_bytes()).unwrap();
        let report = &reports[0];
        assert_eq!(report.reference.as_deref(), Some("r&1"));
        assert_eq!((report.code.as_deref(), report.error_code.as_deref()), (Some("3"), None));
        assert_eq!(report.error_description.as_deref(), Some("<a> A"));
        let halves = read(b"<MESSAGES><MSG><STATUS><CODE>1<b/>2</CODE></STATUS></MSG></MESSAGES>").unwrap();
        assert_eq!(halves[0].code, None);
    }

    #[test]
    fn malformed_or_hostile_document_is_rejected() {
        let bomb = "<!DOCTYPE m [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><MESSAGES><MSG>&b;</MSG></MESSAGES>";
        let outside = "<!DOCTYPE m [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><MESSAGES>&x;</MESSAGES>";
        let deep = format!("{}{}", "<MESSAGES>".repeat(20), "</MESSAGES>".repeat(20));
        let many = format!("<MESSAGES>{}</MESSAGES>", "<MSG/>".repeat(1001));
        for (body, error) in [
            (bomb, "has a document type"),
            (outside, "has a document type"),
            (&deep, "is nested too deeply"),
            (&many, "has too many reports"),
            ("<MESSAGES><MSG>", "ends too early"),
            ("<MESSAGES/><MESSAGES/>", "has more than one root element"),
            ("<MESSAGES><MSG/></MESSAGES>more", "has text outside the root element"),
            ("<?xml version='1.0'?>more<MESSAGES><MSG/></MESSAGES>", "has text outside the root element"),
            ("<MESSAGES><MSG>&copy;</MSG></MESSAGES>", "uses a custom entity"),
            ("<MESSAGES></MSG>", "is not XML"),
            ("<MESSAGES/>", "is missing"),
        ] {
            assert_eq!(read(body.as_bytes()).err().unwrap().reason, error, "{body}");
        }
        assert!(read(b"<MESSAGES>\xFF</MESSAGES>").is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_markup_does_not_panic(parts in prop::collection::vec("</?(MESSAGES|MSG|STATUS|CODE|!DOCTYPE|!\\[CDATA\\[|!--|\\?xml)( SENT='A')?/?>|&[a-z#x0-9]{0,9};?|\\PC{0,5}|\\]\\]>|-->", 0..30)) {
            let _ = read(parts.concat().as_bytes());
        }
    }
}
