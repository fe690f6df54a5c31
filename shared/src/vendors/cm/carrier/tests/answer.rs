//! Answers to a submit, and their outcomes. Our requests have a single message, but an answer may list several.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::answer::Answer as Parsed;
use crate::{
    domain::Outcome,
    vendors::testing::{Answer, Outgoing, REFERENCE, accepted, busy, refused_with, rejected, unknown},
};

const SOME: &str = include_str!("../../../../../../tests/fixtures/carriers/cm/answer-some.json");
const NONE: &str = include_str!("../../../../../../tests/fixtures/carriers/cm/answer-none.json");
const NO_ACCOUNT: &str = include_str!("../../../../../../tests/fixtures/carriers/cm/answer-no-account.json");
const OTHER: &str = "0197a3a0000070008000000000000002";
const UNREADABLE: &str = "status 200, unreadable answer";

pub(super) fn rows() -> Vec<(Answer, Outcome)> {
    [codes(), found(), spellings(), samples(), unreadable(), statuses()].concat()
}

fn ok(body: &Value) -> Answer {
    format!("200\n\n{body}").into()
}

/// For each documented code, and an unknown one: the outcome if the listed message has the code, and if the
/// request has the code and no message is listed.
fn codes() -> Vec<(Answer, Outcome)> {
    let unlisted = |code: u16| unknown(format!("answer {code} does not list the message"));
    let both = |outcome: Outcome| (outcome.clone(), outcome);
    let codes = [
        (0, (accepted(None), unlisted(0))),
        (999, (unknown("999: Unknown error"), unlisted(999))),
        (101, both(busy(None, "101: Authentication of the request failed"))),
        (102, both(busy(None, "102: The account using this authentication has insufficient balance"))),
        (103, both(busy(None, "103: The product token is incorrect"))),
        (201, (unknown("201: This request has one or more errors in its messages"), unlisted(201))),
        (202, (unknown("202: This request is malformed"), rejected("202: This request is malformed"))),
        (
            203,
            (
                unknown("203: The request's MSG array is incorrect"),
                rejected("203: The request's MSG array is incorrect"),
            ),
        ),
        (301, (rejected("301: This MSG has an invalid From field"), unlisted(301))),
        (302, (rejected("302: This MSG has an invalid To field"), unlisted(302))),
        (303, (rejected("303: This MSG has an invalid Phone Number in the To field"), unlisted(303))),
        (304, (rejected("304: This MSG has an invalid Body field"), unlisted(304))),
        (305, (rejected("305: This MSG has an invalid field"), unlisted(305))),
        (401, (rejected("401: Message has been spam filtered"), unlisted(401))),
        (402, (rejected("402: Message has been blacklisted"), unlisted(402))),
        (403, (rejected("403: Message has been rejected"), unlisted(403))),
        (500, (unknown("500: An internal error has occurred"), unlisted(500))),
        (777, (unknown("777: unknown CM.com code"), unlisted(777))),
    ];
    let rows = codes.into_iter().flat_map(|(code, (of_message, of_request))| {
        let listed = json!({"reference": REFERENCE, "messageErrorCode": code});
        let in_request = json!({"details": "…", "errorCode": code, "messages": []});
        [
            (ok(&json!({"errorCode": 201, "messages": [listed]})), of_message),
            (format!("400\n\n{in_request}").into(), of_request),
        ]
    });
    rows.collect()
}

/// The message is found by its reference, or as the only one.
fn found() -> Vec<(Answer, Outcome)> {
    let named = |reference: &str, code: u16| json!({"reference": reference, "messageErrorCode": code});
    let nameless = |to: &str, code: u16| json!({"to": to, "reference": null, "messageErrorCode": code});
    let another = "answer 201 does not list the message";
    let bad_body = rejected("304: This MSG has an invalid Body field");
    let bad_number = rejected("303: This MSG has an invalid Phone Number in the To field");
    let contradiction = unknown("the answer lists the message with different outcomes");
    let rows = [
        (json!([named(OTHER, 0), named(REFERENCE, 304)]), bad_body),
        (json!([named(OTHER, 304)]), unknown(another)),
        (json!([nameless("+447911000001", 303)]), bad_number),
        (json!([nameless("", 0)]), accepted(None)),
        (json!([nameless("00447911000009", 303)]), unknown(another)),
        (json!([nameless("", 0), nameless("", 0)]), unknown(another)),
        (json!([named(REFERENCE, 0), named(REFERENCE, 304)]), contradiction),
        (json!([named(REFERENCE, 304), named(REFERENCE, 304)]), rejected("304: This MSG has an invalid Body field")),
        (json!([7]), unknown("unreadable answer")),
    ];
    rows.map(|(listed, outcome)| (ok(&json!({"errorCode": 201, "messages": listed})), outcome)).into()
}

