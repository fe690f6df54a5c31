//! Submitting: a message is handed over once, whatever the carrier answers and
//! however often its job comes.

use std::{
    io::{Read, Write},
    net::TcpListener,
};

use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use dispatch::Dispatch;
use jiff::ToSpan;
use local::config::Config;
use serde_json::{Value, json};

use crate::system::{DEMO, System, owned, with};

/// Sends to that phone, with the sink `receipts` as callback; gives the id.
async fn send(system: &System, phone: &str) -> Value {
    let message = with(owned(phone, "Hello"), "callback", system.sink("receipts"));
    system.send_one(DEMO, message).await["messageUuid"].clone()
}

/// The same, for ten minutes from now.
async fn send_later(system: &System, phone: &str) -> Value {
    let message = with(owned(phone, "Hello"), "callback", system.sink("receipts"));
    let at = system.now().await + 10.minutes();
    system.send_one(DEMO, with(message, "send_at", at.to_string())).await["messageUuid"].clone()
}

fn job(id: &Value) -> String {
    json!({"v": 1, "type": "submit", "message": id}).to_string()
}

/// Waits for a first callback, then for whatever else is under way; gives the
/// codes of all callbacks.
async fn callback_codes(system: &System) -> Vec<Value> {
    system.until_sink_requests("receipts", 1).await;
    system.until_queues_empty().await;
    let requests = system.sink_requests("receipts").await;
    for request in &requests {
        assert_eq!(request["json"]["delivered"], request["json"]["receiptInfo"]["code"] == "00");
    }
    requests.into_iter().map(|request| request["json"]["receiptInfo"]["code"].clone()).collect()
}

/// A system whose carrier has less time to answer.
async fn with_short_timeout() -> System {
    System::with_config(&Config::DEFAULT.replace("timeout_ms = 3000", "timeout_ms = 1000")).await
}

#[tokio::test]
async fn refused_message_is_rejected_with_reason_and_notified() {
    let system = System::start().await;
    let id = send(&system, "447700900210").await;
    let message = system.until_state(&id, "rejected").await;
    let reason = message["history"][2]["reason"].as_str().unwrap();
    assert!(reason.contains("No network knows this number"), "{reason}");
    assert_eq!((&message["attempts"], &message["carrier"]), (&1.into(), &"loopback".into()));
    assert_eq!(callback_codes(&system).await, ["24"]);
    assert!(system.handset("447700900210").await.is_empty());
}

#[tokio::test]
async fn busy_carrier_is_retried_until_it_accepts_once() {
    let system = System::start().await;
    let id = send(&system, "447700900710").await;
    for attempts in [1, 2] {
        let busy = system
            .until("it is put back", async || {
                let message = system.message(&id).await;
                (message["state"] == "queued" && message["attempts"] == attempts).then_some(message)
            })
            .await;
        assert!(busy["history"].as_array().unwrap().last().unwrap()["reason"].is_string());
        system.advance(3).await;
    }
    let message = system.until_state(&id, "delivered").await;
    assert_eq!(message["attempts"], 3);
    assert_eq!(callback_codes(&system).await, ["00"]);
    assert_eq!(system.handset("447700900710").await.len(), 1);
}

/// A carrier that is there and takes nothing.
fn busy_carrier() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut connection in listener.incoming().map_while(Result::ok) {
            let mut bytes = [0; 8192];
            let length = connection.read(&mut bytes).unwrap_or_default();
            let status = if bytes[..length].starts_with(b"PUT") { "204 No Content" } else { "503 Service Unavailable" };
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = connection.write_all(answer.as_bytes());
        }
    });
    url
}

#[tokio::test]
async fn a_carrier_that_stays_busy_for_a_day_lets_a_message_expire() {
    let endpoint = format!("[carriers.loopback]\nendpoint = \"{}\"", busy_carrier());
    let system = System::with_config(&Config::DEFAULT.replace("[carriers.loopback]", &endpoint)).await;
    let id = send(&system, "447700900010").await;
    for attempts in [1, 2] {
        system
            .until("it is put back", async || {
                let message = system.message(&id).await;
                (message["state"] == "queued" && message["attempts"] == attempts).then_some(())
            })
            .await;
        system.advance(attempts * 12 * 3_600 + 60).await;
    }
    let message = system.until_state(&id, "expired").await;
    let reason = message["history"].as_array().unwrap().last().unwrap()["reason"].as_str().unwrap();
    assert!(reason.contains("for a day"), "{reason}");
    assert_eq!(callback_codes(&system).await, ["23"]);
}

