//! The simulated Mobile Text Alerts: each number's behavior, receipts and replies, and registered webhooks.
//! `mta/errors.rs` has rejected requests.

mod errors;

use std::time::Duration;

use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::{Tester, answer};

const KEY: &str = "mta-key";
const SENDER: &str = "441234567890";
const LONGCODE: u64 = 4711;
const OWN_NUMBER: &str = "447999399999";
const PHONE: &str = "447700900001";

impl Tester {
    pub(super) async fn register_mta(&self) {
        self.register_mta_with(json!({})).await;
    }

    async fn register_mta_with(&self, mut settings: Value) {
        settings["credentials"] = json!({ "key": KEY });
        settings["sender_ids"] = json!({ SENDER: LONGCODE.to_string() });
        self.register("mta", "mta", settings).await;
    }

    fn mta(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client.post(self.url(path)).bearer_auth(KEY).body(body.to_string())
    }

    async fn post_mta(&self, message: &Value) -> (StatusCode, Value) {
        answer(self.mta("/mta/v3/send", message)).await
    }

    async fn send_mta(&self, to: &str) -> Value {
        let (status, mut answer) = self.post_mta(&mta_message(to)).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer["data"]["messageId"].take()
    }

    async fn register_webhook(&self, event: &str, sink: &str, options: &Value) -> Value {
        let mut body = json!({ "event": event, "url": self.url(sink), "secret": "registered" });
        options.as_object().unwrap().iter().for_each(|(name, value)| body[name] = value.clone());
        let (status, mut answer) = answer(self.mta("/mta/v3/webhooks", &body)).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer["data"].take()
    }

    async fn reply_to_mta(&self, phone: &str, reply: Value) {
        let (status, problem) = self.post(&format!("/handsets/{phone}/replies"), reply).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{problem}");
    }

    /// Returns a sink request's `X-Signature`.
    async fn signature(&self, sink: &str, index: usize) -> (Value, String) {
        let kept = self.get(&format!("/sinks/{sink}")).await["requests"][index].take();
        (kept["headers"]["x-signature"].clone(), kept["body"].as_str().unwrap().to_owned())
    }
}

pub(super) fn mta_message(to: &str) -> Value {
    json!({ "subscribers": [format!("+{to}")], "message": "hello", "longcodeId": LONGCODE, "externalId": "ref1" })
}

