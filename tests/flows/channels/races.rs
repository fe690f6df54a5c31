//! What comes at the wrong moment, and what must not be left behind.

use super::{
    Config, DEMO, Method, PHONE, RECEIPT_TIMEOUT_SECONDS, StatusCode, System, callbacks, cm, cm_is_down,
    failed_attempts, json, message_over, owned, report, send, set_behavior, until_submitted_on, with, with_routes,
};

/// How many messages are in the index `wake`.
async fn scheduled(system: &System) -> usize {
    let table = system.aws("DynamoDB_20120810.Scan", &json!({"TableName": "MessagesTable"})).await;
    table["Items"].as_array().unwrap().iter().filter(|item| item.get("wake_at").is_some()).count()
}

#[tokio::test]
async fn a_receipt_before_the_answer_leaves_nothing_to_wake_for() {
    let system = System::start().await;
    let phone = "447700900571";
    let message = with(cm::message(phone, "Hello"), "allowedChannels", json!(["WhatsApp", "SMS"]));
    let id = send(&system, message).await;
    system.until_state(&id, "delivered").await;
    system.until_queues_empty().await;
    let message = system.message(&id).await;
    assert_eq!((&message["channel"], scheduled(&system).await), (&"whatsapp".into(), 0));
    system.advance(2 * RECEIPT_TIMEOUT_SECONDS).await;
    system.until_queues_empty().await;
    assert_eq!((system.handset(phone).await.len(), scheduled(&system).await), (1, 0));
}

#[tokio::test]
async fn stale_wake_time_is_removed_when_it_is_due() {
    let system = System::start().await;
    let id = send(&system, message_over(&["SMS"])).await;
    system.until_state(&id, "delivered").await;
    system.until_queues_empty().await;
    let at = (system.now().await.as_millisecond() + 60_000).to_string();
    let stray = json!({"TableName": "MessagesTable", "Key": {"id": {"S": id}},
        "UpdateExpression": "SET wake_at = :at, wake_shard = :shard",
        "ExpressionAttributeValues": {":at": {"N": at}, ":shard": {"N": "0"}}});
    system.aws("DynamoDB_20120810.UpdateItem", &stray).await;
    system.advance(60).await;
    system.until("the wake is gone", async || (scheduled(&system).await == 0).then_some(())).await;
    assert_eq!(system.handset(PHONE).await.len(), 1);
}

#[tokio::test]
async fn a_busy_channel_is_asked_again_although_the_next_one_refused() {
    let system = System::start().await;
    let phone = "447700900771";
    let set = system.request(Method::PUT, &format!("/handsets/{phone}/channels")).json(&json!({"sms": "rejects"}));
    assert!(set.send().await.unwrap().status().is_success());
    let message = with(cm::message(phone, "Hello"), "allowedChannels", json!(["WhatsApp", "SMS"]));
    let id = send(&system, message).await;
    let message = system.until_state(&id, "delivered").await;
    assert_eq!(
        (&message["channel"], failed_attempts(&message)),
        (&"whatsapp".into(), vec!["sms loopback rejected".to_owned()])
    );
    let shown = system.handset(phone).await;
    assert_eq!((shown.len(), &shown[0]["channel"]), (1, &"whatsapp".into()));
}

#[tokio::test]
async fn late_sent_receipt_of_earlier_channel_settles_no_outcome() {
    let config = Config::DEFAULT.replace("timeout_ms = 3000", "timeout_ms = 300");
    let system = System::with_config(&config).await;
    // Takes an SMS, and answers too late.
    let phone = "447700900811";
    let set = system.request(Method::PUT, &format!("/handsets/{phone}/channels")).json(&json!({"whatsapp": "silent"}));
    assert!(set.send().await.unwrap().status().is_success());
    let message = with(cm::message(phone, "Hello"), "allowedChannels", json!(["WhatsApp", "SMS"]));
    let id = send(&system, message).await;
    until_submitted_on(&system, &id, "whatsapp").await;
    report(&system, &id, 0, "0").await;
    system.advance(RECEIPT_TIMEOUT_SECONDS).await;
    system.until_state(&id, "unknown").await;
    // It says it again, late.
    report(&system, &id, 0, "0").await;
    assert_eq!(system.message(&id).await["state"], "unknown");
    system.advance(25 * 3_600).await;
    let message = system.until_state(&id, "failed").await;
    assert_eq!(message["channel"], "sms");
    assert_eq!(callbacks(&system).await.last().unwrap(), &("3".to_owned(), "sms".to_owned()));
    assert!(system.unmatched("receipt").await.is_empty());
}

