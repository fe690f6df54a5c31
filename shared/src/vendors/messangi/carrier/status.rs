//! Messangi's status words, with their meaning in answers and receipts, and the page's words for them.

use crate::{domain::ReceiptStatus, formats::codes::Meaning};

pub(super) struct Status {
    pub(super) word: &'static str,
    pub(super) in_answer: Meaning,
    /// `None` if a receipt with this status says no more than the answer to the submit.
    pub(super) in_receipt: Option<ReceiptStatus>,
    pub(super) words: &'static str,
}

/// The status of any error that has none of its own.
pub(super) const ERROR: &str = "ERROR";

const STATUSES: [Status; 17] = {
    use Meaning::{Accepted, Rejected, Unknown};
    use ReceiptStatus as S;
    [
        row("QUEUE", Accepted, None, "SMS message is queued"),
        // Not on the page; clients know the word from answers.
        row("ACCEPTED", Accepted, None, "SMS message is accepted"),
        row("DEQUEUED", Accepted, None, "The SMS message is ready to be published on the mobile operator"),
        row("ACCEPTD", Accepted, Some(S::Sent), "SMS message is in the accepted status"),
        row("SENT", Accepted, Some(S::Sent), "SMS message was sent"),
        row("ENROUTE", Accepted, Some(S::Sent), "The SMS message is enroute"),
        row("DELIVRD", Accepted, Some(S::Delivered), "SMS message was successfully delivered"),
        row("EXPIRED", Rejected, Some(S::Expired), "Mobile operator was unable to deliver the message in time"),
        row("DELETED", Rejected, Some(S::Undelivered), "SMS message has been deleted"),
        row("UNDELIV", Rejected, Some(S::Undelivered), "Unable to send the SMS message"),
        // SMPP's word, which `formats::smpp` reads alike.
        row("UNKNOWN", Unknown, Some(S::Undelivered), "Unknown error occurred with the mobile operator"),
        row(ERROR, Rejected, Some(S::Undelivered), "An error occurred in the API logic"),
        row("REJECTD", Rejected, Some(S::Rejected), "SMS message was rejected"),
        row("INVALID_ROUTING", Rejected, Some(S::Rejected), "Phone number is not valid"),
        row("CODE_NOT_ALLOWED", Rejected, Some(S::Rejected), "User does not have the short or long code assigned"),
        row("BLACKLISTED", Rejected, Some(S::Rejected), "Recipient is blacklisted"),
        row("SEGMENTS_EXCEEDED", Rejected, Some(S::Rejected), "The number of permissible segments has been surpassed"),
    ]
};

const fn row(word: &'static str, in_answer: Meaning, in_receipt: Option<ReceiptStatus>, words: &'static str) -> Status {
    Status { word, in_answer, in_receipt, words }
}

/// Finds a status by its word in any case.
pub(super) fn status(word: &str) -> Option<&'static Status> {
    const ALL: &[Status] = &STATUSES;
    ALL.iter().find(|status| status.word.eq_ignore_ascii_case(word))
}
