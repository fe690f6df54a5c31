//! The simulated CM.com: each number's behavior, and status reports. Rejected requests are in
//! `cm/errors.rs`.

mod errors;

use std::time::{Duration, Instant};

use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::{Tester, answer};

const TOKEN: &str = "cm-product-token";

impl Tester {
    pub(super) async fn register_cm(&self) {
        self.register_cm_at("/sinks/reports", "/sinks/cm-replies").await;
    }

    async fn register_cm_at(&self, receipts: &str, replies: &str) {
        let settings = json!({ "credentials": { "key": TOKEN } });
        self.register_at("cm", "cm", [receipts, replies], settings).await;
    }

    fn cm(&self, request: Value) -> RequestBuilder {
        let posted = self.client.post(self.url("/cm/v1.0/message"));
        posted.header("X-CM-PRODUCTTOKEN", TOKEN).body(request.to_string())
    }

    pub(super) async fn post_cm(&self, messages: &[Value]) -> (StatusCode, Value) {
        answer(self.cm(request(messages))).await
    }

    async fn send(&self, to: &str) -> StatusCode {
        let posted = self.cm(request(&[message(to)])).send().await.unwrap();
        posted.status()
    }

    async fn send_without_waiting(&self, to: &[&str]) {
        let messages: Vec<_> = to.iter().copied().map(message).collect();
        let posted = self.cm(request(&messages)).timeout(Duration::from_millis(200)).send().await;
        assert!(posted.unwrap_err().is_timeout());
    }

    /// Waits for `count` status reports and returns their `msg` objects.
    pub(super) async fn reports(&self, count: usize) -> Vec<Value> {
        let reports = self.sink_requests("reports", count).await;
        reports.into_iter().map(|mut report| report["messages"]["msg"].take()).collect()
    }
}

pub(super) fn message(to: &str) -> Value {
    json!({
        "from": "00441234567890",
        "to": [{ "number": to }],
        "body": { "type": "auto", "content": "hello" },
        "reference": "ref1",
    })
}

pub(super) fn request(messages: &[Value]) -> Value {
    json!({ "messages": { "msg": messages } })
}