#[tokio::test]
async fn a_long_wait_does_not_make_a_message_grow() {
    let endpoint = format!("[carriers.loopback]\nendpoint = \"{}\"", busy_carrier());
    let system = System::with_config(&Config::DEFAULT.replace("[carriers.loopback]", &endpoint)).await;
    let id = send(&system, "447700900011").await;
    for attempts in 1..=20 {
        system
            .until("it is put back", async || {
                let message = system.message(&id).await;
                (message["state"] == "queued" && message["attempts"] == attempts).then_some(())
            })
            .await;
        system.advance(700).await;
    }
    let message = system.until_state(&id, "queued").await;
    let history = message["history"].as_array().unwrap();
    assert!(history.len() < 25, "{} entries after {} tries", history.len(), message["attempts"]);
}

#[tokio::test]
async fn receipt_resolves_an_unanswered_submit() {
    let system = System::start().await;
    let id = send(&system, "447700900810").await;
    let message = system
        .until("the answer was given up", async || {
            let message = system.message(&id).await;
            (message["history"].as_array().unwrap().len() == 4).then_some(message)
        })
        .await;
    assert_eq!(message["state"], "delivered");
    system.advance(25 * 3_600).await;
    assert_eq!(callback_codes(&system).await, ["00"]);
    assert_eq!(system.message(&id).await, message);
    assert_eq!(system.handset("447700900810").await.len(), 1);
}

#[tokio::test]
async fn an_outcome_is_unknown_until_its_receipt_comes() {
    let system = with_short_timeout().await;
    let id = send(&system, "447700900811").await;
    let unknown = system.until_state(&id, "unknown").await;
    assert_eq!(unknown["history"][2]["reason"], "no answer in time");
    system.deliver_receipt(&json!({"reference": id, "status": "delivered"})).await;
    assert_eq!(system.message(&id).await["state"], "delivered");
    system.advance(25 * 3_600).await;
    assert_eq!(callback_codes(&system).await, ["00"]);
    assert_eq!(system.message(&id).await["state"], "delivered");
}

#[tokio::test]
async fn outcome_unknown_for_a_day_fails_and_is_not_resent() {
    let system = with_short_timeout().await;
    let id = send(&system, "447700900811").await;
    system.until_state(&id, "unknown").await;
    system.enqueue(&[job(&id), job(&id)], 0).await;
    system.until_queues_empty().await;
    system.advance(23 * 3_600).await;
    system.until_queues_empty().await;
    assert_eq!(system.message(&id).await["state"], "unknown");
    assert!(system.sink_requests("receipts").await.is_empty());

    system.advance(2 * 3_600).await;
    let failed = system.until_state(&id, "failed").await;
    assert_eq!(failed["history"][3]["reason"], "the outcome stayed unknown");
    assert_eq!(failed["attempts"], 1);
    assert_eq!(callback_codes(&system).await, ["26"]);
    system.advance(25 * 3_600).await;
    system.until_queues_empty().await;
    assert_eq!(callback_codes(&system).await, ["26"]);
    assert_eq!(system.handset("447700900811").await.len(), 1);
}

#[tokio::test]
async fn a_job_that_comes_five_times_at_once_sends_one_text() {
    let system = System::start().await;
    let phone = "447700900010";
    let id = send_later(&system, phone).await;
    let five: Vec<_> = std::iter::repeat_n(job(&id), 5).collect();
    system.enqueue(&five, 600).await;
    system.advance(600).await;
    let message = system.until_state(&id, "delivered").await;
    assert_eq!(message["attempts"], 1);
    // Jobs that found the message held come again, to find it finished.
    system.advance(90).await;
    assert_eq!(callback_codes(&system).await, ["00"]);
    assert_eq!(system.handset(phone).await.len(), 1);
}