#[tokio::test]
async fn receipts_of_the_fallback_carrier_are_applied() {
    let routes =
        "[[routes]]\nchannel = \"whatsapp\"\ncarriers = [\"cm\"]\n\n[[routes]]\ncarriers = [\"cm\", \"loopback\"]\n";
    let system = System::with_config(&with_routes(&cm_is_down().await, routes)).await;
    // The loopback carrier's receipt comes before its answer.
    let phone = "447700900571";
    let message = with(cm::message(phone, "Hello"), "allowedChannels", json!(["WhatsApp", "RCS", "SMS"]));
    let id = send(&system, message).await;
    system.until_state(&id, "delivered").await;
    system.until_queues_empty().await;
    let message = system.message(&id).await;
    assert_eq!(failed_attempts(&message), ["whatsapp cm busy", "rcs cm busy"]);
    assert_eq!((&message["channel"], &message["carrier"]), (&"rcs".into(), &"loopback".into()));
    system.advance(2 * RECEIPT_TIMEOUT_SECONDS).await;
    system.until_queues_empty().await;
    assert_eq!(system.handset(phone).await.len(), 1);
    assert!(system.unmatched("receipt").await.is_empty());
}

#[tokio::test]
async fn failure_is_final_if_no_later_channel_has_a_route() {
    let routes = "[[routes]]\nchannel = \"sms\"\ncarriers = [\"loopback\"]\n";
    let system = System::with_config(&with_routes(Config::DEFAULT, routes)).await;
    let message = with(owned("447700900171", "Hello"), "callback", system.sink("receipts"));
    let sent = system.send_one(DEMO, with(message, "channels", json!(["sms", "rcs"]))).await;
    let message = system.until_state(&sent["messageUuid"], "undelivered").await;
    assert!(message.get("failed_attempts").is_none(), "{message}");
    let callbacks = system.until_sink_requests("receipts", 1).await;
    assert_eq!(callbacks[0]["json"]["receiptInfo"]["code"], "22");
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
    assert_eq!((&message["channel"], &message["carrier"]), (&"whatsapp".into(), &"cm".into()));
    assert_eq!(callbacks(&system).await.last().unwrap(), &("2".to_owned(), "whatsapp".to_owned()));
}

#[tokio::test]
async fn submitted_message_cannot_be_cancelled_during_failover() {
    let routes = "[[routes]]\nchannel = \"whatsapp\"\ncarriers = [\"loopback\"]\n\n[[routes]]\ncarriers = [\"cm\"]\n";
    let system = System::with_config(&with_routes(&cm_is_down().await, routes)).await;
    set_behavior(&system, json!({"whatsapp": "silent"})).await;
    let id = send(&system, message_over(&["WhatsApp", "SMS"])).await;
    until_submitted_on(&system, &id, "whatsapp").await;
    system.advance(RECEIPT_TIMEOUT_SECONDS).await;
    system.until_state(&id, "queued").await;
    let refused = system.delete(DEMO, &format!("/messages/{}", id.as_str().unwrap())).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.body);
}

#[tokio::test]
async fn a_repeat_does_not_hurry_a_busy_carrier() {
    let system = System::with_config(&with_routes(&cm_is_down().await, "[[routes]]\ncarriers = [\"cm\"]\n")).await;
    let named = with(owned(PHONE, "Hello"), "id", "0197a3a0-0000-7000-8000-000000000071");
    let id = system.send_one(DEMO, named.clone()).await["messageUuid"].clone();
    let attempts = async || system.message(&id).await["attempts"].as_u64().unwrap();
    // By then the gaps are longer than this test.
    system
        .until("it was tried six times", async || {
            system.advance(60).await;
            (attempts().await >= 6).then_some(())
        })
        .await;
    system.until("it was put back", async || (system.message(&id).await["state"] == "queued").then_some(())).await;
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
    // The failure came first, and its job comes only now.
    let job =
        json!({"v": 1, "type": "failed", "message": id, "channel_index": 0, "carrier": "cm", "status": "undelivered"});
    let enqueue = json!({"QueueUrl": system.queue_url("JobsQueue"), "MessageBody": job.to_string()});
    system.aws("AmazonSQS.SendMessage", &enqueue).await;
    let recorded = async || {
        let message = system.message(&id).await;
        let history = message["history"].as_array().unwrap().clone();
        history.iter().any(|moment| moment["state"] == "undelivered").then_some(message)
    };
    let message = system.until("the failure is on record", recorded).await;
    assert_eq!((&message["state"], &message["channel"]), (&"delivered".into(), &"whatsapp".into()));
    assert_eq!(callbacks(&system).await.last().unwrap(), &("3".to_owned(), "whatsapp".to_owned()));
}