fn codes(reports: &[Value]) -> Vec<&str> {
    reports.iter().map(|report| report["status"]["code"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn message_reaches_the_phone_and_is_reported() {
    let tester = Tester::start().await;
    tester.register_cm().await;
    let (status, answer) = tester.post_cm(&[message("00447700900001")]).await;
    assert_eq!(status, StatusCode::OK);
    let accepted = json!({
        "to": "00447700900001", "status": "Accepted", "reference": "ref1", "parts": 1,
        "messageDetails": null, "messageErrorCode": 0,
    });
    assert_eq!(answer, json!({ "details": "Created 1 message(s)", "errorCode": 0, "messages": [accepted] }));

    let shown = tester.texts("447700900001").await;
    assert_eq!((&shown[0]["from"], &shown[0]["text"]), (&json!("441234567890"), &json!("hello")));
    let mut report = tester.reports(1).await.remove(0);
    assert_eq!(report["received"].take().as_str().map(str::len), Some("2026-01-01T09:30:00".len()));
    let expected = json!({
        "received": null, "to": "00447700900001", "reference": "ref1",
        "status": { "code": "2", "errorCode": "", "errorDescription": "" }, "operator": "23410", "channel": "sms",
    });
    assert_eq!(report, expected);
}

#[tokio::test]
async fn undelivered_message_is_reported_with_its_error_and_not_shown() {
    let tester = Tester::start().await;
    tester.register_cm().await;
    tester.send("00447700900100").await;
    let report = tester.reports(1).await.remove(0);
    assert_eq!((&report["status"]["code"], &report["status"]["errorCode"]), (&json!("3"), &json!("5")));
    assert!(tester.texts("447700900100").await.is_empty());
}

#[tokio::test]
async fn rejected_message_does_not_affect_the_others_of_its_request() {
    let tester = Tester::start().await;
    tester.register_cm().await;
    let (status, answer) = tester.post_cm(&[message("00447700900200"), message("00447700900001")]).await;
    assert_eq!((status, &answer["errorCode"]), (StatusCode::OK, &json!(201)));
    assert_eq!(answer["details"], "Created 1 message(s)");
    let rejected = json!({
        "to": "00447700900200", "status": "Rejected", "reference": "ref1", "parts": 0,
        "messageDetails": "Message has been rejected", "messageErrorCode": 403,
    });
    assert_eq!(answer["messages"][0], rejected);
    assert_eq!(answer["messages"][1]["status"], "Accepted");
    assert_eq!(tester.texts("447700900001").await.len(), 1);

    let (status, answer) = tester.post_cm(&[message("00447700900200")]).await;
    assert_eq!((status, &answer["details"]), (StatusCode::BAD_REQUEST, &json!("Created 0 message(s)")));
}

#[tokio::test]
async fn phone_without_receipt_is_not_reported() {
    let tester = Tester::start().await;
    tester.register_cm().await;
    tester.send("00447700900300").await;
    assert_eq!(tester.texts("447700900300").await.len(), 1);
    // The next phone's report is later than the first phone's would be.
    tester.send_without_waiting(&["00447700900802"]).await;
    assert_eq!(tester.reports(1).await[0]["to"], "00447700900802");
}

#[tokio::test]
async fn repeated_report_is_delivered_five_times() {
    let tester = Tester::start().await;
    tester.register_cm().await;
    tester.send("00447700900400").await;
    let reports = tester.reports(5).await;
    assert!(reports.iter().all(|report| report == &reports[0]));
}

#[tokio::test]
async fn report_can_precede_the_answer() {
    let tester = Tester::start().await;
    tester.register_cm().await;
    tester.send("00447700900500").await;
    let kept = tester.get("/sinks/reports").await;
    assert_eq!(kept["requests"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn reports_can_be_out_of_order() {
    let tester = Tester::start().await;
    tester.register_cm().await;
    tester.send("00447700900600").await;
    assert_eq!(codes(&tester.reports(2).await), ["2", "0"]);
}

#[tokio::test]
async fn busy_cm_rejects_whole_requests_and_accepts_the_third() {
    let tester = Tester::start().await;
    tester.register_cm().await;
    let busy = |to: &str, reference: &str| {
        let mut message = message(to);
        message["reference"] = json!(reference);
        message
    };
    let messages = [message("00447700900001"), busy("00447700900700", "a"), busy("00447700900701", "b")];
    let mut seen = Vec::new();
    for _ in 0..3 {
        let posted = tester.cm(request(&messages)).send().await.unwrap();
        let retry_after = posted.headers().get("retry-after").map(|seconds| seconds.to_str().unwrap().to_owned());
        seen.push((posted.status().as_u16(), retry_after));
        let shown = tester.texts("447700900001").await.len();
        assert_eq!(shown, usize::from(seen.len() == 3));
    }
    assert_eq!(seen, [(429, Some("1".to_owned())), (503, None), (200, None)]);
    assert_eq!(codes(&tester.reports(3).await), ["2", "2", "2"]);
}

#[tokio::test]
async fn request_is_accepted_though_its_answer_is_late() {
    let tester = Tester::start().await;
    tester.register_cm().await;
    tester.send_without_waiting(&["00447700900802", "00447700900801", "00447700900001"]).await;
    for phone in ["447700900802", "447700900801", "447700900001"] {
        assert_eq!(tester.texts(phone).await.len(), 1);
    }
    tester.reports(2).await;
    // The next phone's report is later than the odd number's would be.
    tester.send_without_waiting(&["00447700900804"]).await;
    let reports = tester.reports(3).await;
    assert!(reports.iter().all(|report| report["to"] != "00447700900801"), "{reports:?}");
}

#[tokio::test]
async fn delayed_answer_does_not_delay_the_stop() {
    let tester = Tester::start().await;
    tester.register_cm().await;
    let held = tokio::spawn(tester.cm(request(&[message("00447700900801")])).send());
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
async fn phone_replies_stop_after_its_report() {
    let tester = Tester::start().await;
    tester.register_cm().await;
    tester.send("00447700900900").await;
    let reply = tester.sink_requests("cm-replies", 1).await.remove(0);
    assert_eq!((&reply["message"]["text"], &reply["channel"]), (&json!("STOP"), &json!("SMS")));
    assert_eq!(
        (&reply["from"]["number"], &reply["to"]["number"]),
        (&json!("00447700900900"), &json!("00441234567890"))
    );
    assert_eq!(reply["reference"], "ref1");
    assert_eq!(tester.reports(1).await.len(), 1);
}

#[tokio::test]
async fn reports_and_replies_are_retried_while_the_gateway_is_down() {
    let tester = Tester::start().await;
    tester.register_cm_at("/sinks/down?status=503", "/sinks/down?status=503").await;
    tester.send("00447700900900").await;
    tester.sink_requests("down", 1).await;

    tester.register_cm().await;
    tester.sink_requests("cm-replies", 1).await;
    assert_eq!(codes(&tester.reports(1).await), ["2"]);
}

#[tokio::test]
async fn several_recipients_are_several_messages() {
    let tester = Tester::start().await;
    tester.register_cm().await;
    let mut to_both = message("00447700900001");
    to_both["to"] = json!([{ "number": "00447700900001" }, { "number": "00447700900002" }]);
    let (_, answer) = tester.post_cm(&[to_both]).await;
    assert_eq!(answer["details"], "Created 2 message(s)");
    assert_eq!(tester.texts("447700900001").await.len(), 1);
    assert_eq!(tester.texts("447700900002").await.len(), 1);
}

#[tokio::test]
async fn keys_are_in_any_case_and_the_token_may_be_in_the_body() {
    let tester = Tester::start().await;
    tester.register_cm().await;
    let request = json!({ "MESSAGES": {
        "Authentication": { "productToken": TOKEN },
        "Msg": [{ "FROM": "Acme", "To": [{ "NUMBER": "447700900001" }], "BODY": { "Content": "hello" } }],
    } });
    let (status, answer) = tester.post("/cm/v1.0/message", request).await;
    assert_eq!((status, &answer["messages"][0]["reference"]), (StatusCode::OK, &Value::Null));
    assert_eq!(tester.texts("447700900001").await[0]["from"], "Acme");
}

#[tokio::test]
async fn long_text_is_counted_in_parts_and_defaults_to_gsm() {
    let tester = Tester::start().await;
    tester.register_cm().await;
    let text = |body: Value, dcs: Value| {
        let mut message = message("00447700900001");
        message["body"] = body;
        message["dcs"] = dcs;
        message
    };
    let cyrillic = "я".repeat(71);
    let messages = [
        text(json!({ "type": "auto", "content": cyrillic }), Value::Null),
        text(json!({ "content": cyrillic }), json!(8)),
        text(json!({ "content": cyrillic }), Value::Null),
    ];
    let (_, answer) = tester.post_cm(&messages).await;
    let parts: Vec<_> = answer["messages"].as_array().unwrap().iter().map(|result| &result["parts"]).collect();
    assert_eq!(parts, [2, 2, 1]);
    let shown = tester.texts("447700900001").await;
    assert_eq!((&shown[1]["text"], &shown[2]["text"]), (&json!(cyrillic), &json!("?".repeat(71))));
}
