//! Parses SMPP delivery receipts, from the text of a `deliver_sm` (SMPP 3.4, appendix B):
//! `id:… submit date:… done date:… stat:… err:…`.
//!
//! Fields come in any order and case, between any white space. Only `stat` is required. A repeated field's
//! first value counts, because `text` quotes the message itself.

use super::codes::StatusCodes;
use crate::domain::{ParseError, ReceiptStatus};

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
    pub(crate) status: ReceiptStatus,
    /// The carrier's or network's error, verbatim.
    pub(crate) error: Option<String>,
}

pub(crate) fn is_receipt(text: &str) -> bool {
    text.split_ascii_whitespace().next().is_some_and(|word| word.contains(':') || is_half_of_key(word))
}

pub(crate) fn read(text: &str) -> Result<SmppReceipt, ParseError> {
    let mut fields = Fields::default();
    let mut words = text.split_ascii_whitespace().peekable();
    while let Some(word) = words.next() {
        let Some((key, value)) = word.split_once(':') else { continue };
        let Some(slot) = fields.slot(key) else { continue };
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
    let status = STATES.get(&stat).ok_or_else(|| ParseError::new("stat", "is not an SMPP message state"))?;
    Ok(SmppReceipt { id: fields.id, status, error: fields.err })
}

#[derive(Default)]
struct Fields {
    id: Option<String>,
    stat: Option<String>,
    err: Option<String>,
}

impl Fields {
    fn slot(&mut self, key: &str) -> Option<&mut Option<String>> {
        match key.to_ascii_lowercase().as_str() {
            "id" => Some(&mut self.id),
            "stat" => Some(&mut self.stat),
            "err" => Some(&mut self.err),
            _ => None,
        }
    }
}

/// Matches the first word of `submit date` and `done date`.
fn is_half_of_key(word: &str) -> bool {
    word.eq_ignore_ascii_case("submit") || word.eq_ignore_ascii_case("done")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn receipt(id: &str, status: ReceiptStatus, error: &str) -> SmppReceipt {
        SmppReceipt { id: Some(id.to_owned()), status, error: Some(error.to_owned()) }
    }

    #[test]
    fn fields_are_read_in_any_order_between_any_white_space() {
        let delivered = receipt("A1f", ReceiptStatus::Delivered, "000");
        for text in [
            "id:A1f submit date:20270221093000 done date:20270221093002 stat:DELIVRD err:000",
            "id:A1f sub:001 dlvrd:001 submit date:2702210930 done date:2702210930 stat:DELIVERD err:000 text:Hello",
            "  stat:delivrd\r\n\terr:000\nID:A1f",
            "id: A1f stat: DELIVRD err: 000",
            "done date:2702210930 err:000 stat:DELIVRD id:A1f",
            "id:A1f stat:DELIVRD err:000 Text:stat:REJECTD err:9 id:B",
        ] {
            assert!(is_receipt(text), "{text}");
            assert_eq!(read(text).unwrap(), delivered, "{text}");
        }
        let least = SmppReceipt { id: None, status: ReceiptStatus::Sent, error: None };
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
            assert_eq!(read(&format!("id:1 stat:{stat} err:0")).unwrap(), receipt("1", status, "0"));
        }
    }

    #[test]
    fn parse_error_names_the_field_without_its_value() {
        assert_eq!(read("id:1 err:0").unwrap_err().to_string(), "field 'stat' is missing");
        let error = read("id:1 stat:447911123456").unwrap_err().to_string();
        assert_eq!(error, "field 'stat' is not an SMPP message state");
        assert!(!is_receipt("hello there: you") && !is_receipt(""));
    }

    proptest! {
        #[test]
        fn arbitrary_text_does_not_panic(text in "\\PC{0,80}|((id|stat|err|text|done date|DELIVRD|:| |\\PC){0,20})") {
            let _ = (is_receipt(&text), read(&text));
        }
    }
}