/// Keys are in any case, codes may be strings, and a status may replace a code.
fn spellings() -> Vec<(Answer, Outcome)> {
    let listed = json!({"REFERENCE": REFERENCE.to_uppercase(), "MessageErrorCode": "304"});
    let shouted = json!({"ErrorCode": "201", "MESSAGES": listed});
    let status = |status: &str| ok(&json!({"messages": [{"to": "00447911000001", "status": status}]}));
    let contradiction = json!({"messages": [{"status": "Rejected", "messageErrorCode": 0}]});
    vec![
        (ok(&shouted), rejected("304: This MSG has an invalid Body field")),
        (status("Accepted"), accepted(None)),
        (status("Rejected"), rejected("403: Message has been rejected")),
        (ok(&contradiction), unknown("the answer contradicts itself")),
        (ok(&json!({"messages": [{}]})), unknown("the answer has no status or code")),
    ]
}

/// Each message of the page's samples, as the only one, under our reference and number.
fn samples() -> Vec<(Answer, Outcome)> {
    let listed = |sample: &str, index: usize| {
        let mut answer: Value = serde_json::from_str(sample).unwrap();
        let mut listed = answer["messages"][index].take();
        if listed["reference"].is_string() {
            listed["reference"] = json!(REFERENCE);
        } else {
            listed["to"] = json!("00447911000001");
        }
        answer["messages"] = json!([listed]);
        ok(&answer)
    };
    let without_body = || rejected("304: A body without content was found");
    vec![
        (listed(SOME, 0), accepted(None)),
        (listed(SOME, 1), without_body()),
        (listed(NONE, 0), rejected("303: Gsm '…a' is not a number.")),
        (listed(NONE, 1), without_body()),
        (format!("400\n\n{NO_ACCOUNT}").into(), busy(None, "101: Authentication of the request failed")),
    ]
}

fn unreadable() -> Vec<(Answer, Outcome)> {
    let long = |length: usize| {
        let listed = json!({"reference": REFERENCE, "messageErrorCode": 0});
        ok(&json!({"details": "x".repeat(length), "errorCode": 0, "messages": [listed]}))
    };
    let bodies = ["", "ok", "[]", "{}", "{\"messages\":[]}", "<html>", "{\"errorCode\":\"none\"}"];
    let mut rows: Vec<_> = bodies.map(|body| (format!("200\n\n{body}").into(), unknown(UNREADABLE))).into();
    rows.extend([
        ("200\n\n{\"errorCode\":0,\"messages\":[]}".into(), unknown("answer 0 does not list the message")),
        ("200\ncontent-length: 100\n\n{\"errorCode\":0".into(), unknown(UNREADABLE)),
        (long(1 << 15), accepted(None)),
        (long(1 << 16), unknown(UNREADABLE)),
    ]);
    rows
}

fn statuses() -> Vec<(Answer, Outcome)> {
    vec![
        ("404".into(), refused_with(404)),
        ("405\n\n<html>".into(), refused_with(405)),
        ("408".into(), unknown("status 408")),
        ("500\n\n{\"details\":\"Unknown Error\",\"errorCode\":999}".into(), unknown("status 500")),
        ("502".into(), unknown("status 502")),
        ("504".into(), unknown("status 504")),
        ("307".into(), unknown("status 307")),
        ("400\n\n{\"errorCode\":202}".into(), rejected("202: This request is malformed")),
        ("413".into(), rejected("status 413")),
        ("429\nretry-after: 7".into(), busy(Some(7), "busy (status 429)")),
        ("503".into(), busy(None, "busy (status 503)")),
    ]
}

#[test]
fn account_error_is_told_from_the_message_s_own() {
    assert_eq!(Parsed::read(NO_ACCOUNT.as_bytes()).unwrap().account_error(), Some(101));
    assert_eq!(Parsed::read(SOME.as_bytes()).unwrap().account_error(), None);
}

proptest! {
    #[test]
    fn arbitrary_answer_does_not_panic(
        body in "\\PC{0,60}",
        value in "\"\\PC{0,20}\"|-?[0-9]{1,7}(\\.5)?|null|\\[\\]|\\{\\}|true",
    ) {
        let message = Outgoing::example();
        let _ = Parsed::read(body.as_bytes());
        for key in ["reference", "to", "status", "messageErrorCode", "messageDetails"] {
            let body = format!(r#"{{"errorCode":{value},"messages":[{{"{key}":{value}}},{value}]}}"#);
            if let Some(answer) = Parsed::read(body.as_bytes()) {
                let _ = answer.judge(&message.submission());
            }
        }
    }
}
