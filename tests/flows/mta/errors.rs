//! Errors: each with status, type and field, and all in one answer.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tests::System;

use super::{PHONE, message, post, request};
use crate::{
    bad_input::assert_nothing_was_done,
    system::{Answer, DEMO, OTHER_SENDER, answer, with},
};

/// Checks an error's format. Returns its status, and the field, index and code in each entry.
fn seen(answer: &Answer) -> (u16, Vec<String>) {
    let body = &answer.body;
    let status = answer.status.as_u16();
    let (kind, name) = match status {
        400 => ("bad_request_error", "MTABadRequestError"),
        401 => ("unauthorized_error", "MTAUnauthorizedError"),
        403 => ("forbidden_error", "MTAForbiddenError"),
        409 => ("conflict_error", "MTAConflictError"),
        413 => ("payload_too_large_error", "MTAPayloadTooLargeError"),
        415 => ("unsupported_media_type_error", "MTAUnsupportedMediaTypeError"),
        status => panic!("{status}: {body}"),
    };
    assert_eq!((&body["httpCode"], &body["type"], &body["name"]), (&json!(status), &json!(kind), &json!(name)));
    assert!(body["requestId"].as_str().is_some_and(|id| uuid::Uuid::try_parse(id).is_ok()), "{body}");
    assert!(body["timestamp"].as_str().is_some_and(|at| at.ends_with('Z') && at.len() == 24), "{body}");
    let message = body["message"].as_str().unwrap();
    let errors = body["errors"].as_array().cloned().unwrap_or_default();
    let line = |error: &Value| {
        let field = error["field"].as_str().unwrap();
        let index = error["index"].as_u64().map(|index| format!("[{index}]")).unwrap_or_default();
        let words = format!("{field}{index} {}", error["message"].as_str().unwrap());
        assert!(message.contains(&words), "{words} is not in {message}");
        format!("{field}{index} {}", error["code"].as_str().unwrap())
    };
    (status, errors.iter().map(line).collect())
}

fn refused(status: u16, words: &[&str]) -> (u16, Vec<String>) {
    (status, words.iter().map(|&word| word.to_owned()).collect())
}

#[tokio::test]
async fn each_field_that_is_missing_empty_wrong_or_too_long_is_named() {
    let system = System::start().await;
    let full = || message(&PHONE, "Hello");
    let without = |field: &str| with(full(), field, Value::Null);
    let long = |length: usize| json!("x".repeat(length));
    for (body, words) in [
        (without("subscribers"), &["subscribers missing"][..]),
        (with(full(), "subscribers", json!([])), &["subscribers empty"]),
        (with(full(), "subscribers", json!("x")), &["subscribers wrong_type"]),
        (with(full(), "subscribers", vec!["+447700900001"; 1001]), &["subscribers too_many"]),
        (
            with(full(), "subscribers", json!(["me@example.com", "", "x", format!("+{PHONE}"), format!("+{PHONE}")])),
            &[
                "subscribers[0] unknown_value",
                "subscribers[1] empty",
                "subscribers[2] malformed",
                "subscribers[4] duplicate",
            ],
        ),
        (with(full(), "subscribers", json!(["5555555555"])), &["subscribers[0] malformed"]),
        (with(full(), "threadId", 447_700_900_001_u64), &["threadId conflict"]),
        (with(without("subscribers"), "threadId", ""), &["threadId empty"]),
        (with(without("subscribers"), "threadId", 7), &["threadId malformed"]),
        (without("message"), &["message missing"]),
        (with(full(), "message", ""), &["message empty"]),
        (with(full(), "message", 7), &["message wrong_type"]),
        (with(full(), "message", long(1531)), &["message too_long"]),
        (with(full(), "header", long(1600)), &["header too_long"]),
        (with(full(), "footer", json!([])), &["footer wrong_type"]),
        (with(full(), "image", "map.png"), &["image malformed"]),
        (with(full(), "image", format!("https://a.example/{}", "x".repeat(2048))), &["image too_long"]),
        (with(full(), "isMMS", "yes"), &["isMMS wrong_type"]),
        (with(full(), "rehost", 1), &["rehost wrong_type"]),
        (with(full(), "scheduledDate", "tomorrow"), &["scheduledDate malformed"]),
        (with(full(), "scheduledDate", "21260101T000000-0000"), &["scheduledDate too_long"]),
        (with(full(), "longcodeId", "x"), &["longcodeId malformed"]),
        (with(full(), "externalId", long(101)), &["externalId too_long"]),
        (with(full(), "tags", json!({"a": 1})), &["tags wrong_type"]),
        (with(full(), "tags", json!({"": "1"})), &["tags empty"]),
        (with(full(), "tags", json!({"a": "x".repeat(256)})), &["tags too_long"]),
        (with(without("subscribers"), "groups", json!([7])), &["groups unknown_value"]),
        (with(without("subscribers"), "subscriberIds", json!([7])), &["subscriberIds unknown_value"]),
        (with(without("subscribers"), "allSubscribers", true), &["allSubscribers unknown_value"]),
        (with(without("message"), "templateId", 7), &["templateId unknown_value"]),
        (with(full(), "linkId", 7), &["linkId unknown_value"]),
        (with(full(), "repeat", json!({"type": "week"})), &["repeat unknown_value"]),
        (json!({"groups": [1], "isMMS": 1}), &["groups unknown_value", "message missing", "isMMS wrong_type"]),
        (json!([]), &["(body) wrong_type"]),
    ] {
        assert_eq!(seen(&post(&system, &body).await), refused(400, words), "{body}");
    }
    assert_nothing_was_done(&system).await;
}

