//! Callbacks to webhooks, and without webhooks to the account's URLs.

use std::collections::BTreeSet;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tests::{Callback, Phone, System};

use super::{PHONE, message, register, send, until_status};
use crate::system::{DEMO, OWN_SENDER as OURS, owned, with};

/// Fails unless the header is the hex HMAC-SHA256 of the body under the secret.
pub(super) fn assert_signed(callback: &Callback, secret: &str) {
    let mut signer = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    signer.update(callback.body().as_bytes());
    assert_eq!(callback.header("x-signature"), hex::encode(signer.finalize().into_bytes()));
}

async fn remove(system: &System, id: u64) {
    assert_eq!(system.delete(DEMO, &format!("/v3/webhooks/{id}")).await.status, 200);
}

fn statuses(callbacks: &[Callback]) -> BTreeSet<&str> {
    callbacks.iter().map(|callback| callback.json()["status"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn each_webhook_gets_its_events_signed_with_its_secret() {
    let system = System::start().await;
    for (event, sink, secret) in [
        ("delivery-status", "status-1", "secret one"),
        ("delivery-status", "status-2", "secret two"),
        ("message-send", "sent", "secret three"),
        ("message-reply", "replies-1", "secret four"),
    ] {
        register(&system, event, &system.sink(sink), secret).await;
    }
    let labels = with(with(message(&PHONE, "Hello"), "externalId", "order-7"), "tags", json!({"a": "1"}));
    let id = send(&system, &labels).await;
    let delivered = until_status(&system, "status-1", "delivered").await;
    let expected = json!({"type": "delivery-status", "messageId": id, "destinationNumber": format!("+{PHONE}"),
        "status": "delivered", "externalId": "order-7", "tags": {"a": "1"}, "senderName": format!("+{OURS}"),
        "longcodeId": OURS.parse::<u64>().unwrap(), "threadId": PHONE.parse::<u64>().unwrap(),
        "timestamp": delivered.json()["timestamp"]});
    assert_eq!(*delivered.json(), expected);
    let same = until_status(&system, "status-2", "delivered").await;
    assert_eq!((same.id(), same.body()), (delivered.id(), delivered.body()));
    assert_signed(&delivered, "secret one");
    assert_signed(&same, "secret two");
    assert!(!delivered.has_header("signature"));

    let sent = system.until_callback("sent").await;
    let fields = (&sent.json()["type"], &sent.json()["messageId"], sent.json().get("status"));
    assert_eq!(fields, (&json!("message-send"), &json!(id), None));
    assert_signed(&sent, "secret three");

    system.reply_from(&PHONE, OURS, "Hi").await;
    let reply = system.until_callback("replies-1").await;
    assert_eq!((&reply.json()["message"], &reply.json()["externalId"]), (&json!("Hi"), &json!("order-7")));
    assert_signed(&reply, "secret four");

    system.advance_and_settle(8 * 86_400).await;
    for sink in ["status-1", "status-2"] {
        let callbacks = system.callbacks(sink).await;
        assert!(callbacks.len() <= 2 && statuses(&callbacks).is_subset(&["sent", "delivered"].into()), "{callbacks:?}");
        let ids: BTreeSet<_> = callbacks.iter().map(Callback::id).collect();
        assert_eq!(ids.len(), callbacks.len(), "one callback for each event");
    }
    assert_eq!((system.callbacks("sent").await.len(), system.callbacks("replies-1").await.len()), (1, 1));
    assert!(system.callbacks("status").await.is_empty() && system.callbacks("replies").await.is_empty());
}

#[tokio::test]
async fn url_of_two_kinds_of_events_gets_each_under_its_own_id() {
    let system = System::start().await;
    for event in ["message-send", "delivery-status"] {
        register(&system, event, &system.sink("both"), "secret").await;
    }
    send(&system, &message(&Phone::delivers_without_receipt(), "Hello")).await;
    let callbacks = system.until_callbacks("both", 2).await;
    let kinds: BTreeSet<_> = callbacks.iter().map(|callback| callback.json()["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["delivery-status", "message-send"].into());
    assert_ne!(callbacks[0].id(), callbacks[1].id());
}

#[tokio::test]
async fn start_is_a_reply_and_an_opt_in() {
    let system = System::start().await;
    register(&system, "number-opt-in", &system.sink("opt-ins"), "secret").await;
    register(&system, "message-reply", &system.sink("hook"), "secret").await;
    send(&system, &message(&PHONE, "Hello")).await;
    system.until_handset(&PHONE, 1).await;
    system.reply_from(&PHONE, OURS, "STOP").await;
    let stop = system.until_callback("hook").await;
    system.reply_from(&PHONE, OURS, "START").await;
    let opt_in = system.until_callback("opt-ins").await;
    let expected = json!({"type": "number-opt-in", "number": format!("+{PHONE}"), "optInType": "keyword",
        "toNumber": format!("+{OURS}"), "longcodeId": OURS.parse::<u64>().unwrap(),
        "timestamp": opt_in.json()["timestamp"]});
    assert_eq!(*opt_in.json(), expected);
    assert_signed(&opt_in, "secret");
    let replies = system.until_callbacks("hook", 2).await;
    let texts: Vec<_> = replies.iter().map(|reply| &reply.json()["message"]).collect();
    assert_eq!(texts, ["STOP", "START"]);
    assert!(stop.id() != opt_in.id() && replies[1].id() != opt_in.id());
    system.until_idle().await;
    assert_eq!(system.callbacks("opt-ins").await.len(), 1);
}

#[tokio::test]
async fn only_200_counts_and_a_retry_has_the_same_id() {
    let system = System::start().await;
    register(&system, "message-reply", &system.failing_sink("hook", 204), "secret").await;
    register(&system, "message-reply", &system.sink("fine"), "secret").await;
    send(&system, &message(&PHONE, "Hello")).await;
    system.until_handset(&PHONE, 1).await;
    system.reply_from(&PHONE, OURS, "Hi").await;
    system.until_callback("hook").await;
    system.advance(6).await;
    let tried = system.until_callbacks("hook", 2).await;
    assert!(tried.iter().all(|callback| callback.id() == tried[0].id() && callback.body() == tried[0].body()));
    for callback in &tried {
        assert_signed(callback, "secret");
    }
    system.until_only_delayed().await;
    assert_eq!(system.callbacks("fine").await.len(), 1, "the other webhook is not called again");
}

#[tokio::test]
async fn without_a_webhook_the_accounts_urls_get_callbacks() {
    let system = System::start().await;
    register(&system, "message-send", &system.sink("sent"), "secret").await;
    send(&system, &message(&PHONE, "Hello")).await;
    let delivered = until_status(&system, "status", "delivered").await;
    assert!(delivered.has_header("webhook-signature"), "{delivered}");
    assert_signed(&delivered, "demo-secret-demo-secret-0001");
    system.reply_from(&PHONE, OURS, "Hi").await;
    assert_eq!(system.until_callback("replies").await.json()["type"], "message-reply");
}

#[tokio::test]
async fn removed_webhook_gets_nothing_more() {
    let system = System::start().await;
    let id = register(&system, "message-reply", &system.failing_sink("hook", 500), "secret").await;
    send(&system, &message(&PHONE, "Hello")).await;
    system.until_handset(&PHONE, 1).await;
    system.reply_from(&PHONE, OURS, "before").await;
    system.until_callback("hook").await;
    remove(&system, id).await;
    system.advance(31).await;
    system.reply_from(&PHONE, OURS, "after").await;
    let is_after = |callback: &Callback| callback.json()["message"] == "after";
    system.until_callback_that("replies", "the reply", is_after).await;
    let called = system.callbacks("hook").await.len();
    system.advance_and_settle(8 * 86_400).await;
    assert_eq!(system.callbacks("hook").await.len(), called, "no retry either");
    assert!(!system.callbacks("hook").await.iter().any(is_after));
}

#[tokio::test]
async fn each_failure_has_its_status() {
    let system = System::start().await;
    for (phone, status) in [(Phone::rejects(), "rejected"), (Phone::fails(), "undelivered"), (PHONE, "delivered")] {
        send(&system, &message(&phone, "Hello")).await;
        let is_own = |callback: &Callback| {
            let callback: &Value = callback.json();
            callback["destinationNumber"] == format!("+{phone}") && callback["status"] == status
        };
        system.until_callback_that("status", status, is_own).await;
    }
    let stops = Phone::replies_stop();
    send(&system, &message(&stops, "Hello")).await;
    system.until_callback("replies").await;
    system.until_idle().await;
    send(&system, &message(&stops, "Again")).await;
    until_status(&system, "status", "undeliverable").await;
}

#[tokio::test]
async fn messages_of_other_dialects_do_not_go_to_webhooks() {
    let system = System::start().await;
    register(&system, "delivery-status", &system.sink("hook"), "secret").await;
    let sent = system.send_one(DEMO, with(owned(&PHONE, "x"), "callback", system.sink("own"))).await;
    system.until_state(&sent, "delivered").await;
    system.until_callback("own").await;
    system.until_idle().await;
    assert!(system.callbacks("hook").await.is_empty());
}
