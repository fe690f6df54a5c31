//! `GET` and `POST /v3/webhooks`.

use std::slice;

use serde_json::{Value, json};

use crate::vendors::testing::{Answer, PlannedCall, WebhookSetupRow};

const FIRST: &str = "GET /v3/webhooks?page=0";
const RECEIPTS: &str = r#"POST /v3/webhooks
authorization: Bearer an-api-key
content-type: application/json

{"event":"delivery-status","retryOnError":true,"secret":"a-signing-secret","url":"https://gateway.example/dlr/mta/0f8b414c517bf0fc"}"#;
const REPLIES: &str = r#"POST /v3/webhooks
authorization: Bearer an-api-key

{"event":"message-reply","retryOnError":true,"secret":"a-signing-secret","url":"https://gateway.example/mo/mta/0f8b414c517bf0fc"}"#;
const SHOWN_RECEIPTS: &str =
    r#"{"event":"delivery-status","retryOnError":true,"secret":"…","url":"https://gateway.example/dlr/mta/…"}"#;
const SHOWN_REPLIES: &str =
    r#"{"event":"message-reply","retryOnError":true,"secret":"…","url":"https://gateway.example/mo/mta/…"}"#;

pub(super) fn rows() -> Vec<WebhookSetupRow> {
    let ours = |kind: &str| format!("https://gateway.example/{kind}/mta/0f8b414c517bf0fc");
    let row = |event: &str, url: &str| json!({"id": 7, "event": event, "url": url, "retryOnError": false});
    let of = |rows: &[Value]| page(rows, rows.len());
    let receipts = row("delivery-status", &ours("dlr"));
    let replies = row("message-reply", &ours("mo"));
    // Another event's webhook, and another address.
    let others = [
        row("message-reply", &ours("dlr")),
        row("delivery-status", "https://gateway.example/dlr/mta/old"),
        row("delivery-status", "https://elsewhere.example/"),
        row("number-opt-in", &ours("mo")),
        json!({"id": 8}),
    ];
    let two_pages = vec![
        (FIRST, page(&[receipts.clone(), row("message-send", &ours("mo"))], 3)),
        ("GET /v3/webhooks?page=1", page(slice::from_ref(&replies), 3)),
    ];
    let ends_early = vec![(FIRST, page(slice::from_ref(&receipts), 30)), ("GET /v3/webhooks?page=1", page(&[], 30))];
    vec![
        setup(vec![(FIRST, of(&[]))], [(false, 0), (false, 0)]),
        setup(vec![(FIRST, of(&[receipts, replies]))], [(true, 0), (true, 0)]),
        setup(vec![(FIRST, of(&others))], [(false, 2), (false, 1)]),
        setup(two_pages, [(true, 0), (true, 0)]),
        setup(ends_early, [(true, 0), (false, 0)]),
        setup(vec![(FIRST, "200\n\n{\"data\":{\"rows\":[]}}".into())], [(false, 0), (false, 0)]),
        failed("200\n\n[]", "the vendor's list of webhooks is not in the documented format"),
        failed("200\n\n{\"data\":{}}", "the vendor's list of webhooks is not in the documented format"),
        failed("200\n\n<html>", "the vendor's list of webhooks is not in the documented format"),
        failed("401\n\n{\"message\":\"Unauthorized\"}", "the vendor refused: status 401: Unauthorized"),
        failed("500", "the vendor refused: status 500"),
    ]
}

fn page(rows: &[Value], total: usize) -> Answer {
    format!("200\n\n{}", json!({"data": {"rows": rows, "page": 0, "pageSize": 25, "total": total}})).into()
}

/// Returns a row. `states` tells for each of our webhooks whether it is registered, and how many other addresses there
/// are.
fn setup(lists: Vec<(&'static str, Answer)>, states: [(bool, usize); 2]) -> WebhookSetupRow {
    let calls = [(RECEIPTS, SHOWN_RECEIPTS), (REPLIES, SHOWN_REPLIES)].into_iter().zip(states);
    let calls =
        calls.map(|((request, shown), (is_registered, others))| PlannedCall { request, shown, is_registered, others });
    WebhookSetupRow { lists, expected: Ok(calls.collect()) }
}

fn failed(answer: &str, error: &'static str) -> WebhookSetupRow {
    WebhookSetupRow { lists: vec![(FIRST, answer.into())], expected: Err(error) }
}