#[tokio::test]
async fn sender_of_nobody_or_another_account_is_forbidden() {
    let system = System::start().await;
    for longcode in [json!(OTHER_SENDER.parse::<u64>().unwrap()), json!(7), json!("9007199254740991"), json!(123_456)] {
        let answered = post(&system, &with(message(&PHONE, "x"), "longcodeId", longcode)).await;
        assert_eq!(seen(&answered), refused(403, &["longcodeId not_owned"]));
        assert_eq!(answered.body["message"], "longcodeId is not the ID of a sender of this account");
    }
    assert_nothing_was_done(&system).await;
}

#[tokio::test]
async fn errors_of_http_have_the_format_of_the_dialect() {
    let system = System::start().await;
    let valid = message(&PHONE, "Hello");
    let at = |path: &str| system.request(Method::POST, path);
    let authorized = |request: RequestBuilder| request.bearer_auth(DEMO);
    let large = format!(r#"{{"message":"{}"}}"#, "x".repeat(1 << 20));
    for (asked, status, words) in [
        (at("/v3/send").json(&valid), 401, &[][..]),
        (at("/v3/send").json(&valid).bearer_auth("wrong"), 401, &[]),
        (at("/v3/send?key=demo-key").json(&valid), 401, &[]),
        (at("/v3/send").json(&valid).basic_auth(DEMO, Some(DEMO)), 401, &[]),
        (authorized(at("/v3/send").body("{")), 400, &["(body) malformed"]),
        (authorized(at("/v3/send").body(large)), 413, &[]),
        (request(&system, &valid).header("content-encoding", "gzip"), 415, &[]),
        (authorized(at("/v3/send?isDryrun=x").json(&valid)), 400, &["isDryrun unknown_value"]),
        (request(&system, &valid).header("On-Unknown", "x"), 400, &["On-Unknown unknown_value"]),
        (request(&system, &valid).header("Idempotency-Key", "a,b"), 400, &["Idempotency-Key malformed"]),
        (request(&system, &valid).header("X-Request-Id", ""), 400, &["X-Request-Id malformed"]),
        (request(&system, &valid).header("X-Request-Id", "k".repeat(256)), 400, &["X-Request-Id malformed"]),
        (request(&system, &valid).header("X-Request-Id", "a,b"), 400, &["X-Request-Id malformed"]),
        (
            request(&system, &valid).header("X-Request-Id", "a").header("X-Request-Id", "b"),
            400,
            &["X-Request-Id duplicate"],
        ),
        (
            request(&system, &valid).header("X-Request-Id", "a").header("Idempotency-Key", "a"),
            400,
            &["X-Request-Id conflict"],
        ),
        (
            request(&system, &with(valid.clone(), "message", "")).header("X-Request-Id", "").header("On-Unknown", "x"),
            400,
            &["message empty", "On-Unknown unknown_value", "X-Request-Id malformed"],
        ),
    ] {
        assert_eq!(seen(&answer(asked).await), refused(status, words));
    }
    let unauthorized = at("/v3/send").json(&valid).send().await.unwrap();
    assert_eq!(unauthorized.headers()["www-authenticate"], "Bearer");
    assert_nothing_was_done(&system).await;
}
