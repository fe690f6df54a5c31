//! The loopback carrier and the phones: each number's behavior, and receipts retried while the
//! gateway is down.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::Tester;
use crate::emulator::EmulatorOptions;

impl Tester {
    pub(super) async fn register_loopback(&self) {
        self.register_at("loopback", "loopback", ["/sinks/receipts", "/sinks/replies"], json!({})).await;
    }

    pub(super) async fn submit(&self, to: &str) -> (StatusCode, Value) {
        let message = json!({
            "reference": "ref-1", "from": "Sender", "to": to, "text": "hello", "channel": "sms",
        });
        self.post("/loopback/messages", message).await
    }
}

fn statuses(receipts: &[Value]) -> Vec<&str> {
    receipts.iter().map(|receipt| receipt["status"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn message_reaches_the_phone_and_is_reported() {
    let tester = Tester::start().await;
    tester.register_loopback().await;

    let (status, accepted) = tester.submit("+447700900001").await;
    assert_eq!(status, StatusCode::ACCEPTED);

    let shown = tester.texts("00447700900001").await;
    assert_eq!(shown[0]["from"], "Sender");
    assert_eq!(shown[0]["text"], "hello");
    let receipts = tester.sink_requests("receipts", 1).await;
    assert_eq!(receipts[0]["id"], accepted["id"]);
    assert_eq!(receipts[0]["reference"], "ref-1");
    assert_eq!(receipts[0]["status"], "delivered");
}

#[tokio::test]
async fn double_send_shows_twice() {
    let tester = Tester::start().await;
    tester.submit("447700900000").await;
    tester.submit("447700900000").await;
    assert_eq!(tester.texts("447700900000").await.len(), 2);
}

#[tokio::test]
async fn undelivered_message_is_reported_and_not_shown() {
    let tester = Tester::start().await;
    tester.register_loopback().await;
    tester.submit("447700900100").await;
    assert_eq!(statuses(&tester.sink_requests("receipts", 1).await), ["undelivered"]);
    assert!(tester.texts("447700900100").await.is_empty());
}

#[tokio::test]
async fn rejected_number_fails_at_submit() {
    let tester = Tester::start().await;
    let (status, refusal) = tester.submit("447700900200").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refusal["code"].is_string() && refusal["message"].is_string());
    assert!(tester.texts("447700900200").await.is_empty());
}

#[tokio::test]
async fn repeated_receipt_is_delivered_five_times() {
    let tester = Tester::start().await;
    tester.register_loopback().await;
    tester.submit("447700900400").await;
    let receipts = tester.sink_requests("receipts", 5).await;
    assert!(receipts.iter().all(|receipt| receipt == &receipts[0]));
}

#[tokio::test]
async fn receipt_can_precede_the_answer() {
    let tester = Tester::start().await;
    tester.register_loopback().await;
    tester.submit("447700900500").await;
    let kept = tester.get("/sinks/receipts").await;
    assert_eq!(kept["requests"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn receipts_can_be_out_of_order() {
    let tester = Tester::start().await;
    tester.register_loopback().await;
    tester.submit("447700900600").await;
    assert_eq!(statuses(&tester.sink_requests("receipts", 2).await), ["delivered", "sent"]);
}

#[tokio::test]
async fn busy_carrier_accepts_the_third_submit() {
    let tester = Tester::start().await;
    tester.register_loopback().await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(tester.submit("447700900700").await.0.as_u16());
    }
    assert_eq!(seen, [429, 503, 202]);
    assert_eq!(tester.texts("447700900700").await.len(), 1);
    tester.sink_requests("receipts", 1).await;
}

#[tokio::test]
async fn message_is_accepted_though_its_answer_is_late() {
    let tester = Tester::start().await;
    tester.register_loopback().await;
    let message = json!({
        "reference": "late", "from": "S", "to": "447700900802", "text": "x", "channel": "sms",
    });
    let submit = tester
        .client
        .post(tester.url("/loopback/messages"))
        .timeout(Duration::from_millis(200))
        .body(message.to_string());
    assert!(submit.send().await.unwrap_err().is_timeout());

    assert_eq!(tester.texts("447700900802").await.len(), 1);
    assert_eq!(statuses(&tester.sink_requests("receipts", 1).await), ["delivered"]);
}

#[tokio::test]
async fn phone_replies_stop_after_its_receipt() {
    let tester = Tester::start().await;
    tester.register_loopback().await;
    tester.submit("447700900900").await;
    let replies = tester.sink_requests("replies", 1).await;
    assert_eq!(replies[0]["from"], "447700900900");
    assert_eq!(replies[0]["to"], "Sender");
    assert_eq!(replies[0]["text"], "STOP");
    assert_eq!(tester.sink_requests("receipts", 1).await.len(), 1);
}

#[tokio::test]
async fn reply_is_delivered_unchanged() {
    let tester = Tester::start().await;
    tester.register_loopback().await;
    let (status, sent) =
        tester.post("/handsets/+447700900001/replies", json!({ "to": "12345", "text": "grüß dich" })).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let replies = tester.sink_requests("replies", 1).await;
    assert_eq!(replies[0]["id"], sent["id"]);
    assert_eq!(replies[0]["text"], "grüß dich");
}

#[tokio::test]
async fn files_are_one_reply_at_loopback_and_one_each_at_cm() {
    let tester = Tester::start().await;
    tester.register_loopback().await;
    tester.register_cm().await;
    let file =
        |name: &str| json!({ "url": format!("https://media.example/{name}"), "content_type": null, "name": name });
    let reply = json!({ "to": "12345", "media": [file("1.jpg"), file("2.jpg")] });
    for phone in ["447700900001", "447999200001"] {
        let (status, problem) = tester.post(&format!("/handsets/{phone}/replies"), reply.clone()).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{problem}");
    }
    let replies = tester.sink_requests("replies", 1).await;
    assert_eq!((replies.len(), &replies[0]["media"], &replies[0]["text"]), (1, &reply["media"], &json!("")));
    let mut files: Vec<_> = tester.sink_requests("cm-replies", 2).await;
    files.sort_by_key(|reply| reply["message"]["media"]["title"].to_string());
    let media =
        |name: &str| json!({ "mediaUri": format!("https://media.example/{name}"), "contentType": "", "title": name });
    assert_eq!(
        files.iter().map(|reply| &reply["message"]["media"]).collect::<Vec<_>>(),
        [&media("1.jpg"), &media("2.jpg")]
    );
}

#[tokio::test]
async fn receipts_are_retried_while_the_gateway_is_down() {
    let tester = Tester::start().await;
    tester.submit("447700900000").await;
    let down = "/sinks/down?status=503";
    tester.register_at("loopback", "loopback", [down, down], json!({})).await;
    tester.sink_requests("down", 1).await;

    tester.register_loopback().await;
    assert_eq!(statuses(&tester.sink_requests("receipts", 1).await), ["delivered"]);
}

#[tokio::test]
async fn malformed_submit_or_reply_names_the_field() {
    let tester = Tester::start().await;
    let submit = json!({ "reference": "r", "from": "S", "to": "nobody", "text": "x" });
    let (status, problem) = tester.post("/loopback/messages", submit).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(problem["errors"][0]["field"], "to");

    for (reply, field) in [
        (json!({ "to": "12345", "text": 5 }), "text"),
        (json!({ "to": "12345", "media": [] }), "text"),
        (json!({ "to": "12345", "text": "Hi", "media": "a" }), "media"),
        (json!({ "to": "12345", "media": [{ "url": "a" }, {}] }), "media[1]"),
        (json!({ "to": "12345", "media": [{ "url": "a", "type": "b" }] }), "media[0]"),
    ] {
        let (status, problem) = tester.post("/handsets/447700900000/replies", reply).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (StatusCode::BAD_REQUEST, &json!(field)));
    }
}

#[tokio::test]
async fn delayed_answer_does_not_delay_the_stop() {
    let options = EmulatorOptions { answer_delay: Duration::from_mins(10), ..EmulatorOptions::default() };
    let tester = Tester::start_with(options).await;
    let message = json!({
        "reference": "late", "from": "S", "to": "447700900801", "text": "x", "channel": "sms",
    });
    let held = tester.client.post(tester.url("/loopback/messages")).body(message.to_string()).send();
    let held = tokio::spawn(held);
    let started = Instant::now();
    while tester.texts("447700900801").await.is_empty() {
        assert!(started.elapsed() < super::DEADLINE, "the submit did not arrive");
    }

    let started = Instant::now();
    tester.emulator.stop().await;
    assert!(started.elapsed() < Duration::from_secs(3));
    held.abort();
}

#[tokio::test]
async fn lookup_returns_the_accepted_id_or_not_found() {
    let tester = Tester::start().await;
    let find = async |reference: &str| {
        let path = tester.url(&format!("/loopback/messages/{reference}"));
        let answer = tester.client.get(path).send().await.unwrap();
        (answer.status(), answer.json::<Value>().await.unwrap())
    };
    assert_eq!(find("ref-1").await.1["code"], "unknown-message");
    let (_, accepted) = tester.submit("447700900001").await;
    assert_eq!(find("ref-1").await, (StatusCode::OK, json!({"id": accepted["id"]})));
    tester.submit("447700900201").await;
    let (status, _) = find("ref-2").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn receipts_can_omit_the_reference_and_reformat_the_id() {
    let tester = Tester::start().await;
    tester.register_loopback().await;
    let path = tester.url("/loopback/receipts");
    let setting = json!({"by_id": "decimal"});
    let set = tester.client.put(path.clone()).json(&setting).send().await.unwrap();
    assert_eq!((set.status(), set.json::<Value>().await.unwrap()), (StatusCode::OK, setting));
    let (_, accepted) = tester.submit("447700900001").await;
    let receipts = tester.sink_requests("receipts", 1).await;
    assert!(receipts[0]["reference"].is_null());
    let given = u64::from_str_radix(accepted["id"].as_str().unwrap(), 16).unwrap();
    assert_eq!(receipts[0]["id"], given.to_string());
    let rejected = tester.client.put(path.clone()).json(&json!({"by_id": "roman"})).send().await.unwrap();
    assert_eq!(rejected.status(), StatusCode::BAD_REQUEST);
    let reset = tester.client.put(path).json(&json!({})).send().await.unwrap();
    assert_eq!(reset.json::<Value>().await.unwrap(), json!({}));
}
