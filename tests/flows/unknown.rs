//! Unknown outcomes: when a message is resent, when it fails, and which callbacks its client gets. `lookup`
//! tests carriers that can be asked.

mod lookup;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use shared::domain::OnUnknown;
use tests::{Callback, MessageView, Phone, System, TestConfig};

use crate::{
    cm,
    system::{Answer, DEMO, OWN_SENDER, answer, owned, with},
};

const PHONE: Phone = Phone::unanswered();
const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;

fn config(on_unknown: &str) -> TestConfig {
    TestConfig::new().carrier_timeout_ms(300).on_unknown(on_unknown.parse::<OnUnknown>().unwrap())
}

async fn system(on_unknown: &str) -> System {
    System::with_config(config(on_unknown)).await
}

/// Posts a message with the sink `receipts` as callback, and an `On-Unknown` header if it is given.
async fn post(system: &System, on_unknown: Option<&str>) -> Answer {
    let message = with(owned(&PHONE, "Hello"), "callback", system.sink("receipts"));
    let request = system.request(Method::POST, "/message").bearer_auth(DEMO).json(&json!({"messages": [message]}));
    answer(match on_unknown {
        Some(on_unknown) => request.header("On-Unknown", on_unknown),
        None => request,
    })
    .await
}

/// Posts a message as [`post`] does, waits until its outcome is unknown, and returns its ID.
async fn unknown(system: &System, on_unknown: Option<&str>) -> String {
    let accepted = post(system, on_unknown).await;
    assert_eq!(accepted.status, StatusCode::OK, "{}", accepted.body);
    let id = accepted.body["messages"][0]["messageUuid"].as_str().unwrap().to_owned();
    system.until_state(&id, "unknown").await;
    id
}

async fn until_unknown_after(system: &System, id: &str, attempts: u64) -> MessageView {
    system.until_state_after(id, "unknown", attempts).await
}

async fn set_behavior(system: &System, sms: &str) {
    system.set_channels(&PHONE, json!({"sms": sms})).await;
}

/// Returns the code and description of each receipt callback.
async fn receipts(system: &System) -> Vec<(String, String)> {
    system.until_idle().await;
    let info = |callback: &Callback| {
        let description = callback.json()["receiptInfo"]["description"].as_str().unwrap();
        (callback.receipt_code().to_owned(), description.to_owned())
    };
    system.callbacks("receipts").await.iter().map(info).collect()
}

#[tokio::test]
async fn unknown_outcome_is_resent_three_times_with_backoff() {
    let system = system("resend").await;
    let id = unknown(&system, None).await;
    for (times, minutes) in [(1, 2), (2, 10), (3, 60)] {
        system.advance(minutes * MINUTE - 20).await;
        system.until_only_delayed().await;
        assert_eq!(system.message(&id).await.attempts(), times as u64, "not before {minutes} minutes");
        system.advance(25).await;
        let message = until_unknown_after(&system, &id, times as u64 + 1).await;
        assert_eq!(message.attempt_outcomes(), vec!["unknown"; times]);
        assert_eq!(system.handset(&PHONE).await.len(), times + 1);
    }
    system.advance_and_settle(DAY - 10 * MINUTE).await;
    let message = system.message(&id).await;
    assert_eq!((message.state(), message.attempts()), ("unknown", 4));
    let again = "sent again: sms by loopback had an unknown outcome: no answer in time";
    assert_eq!(message.reasons().iter().filter(|reason| **reason == again).count(), 3);
    assert!(receipts(&system).await.is_empty());

    system.advance_and_settle(11 * MINUTE).await;
    let failed = system.until_state(&id, "failed").await;
    assert_eq!(failed.last_reason(), "the outcome stayed unknown");
    assert_eq!(receipts(&system).await, [("26".to_owned(), "the outcome stayed unknown".to_owned())]);
    assert_eq!(system.handset(&PHONE).await.len(), 4);
}

#[tokio::test]
async fn answered_resend_resolves_the_unknown_outcome() {
    let system = system("resend").await;
    let id = unknown(&system, None).await;
    set_behavior(&system, "delivers").await;
    system.advance(2 * MINUTE).await;
    let message = system.until_state(&id, "delivered").await;
    assert_eq!((message.attempt_outcomes(), message.attempts()), (vec!["unknown"], 2));
    assert_eq!(receipts(&system).await.len(), 1);
    system.advance_and_settle(2 * DAY).await;
    assert_eq!((system.handset(&PHONE).await.len(), system.message(&id).await), (2, message));
}

