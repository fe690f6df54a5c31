//! What CM answers to a post, and what it means for each message.
//!
//! Each message that the answer lists is found by its reference; if it has none,
//! by its place, provided that all are listed and that its number, where it has
//! one, is the right one. A message that is not found has what the request as a
//! whole came to.

use serde_json::Value;

use super::post::Written;
use crate::{
    domain::{LONGEST_WORDS, Outcome, SubmitReference},
    formats::webhook_json::{one_or_many, read},
    redact::{cut, without_numbers},
    vendors::cm::caseless::Object,
};

/// What an error code means for what it is said of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Taken,
    /// For good.
    Refused,
    /// Not taken, and not because of the message: an operator has to look.
    Later,
    /// Nothing of the request was taken, and one of its messages may be why.
    Malformed,
    /// It may have been taken.
    Unclear,
}

/// The page's table of error codes, in its words.
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
/// What is said of a message that was rejected under no code.
const REJECTED: u16 = 403;

/// What became of a message in one post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    Settled(Outcome),
    /// It was not taken, and it or another message of the same request is why.
    Suspect {
        reason: String,
    },
}

/// What came back, if it can be read.
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
    /// None if it is not in CM's format.
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

    /// The code of a request that an operator has to look at.
    pub(super) fn trouble(&self) -> Option<u16> {
        self.code.filter(|code| row(*code).1 == Meaning::Later)
    }

    /// What became of each message of the post.
    pub(super) fn judge(&self, sent: &[Written]) -> Vec<Judged> {
        sent.iter().enumerate().map(|(index, written)| self.judge_one(index, written, sent.len())).collect()
    }

    fn judge_one(&self, index: usize, written: &Written, sent: usize) -> Judged {
        let mut named = self.listed.iter().filter(|listed| listed.names(written));
        let by_index = || self.listed.get(index).filter(|listed| self.listed.len() == sent && listed.may_be(written));
        let Some(found) = named.next().or_else(by_index) else { return self.judge_unlisted() };
        if named.any(|other| other.outcome != found.outcome) {
            return Judged::Settled(unknown("the answer says two things of it"));
        }
        Judged::Settled(found.outcome.clone())
    }

    fn judge_unlisted(&self) -> Judged {
        let Some((code, meaning, words)) = self.code.map(row) else {
            return Judged::Settled(unknown("the answer does not mention it"));
        };
        let reason = format!("{code}: {words}");
        match meaning {
            Meaning::Later => Judged::Settled(Outcome::Busy { retry_after: None, reason }),
            // Where others are listed, it was not refused as a whole.
            Meaning::Malformed if self.listed.is_empty() => Judged::Suspect { reason },
            Meaning::Malformed | Meaning::Taken | Meaning::Refused | Meaning::Unclear => {
                Judged::Settled(unknown(&format!("the answer, {code}, does not mention it")))
            }
        }
    }
}

impl Listed {
    fn of(value: &Value) -> Self {
        let Some(listed) = Object::of(value) else {
            return Self { reference: None, to: None, outcome: unknown("the answer cannot be read") };
        };
        let accepted = listed.said("status").map(|status| status.eq_ignore_ascii_case("accepted"));
        let details = listed.said("messagedetails");
        let outcome = match (code(listed, "messageerrorcode"), accepted) {
            (Some(0), Some(false)) => unknown("the answer contradicts itself"),
            (Some(code), _) => outcome(code, details.as_deref()),
            (None, Some(true)) => outcome(0, None),
            (None, Some(false)) => outcome(REJECTED, details.as_deref()),
            (None, None) => unknown("the answer does not say"),
        };
        Self { reference: listed.said("reference"), to: listed.said("to"), outcome }
    }

    fn names(&self, written: &Written) -> bool {
        let reference = self.reference.as_deref().and_then(|text| text.parse::<SubmitReference>().ok());
        reference.is_some_and(|reference| reference == written.reference)
    }

