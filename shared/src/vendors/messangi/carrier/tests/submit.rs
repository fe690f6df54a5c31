//! Submits with a permanent key, and their answers.

use serde_json::{Value, json};

use super::super::status::status;
use crate::{
    domain::{Outcome, SegmentLimit, Text},
    formats::codes::Meaning,
    vendors::testing::{Answer, Outgoing, SubmitRow, accepted, busy, refused_with, rejected, submit, unknown},
};

const ACCEPTED: &str = include_str!("../../../../../../tests/fixtures/carriers/messangi/answer.json");
const BATCH: &str = include_str!("../../../../../../tests/fixtures/carriers/messangi/answer-batch.json");
const ERROR: &str = include_str!("../../../../../../tests/fixtures/carriers/messangi/answer-error.json");
const FLAT: &str = include_str!("../../../../../../tests/fixtures/carriers/messangi/answer-flat.json");
const REFUSED: &str = include_str!("../../../../../../tests/fixtures/carriers/messangi/answer-refused.json");
const ID: &str = "611b3a42c5f7904590c17d1f";
const SEGMENTS: &str = "Text exceeds the limit of allowed segments";

pub(super) fn rows() -> Vec<SubmitRow> {
    let example = Outgoing::example;
    let plain = r#"{"from":"SenderName","text":"Hi","to":"+447911000001","requestDR":true,"type":"MT","externalId":"0197a3a0000070008000000000000001","callbacks":"https://gateway.example/dlr/a-carrier/a-token"}"#;
    let longest = "é".repeat(1_600);
    let text = plain.replace("Hi", &longest);
    vec![
        submit(
            example(),
            format!(
                "POST /raven/v2/messages\nauthorization: Bearer permanent\ncontent-type: application/json\n\n{plain}"
            ),
        ),
        submit(example(), format!("POST /proxy/raven/v2/messages\n\n{plain}")).below("proxy/"),
        submit(Outgoing { text: long_text(&longest), ..example() }, format!("POST /raven/v2/messages\n\n{text}")),
    ]
}

fn long_text(text: &str) -> Text {
    Text::parse(text, SegmentLimit(100)).unwrap()
}

pub(super) fn answers() -> Vec<(Answer, Outcome)> {
    [samples(), words(), unreadable(), refusals(), statuses()].concat()
}

fn samples() -> Vec<(Answer, Outcome)> {
    let ok = |body: &str| Answer::from(format!("200\n\n{body}"));
    vec![
        (ok(ACCEPTED), accepted(Some(ID))),
        (ok(BATCH), accepted(None)),
        (ok(FLAT), accepted(Some(ID))),
        (ok(ERROR), rejected(format!("ERROR: {SEGMENTS}"))),
        (format!("400\n\n{REFUSED}").into(), rejected("INVALID_ROUTING: Phone number is not valid")),
    ]
}

/// Each word in both forms of an answer.
fn words() -> Vec<(Answer, Outcome)> {
    let cases = [
        ("QUEUE", Meaning::Accepted),
        ("accepted", Meaning::Accepted),
        ("DEQUEUED", Meaning::Accepted),
        ("SENT", Meaning::Accepted),
        ("ENROUTE", Meaning::Accepted),
        ("ACCEPTD", Meaning::Accepted),
        ("DELIVRD", Meaning::Accepted),
        ("ERROR", Meaning::Rejected),
        ("CODE_NOT_ALLOWED", Meaning::Rejected),
        ("SEGMENTS_EXCEEDED", Meaning::Rejected),
        ("BLACKLISTED", Meaning::Rejected),
        ("INVALID_ROUTING", Meaning::Rejected),
        ("REJECTD", Meaning::Rejected),
        ("UNDELIV", Meaning::Rejected),
        ("EXPIRED", Meaning::Rejected),
        ("DELETED", Meaning::Rejected),
        ("UNKNOWN", Meaning::Unknown),
    ];
    let rows = cases.into_iter().flat_map(|(word, meaning)| {
        let known = status(word).unwrap();
        let outcome = |words: &str| match meaning {
            Meaning::Accepted => accepted(Some("m1")),
            Meaning::Rejected => rejected(format!("{word}: {words}")),
            Meaning::Busy | Meaning::Unknown => unknown(format!("{word}: {}", known.words)),
        };
        let nested = json!({"data": {"id": "m1", "status": word}});
        let flat = json!({"status": word, "messageId": "m1", "description": "to 447911000001"});
        [(ok(&nested), outcome(known.words)), (ok(&flat), outcome("to …"))]
    });
    rows.collect()
}

fn ok(body: &Value) -> Answer {
    format!("200\n\n{body}").into()
}

fn unreadable() -> Vec<(Answer, Outcome)> {
    let unreadable = || unknown("status 200, unreadable answer");
    vec![
        (ok(&json!({"data": {"id": "m1", "status": "LOST"}})), unknown("the answer has an unknown status")),
        (ok(&json!({"data": {"id": "m1"}})), unreadable()),
        (ok(&json!({"status": true})), unreadable()),
        (ok(&json!([])), unreadable()),
        ("200\n\n<html>".into(), unreadable()),
        ("202".into(), unknown("status 202, unreadable answer")),
        (ok(&json!({"DATA": {"ID": 7, "Status": "queue"}})), accepted(Some("7"))),
        (ok(&json!({"data": {"id": "i".repeat(101), "status": "QUEUE"}})), accepted(None)),
    ]
}

fn refusals() -> Vec<(Answer, Outcome)> {
    let refused = |status: u16, body: Value| Answer::from(format!("{status}\n\n{body}"));
    let code = |code: &str, message: &str| json!({"error": {"code": code, "message": message, "field": "to"}});
    vec![
        (refused(403, code("CODE_NOT_ALLOWED", "no")), rejected("CODE_NOT_ALLOWED: no")),
        (refused(404, code("blacklisted", "447911000001")), rejected("BLACKLISTED: …")),
        (
            refused(422, json!({"error": {"code": "SEGMENTS_EXCEEDED"}})),
            rejected("SEGMENTS_EXCEEDED: The number of permissible segments has been surpassed"),
        ),
        (refused(400, json!({"status": "ERROR", "description": SEGMENTS})), rejected(format!("ERROR: {SEGMENTS}"))),
        (refused(409, json!({"status": "ERROR", "description": SEGMENTS})), refused_with(409)),
        (refused(401, code("CODE_NOT_ALLOWED", "no")), refused_with(401)),
        (refused(400, code("INVALID_FIELD", "is no number")), rejected("status 400: is no number")),
        (refused(400, code("QUEUE", "?")), rejected("status 400: ?")),
        (refused(400, json!({"message": "bad"})), rejected("status 400: bad")),
        (refused(401, code("UNAUTHORIZED", "no such key")), refused_with(401)),
        (refused(403, json!({"message": "Forbidden"})), refused_with(403)),
        (refused(403, code("ERROR", "expired key")), refused_with(403)),
    ]
}

fn statuses() -> Vec<(Answer, Outcome)> {
    vec![
        ("400".into(), rejected("status 400")),
        ("413\n\n<html>".into(), rejected("status 413")),
        ("422".into(), rejected("status 422")),
        ("404".into(), refused_with(404)),
        ("429\nretry-after: 7".into(), busy(Some(7), "busy (status 429)")),
        ("503".into(), busy(None, "busy (status 503)")),
        (format!("500\n\n{ACCEPTED}").into(), unknown("status 500")),
    ]
}
