//! Unmatched receipts and replies are retried with backoff, applied once if they match, and deleted after
//! seven days if they do not.

mod own_time;
mod unknown_status;

use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::domain::{AccountId, MessageId};
use uuid::Uuid;

use tests::{Phone, System};

use crate::{
    admin::read,
    carrier::receipts_path,
    system::{DEMO, DEMO_ACCOUNT, custom, owned, shared, with},
};

const PHONE_WITHOUT_RECEIPT: Phone = Phone::delivers_without_receipt();
const PHONE: Phone = Phone::delivers();
/// No account has this sender until a test assigns it.
const UNASSIGNED_SENDER: &str = "441110000001";
const DAY: u64 = 86_400;

fn receipt(id: &str, status: &str) -> Value {
    json!({"id": "c-1", "reference": id, "status": status, "code": "00"})
}

fn reply(id: &str, to: &str, text: &str) -> Value {
    json!({"id": id, "from": PHONE, "to": to, "text": text})
}

/// Returns a client's ID for a message, and the ID that the gateway derives for the demo account.
fn new_message_id() -> (Uuid, String) {
    let name = Uuid::new_v4();
    let id = MessageId::of_client_id(&DEMO_ACCOUNT.parse::<AccountId>().unwrap(), name);
    (name, id.to_string())
}

/// Returns a message with the client's ID, to the phone without receipts.
fn message(system: &System, name: Uuid) -> Value {
    with(with(owned(&PHONE_WITHOUT_RECEIPT, "Hello"), "id", name.to_string()), "callback", system.sink("receipts"))
}

/// Assigns a sender to the demo account.
async fn add_sender(system: &System, sender: &str) {
    let item = json!({"id": {"S": format!("sender#{sender}")}, "account": {"S": "demo"}});
    system.put_item("DirectoryTable", item).await;
}

async fn items(system: &System) -> Vec<Value> {
    let mut items = system.scan("MessagesTable").await;
    items.retain(|item| item["id"]["S"].as_str().unwrap().starts_with("unmatched#"));
    items
}

fn integer(item: &Value, attribute: &str) -> Option<i64> {
    item[attribute]["N"].as_str().map(|number| number.parse().unwrap())
}

/// Waits until the only unmatched item has been retried at least so often.
async fn until_retried(system: &System, tries: i64) -> Value {
    system
        .until(&format!("the item was tried {tries} times"), async || {
            let item = items(system).await.into_iter().next()?;
            (integer(&item, "tries") >= Some(tries)).then_some(item)
        })
        .await
}

async fn until_none_unmatched(system: &System) {
    system.until("nothing is unmatched", async || items(system).await.is_empty().then_some(())).await;
}

#[tokio::test]
async fn receipt_before_its_message_is_applied_once() {
    let system = System::start().await;
    let (name, id) = new_message_id();
    system.deliver_receipt(&receipt(&id, "delivered")).await;
    system.deliver_receipt(&receipt(&id, "delivered")).await;
    assert_eq!(system.unmatched("receipt").await.len(), 1);

    assert_eq!(system.send_one(DEMO, message(&system, name)).await.id, id);
    system.until_state(&id, "submitted").await;
    system.advance(60).await;
    system.until_state(&id, "delivered").await;
    until_none_unmatched(&system).await;
    system.advance(DAY).await;
    system.until_idle().await;
    assert_eq!(system.callbacks("receipts").await.len(), 1, "notified once");
    assert_eq!(system.handset(&PHONE_WITHOUT_RECEIPT).await.len(), 1);
}

#[tokio::test]
async fn unmatched_receipt_keeps_the_message_id_of_its_path() {
    let system = System::start().await;
    let ((name, id), (_, other)) = (new_message_id(), new_message_id());
    let body = json!({"id": "c-1", "status": "delivered"});
    for id in [&id, &other] {
        system.deliver_webhook(&format!("{}/{id}", receipts_path()), &body).await;
    }
    assert_eq!(system.unmatched("receipt").await.len(), 2, "one body by two paths");
    system.send_one(DEMO, message(&system, name)).await;
    system.until_state(&id, "submitted").await;
    system.advance(60).await;
    system.until_state(&id, "delivered").await;
    system.until_idle().await;
    assert_eq!(system.unmatched("receipt").await.len(), 1);
}

