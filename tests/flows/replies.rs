//! Replies: each is delivered once, to the account that has the conversation, and names the message that it
//! answers, if there is one.

use futures_util::future::join_all;
use jiff::ToSpan;
use reqwest::StatusCode;
use serde_json::{Value, json};

use tests::{Phone, System};

use crate::{
    carrier::replies_path,
    system::{DEMO, OTHER, OTHER_SENDER as THEIRS, OWN_SENDER as OURS, POOL_SENDER, TOKEN, owned, shared, with},
};

const PHONE: Phone = Phone::delivers();

fn reply(id: &str, to: &str, text: &str) -> Value {
    json!({"id": id, "from": PHONE, "to": to, "text": text, "at": "2026-01-01T00:00:00Z"})
}

async fn on_record(system: &System) -> Vec<Value> {
    let page = system.get(DEMO, &format!("/conversations/{PHONE}?sender={OURS}")).await.body;
    page["messages"].as_array().unwrap().iter().filter(|entry| entry["direction"] == "in").cloned().collect()
}

#[tokio::test]
async fn reply_to_an_owned_number_reaches_its_owner() {
    let system = System::start().await;
    system.reply_from(&PHONE, OURS, "To you").await;
    system.reply_from(&PHONE, THEIRS, "To them").await;
    let (ours, theirs) = (system.until_callback("replies").await, system.until_callback("other-replies").await);
    assert_eq!((&ours.json()["to"], &ours.json()["message"]), (&OURS.into(), &"To you".into()));
    assert_eq!((&theirs.json()["to"], &theirs.json()["message"]), (&THEIRS.into(), &"To them".into()));
    system.until_idle().await;
    assert_eq!((system.callbacks("replies").await.len(), system.callbacks("other-replies").await.len()), (1, 1));
    assert_ne!(ours.json()["account_uuid"], theirs.json()["account_uuid"]);
}

#[tokio::test]
async fn reply_without_an_earlier_message_names_none() {
    let system = System::start().await;
    system.reply_from(&PHONE, OURS, "Hello?").await;
    let callback = system.until_callback("replies").await.into_json();
    assert!(callback["message_uuid"].is_null() && callback["batch_uuid"].is_null(), "{callback}");
    assert!(callback["mo_uuid"].is_string(), "{callback}");
    assert!(on_record(&system).await[0].get("in_reply_to").is_none());
}

#[tokio::test]
async fn reply_answers_the_newest_submitted_message() {
    let system = System::start().await;
    let at = (system.now().await + 1.hour()).to_string();
    let later = system.send_one(DEMO, with(owned(&PHONE, "Later"), "send_at", at.clone())).await;
    system.send_one(DEMO, owned(&PHONE, "First")).await;
    system.until_handset(&PHONE, 1).await;
    let newest = system.send_one(DEMO, owned(&PHONE, "Second")).await;
    system.until_handset(&PHONE, 2).await;
    let still_later = system.send_one(DEMO, with(owned(&PHONE, "Later still"), "send_at", at)).await;
    system.send_one(DEMO, owned(&PHONE.nth(1), "To another phone")).await;
    system.send_one(DEMO, shared(&PHONE, "From another number")).await;
    system.until_handset(&PHONE, 3).await;

    system.reply_from(&PHONE, OURS, "Yes").await;
    let callback = system.until_callback("replies").await.into_json();
    assert_eq!(callback["message_uuid"], newest.id);
    assert_eq!(callback["batch_uuid"], newest.batch);
    assert_eq!(on_record(&system).await[0]["in_reply_to"], newest.id);

    system.cancel(&still_later).await;
    system.advance(3_600).await;
    system.until_handset(&PHONE, 4).await;
    system.reply_from(&PHONE, OURS, "And yes").await;
    let callback = system.until_callbacks("replies", 2).await.remove(1).into_json();
    assert_eq!(callback["message_uuid"], later.id, "accepted first, submitted last");
}

#[tokio::test]
async fn repeated_reply_is_recorded_and_notified_once() {
    let system = System::start().await;
    let first = reply("mo-1", OURS, "Hello");
    join_all((0..5).map(|_| system.deliver_reply(&first))).await;
    system.until_idle().await;
    system.deliver_reply(&first).await;
    system.until_idle().await;
    assert_eq!(system.callbacks("replies").await.len(), 1);
    assert_eq!(on_record(&system).await.len(), 1);

    system.deliver_reply(&reply("mo-2", OURS, "Hello")).await;
    system.until_idle().await;
    assert_eq!(
        (system.callbacks("replies").await.len(), on_record(&system).await.len()),
        (2, 2),
        "another with the same text"
    );
}

#[tokio::test]
async fn repeated_stop_does_not_undo_a_newer_start() {
    let system = System::start().await;
    let stop = reply("mo-1", OURS, "STOP");
    system.deliver_reply(&stop).await;
    system.deliver_reply(&reply("mo-2", OURS, "START")).await;
    system.deliver_reply(&stop).await;
    let message = system.send_one(DEMO, owned(&PHONE, "Hello")).await;
    system.until_state(&message, "delivered").await;
}

