//! Keyword answers are ordinary messages. Each is sent at most once a day.

use std::collections::BTreeMap;

use mo_webhook::MoWebhook;
use reqwest::StatusCode;
use shared::{
    domain::{Keyword, PhoneNumber, ReplyId, SenderId},
    flow::Gateway,
    gateway::{Part, connect_gateway},
    runtime::Environment,
    store::{KeywordOrder, Recipients},
};
use strum::VariantArray;

use super::*;
use crate::{
    carrier::replies_path,
    system::{POOL_SENDER, RATE_LIMITED_SENDER as SENDER, invocation},
};

const STOP_ANSWER: &str = "Demo: you will get no more messages from this number. Reply START to get them again.";
const START_ANSWER: &str = "Demo: you will get messages from this number again. Reply STOP to get no more.";
const HELP_ANSWER: &str = "Demo: reply STOP to get no more messages from this number, START to get them again.";
const DAY: u64 = 24 * 3_600;

/// Returns the messages from our number to the phone, newest first.
async fn sent(system: &System) -> Vec<Value> {
    let page = system.get(DEMO, &format!("/conversations/{PHONE}?sender={OURS}")).await.body;
    page["messages"].as_array().unwrap().iter().filter(|entry| entry["direction"] == "out").cloned().collect()
}

fn gateway(system: &System) -> Gateway {
    connect_gateway(&system.environment(), Part::VARIANTS).unwrap()
}

#[tokio::test]
async fn stop_is_confirmed_once_by_a_stored_message() {
    let system = with_keyword_answers().await;
    let first = system.send_one(DEMO, owned(&PHONE, "Hello")).await;
    system.until_state(&first, "delivered").await;
    deliver_reply(&system, "1", OURS, "Stop").await;
    assert_eq!(texts(&system).await, ["Hello", STOP_ANSWER]);
    assert_eq!(system.handset(&PHONE).await[1]["from"], OURS);

    let confirmation = system.until_state(&sent(&system).await[0]["id"], "delivered").await;
    assert_eq!((&confirmation["keyword"], &confirmation["body"]), (&json!("stop"), &json!(STOP_ANSWER)));
    assert!(system.message(&first).await.get("keyword").is_none());

    deliver_reply(&system, "2", OURS, "STOP").await;
    deliver_reply(&system, "3", OURS, "UNSUBSCRIBE").await;
    system.advance(DAY).await;
    deliver_reply(&system, "4", OURS, "STOP").await;
    assert_eq!(texts(&system).await.len(), 2, "nothing changed");
    assert!(is_blocked(&system).await);
}

#[tokio::test]
async fn start_is_confirmed_only_if_it_lifts_a_block() {
    let system = with_keyword_answers().await;
    deliver_reply(&system, "1", OURS, "START").await;
    assert!(texts(&system).await.is_empty());
    deliver_reply(&system, "2", OURS, "STOP").await;
    system.until_handset(&PHONE, 1).await;
    deliver_reply(&system, "3", OURS, "START").await;
    assert_eq!(texts(&system).await, [STOP_ANSWER, START_ANSWER]);
    assert!(!is_blocked(&system).await);
}

#[tokio::test]
async fn help_is_answered_even_after_an_opt_out() {
    let system = with_keyword_answers().await;
    deliver_reply(&system, "1", OURS, "Help?").await;
    assert_eq!(texts(&system).await, [HELP_ANSWER]);
    system.advance(DAY + 1).await;
    deliver_reply(&system, "2", OURS, "STOP").await;
    system.until_handset(&PHONE, 2).await;
    deliver_reply(&system, "3", OURS, "hilfe").await;
    assert_eq!(texts(&system).await, [HELP_ANSWER, STOP_ANSWER, HELP_ANSWER]);
    assert!(is_blocked(&system).await, "help changes nothing");
}

#[tokio::test]
async fn keyword_is_answered_once_a_day_and_always_obeyed() {
    let system = with_keyword_answers().await;
    for round in 0..3 {
        deliver_reply(&system, &format!("stop-{round}"), OURS, "STOP").await;
        deliver_reply(&system, &format!("help-{round}"), OURS, "HELP").await;
        system.until_idle().await;
        deliver_reply(&system, &format!("start-{round}"), OURS, "START").await;
    }
    let mut came: BTreeMap<_, usize> = BTreeMap::new();
    for text in texts(&system).await {
        *came.entry(text).or_default() += 1;
    }
    assert_eq!(
        came.into_iter().collect::<Vec<_>>(),
        [(HELP_ANSWER.into(), 1), (START_ANSWER.into(), 1), (STOP_ANSWER.into(), 1)]
    );
    deliver_reply(&system, "stop", OURS, "STOP").await;
    assert!(is_blocked(&system).await);
    deliver_reply(&system, "start", OURS, "START").await;
    assert!(!is_blocked(&system).await);

    let before = texts(&system).await.len();
    system.advance(DAY + 1).await;
    deliver_reply(&system, "tomorrow", OURS, "STOP").await;
    assert_eq!(texts(&system).await.split_off(before), [STOP_ANSWER]);
}

