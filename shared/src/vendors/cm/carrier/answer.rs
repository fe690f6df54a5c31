//! CM.com's answer to a submit, and its meaning.
//!
//! We find the message's entry by its reference. A single entry without a reference counts as the message's,
//! unless its number differs. If the message has no entry, the request's error code decides.

use serde_json::Value;

use super::post::WrittenMessage;
use crate::{
    domain::{LONGEST_WORDS, Outcome, SubmitReference},
    formats::webhook_json::{one_or_many, read},
    redact::{cut, without_numbers},
    vendors::cm::caseless::Object,
};

/// An error code's meaning for its message or request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Taken,
    Refused,
    /// Not accepted, but not because of the message: an operator has to look.
    Later,
    /// The request was not accepted, perhaps because of the message.
    Malformed,
    /// The message may have been accepted.
    Unclear,
}

/// The error codes of CM.com's page, in the page's words.
const CODES: [(u16, Meaning, &str); 17] = [
    (0, Meaning::Taken, "Ok"),
    (999, Meaning::Unclear, "Unknown error"),
    (101, Meaning::Later, "Authentication of the request failed"),
    (102, Meaning::Later, "The account using this authentication has insufficient balance"),
    (103, Meaning::Later, "The product token is incorrect"),
    (201, Meaning::Unclear, "This request has one or more errors in its messages"),
    (202, Meaning::Malformed, "This request is malformed"),
    (203, Meaning::Malformed, "The request's MSG array is incorrect"),
    (301, Meaning::Refused, "This MSG has an invalid From field"),
    (302, Meaning::Refused, "This MSG has an invalid To field"),
    (303, Meaning::Refused, "This MSG has an invalid Phone Number in the To field"),
    (304, Meaning::Refused, "This MSG has an invalid Body field"),
    (305, Meaning::Refused, "This MSG has an invalid field"),
    (401, Meaning::Refused, "Message has been spam filtered"),
    (402, Meaning::Refused, "Message has been blacklisted"),
    (REJECTED, Meaning::Refused, "Message has been rejected"),
    (500, Meaning::Unclear, "An internal error has occurred"),
];
/// The code that we record if CM.com rejects a message without a code.
const REJECTED: u16 = 403;

pub(super) struct Answer {
    code: Option<u16>,
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
    pub(super) fn account_error(&self) -> Option<u16> {
        self.code.filter(|code| row(*code).1 == Meaning::Later)
    }

    pub(super) fn judge(&self, message: &WrittenMessage) -> Outcome {
        let mut named = self.listed.iter().filter(|listed| listed.names(message));
        let only = || self.listed.first().filter(|listed| self.listed.len() == 1 && listed.may_be(message));
        let Some(found) = named.next().or_else(only) else { return self.judge_unlisted() };
        if named.any(|other| other.outcome != found.outcome) {
            return unknown("the answer lists the message with different outcomes");
        }
        found.outcome.clone()
    }

    fn judge_unlisted(&self) -> Outcome {
        let Some((code, meaning, words)) = self.code.map(row) else {
            return unknown("the answer does not list the message");
        };
        let reason = format!("{code}: {words}");
        match meaning {
            Meaning::Later => Outcome::Busy { retry_after: None, reason },
            // If another message is listed, CM.com did not reject the whole request.
            Meaning::Malformed if self.listed.is_empty() => Outcome::Rejected { reason },
            Meaning::Malformed | Meaning::Taken | Meaning::Refused | Meaning::Unclear => {
                unknown(&format!("answer {code} does not list the message"))
            }
        }
    }
}

impl Listed {
    fn of(value: &Value) -> Self {
        let Some(listed) = Object::of(value) else {
            return Self { reference: None, to: None, outcome: unknown("unreadable answer") };
        };
        let accepted = listed.said("status").map(|status| status.eq_ignore_ascii_case("accepted"));
        let details = listed.said("messagedetails");
        let outcome = match (code(listed, "messageerrorcode"), accepted) {
            (Some(0), Some(false)) => unknown("the answer contradicts itself"),
            (Some(code), _) => outcome(code, details.as_deref()),
            (None, Some(true)) => outcome(0, None),
            (None, Some(false)) => outcome(REJECTED, details.as_deref()),
            (None, None) => unknown("the answer has no status or code"),
        };
        Self { reference: listed.said("reference"), to: listed.said("to"), outcome }
    }

