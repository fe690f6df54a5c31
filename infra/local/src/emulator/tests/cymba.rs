//! The simulated Cymba: each number's behavior, receipts at a message's callback, and replies. Rejected requests
//! are in `cymba/errors.rs`.

mod errors;

use std::time::Duration;

use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{Tester, answer};

const KEY: &str = "cymba-key";
const SENDER: &str = "441234567890";
const PHONE: &str = "447700900001";

impl Tester {
    pub(super) async fn register_cymba(&self) {
        self.register("cymba", "cymba", json!({ "credentials": { "key": KEY } })).await;
    }

    /// Returns a message with its receipts at the sink `at-callback`.
    pub(super) fn cymba_message(&self, to: &str) -> Value {
        json!({
            "from": { "type": "custom", "value": SENDER },
            "to": to,
            "body": "hello",
            "callback": self.url("/sinks/at-callback"),
        })
    }

    fn cymba(&self, request: &Value) -> RequestBuilder {
        self.client.post(self.url(&format!("/cymba/message?key={KEY}"))).body(request.to_string())
    }

    async fn post_cymba(&self, messages: &[Value]) -> (StatusCode, Value) {
        answer(self.cymba(&json!({ "messages": messages }))).await
    }

    /// Sends a message and returns its result.
    async fn send_cymba(&self, to: &str) -> Value {
        let (status, mut answer) = self.post_cymba(&[self.cymba_message(to)]).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer["messages"][0].take()
    }

    async fn send_cymba_without_waiting(&self, to: &str) {
        let request = json!({ "messages": [self.cymba_message(to)] });
        let posted = self.cymba(&request).timeout(Duration::from_millis(200)).send().await;
        assert!(posted.unwrap_err().is_timeout());
    }

    async fn reply_with(&self, phone: &str, reply: Value) {
        let (status, problem) = self.post(&format!("/handsets/{phone}/replies"), reply).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{problem}");
    }
}

#[tokio::test]
async fn message_reaches_the_phone_and_is_reported_at_its_callback() {
    let tester = Tester::start().await;
    tester.register_cymba().await;
    let mut message = tester.cymba_message(PHONE);
    message["channels"] = json!(["sms", "rcs"]);
    message["id"] = json!("b2693dfe-0813-427a-bc2f-62b0e9292403");
    let (status, answer) = tester.post_cymba(&[message.clone()]).await;
    let result = &answer["messages"][0];
    let (id, batch) = (&result["messageUuid"], &result["batchUuid"]);
    let mut expected = message;
    (expected["messageUuid"], expected["batchUuid"], expected["scheduled"]) = (id.clone(), batch.clone(), json!(false));
    assert_eq!((status, answer.clone()), (StatusCode::OK, json!({ "messages": [expected] })));

    let shown = tester.texts(PHONE).await;
    assert_eq!((&shown[0]["from"], &shown[0]["text"]), (&json!(SENDER), &json!("hello")));
    let receipt = json!({
        "destination": format!("+{PHONE}"), "delivered": true, "batchuuid": batch, "messageuuid": id,
        "receiptInfo": { "code": "00", "description": "Successful" },
    });
    assert_eq!(tester.sink_requests("at-callback", 1).await, [receipt]);
    assert_eq!(tester.count("cymba-receipts").await, 0);
}

#[tokio::test]
async fn undelivered_message_is_reported_with_code_22_and_not_shown() {
    let tester = Tester::start().await;
    tester.register_cymba().await;
    tester.send_cymba("447700900100").await;
    let receipt = tester.sink_requests("at-callback", 1).await.remove(0);
    assert_eq!((&receipt["delivered"], &receipt["receiptInfo"]["code"]), (&json!(false), &json!("22")));
    assert!(tester.texts("447700900100").await.is_empty());
}

#[tokio::test]
async fn message_without_callback_has_no_receipt() {
    let tester = Tester::start().await;
    tester.register_cymba().await;
    let mut message = tester.cymba_message("447700900500");
    message["callback"] = Value::Null;
    // The number's receipt is delivered before the answer.
    assert_eq!(tester.post_cymba(&[message]).await.0, StatusCode::OK);
    assert_eq!(tester.texts("447700900500").await.len(), 1);
    assert_eq!((tester.count("at-callback").await, tester.count("cymba-receipts").await), (0, 0));
    tester.send_cymba("447700900500").await;
    assert_eq!(tester.count("at-callback").await, 1);
}