fn hmac(secret: &str, body: &str) -> String {
    use hmac::{Hmac, KeyInit as _, Mac as _};

    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

fn statuses(receipts: &[Value]) -> Vec<&str> {
    receipts.iter().map(|receipt| receipt["status"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn message_reaches_the_phone_and_is_reported() {
    let tester = Tester::start().await;
    tester.register_mta().await;
    let (status, answer) = tester.post_mta(&mta_message(PHONE)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let id = answer["data"]["messageId"].as_u64().unwrap();
    assert_eq!(answer, json!({ "success": true, "message": "Message sent.", "data": { "messageId": id } }));
    let shown = tester.texts(PHONE).await;
    assert_eq!((&shown[0]["from"], &shown[0]["text"]), (&json!(SENDER), &json!("hello")));
    let expected = json!({
        "destinationNumber": format!("+{PHONE}"), "messageId": id, "externalId": "ref1", "status": "delivered",
        "tags": null, "type": "delivery-status",
    });
    assert_eq!(tester.sink_requests("mta-receipts", 1).await, [expected]);
    assert!(tester.signature("mta-receipts", 0).await.0.is_null());
}

#[tokio::test]
async fn account_chooses_a_number_without_longcode() {
    let tester = Tester::start().await;
    tester.register_mta().await;
    let (status, answer) = tester.post_mta(&json!({ "subscribers": [447_700_900_001_u64], "message": "hello" })).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(tester.texts(PHONE).await[0]["from"], OWN_NUMBER);
    assert_eq!(tester.sink_requests("mta-receipts", 1).await[0]["externalId"], Value::Null);
}

#[tokio::test]
async fn receipts_follow_the_number() {
    let tester = Tester::start().await;
    tester.register_mta().await;
    tester.send_mta("447700900100").await;
    assert_eq!(statuses(&tester.sink_requests("mta-receipts", 1).await), ["undelivered"]);
    assert!(tester.texts("447700900100").await.is_empty());
    tester.send_mta("447700900600").await;
    assert_eq!(statuses(&tester.sink_requests("mta-receipts", 3).await)[1..], ["delivered", "sent"]);
    tester.send_mta("447700900400").await;
    assert_eq!(statuses(&tester.sink_requests("mta-receipts", 8).await)[3..], ["delivered"; 5]);
    tester.send_mta("447700900300").await;
    let late = tester.mta("/mta/v3/send", &mta_message("447700900801")).timeout(Duration::from_millis(200));
    assert!(late.send().await.unwrap_err().is_timeout());
    assert_eq!((tester.texts("447700900300").await.len(), tester.texts("447700900801").await.len()), (1, 1));
    assert_eq!(tester.count("mta-receipts").await, 8);
}

#[tokio::test]
async fn busy_account_accepts_the_third_submit() {
    let tester = Tester::start().await;
    tester.register_mta().await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        // A refused request does not use up its ID.
        let posted = tester.mta("/mta/v3/send", &mta_message("447700900700")).header("x-request-id", "ref1");
        let posted = posted.send().await.unwrap();
        let retry_after = posted.headers().get("retry-after").map(|seconds| seconds.to_str().unwrap().to_owned());
        seen.push((posted.status().as_u16(), retry_after));
    }
    assert_eq!(seen, [(429, Some("1".to_owned())), (503, None), (200, None)]);
}

#[tokio::test]
async fn reply_names_both_numbers_and_the_answered_message() {
    let tester = Tester::start().await;
    tester.register_mta().await;
    tester.reply_to_mta("447999300001", json!({ "to": SENDER, "text": "grüß dich" })).await;
    let mut reply = tester.sink_requests("mta-replies", 1).await.remove(0);
    assert!(reply["messageId"].take().is_u64() && reply["replyId"].take().is_string());
    assert!(reply["timestamp"].take().as_str().unwrap().ends_with('Z'));
    let expected = json!({
        "fromNumber": "+447999300001", "toNumber": format!("+{SENDER}"), "message": "grüß dich", "messageId": null,
        "replyId": null, "timestamp": null, "externalId": null, "tags": null, "type": "message-reply",
    });
    assert_eq!(reply, expected);
    tester.send_mta("447700900900").await;
    let reply = tester.sink_requests("mta-replies", 2).await.remove(1);
    assert_eq!((&reply["message"], &reply["externalId"]), (&json!("STOP"), &json!("ref1")));
}

#[tokio::test]
async fn connection_with_a_country_writes_national_numbers() {
    let tester = Tester::start().await;
    for (country_code, from, to) in [("44", "07999300001", "01234567890"), ("1", "+447999300001", "+441234567890")] {
        tester.register_mta_with(json!({ "country_code": country_code })).await;
        tester.reply_to_mta("447999300001", json!({ "to": SENDER, "text": "Hi" })).await;
        let count = if country_code == "44" { 1 } else { 2 };
        let reply = tester.sink_requests("mta-replies", count).await.remove(count - 1);
        assert_eq!((&reply["fromNumber"], &reply["toNumber"]), (&json!(from), &json!(to)));
    }
}

#[tokio::test]
async fn each_file_is_a_reply_of_its_own() {
    let tester = Tester::start().await;
    tester.register_mta().await;
    let files = ["1", "2"].map(|name| json!({ "url": format!("https://media.example/{name}") }));
    tester.reply_to_mta("447999300001", json!({ "to": SENDER, "text": "Look", "media": files })).await;
    let mut replies = tester.sink_requests("mta-replies", 2).await;
    replies.sort_by_key(|reply| reply["url"].to_string());
    let shown: Vec<_> =
        replies.iter().map(|reply| (reply["message"].as_str(), reply["url"].as_str().unwrap())).collect();
    assert_eq!(shown, [(Some("Look"), "https://media.example/1"), (None, "https://media.example/2")]);
    assert_ne!(replies[0]["messageId"], replies[1]["messageId"]);
}

#[tokio::test]
async fn repeated_request_id_is_a_conflict() {
    let tester = Tester::start().await;
    tester.register_mta().await;
    let post = async |id: &str| {
        answer(tester.mta("/mta/v3/send", &mta_message(PHONE)).header("x-request-id", id)).await.0.as_u16()
    };
    assert_eq!([post("a1").await, post("a1").await, post("a2").await, post("a-3").await], [200, 409, 200, 400]);
    assert_eq!(tester.texts(PHONE).await.len(), 2);
}

#[tokio::test]
async fn unsubscribed_number_is_refused_until_it_starts_again() {
    let tester = Tester::start().await;
    tester.register_mta().await;
    let phone = "447999300001";
    let set = async |refuses: bool| {
        tester.request(reqwest::Method::PUT, "/mta/settings", json!({ "refuses_unsubscribed": refuses })).await
    };
    set(true).await;
    let refused = (400, json!("The number is unsubscribed"));
    let post = async || {
        let (status, answer) = tester.post_mta(&mta_message(phone)).await;
        (status.as_u16(), answer["message"].clone())
    };
    tester.reply_to_mta(phone, json!({ "to": SENDER, "text": " stop" })).await;
    tester.sink_requests("mta-replies", 1).await;
    assert_eq!(post().await, refused);
    set(false).await;
    assert_eq!(post().await.0, 200);
    set(true).await;
    assert_eq!(post().await, refused);
    tester.reply_to_mta(phone, json!({ "to": SENDER, "text": "START" })).await;
    tester.sink_requests("mta-replies", 2).await;
    assert_eq!(post().await, (200, json!("Message sent.")));
    let by_the_api = tester.mta("/mta/v3/unsubscribes", &json!({ "number": phone }));
    assert_eq!(answer(by_the_api).await.1["data"], Value::Null);
    assert_eq!(post().await, refused);
    let nameless = answer(tester.mta("/mta/v3/unsubscribes", &json!({}))).await.1;
    assert_eq!(nameless["message"], "number is required");
}

#[tokio::test]
async fn webhooks_are_signed_with_the_connections_secret() {
    let tester = Tester::start().await;
    tester.register_mta_with(json!({ "signing_secret": "s3cret" })).await;
    tester.send_mta("447700900900").await;
    for sink in ["mta-receipts", "mta-replies"] {
        tester.sink_requests(sink, 1).await;
        let (signature, body) = tester.signature(sink, 0).await;
        assert_eq!(signature, hmac("s3cret", &body), "{sink}");
    }
}

#[tokio::test]
async fn events_go_to_the_webhook_registered_last() {
    let tester = Tester::start().await;
    tester.register_mta_with(json!({ "signing_secret": "s3cret" })).await;
    tester.register_webhook("delivery-status", "/sinks/old", &json!({})).await;
    let options = json!({ "retryOnError": true, "alertEmail": "a@client.example", "maxThroughputPerMinute": 600 });
    let mut created = tester.register_webhook("delivery-status", "/sinks/new", &options).await;
    tester.register_webhook("message-send", "/sinks/sends", &json!({})).await;
    assert!(created["createdAt"].take().is_string());
    let expected = json!({
        "id": 2, "event": "delivery-status", "url": tester.url("/sinks/new"), "alertEmail": "a@client.example",
        "sendAlertEmail": false, "skipErrors": false, "skipErrorCodes": [], "retryOnError": true,
        "maxThroughputPerMinute": 600, "createdAt": null,
    });
    assert_eq!(created, expected);
    let listed = answer(tester.client.get(tester.url("/mta/v3/webhooks")).bearer_auth(KEY)).await.1;
    let ids: Vec<_> = listed["data"]["rows"].as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
    assert_eq!((ids, &listed["data"]["total"]), (vec![json!(1), json!(2), json!(3)], &json!(3)));
    assert!(!listed.to_string().contains("registered"), "{listed}");

    tester.send_mta("447700900900").await;
    tester.sink_requests("new", 1).await;
    let (signature, body) = tester.signature("new", 0).await;
    assert_eq!(signature, hmac("registered", &body));
    // No address is registered for replies.
    tester.sink_requests("mta-replies", 1).await;
    let (signature, body) = tester.signature("mta-replies", 0).await;
    assert_eq!(signature, hmac("s3cret", &body));
    assert_eq!([tester.count("old").await, tester.count("sends").await, tester.count("mta-receipts").await], [0; 3]);
}

#[tokio::test]
async fn registered_webhook_is_retried_twice_if_asked() {
    let tester = Tester::start().await;
    tester.register_mta().await;
    tester.register_webhook("delivery-status", "/sinks/once?status=202", &json!({})).await;
    // The emulator delivers the receipt, or gives it up, before it answers.
    tester.send_mta("447700900500").await;
    assert_eq!(tester.count("once").await, 1, "only 200 is a success, and no retry was asked for");
    tester.register_webhook("delivery-status", "/sinks/thrice?status=500", &json!({ "retryOnError": true })).await;
    tester.send_mta("447700900500").await;
    tester.sink_requests("thrice", 3).await;
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!((tester.count("thrice").await, tester.count("once").await), (3, 1));
}

#[tokio::test]
async fn requests_a_minute_are_limited_if_a_person_says_so() {
    let tester = Tester::start().await;
    tester.register_mta().await;
    let set = async |body: Value| tester.request(reqwest::Method::PUT, "/mta/settings", body).await;
    let shown = json!({ "requests_per_minute": 2, "refuses_unsubscribed": false });
    assert_eq!(set(json!({ "requests_per_minute": 2 })).await.1, shown);
    assert_eq!(set(json!({ "requests_per_minute": "2" })).await.0, StatusCode::BAD_REQUEST);
    let post = async || tester.mta("/mta/v3/send", &mta_message(PHONE)).send().await.unwrap();
    assert_eq!([post().await.status().as_u16(), post().await.status().as_u16()], [200, 200]);
    let limited = post().await;
    let wait = limited.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap();
    assert!(limited.status() == 429 && (55..=60).contains(&wait), "{wait}");
    assert_eq!(limited.json::<Value>().await.unwrap()["type"], "rate_limit_error");
    tester.advance(wait).await;
    assert_eq!(post().await.status(), 200);
    assert_eq!(set(json!({})).await.1["requests_per_minute"], Value::Null);
    assert_eq!([post().await.status().as_u16(), post().await.status().as_u16()], [200, 200]);
}
