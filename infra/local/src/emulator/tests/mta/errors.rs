//! Mobile Text Alerts' errors.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{KEY, PHONE, mta_message};
use crate::emulator::tests::{Tester, answer};

/// Returns the answer's status and message, and checks its other fields.
fn message((status, answer): (StatusCode, Value)) -> (u16, String) {
    let status = status.as_u16();
    let (kind, name) = match status {
        400 => ("bad_request_error", "MTABadRequestError"),
        401 => ("unauthorized_error", "MTAUnauthorizedError"),
        409 => ("conflict_error", "MTAConflictError"),
        _ => panic!("{status} {answer}"),
    };
    assert_eq!((&answer["httpCode"], &answer["type"], &answer["name"]), (&json!(status), &json!(kind), &json!(name)));
    assert!(answer["requestId"].is_string() && answer["timestamp"].as_str().unwrap().ends_with('Z'), "{answer}");
    (status, answer["message"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn unknown_key_is_unauthorized() {
    let tester = Tester::start().await;
    tester.register_mta().await;
    tester.register("cm", "cm", json!({ "credentials": { "key": "key-of-cm" } })).await;
    let body = mta_message(PHONE).to_string();
    for path in ["/mta/v3/send", "/mta/v3/webhooks"] {
        for authorization in ["Bearer another", "Bearer key-of-cm", KEY, "Basic bWU6cGFzcw=="] {
            let posted = tester.client.post(tester.url(path)).header("Authorization", authorization);
            let answered = answer(posted.body(body.clone())).await;
            assert_eq!(message(answered), (401, "Unauthorized".to_owned()), "{path} {authorization}");
        }
        let without = answer(tester.client.post(tester.url(path)).body(body.clone())).await;
        assert_eq!(message(without).0, 401, "{path}");
    }
    assert!(tester.texts(PHONE).await.is_empty());
}

#[tokio::test]
async fn invalid_field_is_named() {
    let tester = Tester::start().await;
    tester.register_mta().await;
    for (field, value, words) in [
        ("subscribers", Value::Null, "must have one recipient"),
        ("subscribers", json!([]), "must have one recipient"),
        ("subscribers", json!([PHONE, PHONE]), "more are not simulated"),
        ("subscribers", json!(PHONE), "must be a list"),
        ("subscribers", json!(["a@client.example"]), "e-mail is not simulated"),
        ("subscribers", json!([null]), "texts and numbers"),
        ("subscribers", json!(["nobody"]), "invalid phone number"),
        ("subscribers", json!(["00447700900001"]), "invalid phone number"),
        ("subscribers", json!([12345]), "invalid phone number"),
        ("subscribers", json!(["447700900200"]), "invalid phone number"),
        ("message", Value::Null, "is required"),
        ("message", json!(""), "must not be empty"),
        ("message", json!(5), "must be a string"),
        ("message", json!("я".repeat(161)), "160 characters"),
        ("longcodeId", json!("4711"), "must be a whole number"),
        ("longcodeId", json!(4712), "not a number of this account"),
        ("externalId", json!(5), "must be a string"),
        ("allSubscribers", json!(true), "is not a field"),
        ("image", json!("https://media.example/1"), "is not a field"),
        ("scheduledDate", json!("20261224T180000-0000"), "is not a field"),
    ] {
        let mut submit = mta_message(PHONE);
        submit[field] = value.clone();
        let (status, said) = message(tester.post_mta(&submit).await);
        assert!(status == 400 && said.starts_with(field) && said.contains(words), "{field} {value}: {said}");
    }
    assert_eq!(message(tester.post_mta(&json!([])).await).1, "body must be a JSON object");
    assert!(tester.texts(PHONE).await.is_empty() && tester.texts("447700900200").await.is_empty());
    let mut longest = mta_message(PHONE);
    longest["message"] = json!("я".repeat(160));
    assert_eq!(tester.post_mta(&longest).await.0, StatusCode::OK);
}

#[tokio::test]
async fn invalid_webhook_is_named_and_not_registered() {
    let tester = Tester::start().await;
    tester.register_mta().await;
    for (field, value) in [
        ("event", Value::Null),
        ("event", json!("opt-out")),
        ("url", Value::Null),
        ("url", json!("https://client.example/receipts")),
        ("secret", Value::Null),
        ("secret", json!("")),
        ("retryOnError", json!("true")),
        ("skipErrorCodes", json!("500")),
    ] {
        let mut body = json!({ "event": "delivery-status", "url": tester.url("/sinks/a"), "secret": "s" });
        body[field] = value.clone();
        let (status, said) = message(answer(tester.mta("/mta/v3/webhooks", &body)).await);
        assert!(status == 400 && said.starts_with(field), "{field} {value}: {said}");
    }
    let listed = answer(tester.client.get(tester.url("/mta/v3/webhooks")).bearer_auth(KEY)).await.1;
    assert_eq!(listed["data"]["total"], 0);
}

#[tokio::test]
async fn account_that_is_down_takes_no_request() {
    let tester = Tester::start().await;
    tester.register_mta().await;
    tester.set_outage("mta", true).await;
    assert_eq!(tester.post_mta(&mta_message(PHONE)).await, (StatusCode::SERVICE_UNAVAILABLE, Value::Null));
    let listed = answer(tester.client.get(tester.url("/mta/v3/webhooks")).bearer_auth(KEY)).await;
    assert_eq!(listed.0, StatusCode::SERVICE_UNAVAILABLE);
}
