//! Submit: a message is handed to a carrier exactly once, whatever the carrier answers and however often the
//! job is delivered.

use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use dispatch::Dispatch;
use jiff::ToSpan;
use serde_json::json;
use tests::{Callback, Phone, Response, ScriptedCarrier, SubmitAnswer, System, TestConfig, TestServer, submit_job};

use crate::system::{DEMO, OWN_SENDER, custom, owned, with};

const PHONE: Phone = Phone::delivers();

/// Sends to a phone, with the sink `receipts` as callback; returns the ID.
async fn send(system: &System, phone: &str) -> String {
    let message = with(owned(phone, "Hello"), "callback", system.sink("receipts"));
    system.send_one(DEMO, message).await.id
}

/// Does the same as [`send`], but schedules the message for ten minutes from now.
async fn send_later(system: &System, phone: &str) -> String {
    let message = with(owned(phone, "Hello"), "callback", system.sink("receipts"));
    let at = system.now().await + 10.minutes();
    system.send_one(DEMO, with(message, "send_at", at.to_string())).await.id
}

/// Waits for a callback and until the queues are empty; returns the receipt codes.
async fn callback_codes(system: &System) -> Vec<String> {
    system.until_callback("receipts").await;
    system.until_idle().await;
    let callbacks = system.callbacks("receipts").await;
    for callback in &callbacks {
        assert_eq!(callback.json()["delivered"], callback.receipt_code() == "00");
    }
    callbacks.iter().map(Callback::receipt_code).map(str::to_owned).collect()
}

async fn with_short_timeout() -> System {
    System::with_config(TestConfig::new().carrier_timeout_ms(1_000)).await
}

async fn with_busy_carrier() -> System {
    let carrier = ScriptedCarrier::start([SubmitAnswer::Busy]).await;
    System::with_config(TestConfig::new().carrier_endpoint("loopback", carrier.url())).await
}

#[tokio::test]
async fn refused_message_is_rejected_with_reason_and_notified() {
    let system = System::start().await;
    let phone = Phone::rejects();
    let id = send(&system, &phone).await;
    let message = system.until_state(&id, "rejected").await;
    let reason = message.history()[2]["reason"].as_str().unwrap();
    assert!(reason.contains("No network knows this number"), "{reason}");
    assert_eq!((message.attempts(), message.carrier()), (1, "loopback"));
    assert_eq!(callback_codes(&system).await, ["24"]);
    assert!(system.handset(&phone).await.is_empty());
}

#[tokio::test]
async fn carrier_answer_with_many_headers_is_read() {
    let accepted = Response::json(202, &json!({"id": "id-1"}));
    let verbose = (0..200).fold(accepted, |answer, _| answer.with_header("x-header", "x"));
    let carrier = TestServer::responding(verbose).await;
    let system = System::with_config(TestConfig::new().carrier_endpoint("loopback", carrier.url())).await;
    let id = send(&system, &PHONE).await;
    assert_eq!(system.until_state(&id, "submitted").await.carrier_id(), "id-1");
}

#[tokio::test]
async fn busy_carrier_is_retried_until_it_accepts_once() {
    let system = System::start().await;
    let phone = Phone::busy_twice();
    let id = send(&system, &phone).await;
    for attempts in [1, 2] {
        let busy = system.until_state_after(&id, "queued", attempts).await;
        assert!(busy.history().last().unwrap()["reason"].is_string());
        system.advance(3).await;
    }
    let message = system.until_state(&id, "delivered").await;
    assert_eq!(message.attempts(), 3);
    assert_eq!(callback_codes(&system).await, ["00"]);
    assert_eq!(system.handset(&phone).await.len(), 1);
}