    /// Whether nothing says that it is another message.
    fn may_be(&self, written: &Written) -> bool {
        let is_its = |to: &str| to.trim_start_matches(['+', '0']) == written.to.digits();
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
    row.unwrap_or((code, Meaning::Unclear, "not a code of CM's"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn written(number: usize) -> Written {
        let id = format!("0197a3a0-0000-7000-8000-{number:012}");
        Written {
            msg: String::new(),
            reference: id.parse().unwrap(),
            to: format!("447911{number:06}").parse().unwrap(),
        }
    }

    fn judge(answer: &Value, sent: &[Written]) -> Vec<Judged> {
        Answer::read(answer.to_string().as_bytes()).unwrap().judge(sent)
    }

    fn kind(judged: &Judged) -> &'static str {
        match judged {
            Judged::Settled(Outcome::Accepted { .. }) => "accepted",
            Judged::Settled(Outcome::Rejected { .. }) => "rejected",
            Judged::Settled(Outcome::Busy { .. }) => "busy",
            Judged::Settled(Outcome::Unknown { .. }) => "unknown",
            Judged::Suspect { .. } => "suspect",
        }
    }

    /// Every code of the page, and one that it has not: what it means of a message,
    /// and of a request that lists none.
    const MEANINGS: [(u16, &str, &str); 18] = [
        (0, "accepted", "unknown"),
        (999, "unknown", "unknown"),
        (101, "busy", "busy"),
        (102, "busy", "busy"),
        (103, "busy", "busy"),
        (201, "unknown", "unknown"),
        (202, "unknown", "suspect"),
        (203, "unknown", "suspect"),
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
        let sent = [written(1)];
        for (code, of_message, of_request) in MEANINGS {
            let listed = json!({"reference": sent[0].reference.to_string(), "messageErrorCode": code});
            let answer = json!({"errorCode": 201, "messages": [listed]});
            assert_eq!(kind(&judge(&answer, &sent)[0]), of_message, "{code}");
            let answer = json!({"details": "…", "errorCode": code, "messages": []});
            assert_eq!(kind(&judge(&answer, &sent)[0]), of_request, "{code}");
        }
    }

    #[test]
    fn keys_have_no_case_and_codes_may_be_texts() {
        let sent = [written(1)];
        let listed = json!({"REFERENCE": sent[0].reference.to_string().to_uppercase(), "MessageErrorCode": "304"});
        let judged = judge(&json!({"ErrorCode": "201", "MESSAGES": listed}), &sent);
        assert_eq!(kind(&judged[0]), "rejected");
        let status = |status: &str| json!({"messages": [{"to": "00447911000001", "status": status}]});
        assert_eq!(kind(&judge(&status("Accepted"), &sent)[0]), "accepted");
        assert_eq!(kind(&judge(&status("Rejected"), &sent)[0]), "rejected");
        let contradiction = json!({"messages": [{"status": "Rejected", "messageErrorCode": 0}]});
        assert_eq!(kind(&judge(&contradiction, &sent)[0]), "unknown");
    }

    #[test]
    fn a_message_is_found_by_its_reference_before_its_place() {
        let sent = [written(1), written(2), written(3)];
        let named = |number: usize, code: u16| json!({"reference": sent[number].reference.to_string(), "messageErrorCode": code});
        let nameless = |to: &str, code: u16| json!({"to": to, "reference": null, "messageErrorCode": code});
        let kinds = |listed: Value| {
            let judged = judge(&json!({"errorCode": 201, "messages": listed}), &sent);
            judged.iter().map(kind).collect::<Vec<_>>()
        };
        assert_eq!(kinds(json!([named(2, 0), named(0, 304), named(1, 0)])), ["rejected", "accepted", "accepted"]);
        assert_eq!(
            kinds(json!([named(0, 0), nameless("+447911000002", 303), nameless("", 0)])),
            ["accepted", "rejected", "accepted"]
        );
        assert_eq!(
            kinds(json!([named(0, 0), nameless("00447911000009", 303), nameless("", 0)])),
            ["accepted", "unknown", "accepted"],
            "it is another's"
        );
        assert_eq!(kinds(json!([nameless("", 0), nameless("", 0)])), ["unknown"; 3], "one is missing");
        assert_eq!(kinds(json!([named(1, 0)])), ["unknown", "accepted", "unknown"]);
        assert_eq!(kinds(json!([named(1, 0), named(1, 304), 7])), ["unknown"; 3]);
    }

    #[test]
    fn the_samples_of_the_page_are_understood() {
        let with_references = |sample: &str, sent: &[Written]| {
            let [a, b] = [&sent[0], &sent[1]].map(|written| written.reference.to_string());
            sample.replace("your_reference_A", &a).replace("your_reference_B", &b)
        };
        let sent = [written(1), written(2)];
        let some = include_str!("../../../../../tests/fixtures/carriers/cm/answer-some.json");
        let judged = Answer::read(with_references(some, &sent).as_bytes()).unwrap().judge(&sent);
        let without_body = Outcome::Rejected { reason: "304: A body without content was found".to_owned() };
        let accepted = Outcome::Accepted { carrier_id: None };
        assert_eq!(judged, [Judged::Settled(accepted), Judged::Settled(without_body.clone())]);

        let sent = [written(1), Written { to: "447911123456".parse().unwrap(), ..written(2) }];
        let none = include_str!("../../../../../tests/fixtures/carriers/cm/answer-none.json");
        let judged = Answer::read(with_references(none, &sent).as_bytes()).unwrap().judge(&sent);
        let not_a_number = Outcome::Rejected { reason: "303: Gsm '…a' is not a number.".to_owned() };
        assert_eq!(judged, [Judged::Settled(not_a_number), Judged::Settled(without_body)]);

        let account = include_bytes!("../../../../../tests/fixtures/carriers/cm/answer-no-account.json");
        let answer = Answer::read(account).unwrap();
        assert_eq!(answer.trouble(), Some(101));
        assert_eq!(answer.judge(&sent).iter().map(kind).collect::<Vec<_>>(), ["busy", "busy"]);
    }

    #[test]
    fn what_is_not_an_answer_is_not_read() {
        for body in ["", "ok", "[]", "{}", "{\"messages\":[]}", "<html>", "{\"errorCode\":\"none\"}"] {
            assert!(Answer::read(body.as_bytes()).is_none(), "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(
            body in "\\PC{0,60}",
            value in "\"\\PC{0,20}\"|-?[0-9]{1,7}(\\.5)?|null|\\[\\]|\\{\\}|true",
        ) {
            let _ = Answer::read(body.as_bytes());
            for key in ["reference", "to", "status", "messageErrorCode", "messageDetails"] {
                let body = format!(r#"{{"errorCode":{value},"messages":[{{"{key}":{value}}},{value}]}}"#);
                if let Some(answer) = Answer::read(body.as_bytes()) {
                    prop_assert_eq!(answer.judge(&[written(1), written(2)]).len(), 2);
                }
            }
        }
    }
}
