//! Failover under races: early and late receipts, stale wake times, repeats.

use super::{
    Channel, DEMO, MessageView, PHONE, Phone, RECEIPT_TIMEOUT_SECONDS, Route, StatusCode, System, TestConfig, cm,
    cm_is_down, json, message_over, owned, report, reports, route_to, send, set_behavior, until_submitted_on, with,
};

/// Counts the items with a wake time.
async fn scheduled(system: &System) -> usize {
    let table = system.scan("MessagesTable").await;
    table.iter().filter(|item| item.get("wake_at").is_some()).count()
}

#[tokio::test]
async fn receipt_before_the_answer_leaves_no_wake_time() {
    let system = System::start().await;
    let phone = Phone::receipt_before_answer();
    let message = with(cm::message(&phone, "Hello"), "allowedChannels", json!(["WhatsApp", "SMS"]));
    let id = send(&system, message).await;
    system.until_state(&id, "delivered").await;
    system.until_idle().await;
    let message = system.message(&id).await;
    assert_eq!((message.channel(), scheduled(&system).await), ("whatsapp", 0));
    system.advance(2 * RECEIPT_TIMEOUT_SECONDS).await;
    system.until_idle().await;
    assert_eq!((system.handset(&phone).await.len(), scheduled(&system).await), (1, 0));
}

#[tokio::test]
async fn stale_wake_time_is_removed_when_it_is_due() {
    let system = System::start().await;
    let id = send(&system, message_over(&["SMS"])).await;
    system.until_state(&id, "delivered").await;
    system.until_idle().await;
    let at = (system.now().await.as_millisecond() + 60_000).to_string();
    let values = json!({":at": {"N": at}, ":shard": {"N": "0"}});
    system.update_message(&id, "SET wake_at = :at, wake_shard = :shard", &json!(null), &values).await;
    system.advance(60).await;
    system.until("the wake time is removed", async || (scheduled(&system).await == 0).then_some(())).await;
    assert_eq!(system.handset(&PHONE).await.len(), 1);
}

#[tokio::test]
async fn busy_channel_is_retried_after_the_next_one_rejected() {
    let system = System::start().await;
    let phone = Phone::busy_twice();
    system.set_channels(&phone, json!({"sms": "rejects"})).await;
    let message = with(cm::message(&phone, "Hello"), "allowedChannels", json!(["WhatsApp", "SMS"]));
    let id = send(&system, message).await;
    let message = system.until_state(&id, "delivered").await;
    assert_eq!((message.channel(), message.failed_attempts()), ("whatsapp", vec!["sms loopback rejected".to_owned()]));
    let shown = system.handset(&phone).await;
    assert_eq!((shown.len(), &shown[0]["channel"]), (1, &"whatsapp".into()));
}

#[tokio::test]
async fn late_sent_receipt_of_earlier_channel_settles_no_outcome() {
    let system = System::with_config(TestConfig::new().carrier_timeout_ms(300)).await;
    let phone = Phone::unanswered();
    system.set_channels(&phone, json!({"whatsapp": "silent"})).await;
    let message = with(cm::message(&phone, "Hello"), "allowedChannels", json!(["WhatsApp", "SMS"]));
    let id = send(&system, message).await;
    until_submitted_on(&system, &id, "whatsapp").await;
    report(&system, &id, 0, "0").await;
    system.advance(RECEIPT_TIMEOUT_SECONDS).await;
    system.until_state(&id, "unknown").await;
    // The carrier repeats its report late.
    report(&system, &id, 0, "0").await;
    assert_eq!(system.message(&id).await.state(), "unknown");
    system.advance(25 * 3_600).await;
    let message = system.until_state(&id, "failed").await;
    assert_eq!(message.channel(), "sms");
    assert_eq!(reports(&system).await.last().unwrap(), &("3".to_owned(), "sms".to_owned()));
    assert!(system.unmatched("receipt").await.is_empty());
}

#[tokio::test]
async fn receipts_of_the_fallback_carrier_are_applied() {
    let whatsapp = Route { channel: Some(Channel::WhatsApp), ..route_to(&["cm"]) };
    let others = route_to(&["cm", "loopback"]);
    let system = System::with_config(cm_is_down().await.routes([whatsapp, others])).await;
    let phone = Phone::receipt_before_answer();
    let message = with(cm::message(&phone, "Hello"), "allowedChannels", json!(["WhatsApp", "RCS", "SMS"]));
    let id = send(&system, message).await;
    system.until_state(&id, "delivered").await;
    system.until_idle().await;
    let message = system.message(&id).await;
    assert_eq!(message.failed_attempts(), ["whatsapp cm busy", "rcs cm busy"]);
    assert_eq!((message.channel(), message.carrier()), ("rcs", "loopback"));
    system.advance(2 * RECEIPT_TIMEOUT_SECONDS).await;
    system.until_idle().await;
    assert_eq!(system.handset(&phone).await.len(), 1);
    assert!(system.unmatched("receipt").await.is_empty());
}