#[tokio::test]
async fn message_expires_if_its_carrier_is_busy_for_a_day() {
    let system = with_busy_carrier().await;
    let id = send(&system, &PHONE).await;
    for attempts in [1, 2] {
        system.until_state_after(&id, "queued", attempts).await;
        system.advance(attempts * 12 * 3_600 + 60).await;
    }
    let message = system.until_state(&id, "expired").await;
    let reason = message.last_reason();
    assert!(reason.contains("for a day"), "{reason}");
    assert_eq!(callback_codes(&system).await, ["23"]);
}

#[tokio::test]
async fn repeated_busy_attempts_do_not_grow_the_record() {
    let system = with_busy_carrier().await;
    let id = send(&system, &PHONE).await;
    for attempts in 1..=20 {
        system.until_state_after(&id, "queued", attempts).await;
        system.advance(700).await;
    }
    let message = system.until_state(&id, "queued").await;
    let length = message.history().len();
    assert!(length < 25, "{length} entries after {} attempts", message.attempts());
}

#[tokio::test]
async fn receipt_during_an_unanswered_submit_counts() {
    let system = System::start().await;
    let phone = Phone::unanswered_with_receipt();
    let id = send(&system, &phone).await;
    let message = system.until_message(&id, "has timed out", |message| message.history().len() == 4).await;
    assert_eq!(message.state(), "delivered");
    system.advance(25 * 3_600).await;
    assert_eq!(callback_codes(&system).await, ["00"]);
    assert_eq!(system.message(&id).await, message);
    assert_eq!(system.handset(&phone).await.len(), 1);
}

#[tokio::test]
async fn receipt_resolves_an_unknown_outcome() {
    let system = with_short_timeout().await;
    let id = send(&system, &Phone::unanswered()).await;
    let unknown = system.until_state(&id, "unknown").await;
    assert_eq!(unknown.history()[2]["reason"], "no answer in time");
    system.deliver_status(&id, "delivered").await;
    assert_eq!(system.message(&id).await.state(), "delivered");
    system.advance(25 * 3_600).await;
    assert_eq!(callback_codes(&system).await, ["00"]);
    assert_eq!(system.message(&id).await.state(), "delivered");
}

#[tokio::test]
async fn outcome_unknown_for_a_day_fails_and_is_not_resent() {
    let system = with_short_timeout().await;
    let phone = Phone::unanswered();
    let id = send(&system, &phone).await;
    system.until_state(&id, "unknown").await;
    system.enqueue(&[submit_job(&id), submit_job(&id)], 0).await;
    system.until_idle().await;
    system.advance(23 * 3_600).await;
    system.until_idle().await;
    assert_eq!(system.message(&id).await.state(), "unknown");
    assert!(system.callbacks("receipts").await.is_empty());

    system.advance(2 * 3_600).await;
    let failed = system.until_state(&id, "failed").await;
    assert_eq!(failed.history()[3]["reason"], "the outcome stayed unknown");
    assert_eq!(failed.attempts(), 1);
    assert_eq!(callback_codes(&system).await, ["26"]);
    system.advance(25 * 3_600).await;
    system.until_idle().await;
    assert_eq!(callback_codes(&system).await, ["26"]);
    assert_eq!(system.handset(&phone).await.len(), 1);
}

#[tokio::test]
async fn five_concurrent_jobs_of_a_message_submit_it_once() {
    let system = System::start().await;
    let id = send_later(&system, &PHONE).await;
    let five: Vec<_> = std::iter::repeat_n(submit_job(&id), 5).collect();
    system.enqueue(&five, 600).await;
    system.advance(600).await;
    let message = system.until_state(&id, "delivered").await;
    assert_eq!(message.attempts(), 1);
    // Jobs that found the message claimed are redelivered when the lease is over.
    system.advance(90).await;
    assert_eq!(callback_codes(&system).await, ["00"]);
    assert_eq!(system.handset(&PHONE).await.len(), 1);
}