#[tokio::test]
async fn phone_that_always_replies_stop_gets_one_confirmation() {
    let system = with_keyword_answers().await;
    let phone = Phone::replies_stop();
    let message = system.send_one(DEMO, owned(&phone, "Hello")).await;
    system.until_state(&message, "delivered").await;
    system.until_callbacks("replies", 2).await;
    system.until_idle().await;
    assert_eq!(system.handset(&phone).await.len(), 2);
    assert_eq!(system.callbacks("replies").await.len(), 2, "both replies are notified");
}

#[tokio::test]
async fn repeated_reply_is_answered_once() {
    let system = with_keyword_answers().await;
    join_all((0..5).map(|_| deliver_reply(&system, "1", OURS, "STOP"))).await;
    deliver_reply(&system, "1", OURS, "STOP").await;
    // A second job that found the message claimed is redelivered when the lease is over.
    system.advance(90).await;
    assert_eq!(texts(&system).await, [STOP_ANSWER]);
    assert_eq!(sent(&system).await.len(), 1);
}

#[tokio::test]
async fn one_of_two_concurrent_stops_is_confirmed() {
    let system = with_keyword_answers().await;
    join_all((0..5).map(|index| {
        let system = &system;
        async move { deliver_reply(system, &format!("stop-{index}"), OURS, "STOP").await }
    }))
    .await;
    assert_eq!(texts(&system).await, [STOP_ANSWER]);
}

#[tokio::test]
async fn retry_after_a_crash_sends_the_missing_keyword_answer() {
    let system = with_keyword_answers().await;
    let (number, sender) = (PHONE.parse::<PhoneNumber>().unwrap(), OURS.parse::<SenderId>().unwrap());
    let now = system.now().await;
    let order = |id: &str| KeywordOrder {
        number: &number,
        sender: &sender,
        at: now,
        reply: ReplyId::of_carrier_id("loopback", id),
    };
    let store = gateway(&system).store;
    // The first execution crashed after it had set the opt-out.
    assert!(store.opt_out(&order("1")).await.unwrap());
    deliver_reply(&system, "1", OURS, "STOP").await;
    assert_eq!(texts(&system).await, [STOP_ANSWER]);
    // This execution crashed after it had lifted the opt-out and claimed the answer.
    assert!(store.opt_in(&KeywordOrder { at: now + 1.hour(), ..order("2") }).await.unwrap());
    assert!(store.claim_auto_reply(&order("2"), Keyword::Start, now - 24.hours()).await.unwrap());
    deliver_reply(&system, "2", OURS, "START").await;
    assert_eq!(texts(&system).await, [STOP_ANSWER, START_ANSWER]);
}

#[tokio::test]
async fn queue_failure_neither_loses_nor_repeats_an_answer() {
    for (queue, text) in [("JOBS_QUEUE_URL", "STOP"), ("CALLBACKS_QUEUE_URL", "STOP"), ("JOBS_QUEUE_URL", "HELP")] {
        let system = with_keyword_answers().await;
        let environment = system.environment();
        let nowhere = (queue.to_owned(), system.queue_url("NoSuchQueue").to_string());
        let broken = Environment { variables: environment.variables.clone().with([nowhere]), ..environment };
        let reply = json!({"id": "1", "from": PHONE, "to": OURS, "text": text});
        let request = invocation(&replies_path(), &reply);
        let refused = MoWebhook::new(&broken).unwrap().handle(request).await;
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE, "{queue}");

        deliver_reply(&system, "1", OURS, text).await;
        assert_eq!(texts(&system).await.len(), 1, "{queue} {text}");
        assert_eq!(system.callbacks("replies").await.len(), 1, "{queue} {text}");
    }
}

