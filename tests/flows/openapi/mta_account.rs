//! Mobile Text Alerts' account paths: requests and answers fit their schemas.

use reqwest::Method;
use serde_json::{Value, json};
use tests::System;

use super::{PHONE, document, errors, fits};
use crate::{
    mta,
    system::{Answer, DEMO, OTHER, OWN_SENDER, answer, owned, with},
};

async fn call(system: &System, method: Method, path: &str, body: &Value) -> Answer {
    answer(system.request(method, path).bearer_auth(DEMO).json(body)).await
}

async fn assert_described(system: &System, (method, path): (Method, &str), component: &str, body: &Value, valid: bool) {
    let answer = call(system, method, path, body).await;
    assert_eq!(answer.status, if valid { 200 } else { 400 }, "{body}: {}", answer.body);
    assert_eq!(errors(body, component).is_empty(), valid, "{component} {body}");
    if !valid {
        fits(&answer.body, "MtaFailure");
    }
}

#[tokio::test]
async fn described_webhooks_are_those_that_are_accepted() {
    let system = System::start().await;
    let full = json!({"event": "message-reply", "url": "https://a.example/?t=1", "secret": "s"});
    fits(&call(&system, Method::POST, "/v3/webhooks", &full).await.body, "MtaWebhookAnswer");
    for (field, value, is_valid) in [
        ("event", json!("number-opt-in"), true),
        ("event", json!("opt-out"), false),
        ("event", Value::Null, false),
        ("url", json!(7), false),
        ("url", Value::Null, false),
        ("secret", json!(""), false),
        ("secret", json!("s".repeat(255)), true),
        ("secret", json!("s".repeat(256)), false),
        ("alertEmail", json!("a@b"), true),
        ("alertEmail", json!("ab"), false),
        ("alertEmail", json!(""), true),
        ("alertEmail", json!("a@b\n"), false),
        ("sendAlertEmail", json!(false), true),
        ("sendAlertEmail", json!(true), false),
        ("sendAlertEmail", Value::Null, true),
        ("skipErrors", json!(true), true),
        ("skipErrors", json!(1), false),
        ("skipErrorCodes", json!(vec!["1"; 20]), true),
        ("skipErrorCodes", json!(vec!["1"; 21]), false),
        ("skipErrorCodes", json!([1]), false),
        ("retryOnError", json!("no"), false),
        ("maxThroughputPerMinute", json!(4_294_967_295_u64), true),
        ("maxThroughputPerMinute", json!(0), false),
        ("note", json!(7), true),
    ] {
        let (new, change) = (with(full.clone(), field, value.clone()), json!({field: value}));
        assert_described(&system, (Method::POST, "/v3/webhooks"), "MtaNewWebhook", &new, is_valid).await;
        let is_valid = is_valid || value.is_null();
        assert_described(&system, (Method::PATCH, "/v3/webhooks/1"), "MtaWebhookChange", &change, is_valid).await;
    }
    fits(&system.get(DEMO, "/v3/webhooks").await.body, "MtaWebhooks");
    fits(&call(&system, Method::PATCH, "/v3/webhooks/1", &json!({})).await.body, "MtaWebhookAnswer");
    fits(&system.delete(DEMO, "/v3/webhooks/1").await.body, "MtaWebhookRemoved");
    fits(&system.delete(DEMO, "/v3/webhooks/1").await.body, "MtaFailure");
}

