//! Unknown outcomes: what waits, what is sent again and how often, and what the client
//! and the record say of it. What carriers answer who are asked is in `lookup`.

mod lookup;

use local::config::Config;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    cm,
    system::{Answer, DEMO, System, answer, owned, with},
};

/// Its carrier takes whatever is sent there, and gives no answer in time.
const PHONE: &str = "447700900811";
const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;

/// A configuration whose carriers have little time, and whose first account wants that.
fn config(on_unknown: &str) -> String {
    let short_timeout = Config::DEFAULT.replace("timeout_ms = 3000", "timeout_ms = 300");
    short_timeout.replace("on_unknown = \"wait\"", &format!("on_unknown = \"{on_unknown}\""))
}

async fn system(on_unknown: &str) -> System {
    System::with_config(&config(on_unknown)).await
}

/// A request with that wish, and the sink `receipts` as callback.
async fn post(system: &System, on_unknown: Option<&str>) -> Answer {
    let message = with(owned(PHONE, "Hello"), "callback", system.sink("receipts"));
    let request = system.request(Method::POST, "/message").bearer_auth(DEMO).json(&json!({"messages": [message]}));
    answer(match on_unknown {
        Some(on_unknown) => request.header("On-Unknown", on_unknown),
        None => request,
    })
    .await
}

/// The same, accepted; gives the id of a message whose outcome is unknown.
async fn unknown(system: &System, on_unknown: Option<&str>) -> Value {
    let accepted = post(system, on_unknown).await;
    assert_eq!(accepted.status, StatusCode::OK, "{}", accepted.body);
    let id = accepted.body["messages"][0]["messageUuid"].clone();
    system.until_state(&id, "unknown").await;
    id
}

/// Waits until its outcome is unknown after so many submits, and gives it.
async fn until_unknown_after(system: &System, id: &Value, attempts: u64) -> Value {
    system
        .until(&format!("submit {attempts} has no answer"), async || {
            let message = system.message(id).await;
            (message["state"] == "unknown" && message["attempts"] == attempts).then_some(message)
        })
        .await
}

/// Lets the time pass, and all that became due in it be done.
async fn advance_and_settle(system: &System, seconds: u64) {
    system.advance(seconds).await;
    system.until_queues_empty().await;
}

async fn set_behavior(system: &System, sms: &str) {
    let set = system.request(Method::PUT, &format!("/handsets/{PHONE}/channels")).json(&json!({"sms": sms}));
    assert!(set.send().await.unwrap().status().is_success());
}

async fn receipt(system: &System, id: &Value, status: &str) {
    system.deliver_receipt(&json!({"reference": id, "status": status})).await;
}

/// Codes and words of the receipts that the client got.
async fn callbacks(system: &System) -> Vec<(String, String)> {
    system.until_queues_empty().await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let callbacks =
        system.sink_requests("receipts").await.into_iter().map(|request| request["json"]["receiptInfo"].clone());
    callbacks.map(|info| (text(&info["code"]), text(&info["description"]))).collect()
}

fn reasons(message: &Value) -> Vec<String> {
    let history = message["history"].as_array().unwrap().iter();
    history.filter_map(|state_change| Some(state_change["reason"].as_str()?.to_owned())).collect()
}