#[tokio::test]
async fn receipt_is_retried_at_its_callback_while_the_gateway_is_down() {
    let tester = Tester::start().await;
    tester.register_cymba().await;
    let gateway = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let mut message = tester.cymba_message(PHONE);
    message["callback"] = json!(format!("http://{}/dlr/cymba/token/ref1", gateway.local_addr().unwrap()));
    tester.post_cymba(&[message]).await;
    // The gateway dies during the first attempt.
    drop(gateway.accept().await.unwrap());
    // The gateway starts again on the same port, and registers.
    tester.register_cymba().await;
    let (mut stream, _) = tokio::time::timeout(super::DEADLINE, gateway.accept()).await.unwrap().unwrap();
    let mut head = [0; 27];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"POST /dlr/cymba/token/ref1 ");
    stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    assert_eq!(tester.count("cymba-receipts").await, 0);
}

#[tokio::test]
async fn only_final_states_are_reported() {
    let tester = Tester::start().await;
    tester.register_cymba().await;
    // The number reports `delivered` and then `sent`.
    tester.send_cymba("447700900600").await;
    tester.sink_requests("at-callback", 1).await;
    tester.send_cymba("447700900300").await;
    tester.send_cymba_without_waiting("447700900802").await;
    let receipts = tester.sink_requests("at-callback", 2).await;
    let numbers: Vec<_> = receipts.iter().map(|receipt| receipt["destination"].as_str().unwrap()).collect();
    assert_eq!(numbers, ["+447700900600", "+447700900802"]);
}

#[tokio::test]
async fn repeated_receipt_is_delivered_five_times() {
    let tester = Tester::start().await;
    tester.register_cymba().await;
    tester.send_cymba("447700900400").await;
    let receipts = tester.sink_requests("at-callback", 5).await;
    assert!(receipts.iter().all(|receipt| receipt == &receipts[0]));
}

#[tokio::test]
async fn busy_cymba_rejects_whole_requests_and_accepts_the_third() {
    let tester = Tester::start().await;
    tester.register_cymba().await;
    let messages = [tester.cymba_message(PHONE), tester.cymba_message("447700900700")];
    let mut seen = Vec::new();
    for _ in 0..3 {
        let posted = tester.cymba(&json!({ "messages": messages })).send().await.unwrap();
        let retry_after = posted.headers().get("retry-after").map(|seconds| seconds.to_str().unwrap().to_owned());
        seen.push((posted.status().as_u16(), retry_after));
    }
    assert_eq!(seen, [(429, Some("1".to_owned())), (503, None), (200, None)]);
    assert_eq!(tester.texts(PHONE).await.len(), 1);
    tester.sink_requests("at-callback", 2).await;
}

#[tokio::test]
async fn request_is_accepted_though_its_answer_is_late() {
    let tester = Tester::start().await;
    tester.register_cymba().await;
    tester.send_cymba_without_waiting("447700900801").await;
    tester.send_cymba_without_waiting("447700900802").await;
    assert_eq!(tester.texts("447700900801").await.len(), 1);
    let receipts = tester.sink_requests("at-callback", 1).await;
    assert_eq!((receipts.len(), &receipts[0]["destination"]), (1, &json!("+447700900802")));
}

#[tokio::test]
async fn defaults_lie_below_each_message() {
    let tester = Tester::start().await;
    tester.register_cymba().await;
    let request = json!({
        "defaults": {
            "from": { "type": "custom", "value": "Default" }, "body": "default", "channels": ["rcs"],
            "callback": tester.url("/sinks/default"),
        },
        "messages": [
            { "to": "447700900001" },
            { "to": "+447700900002", "from": { "value": "Own" }, "body": "own", "channels": null,
              "callback": tester.url("/sinks/own") },
        ],
    });
    let (status, answered) = answer(tester.cymba(&request)).await;
    assert_eq!(status, StatusCode::OK, "{answered}");
    let results = answered["messages"].as_array().unwrap();
    assert_eq!(results[0]["from"], json!({ "type": "custom", "value": "Default" }));
    assert_eq!(results[1]["from"], json!({ "type": "custom", "value": "Own" }));
    assert_ne!(results[0]["batchUuid"], results[1]["batchUuid"]);
    let shown = [tester.texts("447700900001").await.remove(0), tester.texts("447700900002").await.remove(0)];
    assert_eq!(shown.each_ref().map(|shown| shown["text"].as_str().unwrap()), ["default", "own"]);
    assert_eq!(shown.each_ref().map(|shown| shown["channel"].clone()), [json!("rcs"), Value::Null]);
    assert_eq!(tester.sink_requests("default", 1).await[0]["destination"], "+447700900001");
    assert_eq!(tester.sink_requests("own", 1).await[0]["destination"], "+447700900002");
}

