//! Parses SMPP delivery receipts, from the text of a `deliver_sm` (SMPP 3.4, appendix B):
//! `id:… submit date:… done date:… stat:… err:…`.
//!
//! Fields come in any order and case, between any white space. Only `stat` is required. A repeated field's
//! first value counts, because `text` quotes the message itself. `done date` has no zone, and we read it as UTC.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::codes::{StatusCodes, reported};
use crate::domain::{ParseError, ReceiptStatus, ReportedStatus};

/// The longest text, in bytes. A `short_message` has at most 254, and a quoted text some more.
const LONGEST: usize = 4096;

const STATES: StatusCodes = StatusCodes(&[
    ("DELIVRD", ReceiptStatus::Delivered),
    // The spelling on CM.com's page.
    ("DELIVERD", ReceiptStatus::Delivered),
    ("EXPIRED", ReceiptStatus::Expired),
    ("DELETED", ReceiptStatus::Undelivered),
    ("UNDELIV", ReceiptStatus::Undelivered),
    ("UNKNOWN", ReceiptStatus::Undelivered),
    ("ACCEPTD", ReceiptStatus::Sent),
    ("ENROUTE", ReceiptStatus::Sent),
    ("REJECTD", ReceiptStatus::Rejected),
]);

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SmppReceipt {
    /// The carrier's ID or ours.
    pub(crate) id: Option<String>,
    pub(crate) status: ReportedStatus,
    /// When the message reached its final state.
    pub(crate) done_at: Option<Timestamp>,
    /// The carrier's or network's error, verbatim.
    pub(crate) error: Option<String>,
}

pub(crate) fn is_receipt(text: &str) -> bool {
    text.split_ascii_whitespace().next().is_some_and(|word| word.contains(':') || is_half_of_key(word))
}

pub(crate) fn read(text: &str) -> Result<SmppReceipt, ParseError> {
    if text.len() > LONGEST {
        return Err(ParseError::new("(body)", format!("has more than {LONGEST} bytes, too many for an SMPP receipt")));
    }
    let mut fields = Fields::default();
    let mut words = text.split_ascii_whitespace().peekable();
    let mut before = "";
    while let Some(word) = words.next() {
        let before = std::mem::replace(&mut before, word);
        let Some((key, value)) = word.split_once(':') else { continue };
        let Some(slot) = fields.slot(before, key) else { continue };
        // White space may separate a value from its key.
        let value = if value.is_empty() {
            words.next_if(|next| !next.contains(':') && !is_half_of_key(next)).unwrap_or_default()
        } else {
            value
        };
        if slot.is_none() && !value.is_empty() {
            *slot = Some(value.to_owned());
        }
    }
    let stat = fields.stat.ok_or_else(|| ParseError::new("stat", "is missing"))?;
    let status = reported(&stat, STATES.get(&stat), "stat", fields.id.is_some())?;
    let done_at = fields.done_date.as_deref().and_then(time);
    Ok(SmppReceipt { id: fields.id, status, done_at, error: fields.err })
}

#[derive(Default)]
struct Fields {
    id: Option<String>,
    stat: Option<String>,
    err: Option<String>,
    done_date: Option<String>,
}

impl Fields {
    /// Returns where to keep a field. `before` is the word before the key, because a key may have two words.
    fn slot(&mut self, before: &str, key: &str) -> Option<&mut Option<String>> {
        match key.to_ascii_lowercase().as_str() {
            "id" => Some(&mut self.id),
            "stat" => Some(&mut self.stat),
            "err" => Some(&mut self.err),
            "date" if before.eq_ignore_ascii_case("done") => Some(&mut self.done_date),
            _ => None,
        }
    }
}