#[tokio::test]
async fn receipt_long_before_the_message_is_not_applied() {
    let system = System::start().await;
    let (name, id) = new_message_id();
    system.deliver_receipt(&receipt(&id, "undelivered")).await;
    system.advance(3_600).await;
    system.send_one(DEMO, message(&system, name)).await;
    system.until_state(&id, "submitted").await;
    for _ in 0..10 {
        system.advance(DAY / 2).await;
        system.until_idle().await;
    }
    assert_eq!(system.message(&id).await.state(), "submitted");
    assert!(system.callbacks("receipts").await.is_empty());
}

#[tokio::test]
async fn failure_matched_late_fails_over() {
    let system = System::start().await;
    let (name, id) = new_message_id();
    system.deliver_receipt(&receipt(&id, "undelivered")).await;
    let channels = with(message(&system, name), "channels", json!(["sms", "rcs"]));
    system.send_one(DEMO, channels).await;
    system.until_state(&id, "submitted").await;
    system.advance(60).await;
    let message = system.until_message(&id, "is on RCS", |message| message.channel() == "rcs").await;
    assert_eq!(message["failed_attempts"][0]["channel"], "sms", "{message}");
    until_none_unmatched(&system).await;
}

#[tokio::test]
async fn reply_is_delivered_once_its_sender_is_added() {
    let system = System::start().await;
    system.deliver_reply(&reply("mo-1", UNASSIGNED_SENDER, "Are you there?")).await;
    system.advance(60).await;
    until_retried(&system, 1).await;
    assert!(system.callbacks("replies").await.is_empty());

    add_sender(&system, UNASSIGNED_SENDER).await;
    let newer = custom(UNASSIGNED_SENDER, &PHONE, "Hello");
    system.advance(90).await;
    system.send_one(DEMO, newer).await;
    system.until_handset(&PHONE, 1).await;
    system.advance(3_600).await;
    let callback = system.until_callback("replies").await.into_json();
    assert_eq!(callback["message"], "Are you there?");
    assert!(callback["message_uuid"].is_null(), "{callback}");
    until_none_unmatched(&system).await;
    let page = system.get(DEMO, &format!("/conversations/{PHONE}?sender={UNASSIGNED_SENDER}")).await.body;
    let entries: Vec<_> = page["messages"].as_array().unwrap().iter().map(|one| one["direction"].clone()).collect();
    assert_eq!(entries, ["out", "in"], "the reply is ordered by its own time: {page}");
    system.advance(DAY).await;
    system.until_idle().await;
    assert_eq!(system.callbacks("replies").await.len(), 1, "notified once");
}

async fn send_from_unassigned(system: &System) -> String {
    system.send_one(DEMO, custom(UNASSIGNED_SENDER, &PHONE, "Hello")).await.id
}

#[tokio::test]
async fn stop_to_an_unassigned_sender_applies() {
    let system = System::start().await;
    system.deliver_reply(&reply("mo-1", UNASSIGNED_SENDER, "STOP")).await;
    add_sender(&system, UNASSIGNED_SENDER).await;
    system.until_state(&send_from_unassigned(&system).await, "blocked").await;
    system.advance(60).await;
    until_none_unmatched(&system).await;
}

#[tokio::test]
async fn retried_stop_does_not_undo_a_newer_start() {
    let system = System::start().await;
    system.deliver_reply(&reply("mo-1", UNASSIGNED_SENDER, "STOP")).await;
    system.advance(30).await;
    add_sender(&system, UNASSIGNED_SENDER).await;
    system.deliver_reply(&reply("mo-2", UNASSIGNED_SENDER, "START")).await;
    system.advance(60).await;
    until_none_unmatched(&system).await;
    system.until_state(&send_from_unassigned(&system).await, "delivered").await;
}

#[tokio::test]
async fn reply_is_not_attributed_to_a_later_holder_of_the_sender() {
    let system = System::start().await;
    for sender in 801..=806 {
        system
            .deliver_reply(&reply(&format!("mo-{sender}"), &format!("448888888{sender}"), "For another account"))
            .await;
    }
    system.advance(120).await;
    let message = system.send_one(DEMO, shared(&PHONE, "Hello")).await;
    system.until_state(&message, "delivered").await;
    system.advance(3_600).await;
    let all_tried = async || items(&system).await.iter().all(|item| integer(item, "tries") >= Some(1)).then_some(());
    system.until("all were tried", all_tried).await;
    assert_eq!(items(&system).await.len(), 6);
    assert!(system.callbacks("replies").await.is_empty());
}