fn attempt_outcomes(message: &Value) -> Vec<&str> {
    let failed_attempts = message["failed_attempts"].as_array().map(Vec::as_slice).unwrap_or_default();
    failed_attempts.iter().map(|one| one["outcome"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn unknown_outcome_is_resent_three_times_with_backoff() {
    let system = system("resend").await;
    let id = unknown(&system, None).await;
    for (times, minutes) in [(1, 2), (2, 10), (3, 60)] {
        system.advance(minutes * MINUTE - 20).await;
        system.until_only_delayed().await;
        assert_eq!(system.message(&id).await["attempts"], times, "not before {minutes} minutes");
        system.advance(25).await;
        let message = until_unknown_after(&system, &id, times as u64 + 1).await;
        assert_eq!(attempt_outcomes(&message), vec!["unknown"; times]);
        assert_eq!(system.handset(PHONE).await.len(), times + 1);
    }
    advance_and_settle(&system, DAY - 10 * MINUTE).await;
    let message = system.message(&id).await;
    assert_eq!((&message["state"], &message["attempts"]), (&"unknown".into(), &4.into()));
    let again = "sent again: sms by loopback had an unknown outcome: no answer in time";
    assert_eq!(reasons(&message).iter().filter(|reason| *reason == again).count(), 3);
    assert!(callbacks(&system).await.is_empty());

    advance_and_settle(&system, 11 * MINUTE).await;
    let failed = system.until_state(&id, "failed").await;
    assert_eq!(reasons(&failed).last().unwrap(), "the outcome stayed unknown");
    assert_eq!(callbacks(&system).await, [("26".to_owned(), "the outcome stayed unknown".to_owned())]);
    assert_eq!(system.handset(PHONE).await.len(), 4);
}

#[tokio::test]
async fn answered_resend_resolves_the_unknown_outcome() {
    let system = system("resend").await;
    let id = unknown(&system, None).await;
    set_behavior(&system, "delivers").await;
    system.advance(2 * MINUTE).await;
    let message = system.until_state(&id, "delivered").await;
    assert_eq!((attempt_outcomes(&message), &message["attempts"]), (vec!["unknown"], &2.into()));
    assert_eq!(callbacks(&system).await.len(), 1);
    advance_and_settle(&system, 2 * DAY).await;
    assert_eq!((system.handset(PHONE).await.len(), system.message(&id).await), (2, message));
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
        system.until_queues_empty().await;
        assert_eq!(system.handset(PHONE).await.len() as u64, times, "{account} {request:?}");
    }
}

#[tokio::test]
async fn any_receipt_resolves_an_unknown_outcome() {
    for (status, state) in [("delivered", "delivered"), ("undelivered", "undelivered"), ("sent", "submitted")] {
        let system = system("resend").await;
        let id = unknown(&system, None).await;
        receipt(&system, &id, status).await;
        advance_and_settle(&system, 2 * DAY).await;
        let message = system.until_state(&id, state).await;
        assert_eq!((&message["attempts"], system.handset(PHONE).await.len()), (&1.into(), 1), "{status}");
    }
}

#[tokio::test]
async fn refused_resend_does_not_resolve_the_first_submit() {
    let system = system("resend").await;
    let id = unknown(&system, None).await;
    set_behavior(&system, "rejects").await;
    advance_and_settle(&system, 3 * MINUTE).await;
    let message = until_unknown_after(&system, &id, 2).await;
    assert_eq!(attempt_outcomes(&message), ["unknown", "rejected"]);
    assert!(reasons(&message).last().unwrap().starts_with("not sent again: "), "{message}");
    assert_eq!(message["carrier"], "loopback");
    // Nobody is left to be asked.
    advance_and_settle(&system, 2 * 60 * MINUTE).await;
    assert_eq!(system.message(&id).await["attempts"], 2);
    // A late receipt counts for the first.
    receipt(&system, &id, "undelivered").await;
    system.until_state(&id, "undelivered").await;
    assert_eq!(callbacks(&system).await.len(), 1);
}

#[tokio::test]
async fn opted_out_recipient_gets_no_resend() {
    let system = system("resend").await;
    let id = unknown(&system, None).await;
    system.reply(PHONE, &"441234567890".into(), "STOP").await;
    system.until_sink_requests("replies", 1).await;
    advance_and_settle(&system, 2 * 60 * MINUTE).await;
    let message = system.message(&id).await;
    assert_eq!((&message["state"], &message["attempts"]), (&"unknown".into(), &1.into()));
    advance_and_settle(&system, DAY).await;
    system.until_state(&id, "failed").await;
    assert_eq!(system.handset(PHONE).await.len(), 1);
}

#[tokio::test]
async fn expired_message_is_not_resent() {
    let system = system("resend").await;
    let message = with(cm::message(PHONE, "Hello"), "validity", "1m");
    assert_eq!(cm::post(&system, &[message]).await.status, StatusCode::OK);
    let id = system.get(DEMO, "/messages?limit=1").await.body["messages"][0]["id"].clone();
    system.until_state(&id, "unknown").await;
    advance_and_settle(&system, 2 * 60 * MINUTE).await;
    let message = system.message(&id).await;
    assert_eq!((&message["state"], &message["attempts"]), (&"unknown".into(), &1.into()));
    advance_and_settle(&system, DAY).await;
    system.until_state(&id, "failed").await;
    let report = system.until_sink_requests("status", 1).await.pop().unwrap();
    let status = &report["json"]["messages"]["msg"]["status"];
    assert_eq!((&status["code"], &status["errorDescription"]), (&"3".into(), &"the outcome stayed unknown".into()));
}

#[tokio::test]
async fn failover_comes_before_a_resend() {
    let system = system("resend").await;
    let message = with(cm::message(PHONE, "Hello"), "allowedChannels", json!(["WhatsApp", "SMS"]));
    assert_eq!(cm::post(&system, &[message]).await.status, StatusCode::OK);
    let id = system.get(DEMO, "/messages?limit=1").await.body["messages"][0]["id"].clone();
    system.until_state(&id, "unknown").await;
    advance_and_settle(&system, 150).await;
    assert_eq!(system.message(&id).await["attempts"], 1);
    system.advance(155).await;
    let message = until_unknown_after(&system, &id, 2).await;
    assert_eq!((&message["channel"], attempt_outcomes(&message)), (&"sms".into(), vec!["receipt_timeout"]));
    // It is the last.
    system.advance(2 * MINUTE + 5).await;
    let message = until_unknown_after(&system, &id, 3).await;
    assert_eq!((&message["channel"], attempt_outcomes(&message)), (&"sms".into(), vec!["receipt_timeout", "unknown"]));
    system.deliver_cm_report(&json!({"to": format!("00{PHONE}"), "reference": id, "status": {"code": "2"}})).await;
    system.until_state(&id, "delivered").await;
    advance_and_settle(&system, DAY).await;
    assert_eq!(system.handset(PHONE).await.len(), 3);
}

#[tokio::test]
async fn receipt_after_the_deadline_is_recorded_and_notified() {
    for status in ["delivered", "undelivered"] {
        let system = system("wait").await;
        let id = unknown(&system, None).await;
        advance_and_settle(&system, DAY + MINUTE).await;
        system.until_state(&id, "failed").await;
        receipt(&system, &id, status).await;
        let history = system.message(&id).await["history"].clone();
        assert_eq!(history.as_array().unwrap().last().unwrap()["state"], status);
        system.until_sink_requests("receipts", 2).await;
        let codes: Vec<_> = callbacks(&system).await.into_iter().map(|(code, _)| code).collect();
        assert_eq!(codes, ["26", if status == "delivered" { "00" } else { "22" }]);
    }
}

#[tokio::test]
async fn same_idempotency_key_with_other_on_unknown_is_a_conflict() {
    let system = system("wait").await;
    let body = json!({"messages": [owned("447700900001", "Hello")]});
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
    system.until_handset("447700900001", 1).await;
    system.until_queues_empty().await;
    assert_eq!(system.handset("447700900001").await.len(), 1);
}

#[tokio::test]
async fn invalid_on_unknown_is_an_error_in_each_dialect() {
    let system = system("wait").await;
    let refused = post(&system, Some("again")).await;
    let fault = json!([{"field": "On-Unknown", "code": "unknown_value", "message": "must be wait or resend"}]);
    assert_eq!((refused.status.as_u16(), &refused.body["errors"]), (400, &fault));
    let words = "On-Unknown must be wait or resend";

    let body = json!({"messages": {"authentication": {"productToken": DEMO}, "msg": [cm::message(PHONE, "Hello")]}});
    let json = cm::post_json(&system, body.to_string()).header("On-Unknown", "");
    let answered = answer(json).await;
    assert_eq!((answered.status.as_u16(), &answered.body["errorCode"]), (400, &202.into()));
    assert_eq!(answered.body["details"], words);

    let xml = "<MESSAGES><AUTHENTICATION><PRODUCTTOKEN>demo-key</PRODUCTTOKEN></AUTHENTICATION><MSG>\
               <FROM>441234567890</FROM><TO>00447700900811</TO><BODY>Hello</BODY></MSG></MESSAGES>";
    let xml = system.request(Method::POST, "/gateway.ashx").body(xml);
    let query = "/gateway.ashx?producttoken=demo-key&from=441234567890&to=00447700900811&body=Hello";
    for request in [xml, system.request(Method::GET, query)] {
        let answered = request.header("On-Unknown", "again").send().await.unwrap();
        let line = answered.text().await.unwrap();
        assert!(line.starts_with("Error: ERROR") && line.contains(words), "{line}");
    }
    system.until_queues_empty().await;
    assert!(system.handset(PHONE).await.is_empty());
}