#[tokio::test]
async fn early_job_of_a_scheduled_message_submits_nothing() {
    let system = System::start().await;
    let id = send_later(&system, &PHONE).await;
    let mut early = SqsMessage::default();
    (early.message_id, early.body) = (Some("early".to_owned()), Some(submit_job(&id)));
    let mut batch = SqsEvent::default();
    batch.records = vec![early];
    let answered = Dispatch::new(&system.environment_of("dispatch")).unwrap().handle(batch).await;
    assert_eq!(answered.batch_item_failures[0].item_identifier, "early", "the job is redelivered");
    let message = system.message(&id).await;
    assert_eq!((message.state(), message.attempts()), ("scheduled", 0));

    system.enqueue_submit(&id).await;
    system.advance(600).await;
    system.until_state(&id, "delivered").await;
    system.advance(90).await;
    system.until_idle().await;
    assert_eq!(system.handset(&PHONE).await.len(), 1);
}

#[tokio::test]
async fn poison_job_is_dead_lettered_without_affecting_its_batch() {
    let system = System::start().await;
    let phones = [PHONE, PHONE.nth(1)];
    let ids = [send_later(&system, &phones[0]).await, send_later(&system, &phones[1]).await];
    let poison = ["poison".to_owned(), submit_job(&ids[0]).replace("\"v\":1", "\"v\":9")];
    let gone = submit_job("0197a3a0-0000-7000-8000-000000000001");
    let [first, other] = poison.clone();
    system.enqueue(&[submit_job(&ids[0]), first, gone, submit_job(&ids[1]), other], 600).await;
    system.advance(600).await;
    for (id, phone) in ids.iter().zip(&phones) {
        system.until_state(id, "delivered").await;
        assert_eq!(system.handset(phone).await.len(), 1);
    }
    system
        .until("both poisons are dead letters", async || {
            system.advance(90).await;
            (system.queue_length("JobsDeadLetters").await == 2).then_some(())
        })
        .await;
    system.until_idle().await;
    assert_eq!((system.handset(&phones[0]).await.len(), system.handset(&phones[1]).await.len()), (1, 1));
}

#[tokio::test]
async fn cancelled_message_is_not_sent_by_a_late_job() {
    let system = System::start().await;
    let id = send_later(&system, &PHONE).await;
    assert_eq!(system.cancel(&id).await.body["state"], "cancelled");
    system.advance(3_600).await;
    system.enqueue_submit(&id).await;
    system.until_idle().await;
    let message = system.message(&id).await;
    assert_eq!((message.state(), message.attempts()), ("cancelled", 0));
    assert!(system.handset(&PHONE).await.is_empty());
    assert!(system.callbacks("receipts").await.is_empty());
}

#[tokio::test]
async fn opted_out_recipient_is_blocked_until_start() {
    let system = System::start().await;
    system.reply_from(&PHONE, OWN_SENDER, "Stop.").await;
    system.until_callbacks("replies", 1).await;
    let blocked = system.until_state(&send(&system, &PHONE).await, "blocked").await;
    assert_eq!(blocked.history()[2]["reason"], "the recipient has opted out of this sender");
    assert_eq!(callback_codes(&system).await, ["25"]);
    let of_another_sender = custom("12345", &PHONE, "Hello");
    let other = system.send_one(DEMO, of_another_sender).await;
    system.until_state(&other, "delivered").await;

    system.reply_from(&PHONE, OWN_SENDER, "START").await;
    system.until_callbacks("replies", 2).await;
    system.until_state(&send(&system, &PHONE).await, "delivered").await;
    assert_eq!(callback_codes(&system).await, ["25", "00"]);
    assert_eq!(system.handset(&PHONE).await.len(), 2);
}

#[tokio::test]
async fn phone_that_replies_stop_gets_one_message() {
    let system = System::start().await;
    let phone = Phone::replies_stop();
    system.until_state(&send(&system, &phone).await, "delivered").await;
    assert_eq!(system.until_callback("replies").await.json()["message"], "STOP");
    system.until_state(&send(&system, &phone).await, "blocked").await;
    assert_eq!(system.handset(&phone).await.len(), 1);
}
