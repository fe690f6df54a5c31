//! Mobile Text Alerts' requests, answers and callbacks fit their schemas.

use serde_json::{Value, json};
use tests::System;

use super::{PHONE, errors, fits};
use crate::{
    mta,
    system::{DEMO, OWN_SENDER, answer, with},
};

#[tokio::test]
async fn described_mta_requests_are_those_that_are_accepted() {
    let system = System::start().await;
    let full = mta::message(&PHONE, "Hi");
    let number = json!(PHONE.parse::<u64>().unwrap());
    mta::post(&system, &full).await;
    system.until_handset(&PHONE, 1).await;
    let thread = |thread: Value| with(with(full.clone(), "subscribers", Value::Null), "threadId", thread);
    let image = |text: &str| with(with(full.clone(), "message", text), "image", "https://media.example/a.png");
    let field = |name: &str, value: Value| with(full.clone(), name, value);
    for (request, is_valid) in [
        (full.clone(), true),
        (field("subscribers", json!([number, "+4712345678", " 00447700900002 "])), true),
        (field("subscribers", json!([])), false),
        (field("subscribers", json!([PHONE, PHONE])), false),
        (field("subscribers", json!(["4712345678"])), false),
        (field("subscribers", json!([4_712_345_678_u64])), false),
        (field("subscribers", json!(["me@example.com"])), false),
        (field("subscribers", json!([null])), false),
        (field("subscribers", vec!["+447700900001"; 1001].into()), false),
        (field("subscribers", Value::Null), false),
        (field("threadId", number.clone()), false),
        (thread(number.clone()), true),
        (thread(json!(PHONE)), true),
        (thread(json!(format!("+{PHONE}"))), false),
        (field("message", json!("")), false),
        (field("message", json!(" \t")), false),
        (field("message", json!("a\u{1}")), false),
        (field("message", json!("a".repeat(1530))), true),
        (field("message", json!("a".repeat(1531))), false),
        (image(""), true),
        (image("Hi"), true),
        (field("image", json!("a.png")), false),
        (field("image", json!("")), true),
        (field("header", json!("h")), true),
        (field("footer", json!(7)), false),
        (field("isMMS", json!(true)), true),
        (field("rehost", json!("true")), false),
        (field("scheduledDate", json!("20260101T090000-0000")), true),
        (field("scheduledDate", json!("20260101T0900Z")), true),
        (field("scheduledDate", json!(20_260_101)), false),
        (field("longcodeId", json!(OWN_SENDER)), true),
        (field("longcodeId", json!("+441234567890")), false),
        (field("longcodeId", json!(-1)), false),
        (field("externalId", json!("x".repeat(100))), true),
        (field("externalId", json!("x".repeat(101))), false),
        (field("tags", json!({"a": ""})), true),
        (field("tags", json!({"": "a"})), false),
        (field("tags", json!({"a": 1})), false),
        (field("groups", json!([])), true),
        (field("groups", json!([1])), false),
        (field("allSubscribers", json!(false)), true),
        (field("allSubscribers", json!(true)), false),
        (field("templateId", json!(1)), false),
        (field("repeat", json!({})), false),
        (field("note", json!(7)), true),
    ] {
        let dry = system.request(reqwest::Method::POST, "/v3/send?isDryrun=1").bearer_auth(DEMO).json(&request);
        let answered = answer(dry).await;
        assert_eq!(answered.status, if is_valid { 200 } else { 400 }, "{request}: {}", answered.body);
        assert_eq!(errors(&request, "MtaRequest").is_empty(), is_valid, "{request}");
        fits(&answered.body, if is_valid { "MtaAnswer" } else { "MtaFailure" });
    }
}

#[tokio::test]
async fn mta_answers_and_callbacks_fit_their_schema() {
    let system = System::start().await;
    for event in ["delivery-status", "message-send", "message-reply", "number-opt-in"] {
        mta::register(&system, event, &system.sink(event), "secret").await;
    }
    let labels = with(mta::message(&PHONE, "Hello"), "tags", json!({"a": "1"}));
    let answered = mta::post(&system, &with(labels, "externalId", "order-7")).await;
    fits(&answered.body, "MtaAnswer");
    fits(system.until_callback("message-send").await.json(), "MtaMessageSend");
    let is_delivery = |callback: &tests::Callback| callback.json()["status"] == "delivered";
    fits(system.until_callback_that("delivery-status", "the delivery", is_delivery).await.json(), "MtaStatus");
    system.reply_from(&PHONE, OWN_SENDER, "START").await;
    fits(system.until_callback("message-reply").await.json(), "MtaReply");
    fits(system.until_callback("number-opt-in").await.json(), "MtaOptIn");
    let urls = ["https://media.example/1.jpg", "https://media.example/2.jpg"];
    system.reply_with_files(&PHONE, OWN_SENDER, "", &urls).await;
    fits(system.until_callbacks("message-reply", 2).await[1].json(), "MtaReply");
    let repeated = |text: &str| {
        let request = system.request(reqwest::Method::POST, "/v3/send").bearer_auth(DEMO);
        request.header("X-Request-Id", "order-7").json(&mta::message(&PHONE, text))
    };
    fits(&answer(repeated("Once")).await.body, "MtaAnswer");
    for failure in [
        answer(repeated("Once")).await,
        answer(repeated("Other")).await,
        mta::post(&system, &with(mta::message(&PHONE, "x"), "longcodeId", 7)).await,
        answer(system.request(reqwest::Method::POST, "/v3/send")).await,
    ] {
        assert!(failure.status.is_client_error());
        fits(&failure.body, "MtaFailure");
    }
}