    fn names(&self, message: &WrittenMessage) -> bool {
        let reference = self.reference.as_deref().and_then(|text| text.parse::<SubmitReference>().ok());
        reference.is_some_and(|reference| reference == message.reference)
    }

    /// Returns whether an entry without a reference may be for this message.
    fn may_be(&self, message: &WrittenMessage) -> bool {
        let is_its = |to: &str| to.trim_start_matches(['+', '0']) == message.to.digits();
        self.reference.is_none() && self.to.as_deref().is_none_or(is_its)
    }
}

fn outcome(code: u16, details: Option<&str>) -> Outcome {
    let (code, meaning, words) = row(code);
    match meaning {
        Meaning::Taken => Outcome::Accepted { carrier_id: None },
        Meaning::Refused => {
            let words = details.map_or_else(|| words.to_owned(), without_numbers);
            Outcome::Rejected { reason: cut(&format!("{code}: {words}"), LONGEST_WORDS) }
        }
        Meaning::Later => Outcome::Busy { retry_after: None, reason: format!("{code}: {words}") },
        Meaning::Malformed | Meaning::Unclear => unknown(&format!("{code}: {words}")),
    }
}

fn unknown(reason: &str) -> Outcome {
    Outcome::Unknown { reason: reason.to_owned() }
}

fn code(object: Object<'_>, key: &str) -> Option<u16> {
    object.said(key)?.parse().ok()
}