#[tokio::test]
async fn account_can_change_or_disable_its_keyword_answers() {
    let system = with_keyword_answers().await;
    let own = ["account", "set", "demo", "--stop-text", "Tschüss!", "--help-text", ""];
    let answers = read(&system, &own).await["answers"].clone();
    assert_eq!(answers, json!({"stop": "Tschüss!", "start": START_ANSWER, "help": null}));
    for (id, text) in [("1", "HELP"), ("2", "STOP")] {
        deliver_reply(&system, id, OURS, text).await;
    }
    assert_eq!(texts(&system).await, ["Tschüss!"]);
    let usual = read(&system, &["account", "set", "demo", "--usual-texts"]).await;
    assert_eq!(usual["answers"], json!({"stop": STOP_ANSWER, "start": START_ANSWER, "help": HELP_ANSWER}));
    assert_eq!(usual, {
        let shown = read(&system, &["account", "show", "demo"]).await;
        json!({"account": shown["account"], "answers": shown["answers"]})
    });
}

#[tokio::test]
async fn stop_to_an_unused_sender_is_not_answered() {
    let system = with_keyword_answers().await;
    deliver_reply(&system, "1", POOL_SENDER, "STOP").await;
    deliver_reply(&system, "2", POOL_SENDER, "HELP").await;
    deliver_reply(&system, "3", "447000000001", "STOP").await;
    assert!(texts(&system).await.is_empty());
}

#[tokio::test]
async fn client_is_notified_of_the_reply_but_not_of_the_answer() {
    let system = with_keyword_answers().await;
    let first = system.send_one(DEMO, with(owned(&PHONE, "Hello"), "callback", system.sink("receipts"))).await;
    system.until_state(&first, "delivered").await;
    for (index, text) in ["STOP", "START", "Hello again"].into_iter().enumerate() {
        deliver_reply(&system, &index.to_string(), OURS, text).await;
        let callback = system.until_callbacks("replies", index + 1).await.remove(index).into_json();
        assert_eq!((&callback["message"], &callback["message_uuid"]), (&json!(text), &json!(first.id)));
        system.until_idle().await;
    }
    assert_eq!(system.callbacks("receipts").await.len(), 1);
    assert!(system.callbacks("status").await.is_empty());
}

async fn answer_to(system: &System, sender: &str, keyword: &str) -> Value {
    let page = system.get(DEMO, &format!("/conversations/{PHONE}?sender={sender}")).await.body;
    page["messages"].as_array().unwrap().iter().find(|entry| entry["keyword"] == keyword).unwrap().clone()
}

#[tokio::test]
async fn keyword_answer_waits_for_a_send_slot() {
    let system = with_keyword_answers().await;
    system.hold_send_slots(SENDER).await;
    deliver_reply(&system, "1", SENDER, "STOP").await;
    system.until_idle().await;
    let waiting = answer_to(&system, SENDER, "stop").await;
    assert_eq!((&waiting["attempts"], &waiting["waits_for_send_slot"]), (&json!(0), &json!(true)));
    system.free_send_slots(SENDER).await;
    system.until_handset(&PHONE, 1).await;
}

#[tokio::test]
async fn start_confirmation_is_blocked_by_a_newer_stop() {
    let system = with_keyword_answers().await;
    system.hold_send_slots(SENDER).await;
    for (id, text) in [("1", "STOP"), ("2", "START"), ("3", "STOP")] {
        deliver_reply(&system, id, SENDER, text).await;
    }
    system.until_idle().await;
    system.free_send_slots(SENDER).await;
    system.until_handset(&PHONE, 1).await;
    system.until_state(&answer_to(&system, SENDER, "start").await["id"], "blocked").await;
    assert_eq!(texts(&system).await, [STOP_ANSWER]);
}

#[tokio::test]
async fn keyword_answer_uses_the_channel_of_the_keyword() {
    let system = with_keyword_answers().await;
    let over_rcs = with(owned(&PHONE, "Hello"), "channels", json!(["rcs"]));
    let message = system.send_one(DEMO, over_rcs).await;
    system.until_state(&message, "delivered").await;
    // A phone replies over the channel on which the sender's newest message came.
    system.reply_from(&PHONE, OURS, "STOP").await;
    let came = system.until_handset(&PHONE, 2).await;
    assert_eq!((&came[1]["channel"], &came[1]["text"]), (&json!("rcs"), &json!(STOP_ANSWER)), "{came:?}");
}

#[tokio::test]
async fn old_keyword_is_not_answered() {
    let system = with_keyword_answers().await;
    system.hold_send_slots(SENDER).await;
    deliver_reply(&system, "1", SENDER, "HELP").await;
    system.until_idle().await;
    system.advance(302).await;
    system.until_state(&answer_to(&system, SENDER, "help").await["id"], "expired").await;
    assert!(texts(&system).await.is_empty());
}