#[tokio::test]
async fn failure_is_final_if_no_later_channel_has_a_route() {
    let sms = Route { channel: Some(Channel::Sms), ..route_to(&["loopback"]) };
    let system = System::with_config(TestConfig::new().routes([sms])).await;
    let message = with(owned(&Phone::fails(), "Hello"), "callback", system.sink("receipts"));
    let sent = system.send_one(DEMO, with(message, "channels", json!(["sms", "rcs"]))).await;
    let message = system.until_state(&sent, "undelivered").await;
    assert!(message.get("failed_attempts").is_none(), "{message}");
    assert_eq!(system.until_callback("receipts").await.receipt_code(), "22");
}

#[tokio::test]
async fn late_delivery_by_earlier_channel_is_reported_as_such() {
    let system = System::start().await;
    set_behavior(&system, json!({"whatsapp": "silent", "sms": "silent"})).await;
    let id = send(&system, message_over(&["WhatsApp", "SMS"])).await;
    until_submitted_on(&system, &id, "whatsapp").await;
    system.advance(RECEIPT_TIMEOUT_SECONDS).await;
    until_submitted_on(&system, &id, "sms").await;
    report(&system, &id, 0, "2").await;
    let message = system.until_state(&id, "delivered").await;
    assert_eq!((message.channel(), message.carrier()), ("whatsapp", "cm"));
    assert_eq!(reports(&system).await.last().unwrap(), &("2".to_owned(), "whatsapp".to_owned()));
}

#[tokio::test]
async fn submitted_message_cannot_be_cancelled_during_failover() {
    let whatsapp = Route { channel: Some(Channel::WhatsApp), ..route_to(&["loopback"]) };
    let others = route_to(&["cm"]);
    let system = System::with_config(cm_is_down().await.routes([whatsapp, others])).await;
    set_behavior(&system, json!({"whatsapp": "silent"})).await;
    let id = send(&system, message_over(&["WhatsApp", "SMS"])).await;
    until_submitted_on(&system, &id, "whatsapp").await;
    system.advance(RECEIPT_TIMEOUT_SECONDS).await;
    system.until_state(&id, "queued").await;
    let refused = system.cancel(&id).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.body);
}

#[tokio::test]
async fn client_repeat_does_not_shorten_the_backoff() {
    let system = System::with_config(cm_is_down().await.route_all_to(&["cm"])).await;
    let named = with(owned(&PHONE, "Hello"), "id", "0197a3a0-0000-7000-8000-000000000071");
    let id = system.send_one(DEMO, named.clone()).await.id;
    let attempts = async || system.message(&id).await.attempts();
    // After six attempts, no retry is due during the rest of this test.
    system
        .until("it has had six attempts", async || {
            system.advance(60).await;
            (attempts().await >= 6).then_some(())
        })
        .await;
    system.until_state(&id, "queued").await;
    let before = attempts().await;
    for _ in 0..5 {
        system.send_one(DEMO, named.clone()).await;
    }
    system
        .until("only its own job is left", async || (system.queue_length("JobsQueue").await == 1).then_some(()))
        .await;
    assert_eq!(attempts().await, before);
}

#[tokio::test]
async fn failure_processed_after_delivery_is_recorded_and_notified() {
    let system = System::start().await;
    set_behavior(&system, json!({"whatsapp": "silent"})).await;
    let id = send(&system, message_over(&["WhatsApp", "SMS"])).await;
    until_submitted_on(&system, &id, "whatsapp").await;
    report(&system, &id, 0, "2").await;
    system.until_state(&id, "delivered").await;
    // The failure came before the delivery, but its job comes only now.
    let job =
        json!({"v": 1, "type": "failed", "message": id, "channel_index": 0, "carrier": "cm", "status": "undelivered"});
    let enqueue = json!({"QueueUrl": system.queue_url("JobsQueue"), "MessageBody": job.to_string()});
    system.aws("AmazonSQS.SendMessage", &enqueue).await;
    let has_failure = |message: &MessageView| message.times_in("undelivered") > 0;
    let message = system.until_message(&id, "has the failure on record", has_failure).await;
    assert_eq!((message.state(), message.channel()), ("delivered", "whatsapp"));
    let failure = ("3".to_owned(), "whatsapp".to_owned());
    let is_reported = async || reports(&system).await.contains(&failure).then_some(());
    system.until("the failure is reported", is_reported).await;
}