fn row(code: u16) -> (u16, Meaning, &'static str) {
    let row = CODES.into_iter().find(|(known, ..)| *known == code);
    row.unwrap_or((code, Meaning::Unclear, "unknown CM.com code"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn written(number: usize) -> WrittenMessage {
        let id = format!("0197a3a0-0000-7000-8000-{number:012}");
        WrittenMessage {
            msg: String::new(),
            reference: id.parse().unwrap(),
            to: format!("447911{number:06}").parse().unwrap(),
        }
    }

    fn judge(answer: &Value, message: &WrittenMessage) -> &'static str {
        kind(&Answer::read(answer.to_string().as_bytes()).unwrap().judge(message))
    }

    fn kind(outcome: &Outcome) -> &'static str {
        match outcome {
            Outcome::Accepted { .. } => "accepted",
            Outcome::Rejected { .. } => "rejected",
            Outcome::Busy { .. } => "busy",
            Outcome::Unknown { .. } => "unknown",
        }
    }

    /// For each documented code and an unknown code: the outcome if a listed message has the code, and if the
    /// request has the code and no message is listed.
    const MEANINGS: [(u16, &str, &str); 18] = [
        (0, "accepted", "unknown"),
        (999, "unknown", "unknown"),
        (101, "busy", "busy"),
        (102, "busy", "busy"),
        (103, "busy", "busy"),
        (201, "unknown", "unknown"),
        (202, "unknown", "rejected"),
        (203, "unknown", "rejected"),
        (301, "rejected", "unknown"),
        (302, "rejected", "unknown"),
        (303, "rejected", "unknown"),
        (304, "rejected", "unknown"),
        (305, "rejected", "unknown"),
        (401, "rejected", "unknown"),
        (402, "rejected", "unknown"),
        (403, "rejected", "unknown"),
        (500, "unknown", "unknown"),
        (777, "unknown", "unknown"),
    ];

    #[test]
    fn each_code_has_its_meaning() {
        let sent = written(1);
        for (code, of_message, of_request) in MEANINGS {
            let listed = json!({"reference": sent.reference.to_string(), "messageErrorCode": code});
            let answer = json!({"errorCode": 201, "messages": [listed]});
            assert_eq!(judge(&answer, &sent), of_message, "{code}");
            let answer = json!({"details": "…", "errorCode": code, "messages": []});
            assert_eq!(judge(&answer, &sent), of_request, "{code}");
        }
    }

    #[test]
    fn keys_ignore_case_and_codes_may_be_strings() {
        let sent = written(1);
        let listed = json!({"REFERENCE": sent.reference.to_string().to_uppercase(), "MessageErrorCode": "304"});
        assert_eq!(judge(&json!({"ErrorCode": "201", "MESSAGES": listed}), &sent), "rejected");
        let status = |status: &str| json!({"messages": [{"to": "00447911000001", "status": status}]});
        assert_eq!(judge(&status("Accepted"), &sent), "accepted");
        assert_eq!(judge(&status("Rejected"), &sent), "rejected");
        let contradiction = json!({"messages": [{"status": "Rejected", "messageErrorCode": 0}]});
        assert_eq!(judge(&contradiction, &sent), "unknown");
    }

    #[test]
    fn message_is_found_by_its_reference_or_as_the_only_one() {
        let sent = written(2);
        let named = |number: usize, code: u16| json!({"reference": written(number).reference.to_string(), "messageErrorCode": code});
        let nameless = |to: &str, code: u16| json!({"to": to, "reference": null, "messageErrorCode": code});
        let found = |listed: Value| judge(&json!({"errorCode": 201, "messages": listed}), &sent);
        assert_eq!(found(json!([named(1, 0), named(2, 304)])), "rejected");
        assert_eq!(found(json!([named(1, 304)])), "unknown", "it is for another message");
        assert_eq!(found(json!([nameless("+447911000002", 303)])), "rejected");
        assert_eq!(found(json!([nameless("", 0)])), "accepted");
        assert_eq!(found(json!([nameless("00447911000009", 303)])), "unknown", "it is for another message");
        assert_eq!(found(json!([nameless("", 0), nameless("", 0)])), "unknown", "there are two");
        assert_eq!(found(json!([named(2, 0), named(2, 304)])), "unknown", "they contradict each other");
        assert_eq!(found(json!([7])), "unknown");
    }

    #[test]
    fn documented_samples_are_understood() {
        let sent = [written(1), WrittenMessage { to: "447911123456".parse().unwrap(), ..written(2) }];
        // The page's samples answer two messages, but our requests have a single message.
        let outcomes = |sample: &str| {
            [0, 1].map(|index| {
                let mut answer: Value = serde_json::from_str(sample).unwrap();
                let mut listed = answer["messages"][index].take();
                if listed["reference"].is_string() {
                    listed["reference"] = json!(sent[index].reference.to_string());
                }
                answer["messages"] = json!([listed]);
                Answer::read(answer.to_string().as_bytes()).unwrap().judge(&sent[index])
            })
        };
        let some = outcomes(include_str!("../../../../../tests/fixtures/carriers/cm/answer-some.json"));
        let without_body = Outcome::Rejected { reason: "304: A body without content was found".to_owned() };
        assert_eq!(some, [Outcome::Accepted { carrier_id: None }, without_body.clone()]);

        let none = outcomes(include_str!("../../../../../tests/fixtures/carriers/cm/answer-none.json"));
        assert_eq!(none, [Outcome::Rejected { reason: "303: Gsm '…a' is not a number.".to_owned() }, without_body]);

        let account = include_bytes!("../../../../../tests/fixtures/carriers/cm/answer-no-account.json");
        let answer = Answer::read(account).unwrap();
        assert_eq!(answer.account_error(), Some(101));
        assert_eq!(kind(&answer.judge(&sent[0])), "busy");
    }

    #[test]
    fn unreadable_answer_is_not_parsed() {
        for body in ["", "ok", "[]", "{}", "{\"messages\":[]}", "<html>", "{\"errorCode\":\"none\"}"] {
            assert!(Answer::read(body.as_bytes()).is_none(), "{body}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_answer_does_not_panic(
            body in "\\PC{0,60}",
            value in "\"\\PC{0,20}\"|-?[0-9]{1,7}(\\.5)?|null|\\[\\]|\\{\\}|true",
        ) {
            let _ = Answer::read(body.as_bytes());
            for key in ["reference", "to", "status", "messageErrorCode", "messageDetails"] {
                let body = format!(r#"{{"errorCode":{value},"messages":[{{"{key}":{value}}},{value}]}}"#);
                if let Some(answer) = Answer::read(body.as_bytes()) {
                    let _ = answer.judge(&written(1));
                }
            }
        }
    }
}