#[tokio::test]
async fn reply_to_an_unassigned_sender_is_unmatched_and_not_sent() {
    let system = System::start().await;
    // A shared sender without a message to the phone, and an unassigned sender.
    let strays = [reply("mo-1", POOL_SENDER, "Who?"), reply("mo-2", "447000000001", "Where?")];
    for stray in strays.iter().chain(&strays) {
        system.deliver_reply(stray).await;
    }
    system.until_idle().await;
    let unmatched = system.unmatched("reply").await;
    assert_eq!(unmatched.len(), 2);
    assert!(strays.iter().all(|stray| unmatched.contains(stray)), "{unmatched:?}");
    assert!(system.callbacks("replies").await.is_empty() && system.callbacks("other-replies").await.is_empty());
}

#[tokio::test]
async fn reply_to_shared_number_goes_to_the_account_with_the_lock() {
    let system = System::start().await;
    let first = system.send_one(OTHER, shared(&PHONE, "Hello")).await;
    system.until_handset(&PHONE, 1).await;
    system.reply_from(&PHONE, &first.sender, "Hello yourself").await;
    let callback = system.until_callback("other-replies").await.into_json();
    assert_eq!(callback["message_uuid"], first.id);
    system.until_idle().await;
    assert!(system.callbacks("replies").await.is_empty());
}

#[tokio::test]
async fn reply_callback_has_the_exact_text_and_a_numeric_sender() {
    let system = System::start().await;
    let texts = ["", "🙂 naïve 漢字 \"quoted\" \\ \n second line", "\u{0}\u{7f}"];
    for (index, text) in texts.into_iter().enumerate() {
        system.deliver_reply(&reply(&format!("mo-{index}"), OURS, text)).await;
        let callback = system.until_callbacks("replies", index + 1).await.remove(index).into_json();
        assert_eq!(callback["message"], text);
        assert_eq!(callback["from"].as_u64(), Some(PHONE.parse().unwrap()), "{callback}");
        assert_eq!(on_record(&system).await[0]["body"], text);
    }
}

#[tokio::test]
async fn reply_with_wrong_token_or_carrier_is_refused() {
    let system = System::start().await;
    for path in ["/mo/loopback/wrong-token", &format!("/mo/nobody/{TOKEN}"), "/mo/loopback/"] {
        let refused = system.post_webhook(path, &reply("mo-1", OURS, "Hello")).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{path}");
    }
    system.until_idle().await;
    assert!(on_record(&system).await.is_empty() && system.unmatched("reply").await.is_empty());
}

#[tokio::test]
async fn malformed_reply_is_rejected_with_its_field() {
    let system = System::start().await;
    let good = reply("mo-1", OURS, "Hello");
    for (body, field) in [
        (json!("nonsense"), "(body)"),
        (with(good.clone(), "text", Value::Null), "(body)"),
        (with(good.clone(), "from", "0612345678"), "from"),
        (with(good.clone(), "from", ""), "from"),
        (with(good.clone(), "to", "#"), "to"),
        (with(good, "id", ""), "id"),
    ] {
        let refused = system.post_webhook(&replies_path(), &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(refused.body["errors"][0]["field"], field, "{body}");
    }
    system.until_idle().await;
    assert!(on_record(&system).await.is_empty() && system.unmatched("reply").await.is_empty());
}

#[tokio::test]
async fn stop_applies_before_any_message_was_sent() {
    let system = System::start().await;
    // No account has these senders locked for this phone, so the reply belongs to no account yet.
    for sender in 801..=806 {
        system.deliver_reply(&reply(&format!("stop-{sender}"), &format!("448888888{sender}"), "STOP")).await;
    }
    let message = system.send_one(DEMO, shared(&PHONE, "Hello?")).await;
    system.until_state(&message, "blocked").await;
    assert!(system.handset(&PHONE).await.is_empty());
}

#[tokio::test]
async fn late_start_does_not_undo_a_newer_stop() {
    let system = System::start().await;
    let at = |mut reply: Value, time: &str| {
        reply["at"] = time.into();
        reply
    };
    system.deliver_reply(&at(reply("2", OURS, "STOP"), "2026-01-01T10:00:00Z")).await;
    system.deliver_reply(&at(reply("1", OURS, "START"), "2026-01-01T09:00:00Z")).await;
    let message = system.send_one(DEMO, owned(&PHONE, "Hello?")).await;
    system.until_state(&message, "blocked").await;
    system.deliver_reply(&at(reply("3", OURS, "START"), "2026-01-01T11:00:00Z")).await;
    let message = system.send_one(DEMO, owned(&PHONE, "Hello again")).await;
    system.until_state(&message, "delivered").await;
}

#[tokio::test]
async fn reply_is_not_attributed_to_a_blocked_message() {
    let system = System::start().await;
    let first = system.send_one(DEMO, owned(&PHONE, "Hello")).await;
    system.until_state(&first, "delivered").await;
    system.deliver_reply(&reply("1", OURS, "STOP")).await;
    let blocked = system.send_one(DEMO, owned(&PHONE, "Still there?")).await;
    system.until_state(&blocked, "blocked").await;
    system.deliver_reply(&reply("2", OURS, "I said stop")).await;
    let callbacks = system.until_callbacks("replies", 2).await;
    let answer = callbacks.iter().find(|callback| callback.json()["message"] == "I said stop").unwrap();
    assert_eq!(answer.json()["message_uuid"], first.id);
}