#[tokio::test]
async fn on_unknown_of_a_request_overrides_that_of_its_account() {
    for (account, request, times) in
        [("wait", Some("resend"), 2), ("wait", None, 1), ("resend", Some("WAIT"), 1), ("resend", Some("resend"), 2)]
    {
        let system = system(account).await;
        let id = unknown(&system, request).await;
        system.advance(3 * MINUTE).await;
        let message = until_unknown_after(&system, &id, times).await;
        assert_eq!(message["on_unknown"], json!(request.map(str::to_lowercase)), "{account} {request:?}");
        system.until_idle().await;
        assert_eq!(system.handset(&PHONE).await.len() as u64, times, "{account} {request:?}");
    }
}

#[tokio::test]
async fn any_receipt_resolves_an_unknown_outcome() {
    for (status, state) in [("delivered", "delivered"), ("undelivered", "undelivered"), ("sent", "submitted")] {
        let system = system("resend").await;
        let id = unknown(&system, None).await;
        system.deliver_status(&id, status).await;
        system.advance_and_settle(2 * DAY).await;
        let message = system.until_state(&id, state).await;
        assert_eq!((message.attempts(), system.handset(&PHONE).await.len()), (1, 1), "{status}");
    }
}

#[tokio::test]
async fn refused_resend_does_not_resolve_the_first_submit() {
    let system = system("resend").await;
    let id = unknown(&system, None).await;
    set_behavior(&system, "rejects").await;
    system.advance_and_settle(3 * MINUTE).await;
    let message = until_unknown_after(&system, &id, 2).await;
    assert_eq!(message.attempt_outcomes(), ["unknown", "rejected"]);
    assert!(message.last_reason().starts_with("not sent again: "), "{message}");
    assert_eq!(message.carrier(), "loopback");
    // The only carrier refused the resend, so none is left to resend to.
    system.advance_and_settle(2 * 60 * MINUTE).await;
    assert_eq!(system.message(&id).await.attempts(), 2);
    // A late receipt belongs to the first submit.
    system.deliver_status(&id, "undelivered").await;
    system.until_state(&id, "undelivered").await;
    assert_eq!(receipts(&system).await.len(), 1);
}

#[tokio::test]
async fn opted_out_recipient_gets_no_resend() {
    let system = system("resend").await;
    let id = unknown(&system, None).await;
    system.reply_from(&PHONE, OWN_SENDER, "STOP").await;
    system.until_callbacks("replies", 1).await;
    system.advance_and_settle(2 * 60 * MINUTE).await;
    let message = system.message(&id).await;
    assert_eq!((message.state(), message.attempts()), ("unknown", 1));
    system.advance_and_settle(DAY).await;
    system.until_state(&id, "failed").await;
    assert_eq!(system.handset(&PHONE).await.len(), 1);
}

#[tokio::test]
async fn expired_message_is_not_resent() {
    let system = system("resend").await;
    let message = with(cm::message(&PHONE, "Hello"), "validity", "1m");
    assert_eq!(cm::post(&system, &[message]).await.status, StatusCode::OK);
    let id = system.newest().await.id().to_owned();
    system.until_state(&id, "unknown").await;
    system.advance_and_settle(2 * 60 * MINUTE).await;
    let message = system.message(&id).await;
    assert_eq!((message.state(), message.attempts()), ("unknown", 1));
    system.advance_and_settle(DAY).await;
    system.until_state(&id, "failed").await;
    let report = system.until_callback("status").await;
    let status = &report.cm_report()["status"];
    assert_eq!((&status["code"], &status["errorDescription"]), (&"3".into(), &"the outcome stayed unknown".into()));
}