/// Parses a time with or without century and seconds.
fn time(text: &str) -> Option<Timestamp> {
    let format = match text.len() {
        10 => "%y%m%d%H%M",
        12 => "%y%m%d%H%M%S",
        14 => "%Y%m%d%H%M%S",
        _ => return None,
    };
    let time = DateTime::strptime(format, text).ok()?;
    time.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// Matches the first word of `submit date` and `done date`.
fn is_half_of_key(word: &str) -> bool {
    word.eq_ignore_ascii_case("submit") || word.eq_ignore_ascii_case("done")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn receipt(id: &str, status: impl Into<ReportedStatus>, error: &str, done_at: Option<&str>) -> SmppReceipt {
        let done_at = done_at.map(|at| at.parse().unwrap());
        SmppReceipt { id: Some(id.to_owned()), status: status.into(), done_at, error: Some(error.to_owned()) }
    }

    #[test]
    fn fields_are_read_in_any_order_between_any_white_space() {
        for (text, done_at) in [
            (
                "id:A1f submit date:20270221093000 done date:20270221093002 stat:DELIVRD err:000",
                Some("2027-02-21T09:30:02Z"),
            ),
            (
                "id:A1f sub:001 dlvrd:001 submit date:2702210930 done date:2702210931 stat:DELIVERD err:000 text:Hello",
                Some("2027-02-21T09:31:00Z"),
            ),
            ("  stat:delivrd\r\n\terr:000\nID:A1f", None),
            ("id: A1f stat: DELIVRD err: 000 Done Date: 270221093002", Some("2027-02-21T09:30:02Z")),
            ("done date:2702210930 err:000 stat:DELIVRD id:A1f", Some("2027-02-21T09:30:00Z")),
            ("id:A1f stat:DELIVRD err:000 Text:stat:REJECTD err:9 id:B", None),
            ("id:A1f stat:DELIVRD err:000 submit date:2702210930 date:2702210930", None),
            ("id:A1f stat:DELIVRD err:000 done date:2713210930", None),
            ("id:A1f stat:DELIVRD err:000 done date:yesterday1", None),
        ] {
            assert!(is_receipt(text), "{text}");
            assert_eq!(read(text).unwrap(), receipt("A1f", ReceiptStatus::Delivered, "000", done_at), "{text}");
        }
        let least = SmppReceipt { id: None, status: ReceiptStatus::Sent.into(), done_at: None, error: None };
        assert_eq!(read("id: submit date:2702210930 stat:ENROUTE err:").unwrap(), least);
    }

    #[test]
    fn each_state_has_its_status() {
        use ReceiptStatus as S;
        for (stat, status) in [
            ("DELIVRD", S::Delivered),
            ("EXPIRED", S::Expired),
            ("DELETED", S::Undelivered),
            ("UNDELIV", S::Undelivered),
            ("UNKNOWN", S::Undelivered),
            ("ACCEPTD", S::Sent),
            ("ENROUTE", S::Sent),
            ("REJECTD", S::Rejected),
        ] {
            assert_eq!(read(&format!("id:1 stat:{stat} err:0")).unwrap(), receipt("1", status, "0", None));
        }
        let unknown = ReportedStatus::Unknown("SKIPPED".to_owned());
        assert_eq!(read("id:1 stat:SKIPPED err:0").unwrap(), receipt("1", unknown, "0", None));
    }

    #[test]
    fn parse_error_names_the_field_without_its_value() {
        assert_eq!(read("id:1 err:0").unwrap_err().to_string(), "field 'stat' is missing");
        let error = read("stat:447911123456").unwrap_err().to_string();
        assert_eq!(error, "field 'stat' is an unknown status, and is no word or the receipt names no message");
        assert_eq!(read(&format!("id:1 stat:DELIVRD {}", "x".repeat(LONGEST))).unwrap_err().field, "(body)");
        assert!(!is_receipt("hello there: you") && !is_receipt(""));
    }

    proptest! {
        #[test]
        fn arbitrary_text_does_not_panic(text in "\\PC{0,80}|((id|stat|err|text|done date|DELIVRD|:| |\\PC){0,20})") {
            let _ = (is_receipt(&text), read(&text));
        }
    }
}
