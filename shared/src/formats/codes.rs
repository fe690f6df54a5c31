//! Tables of a vendor's codes, each with the words of the vendor's page: the codes in answers to submits, and the
//! statuses and errors in receipts.

use crate::domain::{Outcome, ParseError, ReceiptStatus, ReportedStatus};

/// The meaning of an answer's code for the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Accepted,
    /// The vendor refuses this message.
    Rejected,
    /// The vendor did not take the message, but for another reason: an operator has to look.
    Busy,
    /// The vendor may have taken the message.
    Unknown,
}

/// The codes in answers to submits.
pub(crate) struct AnswerCodes {
    /// The vendor's name, for an unknown code.
    pub(crate) vendor: &'static str,
    pub(crate) rows: &'static [(u32, Meaning, &'static str)],
}

impl AnswerCodes {
    /// Returns the code's meaning. An unknown code may mean anything.
    pub(crate) fn meaning(&self, code: u32) -> Meaning {
        self.row(code).map_or(Meaning::Unknown, |(_, meaning, _)| *meaning)
    }

    /// Describes the code: `301: This MSG has an invalid From field`.
    pub(crate) fn describe(&self, code: u32) -> String {
        match self.row(code) {
            Some((_, _, words)) => format!("{code}: {words}"),
            None => format!("{code}: unknown {} code", self.vendor),
        }
    }

    /// Returns the code's outcome. If the vendor rejects the message, `details` replace the table's words.
    pub(crate) fn outcome(&self, code: u32, details: Option<&str>, carrier_id: Option<String>) -> Outcome {
        match (self.meaning(code), details) {
            (Meaning::Accepted, _) => Outcome::accepted(carrier_id),
            (Meaning::Rejected, Some(details)) => Outcome::rejected(&code.to_string(), details),
            (Meaning::Rejected, None) => Outcome::Rejected { reason: self.describe(code) },
            (Meaning::Busy, _) => Outcome::busy(self.describe(code)),
            (Meaning::Unknown, _) => Outcome::unknown(self.describe(code)),
        }
    }

    fn row(&self, code: u32) -> Option<&(u32, Meaning, &'static str)> {
        self.rows.iter().find(|(known, ..)| *known == code)
    }
}

/// The statuses in receipts. They match in any case.
pub(crate) struct StatusCodes(pub(crate) &'static [(&'static str, ReceiptStatus)]);

impl StatusCodes {
    pub(crate) fn get(&self, code: &str) -> Option<ReceiptStatus> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(code)).map(|(_, status)| *status)
    }
}

/// Returns the status of a receipt, from the code in `field` and the status that it stands for, if known.
///
/// A receipt of unknown status is kept, because the carrier would redeliver it for days, and with it a whole list.
/// But if it also names no message, we cannot tell it from something that is no receipt.
///
/// # Errors
/// If the code is unknown, and has no letter or digit, or is in a receipt without a reference or ID of a message.
pub(crate) fn reported(
    code: &str,
    status: Option<ReceiptStatus>,
    field: &str,
    names_message: bool,
) -> Result<ReportedStatus, ParseError> {
    match status {
        Some(status) => Ok(ReportedStatus::Known(status)),
        None if names_message && code.contains(char::is_alphanumeric) => Ok(ReportedStatus::Unknown(code.to_owned())),
        None => Err(ParseError::new(field, "is an unknown status, and is no word or the receipt names no message")),
    }
}

/// The errors in receipts, by number.
pub(crate) struct ErrorCodes(pub(crate) &'static [(u32, &'static str)]);

impl ErrorCodes {
    /// Returns the words for a code, which may be padded with zeros.
    pub(crate) fn description(&self, code: &str) -> Option<&'static str> {
        let number = number(code)?;
        self.0.iter().find(|(known, _)| *known == number).map(|(_, words)| *words)
    }
}

/// Returns a code's number, without the zeros before it.
pub(crate) fn number(code: &str) -> Option<u32> {
    code.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWERS: AnswerCodes = AnswerCodes {
        vendor: "Vendor",
        rows: &[
            (0, Meaning::Accepted, "Ok"),
            (1, Meaning::Rejected, "No"),
            (2, Meaning::Busy, "Who are you?"),
            (3, Meaning::Unknown, "Oops"),
        ],
    };
    const ERRORS: ErrorCodes = ErrorCodes(&[(8, "Expired"), (24, "Absent")]);
    const STATUSES: StatusCodes = StatusCodes(&[("DELIVRD", ReceiptStatus::Delivered), ("2", ReceiptStatus::Read)]);

    #[test]
    fn each_answer_code_has_its_outcome() {
        let id = || Some("c1".to_owned());
        let rejected = |reason: &str| Outcome::Rejected { reason: reason.to_owned() };
        for (code, details, expected) in [
            (0, Some("fine"), Outcome::accepted(id())),
            (1, None, rejected("1: No")),
            (1, Some("+44 7911 000001 is no number"), rejected("1: … is no number")),
            (2, Some("fine"), Outcome::busy("2: Who are you?")),
            (3, Some("fine"), Outcome::unknown("3: Oops")),
            (4, Some("fine"), Outcome::unknown("4: unknown Vendor code")),
        ] {
            assert_eq!(ANSWERS.outcome(code, details, id()), expected);
        }
        let long = ANSWERS.outcome(1, Some(&"x".repeat(200)), None);
        assert_eq!(long, rejected(&format!("1: {}", "x".repeat(97))));
    }

    #[test]
    fn receipt_codes_match_padded_or_in_any_case() {
        assert_eq!(["8", "08", "008"].map(|code| ERRORS.description(code)), [Some("Expired"); 3]);
        assert_eq!(["", "9", "x", "-8", "99999999999"].map(|code| ERRORS.description(code)), [None; 5]);
        assert_eq!(STATUSES.get("delivrd"), Some(ReceiptStatus::Delivered));
        assert_eq!(STATUSES.get("02"), None);
    }
}