#[tokio::test]
async fn failover_comes_before_a_resend() {
    let system = system("resend").await;
    let message = with(cm::message(&PHONE, "Hello"), "allowedChannels", json!(["WhatsApp", "SMS"]));
    assert_eq!(cm::post(&system, &[message]).await.status, StatusCode::OK);
    let id = system.newest().await.id().to_owned();
    system.until_state(&id, "unknown").await;
    system.advance_and_settle(150).await;
    assert_eq!(system.message(&id).await.attempts(), 1);
    system.advance(155).await;
    let message = until_unknown_after(&system, &id, 2).await;
    assert_eq!((message.channel(), message.attempt_outcomes()), ("sms", vec!["receipt_timeout"]));
    // No channel is left, so SMS is resent.
    system.advance(2 * MINUTE + 5).await;
    let message = until_unknown_after(&system, &id, 3).await;
    assert_eq!((message.channel(), message.attempt_outcomes()), ("sms", vec!["receipt_timeout", "unknown"]));
    system.deliver_cm_report(&json!({"to": PHONE.with_00(), "reference": id, "status": {"code": "2"}})).await;
    system.until_state(&id, "delivered").await;
    system.advance_and_settle(DAY).await;
    assert_eq!(system.handset(&PHONE).await.len(), 3);
}

#[tokio::test]
async fn receipt_after_the_deadline_is_recorded_and_notified() {
    for status in ["delivered", "undelivered"] {
        let system = system("wait").await;
        let id = unknown(&system, None).await;
        system.advance_and_settle(DAY + MINUTE).await;
        system.until_state(&id, "failed").await;
        system.deliver_status(&id, status).await;
        assert_eq!(system.message(&id).await.states().last(), Some(&status));
        system.until_callbacks("receipts", 2).await;
        let codes: Vec<_> = receipts(&system).await.into_iter().map(|(code, _)| code).collect();
        assert_eq!(codes, ["26", if status == "delivered" { "00" } else { "22" }]);
    }
}

#[tokio::test]
async fn same_idempotency_key_with_other_on_unknown_is_a_conflict() {
    let system = system("wait").await;
    let phone = Phone::delivers();
    let body = json!({"messages": [owned(&phone, "Hello")]});
    let post = async |on_unknown: Option<&str>| {
        let request = system.request(Method::POST, "/message").bearer_auth(DEMO).header("Idempotency-Key", "one");
        let request = match on_unknown {
            Some(on_unknown) => request.header("On-Unknown", on_unknown),
            None => request,
        };
        answer(request.json(&body)).await.status.as_u16()
    };
    assert_eq!(post(Some("resend")).await, 200);
    assert_eq!(post(Some("Resend")).await, 200);
    assert_eq!([post(Some("wait")).await, post(None).await], [409, 409]);
    system.until_handset(&phone, 1).await;
    system.until_idle().await;
    assert_eq!(system.handset(&phone).await.len(), 1);
}

#[tokio::test]
async fn invalid_on_unknown_is_an_error_in_each_dialect() {
    let system = system("wait").await;
    let refused = post(&system, Some("again")).await;
    let error = json!([{"field": "On-Unknown", "code": "unknown_value", "message": "must be wait or resend"}]);
    assert_eq!((refused.status.as_u16(), &refused.body["errors"]), (400, &error));
    let words = "On-Unknown must be wait or resend";

    let body = json!({"messages": {"authentication": {"productToken": DEMO}, "msg": [cm::message(&PHONE, "Hello")]}});
    let json = cm::post_json(&system, body.to_string()).header("On-Unknown", "");
    let answered = answer(json).await;
    assert_eq!((answered.status.as_u16(), &answered.body["errorCode"]), (400, &202.into()));
    assert_eq!(answered.body["details"], words);

    let xml = format!(
        "<MESSAGES><AUTHENTICATION><PRODUCTTOKEN>{DEMO}</PRODUCTTOKEN></AUTHENTICATION><MSG>\
         <FROM>{OWN_SENDER}</FROM><TO>00{PHONE}</TO><BODY>Hello</BODY></MSG></MESSAGES>"
    );
    let xml = system.request(Method::POST, "/gateway.ashx").body(xml);
    let query = format!("/gateway.ashx?producttoken={DEMO}&from={OWN_SENDER}&to=00{PHONE}&body=Hello");
    for request in [xml, system.request(Method::GET, &query)] {
        let answered = request.header("On-Unknown", "again").send().await.unwrap();
        let line = answered.text().await.unwrap();
        assert!(line.starts_with("Error: ERROR") && line.contains(words), "{line}");
    }
    system.until_idle().await;
    assert!(system.handset(&PHONE).await.is_empty());
}
