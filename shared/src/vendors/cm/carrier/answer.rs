//! CM.com's answer to a submit, and its meaning.
//!
//! We find the message's entry by its reference. A single entry without a reference counts as the message's,
//! unless its number differs. If the message has no entry, the request's error code decides.

use serde_json::Value;

use crate::{
    domain::{Outcome, Submission, SubmitReference},
    formats::{
        caseless::Object,
        codes::{AnswerCodes, Meaning},
        webhook_json::{one_or_many, read},
    },
};

const CODES: AnswerCodes = AnswerCodes {
    vendor: "CM.com",
    rows: &[
        (0, Meaning::Accepted, "Ok"),
        (999, Meaning::Unknown, "Unknown error"),
        (101, Meaning::Busy, "Authentication of the request failed"),
        (102, Meaning::Busy, "The account using this authentication has insufficient balance"),
        (103, Meaning::Busy, "The product token is incorrect"),
        (201, Meaning::Unknown, "This request has one or more errors in its messages"),
        (202, Meaning::Unknown, "This request is malformed"),
        (203, Meaning::Unknown, "The request's MSG array is incorrect"),
        (301, Meaning::Rejected, "This MSG has an invalid From field"),
        (302, Meaning::Rejected, "This MSG has an invalid To field"),
        (303, Meaning::Rejected, "This MSG has an invalid Phone Number in the To field"),
        (304, Meaning::Rejected, "This MSG has an invalid Body field"),
        (305, Meaning::Rejected, "This MSG has an invalid field"),
        (401, Meaning::Rejected, "Message has been spam filtered"),
        (402, Meaning::Rejected, "Message has been blacklisted"),
        (REJECTED, Meaning::Rejected, "Message has been rejected"),
        (500, Meaning::Unknown, "An internal error has occurred"),
    ],
};
/// The code that we record if CM.com rejects a message without a code.
const REJECTED: u32 = 403;
/// Codes of a request that was not accepted, perhaps because of the message.
const MALFORMED: [u32; 2] = [202, 203];

pub(super) struct Answer {
    code: Option<u32>,
    listed: Vec<Listed>,
}

struct Listed {
    reference: Option<String>,
    to: Option<String>,
    outcome: Outcome,
}

impl Answer {
    /// Returns `None` if the body is not in CM.com's format.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let value = read(body).ok()?;
        let answer = Object::of(&value)?;
        let code = code(answer, "errorcode");
        let listed = answer.get("messages").map(one_or_many);
        if code.is_none() && listed.is_none_or(<[Value]>::is_empty) {
            return None;
        }
        let listed = listed.unwrap_or_default().iter().map(Listed::of).collect();
        Some(Self { code, listed })
    }

    /// Returns the request's error code if it concerns the account. Then an operator has to look.
    pub(super) fn account_error(&self) -> Option<u32> {
        self.code.filter(|code| CODES.meaning(*code) == Meaning::Busy)
    }

    pub(super) fn judge(&self, submission: &Submission<'_>) -> Outcome {
        let mut named = self.listed.iter().filter(|listed| listed.names(submission));
        let only = || self.listed.first().filter(|listed| self.listed.len() == 1 && listed.may_be(submission));
        let Some(found) = named.next().or_else(only) else { return self.judge_unlisted() };
        if named.any(|other| other.outcome != found.outcome) {
            return Outcome::unknown("the answer lists the message with different outcomes");
        }
        found.outcome.clone()
    }

    fn judge_unlisted(&self) -> Outcome {
        let Some(code) = self.code else { return Outcome::unknown("the answer does not list the message") };
        match CODES.meaning(code) {
            Meaning::Busy => CODES.outcome(code, None, None),
            // If another message is listed, CM.com did not reject the whole request.
            _ if MALFORMED.contains(&code) && self.listed.is_empty() => {
                Outcome::Rejected { reason: CODES.describe(code) }
            }
            _ => Outcome::unknown(format!("answer {code} does not list the message")),
        }
    }
}

impl Listed {
    fn of(value: &Value) -> Self {
        let Some(listed) = Object::of(value) else {
            return Self { reference: None, to: None, outcome: Outcome::unknown("unreadable answer") };
        };
        let accepted = listed.said("status").map(|status| status.eq_ignore_ascii_case("accepted"));
        let details = listed.said("messagedetails");
        let outcome = match (code(listed, "messageerrorcode"), accepted) {
            (Some(0), Some(false)) => Outcome::unknown("the answer contradicts itself"),
            (Some(code), _) => CODES.outcome(code, details.as_deref(), None),
            (None, Some(true)) => Outcome::accepted(None),
            (None, Some(false)) => CODES.outcome(REJECTED, details.as_deref(), None),
            (None, None) => Outcome::unknown("the answer has no status or code"),
        };
        Self { reference: listed.said("reference"), to: listed.said("to"), outcome }
    }

    fn names(&self, submission: &Submission<'_>) -> bool {
        let reference = self.reference.as_deref().and_then(|text| text.parse::<SubmitReference>().ok());
        reference.is_some_and(|reference| reference == submission.reference)
    }

    /// Returns whether an entry without a reference may be for this message.
    fn may_be(&self, submission: &Submission<'_>) -> bool {
        let is_its = |to: &str| to.trim_start_matches(['+', '0']) == submission.to.digits();
        self.reference.is_none() && self.to.as_deref().is_none_or(is_its)
    }
}

fn code(object: Object<'_>, key: &str) -> Option<u32> {
    object.said(key)?.parse::<u16>().ok().map(u32::from)
}
