//! Submits and their answers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::KEY;
use crate::{
    domain::{CarrierSettings, Outcome, SubmitReference},
    vendors::testing::{
        Answer, Outgoing, REFERENCE, SubmitRow, accepted, busy, refused_with, rejected, submit, unknown,
    },
};

const ACCEPTED: &str = include_str!("../../../../../../tests/fixtures/carriers/mta/answer.json");
const FAILED: &str = include_str!("../../../../../../tests/fixtures/carriers/mta/answer-failed.json");
const INVALID: &str = include_str!("../../../../../../tests/fixtures/carriers/mta/answer-invalid.json");
const UNSUBSCRIBED: &str = include_str!("../../../../../../tests/fixtures/carriers/mta/answer-unsubscribed.json");
const UNVERIFIED: &str = include_str!("../../../../../../tests/fixtures/carriers/mta/answer-unverified.json");

pub(super) fn rows() -> Vec<SubmitRow> {
    let example = Outgoing::example;
    let plain = r#"{"subscribers":["+447911000001"],"message":"Hi","externalId":"0197a3a0000070008000000000000001"}"#;
    let from_longcode = plain.replace(r#""}"#, r#"","longcodeId":4711}"#);
    let later = SubmitReference { channel_index: 2, ..example().reference };
    let of_later = plain.replace(REFERENCE, &later.to_string());
    vec![
        submit(
            example(),
            format!(
                "POST /v3/send\nauthorization: Bearer {KEY}\ncontent-type: application/json\n\
                 x-request-id: {REFERENCE}\n\n{plain}"
            ),
        ),
        submit(example(), format!("POST /proxy/v3/send\n\n{plain}")).below("proxy/"),
        submit(example(), format!("POST /v3/send\n\n{from_longcode}")).set(|settings| set_id(settings, "SenderName")),
        submit(example(), format!("POST /v3/send\n\n{plain}")).set(|settings| set_id(settings, "Another")),
        submit(
            Outgoing { reference: later, ..example() },
            format!("POST /v3/send\nx-request-id: {later}\n\n{of_later}"),
        ),
    ]
}

fn set_id(settings: &mut CarrierSettings, sender: &str) {
    settings.sender_ids = BTreeMap::from([(sender.parse().unwrap(), "4711".to_owned())]).into();
}

fn opted_out(reason: &str) -> Outcome {
    Outcome::OptedOut { reason: reason.to_owned() }
}

pub(super) fn answers() -> Vec<(Answer, Outcome)> {
    [successes(), unreadable(), refusals(), statuses()].concat()
}

fn ok(body: impl ToString) -> Answer {
    format!("200\n\n{}", body.to_string()).into()
}

fn successes() -> Vec<(Answer, Outcome)> {
    vec![
        (ok(ACCEPTED), accepted(Some("48213377"))),
        (ok(json!({"data": {"messageId": "m-7"}})), accepted(Some("m-7"))),
        (ok(json!({"data": {"id": 7}})), accepted(Some("7"))),
        (ok(json!({"messageId": "m-7"})), accepted(Some("m-7"))),
        (ok(json!({"id": 7, "error": null})), accepted(Some("7"))),
        (ok(json!({"error": false, "data": {"MessageID": 7, "id": 8}})), accepted(Some("7"))),
        (ok(json!({"success": true, "data": null})), accepted(None)),
        (ok(json!({"data": {"messageId": "i".repeat(101)}})), accepted(None)),
        ("201\n\n{\"data\":{\"messageId\":7}}".into(), accepted(Some("7"))),
    ]
}

fn unreadable() -> Vec<(Answer, Outcome)> {
    let unreadable = || unknown("status 200, unreadable answer");
    let repeated = || unknown("status 409: an earlier submit had this X-Request-Id");
    vec![
        ("409\n\n{\"httpCode\":409,\"message\":\"Conflict\"}".into(), repeated()),
        ("409".into(), repeated()),
        (ok(json!({"data": {}})), unreadable()),
        (ok(json!({"message": "Message sent."})), unreadable()),
        (ok(json!({"success": "true"})), unreadable()),
        (ok(json!([{"messageId": 7}])), unreadable()),
        (ok("<html>"), unreadable()),
        ("204".into(), unknown("status 204, unreadable answer")),
    ]
}

fn refusals() -> Vec<(Answer, Outcome)> {
    let refused = |status: u16, body: Value| Answer::from(format!("{status}\n\n{body}"));
    let words = |words: &str| json!({"httpCode": 400, "message": words, "name": "MTABadRequestError"});
    vec![
        (ok(FAILED), rejected("status 200: No valid recipients")),
        (ok(json!({"success": false, "message": "447911000001 is no number"})), rejected("status 200: … is no number")),
        (
            ok(json!({"success": true, "error": "No credits", "data": {"messageId": 7}})),
            rejected("status 200: No credits"),
        ),
        (ok(json!({"success": false})), rejected("status 200")),
        (
            ok(json!({"success": false, "message": "Subscriber has Unsubscribed"})),
            opted_out("status 200: Subscriber has Unsubscribed"),
        ),
        (format!("400\n\n{INVALID}").into(), rejected("status 400: The message is longer than 160 characters")),
        (format!("400\n\n{UNSUBSCRIBED}").into(), opted_out("status 400: The number is unsubscribed")),
        (refused(400, words("+44 7911 000001 has opted out")), opted_out("status 400: … has opted out")),
        (refused(422, words("opted-out number")), opted_out("status 422: opted-out number")),
        (refused(400, words("Unknown subscriber")), rejected("status 400: Unknown subscriber")),
        // Only a refused message tells an opt-out, not a refused account.
        (refused(401, words("unsubscribed")), refused_with(401)),
        (refused(403, words("Your account has opted out")), refused_with(403)),
        (format!("403\n\n{UNVERIFIED}").into(), refused_with(403)),
    ]
}

fn statuses() -> Vec<(Answer, Outcome)> {
    vec![
        ("400".into(), rejected("status 400")),
        ("413\n\n<html>".into(), rejected("status 413")),
        ("401".into(), refused_with(401)),
        ("404".into(), refused_with(404)),
        ("429\nretry-after: 7\n\n{\"name\":\"MTARateLimitError\"}".into(), busy(Some(7), "busy (status 429)")),
        ("503".into(), busy(None, "busy (status 503)")),
        ("500\n\n{\"httpCode\":500,\"name\":\"MTAInternalServerError\"}".into(), unknown("status 500")),
    ]
}