#[tokio::test]
async fn described_numbers_are_those_that_are_accepted() {
    let system = System::start().await;
    let (path, number) = ("/v3/unsubscribes", PHONE.parse::<u64>().unwrap());
    for (value, is_valid) in [
        (json!(format!("+{PHONE}")), true),
        (json!(number), true),
        (json!(format!(" 00{PHONE} ")), true),
        (json!("+4712345678"), true),
        (json!("4712345678"), false),
        (json!(4_712_345_678_u64), false),
        (json!("07700900000"), false),
        (json!("me@example.com"), false),
        (json!(""), false),
        (Value::Null, false),
        (json!([number]), false),
    ] {
        assert_described(&system, (Method::POST, path), "MtaUnsubscribe", &json!({"number": value}), is_valid).await;
    }
    fits(&call(&system, Method::POST, path, &json!({"number": number})).await.body, "MtaUnsubscribed");
    fits(&system.get(DEMO, &format!("{path}/{PHONE}")).await.body, "MtaSubscription");
    fits(&system.get(DEMO, &format!("{path}/x")).await.body, "MtaFailure");
    fits(&system.get(DEMO, path).await.body, "MtaFailure");

    let path = "/v3/send/validate-recipients";
    let of = |recipients: Value| json!({"recipients": recipients, "validateUnsubscribes": true});
    for (request, is_valid) in [
        (of(json!([{"number": number, "externalId": "a"}, {"number": "0123"}, {"number": 1.5}])), true),
        (of(json!([{"number": "", "externalId": null}])), true),
        (of(json!([{"number": number, "externalId": 7}])), false),
        (of(json!([{"number": number, "externalId": "x".repeat(401)}])), false),
        (of(json!([{"number": null}])), false),
        (of(json!([{}])), false),
        (of(json!(["+447700900001"])), false),
        (of(json!([])), false),
        (of(Value::Null), false),
        (with(of(json!([{"number": number}])), "validateUnsubscribes", "yes"), false),
        (with(of(json!([{"number": number}])), "validateUnsubscribes", Value::Null), true),
    ] {
        assert_described(&system, (Method::POST, path), "MtaValidation", &request, is_valid).await;
        if is_valid {
            fits(&call(&system, Method::POST, path, &request).await.body, "MtaValidated");
        }
    }
    fits(&system.get(DEMO, "/v3/auth/verify-api-key").await.body, "MtaVerified");
    fits(&system.get(DEMO, "/v3/dedicated-numbers").await.body, "MtaDedicatedNumbers");
}

#[tokio::test]
async fn deliveries_and_scheduled_requests_fit_their_schema() {
    let system = System::start().await;
    fits(&system.get(DEMO, "/v3/deliveries").await.body, "MtaDeliveries");
    fits(&system.get(DEMO, "/v3/scheduled").await.body, "MtaScheduledList");
    let tagged = with(with(mta::message(&PHONE, "Hi"), "tags", json!({"k": "v"})), "externalId", "order 7");
    mta::post(&system, &tagged).await;
    system.send_one(DEMO, owned(&PHONE, "Hello")).await;
    let later = system.now().await + jiff::SignedDuration::from_hours(1);
    for subscribers in [json!([PHONE]), json!([PHONE, PHONE.nth(1)])] {
        let scheduled = with(tagged.clone(), "scheduledDate", later.to_string());
        mta::post(&system, &with(scheduled, "subscribers", subscribers)).await;
    }
    mta::post(
        &system,
        &with(
            with(mta::message(&PHONE, "Hi"), "image", "https://a.example/a.png"),
            "longcodeId",
            OWN_SENDER.parse::<u64>().unwrap(),
        ),
    )
    .await;
    system.until_handset(&PHONE, 3).await;
    for query in ["", "pageSize=1&page=1", "status=scheduled", "type=mms", "query=order%207"] {
        let listed = system.get(DEMO, &format!("/v3/deliveries?{query}")).await.body;
        assert!(listed["data"]["total"].as_u64().unwrap() > 0, "{query}: {listed}");
        fits(&listed, "MtaDeliveries");
    }
    fits(&system.get(DEMO, "/v3/deliveries?page=x").await.body, "MtaFailure");
    let listed = system.get(DEMO, "/v3/scheduled").await.body;
    assert_eq!(listed["data"]["total"], 2);
    fits(&listed, "MtaScheduledList");
    let path = format!("/v3/scheduled/{}", listed["data"]["rows"][0]["id"]);
    fits(&system.get(DEMO, &path).await.body, "MtaScheduledAnswer");
    fits(&system.get(OTHER, &path).await.body, "MtaFailure");
    fits(&call(&system, Method::POST, &path, &Value::Null).await.body, "MtaCancelled");
    fits(&system.get(DEMO, &path).await.body, "MtaFailure");
}

#[test]
fn documented_examples_fit_their_schema() {
    let document = document();
    let mut seen = 0;
    for (path, item) in document["paths"].as_object().unwrap().iter().filter(|(path, _)| path.starts_with("/v3/")) {
        for operation in item.as_object().unwrap().values() {
            let responses = operation["responses"].as_object().unwrap().values();
            for content in responses.chain([&operation["requestBody"]]).map(|part| &part["content"]["application/json"])
            {
                let (Some(component), Some(example)) = (content["schema"]["$ref"].as_str(), content.get("example"))
                else {
                    continue;
                };
                seen += 1;
                let found = errors(example, component.rsplit('/').next().unwrap());
                assert!(found.is_empty(), "{path}: {found:?}");
            }
        }
    }
    assert!(seen > 30, "{seen}");
}