#[tokio::test]
async fn a_job_that_comes_before_its_time_sends_nothing_yet() {
    let system = System::start().await;
    let phone = "447700900010";
    let id = send_later(&system, phone).await;
    let mut early = SqsMessage::default();
    (early.message_id, early.body) = (Some("early".to_owned()), Some(job(&id)));
    let mut batch = SqsEvent::default();
    batch.records = vec![early];
    let answered = Dispatch::new(&system.environment()).unwrap().handle(batch).await;
    assert_eq!(answered.batch_item_failures[0].item_identifier, "early", "it comes again");
    let message = system.message(&id).await;
    assert_eq!((&message["state"], &message["attempts"]), (&"scheduled".into(), &0.into()));

    system.enqueue(&[job(&id)], 0).await;
    system.advance(600).await;
    system.until_state(&id, "delivered").await;
    system.advance(90).await;
    system.until_queues_empty().await;
    assert_eq!(system.handset(phone).await.len(), 1);
}

#[tokio::test]
async fn poison_job_is_dead_lettered_without_affecting_its_batch() {
    let system = System::start().await;
    let phones = ["447700900010", "447700900011"];
    let ids = [send_later(&system, phones[0]).await, send_later(&system, phones[1]).await];
    let poison = ["poison".to_owned(), job(&ids[0]).replace("\"v\":1", "\"v\":9")];
    let gone = job(&"0197a3a0-0000-7000-8000-000000000001".into());
    let [first, other] = poison.clone();
    system.enqueue(&[job(&ids[0]), first, gone, job(&ids[1]), other], 600).await;
    system.advance(600).await;
    for (id, phone) in ids.iter().zip(phones) {
        system.until_state(id, "delivered").await;
        assert_eq!(system.handset(phone).await.len(), 1);
    }
    system
        .until("both poisons are dead letters", async || {
            system.advance(90).await;
            (system.queue_length("JobsDeadLetters").await == 2).then_some(())
        })
        .await;
    system.until_queues_empty().await;
    assert_eq!((system.handset(phones[0]).await.len(), system.handset(phones[1]).await.len()), (1, 1));
}

#[tokio::test]
async fn cancelled_message_is_not_sent_by_a_late_job() {
    let system = System::start().await;
    let phone = "447700900010";
    let id = send_later(&system, phone).await;
    let path = format!("/messages/{}", id.as_str().unwrap());
    assert_eq!(system.delete(DEMO, &path).await.body["state"], "cancelled");
    system.advance(3_600).await;
    system.enqueue(&[job(&id)], 0).await;
    system.until_queues_empty().await;
    let message = system.message(&id).await;
    assert_eq!((&message["state"], &message["attempts"]), (&"cancelled".into(), &0.into()));
    assert!(system.handset(phone).await.is_empty());
    assert!(system.sink_requests("receipts").await.is_empty());
}

#[tokio::test]
async fn an_opted_out_recipient_gets_nothing_until_it_opts_in_again() {
    let system = System::start().await;
    let phone = "447700900010";
    system.reply(phone, &"441234567890".into(), "Stop.").await;
    system.until_sink_requests("replies", 1).await;
    let blocked = system.until_state(&send(&system, phone).await, "blocked").await;
    assert_eq!(blocked["history"][2]["reason"], "the recipient has opted out of this sender");
    assert_eq!(callback_codes(&system).await, ["25"]);
    let of_another_sender = json!({"from": {"type": "custom", "value": "12345"}, "to": phone, "body": "Hello"});
    let other = system.send_one(DEMO, of_another_sender).await;
    system.until_state(&other["messageUuid"], "delivered").await;

    system.reply(phone, &"441234567890".into(), "START").await;
    system.until_sink_requests("replies", 2).await;
    system.until_state(&send(&system, phone).await, "delivered").await;
    assert_eq!(callback_codes(&system).await, ["25", "00"]);
    assert_eq!(system.handset(phone).await.len(), 2);
}

#[tokio::test]
async fn a_phone_that_answers_stop_gets_one_text() {
    let system = System::start().await;
    let phone = "447700900910";
    system.until_state(&send(&system, phone).await, "delivered").await;
    assert_eq!(system.until_sink_requests("replies", 1).await[0]["json"]["message"], "STOP");
    system.until_state(&send(&system, phone).await, "blocked").await;
    assert_eq!(system.handset(phone).await.len(), 1);
}
