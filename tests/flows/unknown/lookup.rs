//! Carriers that can be asked what became of a submit are asked, before anything is
//! done that might do it twice.

use std::sync::{Arc, Mutex};

use super::*;
use crate::scripted::{Script, carrier};

fn with_lookup(on_unknown: &str) -> String {
    config(on_unknown).replace("[carriers.loopback]", "[carriers.loopback]\nlookup = true")
}

#[tokio::test]
async fn lookup_that_finds_the_message_prevents_a_resend() {
    for on_unknown in ["wait", "resend"] {
        let system = System::with_config(&with_lookup(on_unknown)).await;
        let id = unknown(&system, None).await;
        system.advance(100).await;
        system.until_only_delayed().await;
        assert_eq!(system.message(&id).await["state"], "unknown", "it may still be under way");
        system.advance(25).await;
        let message = system.until_state(&id, "submitted").await;
        assert!(message["carrier_id"].is_string(), "{message}");
        assert_eq!(reasons(&message).last().unwrap(), "the carrier says that it accepted the message");
        advance_and_settle(&system, 2 * DAY).await;
        assert_eq!((system.message(&id).await, system.handset(PHONE).await.len()), (message, 1));
        receipt(&system, &id, "delivered").await;
        assert_eq!(callbacks(&system).await.len(), 1);
    }
}

async fn with_carrier(on_unknown: &str, script: Box<Script>) -> (System, Arc<Mutex<Vec<String>>>) {
    let (url, requests) = carrier(script);
    let config = with_lookup(on_unknown).replace("lookup = true", &format!("lookup = true\nendpoint = \"{url}\""));
    (System::with_config(&config).await, requests)
}

fn denial() -> (u16, Value) {
    (404, json!({"code": "unknown-message", "message": "No such message."}))
}

#[tokio::test]
async fn lookup_that_denies_the_message_resends_under_any_policy() {
    for on_unknown in ["wait", "resend"] {
        let posts = Mutex::new(0);
        let (system, requests) = with_carrier(
            on_unknown,
            Box::new(move |method| {
                if method == "GET" {
                    return Some(denial());
                }
                let mut posts = posts.lock().unwrap();
                *posts += 1;
                (*posts > 1).then(|| (202, json!({"id": "c-2"})))
            }),
        )
        .await;
        let id = unknown(&system, None).await;
        system.advance(2 * MINUTE + 5).await;
        let message = system.until_state(&id, "submitted").await;
        assert_eq!((attempt_outcomes(&message), &message["carrier_id"]), (vec!["not_accepted"], &"c-2".into()));
        assert_eq!(*requests.lock().unwrap(), ["POST", "GET", "POST"]);
    }
}

#[tokio::test]
async fn denied_message_that_is_then_refused_is_rejected() {
    let posts = Mutex::new(0);
    let script = move |method: &str| {
        if method == "GET" {
            return Some(denial());
        }
        let mut posts = posts.lock().unwrap();
        *posts += 1;
        (*posts > 1).then(|| (422, json!({"code": "no", "message": "Not today."})))
    };
    let (system, _) = with_carrier("wait", Box::new(script)).await;
    let id = unknown(&system, None).await;
    system.advance(2 * MINUTE + 5).await;
    let message = system.until_state(&id, "rejected").await;
    assert_eq!(attempt_outcomes(&message), ["not_accepted"]);
}

#[tokio::test]
async fn inconclusive_lookup_applies_on_unknown_and_is_repeated() {
    for (on_unknown, expected) in [
        ("wait", vec!["POST", "GET", "GET", "GET"]),
        ("resend", vec!["POST", "GET", "POST", "GET", "POST", "GET", "POST"]),
    ] {
        // Not every 404 is the carrier's word.
        let script = |method: &str| if method == "GET" { Some((404, json!({}))) } else { None };
        let (system, requests) = with_carrier(on_unknown, Box::new(script)).await;
        let id = unknown(&system, None).await;
        for (round, minutes) in [(2, 2), (3, 10), (4, 60)] {
            system.advance(minutes * MINUTE + 5).await;
            if on_unknown == "resend" {
                until_unknown_after(&system, &id, round).await;
            }
            system.until_queues_empty().await;
        }
        assert_eq!(*requests.lock().unwrap(), expected, "{on_unknown}");
        // Once more before it is given up.
        advance_and_settle(&system, 2 * DAY).await;
        system.until_state(&id, "failed").await;
        assert_eq!(*requests.lock().unwrap(), [expected, vec!["GET"]].concat(), "{on_unknown}");
    }
}

#[tokio::test]
async fn receipt_cancels_a_pending_resend() {
    let posts = Mutex::new(0);
    let script = move |_: &str| {
        let mut posts = posts.lock().unwrap();
        *posts += 1;
        (*posts > 1).then_some((503, Value::Null))
    };
    let (url, requests) = carrier(Box::new(script));
    let config = config("resend").replace("[carriers.loopback]", &format!("[carriers.loopback]\nendpoint = \"{url}\""));
    let system = System::with_config(&config).await;
    let id = unknown(&system, None).await;
    system.advance(2 * MINUTE + 5).await;
    let is_put_back = async || {
        let message = system.message(&id).await;
        (message["state"] == "queued" && message["attempts"] == 2).then_some(())
    };
    system.until("its carrier is busy", is_put_back).await;
    receipt(&system, &id, "sent").await;
    system.advance(MINUTE).await;
    let is_taken = async || (system.message(&id).await["history"][6]["state"] == "submitted").then_some(());
    system.until("it is on record", is_taken).await;
    advance_and_settle(&system, DAY).await;
    assert_eq!(*requests.lock().unwrap(), ["POST", "POST"]);
    assert_eq!(system.message(&id).await["state"], "submitted");
}

#[tokio::test]
async fn carrier_without_lookup_is_not_queried() {
    let (url, requests) = carrier(Box::new(|_| None));
    let config = config("wait").replace("[carriers.loopback]", &format!("[carriers.loopback]\nendpoint = \"{url}\""));
    let system = System::with_config(&config).await;
    let id = unknown(&system, None).await;
    advance_and_settle(&system, 2 * DAY).await;
    system.until_state(&id, "failed").await;
    assert_eq!(*requests.lock().unwrap(), ["POST"]);
}

#[tokio::test]
async fn one_denial_is_ignored_if_another_carrier_may_have_it() {
    let script = |method: &str| if method == "GET" { Some(denial()) } else { None };
    let (system, requests) = with_carrier("wait", Box::new(script)).await;
    let id = unknown(&system, None).await;
    // As a worker leaves it that dies before it has noted its carrier, which may be CM.com.
    let forget = json!({"TableName": "MessagesTable", "Key": {"id": {"S": id}}, "UpdateExpression": "REMOVE carrier"});
    system.aws("DynamoDB_20120810.UpdateItem", &forget).await;
    advance_and_settle(&system, 2 * MINUTE + 5).await;
    assert_eq!(system.message(&id).await["state"], "unknown");
    assert_eq!(*requests.lock().unwrap(), ["POST", "GET"]);
}