#[tokio::test]
async fn manual_retries_leave_the_next_wake_time_unchanged() {
    let system = System::start().await;
    system.deliver_receipt(&receipt(&new_message_id().1, "delivered")).await;
    for tries in 1..=6 {
        read(&system, &["unmatched", "replay"]).await;
        until_retried(&system, tries).await;
    }
    let item = &items(&system).await[0];
    let waits = integer(item, "wake_at").unwrap() - integer(item, "at").unwrap();
    assert_eq!(waits, 60_000);
}

#[tokio::test]
async fn unmatched_receipt_is_retried_with_backoff_for_seven_days() {
    let system = System::start().await;
    system.deliver_receipt(&receipt(&new_message_id().1, "delivered")).await;
    let mut wakes = Vec::new();
    let mut item = items(&system).await.remove(0);
    while let Some(next) = integer(&item, "wake_at") {
        wakes.push(next / 1_000);
        let now = system.now().await.as_millisecond();
        system.advance(u64::try_from((next - now).max(0)).unwrap() / 1_000 + 1).await;
        item = until_retried(&system, i64::try_from(wakes.len()).unwrap()).await;
    }
    assert!((15..=20).contains(&wakes.len()), "{} tries", wakes.len());
    let gaps: Vec<_> = wakes.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // The gaps grow. Wake times count from the arrival, so a late retry does not shift the next one.
    assert!(gaps.windows(2).all(|pair| pair[1] + 30 >= pair[0]) && gaps[0] >= 15 * 60, "{gaps:?}");
    let item = &items(&system).await[0];
    let left = integer(item, "expires_at").unwrap() - system.now().await.as_second();
    assert!((0..=12 * 3_600).contains(&left), "{left} s are left");
    assert_eq!(integer(item, "expires_at").unwrap() - integer(item, "at").unwrap() / 1_000, 7 * 86_400);
    system.advance(u64::try_from(left).unwrap() + 1).await;
    until_none_unmatched(&system).await;
    system.advance(DAY).await;
    system.until_idle().await;
    assert!(items(&system).await.is_empty() && system.queue_length("JobsDeadLetters").await == 0);
}

#[tokio::test]
async fn receipt_without_our_reference_is_only_stored() {
    let system = System::start().await;
    system.deliver_receipt(&json!({"id": "c-2", "status": "delivered"})).await;
    system.advance(DAY).await;
    system.until_idle().await;
    let item = &items(&system).await[0];
    assert_eq!((integer(item, "tries"), integer(item, "wake_at")), (Some(0), None));
}

#[tokio::test]
async fn unmatched_item_is_retried_though_later_work_is_cut_off() {
    let system = System::start().await;
    let (name, id) = new_message_id();
    system.deliver_receipt(&receipt(&id, "delivered")).await;
    system.send_one(DEMO, message(&system, name)).await;
    system.until_state(&id, "submitted").await;

    // The gateway is gone, and the job that a tick enqueued is lost.
    let system = system.without_gateway().await;
    let tick = schedule_tick::ScheduleTick::new(&system.environment_of("schedule-tick")).unwrap();
    tick.handle(u64::MAX).await.unwrap();
    assert_eq!(system.queue_length("JobsQueue").await, 1);
    system.purge_jobs().await;

    let system = system.with_gateway().await;
    system.advance(32 * 60).await;
    system.until_state(&id, "delivered").await;
    until_none_unmatched(&system).await;
    system.until_idle().await;
    assert_eq!(system.callbacks("receipts").await.len(), 1);
}

#[tokio::test]
async fn unmatched_receipt_survives_crash_without_duplicate_callback() {
    let system = System::start().await;
    let (name, id) = new_message_id();
    let late = receipt(&id, "delivered");
    system.deliver_receipt(&late).await;
    let left = items(&system).await[0].clone();
    system.send_one(DEMO, message(&system, name)).await;
    system.advance(60).await;
    system.until_state(&id, "delivered").await;
    until_none_unmatched(&system).await;
    // We restore the item, as if a worker had crashed before it deleted it.
    system.put_item("MessagesTable", left).await;
    system.advance(60).await;
    until_none_unmatched(&system).await;
    system.until_idle().await;
    assert_eq!(system.callbacks("receipts").await.len(), 1);
}
