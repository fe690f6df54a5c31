//! Messangi's requests, answers and callbacks fit their schemas.

use serde_json::{Value, json};
use tests::System;

use super::{PHONE, errors, fits};
use crate::{
    messangi,
    system::{DEMO, OWN_SENDER, with},
};

#[tokio::test]
async fn described_messangi_requests_are_those_that_are_accepted() {
    let system = System::start().await;
    let full = messangi::message(&PHONE, "Hi");
    let cases = [
        ("from", json!(OWN_SENDER.parse::<u64>().unwrap()), false),
        ("from", json!(format!(" +{OWN_SENDER}")), true),
        ("from", json!("+0123"), false),
        ("text", json!(" "), false),
        ("text", json!("ж".repeat(1600)), true),
        ("text", json!("a".repeat(1601)), false),
        ("to", json!(PHONE.parse::<u64>().unwrap()), true),
        ("to", json!("0612345678"), false),
        ("to", Value::Null, false),
        ("requestDR", json!("true"), false),
        ("requestDR", Value::Null, true),
        ("connection", json!(""), true),
        ("connection", json!("a b"), false),
        ("callbacks", json!(""), true),
        ("callbacks", json!(["http://127.0.0.1:9/"]), false),
        ("email", json!("ann"), false),
        ("email", json!("ann@example.com"), true),
        ("type", json!("MT"), true),
        ("type", json!("MO"), false),
        ("externalId", json!("x".repeat(100)), true),
        ("externalId", json!("x".repeat(101)), false),
        ("externalId", json!(7), false),
        ("clientId", json!("a\n"), false),
        ("note", json!(7), true),
    ];
    for (field, value, is_valid) in cases {
        let request = with(full.clone(), field, value);
        let answer = messangi::post(&system, "/raven/v2/messages?isDryrun=1", &request).await;
        assert_eq!(answer.status, if is_valid { 200 } else { 400 }, "{request}: {}", answer.body);
        assert_eq!(errors(&request, "MessangiRequest").is_empty(), is_valid, "{request}");
        fits(&answer.body, if is_valid { "MessangiAnswer" } else { "MessangiFailure" });
    }
    let (plain, misspelt) = (json!({"to": PHONE}), json!({"to:": PHONE, "params": null}));
    let both = with(plain.clone(), "to:", PHONE);
    for (to, is_valid) in [
        (json!([plain, misspelt]), true),
        (json!([both]), false),
        (json!([{}]), false),
        (json!([PHONE]), false),
        (json!([with(plain.clone(), "params", json!([true]))]), false),
        (json!([]), false),
        (json!(PHONE), false),
    ] {
        let request = with(full.clone(), "to", to);
        let answer = messangi::post(&system, "/raven/v3/messages/batch?isDryrun=1", &request).await;
        assert_eq!(answer.status, if is_valid { 200 } else { 400 }, "{request}: {}", answer.body);
        assert_eq!(errors(&request, "MessangiBatchRequest").is_empty(), is_valid, "{request}");
        fits(&answer.body, if is_valid { "MessangiBatchAnswer" } else { "MessangiFailure" });
    }
}

#[tokio::test]
async fn messangi_answers_and_callbacks_fit_their_schema() {
    let system = System::start().await;
    let labels = json!({"from": OWN_SENDER, "text": "Hi {0}", "requestDR": true, "callbacks": system.sink("receipts"),
        "email": "ann@example.com", "externalId": "campaign", "clientId": "ann",
        "to": [{"to": "0612345678", "params": ["a"]}, {"to": PHONE, "params": [7]}]});
    let answer = messangi::post(&system, "/raven/v3/messages/batch", &labels).await;
    assert_eq!(answer.body["data"]["invalidNumber"], json!(["0612345678"]), "{}", answer.body);
    fits(&answer.body, "MessangiBatchAnswer");
    let id = answer.body["data"]["ids"][0]["id"].clone();
    system.until_state(&id, "delivered").await;
    for callback in system.until_callbacks("receipts", 1).await {
        fits(callback.json(), "MessangiStatus");
    }
    system.reply_from(&PHONE, OWN_SENDER, "Hi").await;
    fits(system.until_callback("replies").await.json(), "MessangiReply");
    let shown = system.get(DEMO, &format!("/raven/v2/messages/{}", id.as_str().unwrap())).await.body;
    assert_eq!(shown["data"]["status"], "DELIVRD", "{shown}");
    fits(&shown, "MessangiAnswer");
    fits(&system.until_state(&id, "delivered").await.into_json(), "Message");
    for failure in [
        system.get("no-key", "/raven/v2/messages/7").await,
        system.get(DEMO, "/raven/v2/messages/7").await,
        messangi::post(&system, "/raven/v2/messages", &with(messangi::message(&PHONE, "x"), "from", "Nobody")).await,
        messangi::post(&system, "/raven/v3/messages/batch", &json!({})).await,
    ] {
        assert!(failure.status.is_client_error());
        fits(&failure.body, "MessangiFailure");
    }
}