#[tokio::test]
async fn dry_run_is_answered_but_not_sent() {
    let tester = Tester::start().await;
    tester.register_cymba().await;
    let request = json!({ "messages": [tester.cymba_message(PHONE)] });
    for (flag, messages) in [("isDryrun=true", 0), ("dryRun=true", 0), ("isDryrun=false", 1)] {
        let path = tester.url(&format!("/cymba/message?{flag}&key={KEY}"));
        let (status, answer) = answer(tester.client.post(path).body(request.to_string())).await;
        assert_eq!((status, answer["messages"][0]["messageUuid"].is_string()), (StatusCode::OK, true));
        assert_eq!(tester.texts(PHONE).await.len(), messages, "{flag}");
    }
    assert_eq!(tester.get("/carriers").await["carriers"][0]["accepted"], 1);
}

#[tokio::test]
async fn reply_names_the_message_that_it_answers() {
    let tester = Tester::start().await;
    tester.register_cymba().await;
    let unanswered = json!({ "to": SENDER, "text": "grüß dich" });
    tester.reply_with("447999100001", unanswered).await;
    let mut reply = tester.sink_requests("cymba-replies", 1).await.remove(0);
    let at = reply["at"].take();
    assert!(at.as_str().is_some_and(|at| at.len() == "2026-01-01T09:30:00.000Z".len() && at.ends_with('Z')), "{at}");
    let (account, id) = (reply["account_uuid"].clone(), reply["mo_uuid"].clone());
    assert!(account.is_string() && id.is_string());
    let expected = json!({
        "account_uuid": account, "batch_uuid": null, "message_uuid": null, "mo_uuid": id, "channel": "sms",
        "message": "grüß dich", "at": null, "from": 447_999_100_001_u64, "to": SENDER,
    });
    assert_eq!(reply, expected);

    let mut by_rcs = tester.cymba_message("447700900900");
    by_rcs["channels"] = json!(["rcs"]);
    let (_, answer) = tester.post_cymba(&[by_rcs]).await;
    let result = &answer["messages"][0];
    let reply = tester.sink_requests("cymba-replies", 2).await.remove(1);
    assert_eq!((&reply["message"], &reply["channel"]), (&json!("STOP"), &json!("rcs")));
    let answered = (&reply["message_uuid"], &reply["batch_uuid"]);
    assert_eq!(answered, (&result["messageUuid"], &result["batchUuid"]));
    assert_eq!(reply["account_uuid"], account);
    assert_eq!(tester.count("at-callback").await, 1);
}

#[tokio::test]
async fn files_of_a_reply_are_beside_the_documented_fields() {
    let tester = Tester::start().await;
    tester.register_cymba().await;
    let full = json!({ "url": "https://media.example/1", "content_type": "image/jpeg", "name": "1.jpg" });
    let bare = json!({ "url": "https://media.example/2" });
    tester.reply_with("447999100001", json!({ "to": SENDER, "media": [full, bare] })).await;
    let replies = tester.sink_requests("cymba-replies", 1).await;
    assert_eq!((&replies[0]["message"], &replies[0]["media"]), (&json!(""), &json!([full, bare])));
}

#[tokio::test]
async fn receipts_and_replies_are_signed_with_the_secret() {
    use hmac::{Hmac, KeyInit as _, Mac as _};

    let tester = Tester::start().await;
    let settings = json!({ "credentials": { "key": KEY }, "signing_secret": "s3cret" });
    tester.register("cymba", "cymba", settings).await;
    tester.advance(86_400).await;
    tester.send_cymba("447700900900").await;
    for sink in ["at-callback", "cymba-replies"] {
        tester.sink_requests(sink, 1).await;
        let request = &tester.get(&format!("/sinks/{sink}")).await["requests"][0];
        let (headers, body) = (&request["headers"], request["body"].as_str().unwrap());
        let timestamp = headers["timestamp"].as_str().unwrap();
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"s3cret").unwrap();
        mac.update(format!("{timestamp}.{body}").as_bytes());
        assert_eq!(headers["signature"], hex::encode(mac.finalize().into_bytes()), "{sink}");
        assert_eq!(headers["environment"], "live");
        let ahead = timestamp.parse::<i64>().unwrap() - jiff::Timestamp::now().as_second();
        assert!((86_300..=86_400).contains(&ahead), "the emulator's clock: {ahead}");
    }

    tester.register_cymba().await;
    tester.send_cymba(PHONE).await;
    tester.sink_requests("at-callback", 2).await;
    let headers = &tester.get("/sinks/at-callback").await["requests"][1]["headers"];
    for name in ["signature", "timestamp", "environment"] {
        assert!(headers[name].is_null(), "{name}");
    }
}
