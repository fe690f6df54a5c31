//! A status report as XML: the same as the JSON has, with names in capitals.
//!
//! Read as a stream of events, under the rules of the XML gateway of the `cm`
//! dialect: a document type is refused, so that there are no entities but the five
//! that XML knows, and depth and number are limited. Elements are read in any case,
//! and unknown ones passed over.

use quick_xml::{
    Reader,
    escape::resolve_predefined_entity,
    events::{BytesRef, Event},
};

use super::receipt::Report;
use crate::carriers::UnreadableError;

/// Twice what the format has.
const DEEPEST: usize = 8;
/// As many as CM takes messages in one request.
const MOST_REPORTS: usize = 1000;

pub(super) fn read(body: &[u8]) -> Result<Vec<Report>, UnreadableError> {
    let text = std::str::from_utf8(body).map_err(|_| fault("is not UTF-8"))?;
    let mut reading = Reading::default();
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event().map_err(|_| fault("is not XML"))? {
            Event::Start(tag) => reading.open(tag.name().as_ref())?,
            Event::Empty(tag) => {
                reading.open(tag.name().as_ref())?;
                reading.close();
            }
            Event::End(_) => reading.close(),
            Event::Text(text) => reading.text.push_str(&text.xml10_content()),
            Event::CData(text) => reading.text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => reading.text.push_str(&resolve(&reference)?),
            Event::DocType(_) => return Err(fault("has a document type")),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => return reading.finish(),
        }
    }
}

/// A document on its way.
#[derive(Default)]
struct Reading {
    /// The open elements, in capitals.
    path: Vec<String>,
    /// What the innermost one holds so far, if it holds no element.
    text: String,
    is_leaf: bool,
    reports: Vec<Report>,
    rooted: bool,
}

impl Reading {
    fn open(&mut self, name: &str) -> Result<(), UnreadableError> {
        if self.path.len() >= DEEPEST {
            return Err(fault("is nested too deep"));
        }
        if self.path.is_empty() && self.rooted {
            return Err(fault("is more than one document"));
        }
        self.rooted = true;
        self.text.clear();
        self.is_leaf = true;
        self.path.push(name.to_ascii_uppercase());
        if self.is_at(&["MESSAGES", "MSG"]) {
            if self.reports.len() >= MOST_REPORTS {
                return Err(fault("has too many reports"));
            }
            self.reports.push(Report::default());
        }
        Ok(())
    }

    /// The reader has seen that it is the one that was opened.
    fn close(&mut self) {
        let text = std::mem::take(&mut self.text).trim().to_owned();
        // Of a text with an element in it half would be lost.
        let text = Some(text).filter(|text| !text.is_empty() && self.is_leaf);
        self.is_leaf = false;
        let path: Vec<_> = self.path.iter().map(String::as_str).collect();
        if let Some(report) = self.reports.last_mut() {
            match path.as_slice() {
                ["MESSAGES", "MSG", "REFERENCE"] => report.reference = text,
                ["MESSAGES", "MSG", "STATUS", "CODE"] => report.code = text,
                ["MESSAGES", "MSG", "STATUS", "ERRORCODE"] => report.error_code = text,
                ["MESSAGES", "MSG", "STATUS", "ERRORDESCRIPTION"] => report.error_description = text,
                _ => {}
            }
        }
        self.path.pop();
    }

    fn is_at(&self, path: &[&str]) -> bool {
        self.path == path
    }

    fn finish(self) -> Result<Vec<Report>, UnreadableError> {
        if !self.rooted || !self.path.is_empty() {
            return Err(fault("breaks off"));
        }
        if self.reports.is_empty() { Err(UnreadableError::new("MSG", "is missing")) } else { Ok(self.reports) }
    }
}

/// A character by its number, or one of the five that have a name.
fn resolve(reference: &BytesRef<'_>) -> Result<String, UnreadableError> {
    if let Some(character) = reference.resolve_char_ref().map_err(|_| fault("is not XML"))? {
        return Ok(character.to_string());
    }
    resolve_predefined_entity(reference).map(str::to_owned).ok_or_else(|| fault("has an entity of its own"))
}

fn fault(what: &str) -> UnreadableError {
    UnreadableError::new("(body)", what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_report_is_read_with_what_is_escaped_in_it() {
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
    fn what_is_no_report_or_could_be_an_attack_is_refused() {
        let bomb = "<!DOCTYPE m [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><MESSAGES><MSG>&b;</MSG></MESSAGES>";
        let outside = "<!DOCTYPE m [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><MESSAGES>&x;</MESSAGES>";
        let deep = format!("{}{}", "<MESSAGES>".repeat(20), "</MESSAGES>".repeat(20));
        let many = format!("<MESSAGES>{}</MESSAGES>", "<MSG/>".repeat(1001));
        for (body, fault) in [
            (bomb, "has a document type"),
            (outside, "has a document type"),
            (&deep, "is nested too deep"),
            (&many, "has too many reports"),
            ("<MESSAGES><MSG>", "breaks off"),
            ("<MESSAGES/><MESSAGES/>", "is more than one document"),
            ("<MESSAGES><MSG>&copy;</MSG></MESSAGES>", "has an entity of its own"),
            ("<MESSAGES></MSG>", "is not XML"),
            ("<MESSAGES/>", "is missing"),
        ] {
            assert_eq!(read(body.as_bytes()).err().unwrap().fault, fault, "{body}");
        }
        assert!(read(b"<MESSAGES>\xFF</MESSAGES>").is_err());
    }

    proptest! {
        #[test]
        fn no_markup_makes_it_panic(parts in prop::collection::vec("</?(MESSAGES|MSG|STATUS|CODE|!DOCTYPE|!\\[CDATA\\[|!--|\\?xml)( SENT='A')?/?>|&[a-z#x0-9]{0,9};?|\\PC{0,5}|\\]\\]>|-->", 0..30)) {
            let _ = read(parts.concat().as_bytes());
        }
    }
}
