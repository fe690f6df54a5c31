//! The simulated Messangi: logins, each number's behavior, MT callbacks, and MO callbacks. Rejected requests are
//! in `messangi/errors.rs`.

mod errors;

use std::time::Duration;

use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::{Tester, answer};

const KEY: &str = "messangi-key";
const SENDER: &str = "12345";
const PHONE: &str = "447700900001";

impl Tester {
    pub(super) async fn register_messangi(&self) {
        self.register("messangi", "messangi", json!({ "credentials": { "key": KEY } })).await;
    }

    pub(super) async fn register_messangi_login(&self, password: &str) {
        let login = json!({ "credentials": { "login": "me@client.example", "password": password } });
        self.register("by-login", "messangi", login).await;
    }

    /// Returns a message with its receipts at the sink `mt`.
    pub(super) fn messangi_message(&self, to: &str) -> Value {
        json!({
            "from": SENDER, "text": "hello", "to": to, "requestDR": true, "type": "MT", "externalId": "ref1",
            "callbacks": self.url("/sinks/mt"),
        })
    }

    fn messangi(&self, authorization: &str, message: &Value) -> RequestBuilder {
        let posted = self.client.post(self.url("/messangi/raven/v2/messages"));
        posted.header("Authorization", authorization).body(message.to_string())
    }

    async fn post_messangi(&self, message: &Value) -> (StatusCode, Value) {
        answer(self.messangi(&format!("Bearer {KEY}"), message)).await
    }

    /// Sends a message and returns its ID.
    async fn send_messangi(&self, to: &str) -> Value {
        let (status, mut answer) = self.post_messangi(&self.messangi_message(to)).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer["data"]["id"].take()
    }

    async fn send_messangi_without_waiting(&self, to: &str) {
        let posted = self.messangi(&format!("Bearer {KEY}"), &self.messangi_message(to));
        assert!(posted.timeout(Duration::from_millis(200)).send().await.unwrap_err().is_timeout());
    }

    /// Logs in and returns the `Authorization` of later requests.
    pub(super) async fn log_in(&self, password: &str) -> Result<String, (StatusCode, Value)> {
        let body = json!({ "username": "me@client.example", "password": password });
        let posted = self.client.post(self.url("/messangi/kingslanding/login")).body(body.to_string());
        let answer = posted.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.bytes().await.unwrap();
        if status != StatusCode::OK {
            return Err((status, serde_json::from_slice(&body).unwrap_or_default()));
        }
        assert!(body.is_empty());
        Ok(headers["authorization"].to_str().unwrap().to_owned())
    }
}

fn statuses(receipts: &[Value]) -> Vec<&str> {
    receipts.iter().map(|receipt| receipt["status"].as_str().unwrap()).collect()
}

/// Returns whether the value is an ID as in the page's samples.
fn is_id(value: &Value) -> bool {
    let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    value.as_str().is_some_and(|id| id.len() == 24 && id.bytes().all(is_digit))
}

fn is_date(value: &Value) -> bool {
    value.as_str().is_some_and(|date| date.len() == "2021-08-17T04:25:38.117592194Z".len() && date.ends_with('Z'))
}

#[tokio::test]
async fn message_reaches_the_phone_and_is_reported_at_its_callback() {
    let tester = Tester::start().await;
    tester.register_messangi().await;
    let mut message = tester.messangi_message(&format!("+{PHONE}"));
    message["clientId"] = json!("client-7");
    message["email"] = json!("a@client.example");
    message["connection"] = json!("any");
    let (status, mut answer) = tester.post_messangi(&message).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert!(answer["meta"]["timestamp"].is_i64() && answer["meta"]["transactionId"].is_string(), "{answer}");
    let id = answer["data"]["id"].clone();
    assert!(is_id(&id) && is_date(&answer["data"]["date"].take()), "{answer}");
    let mut expected = message;
    let owner = json!("owner@messangi.example");
    for (name, value) in
        [("id", &id), ("owner", &owner), ("operator", &owner), ("status", &json!("QUEUE")), ("date", &Value::Null)]
    {
        expected[name] = value.clone();
    }
    assert_eq!(answer["data"], expected);

    let shown = tester.texts(PHONE).await;
    assert_eq!((&shown[0]["from"], &shown[0]["text"]), (&json!(SENDER), &json!("hello")));
    let mut receipt = tester.sink_requests("mt", 1).await.remove(0);
    assert!(is_date(&receipt["date"].take()) && receipt["timestamp"].take().is_i64());
    let expected = json!({
        "date": null, "externalId": "ref1", "callback": tester.url("/sinks/mt"), "from": SENDER, "id": id,
        "to": format!("+{PHONE}"), "message": "hello", "username": owner, "timestamp": null, "status": "DELIVRD",
        "clientId": "client-7",
    });
    assert_eq!(receipt, expected);
    assert_eq!(tester.count("messangi-receipts").await, 0);
}

#[tokio::test]
async fn required_fields_suffice_and_have_no_receipt() {
    let tester = Tester::start().await;
    tester.register_messangi().await;
    // The number's receipt is delivered before the answer.
    let (status, answer) =
        tester.post_messangi(&json!({ "from": SENDER, "text": "hello", "to": "447700900500" })).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let data = &answer["data"];
    assert_eq!((&data["requestDR"], &data["type"], &data["callbacks"]), (&json!(false), &json!("MT"), &Value::Null));
    assert_eq!((tester.count("mt").await, tester.count("messangi-receipts").await), (0, 0));
}

#[tokio::test]
async fn only_a_submit_that_requests_receipts_has_them() {
    let tester = Tester::start().await;
    tester.register_messangi().await;
    for (request, receipts) in [(Value::Null, 0), (json!(false), 0), (json!(true), 1)] {
        let mut message = tester.messangi_message("447700900500");
        message["requestDR"] = request;
        assert_eq!(tester.post_messangi(&message).await.0, StatusCode::OK);
        assert_eq!(tester.count("mt").await, receipts);
    }
    let mut nowhere = tester.messangi_message("447700900500");
    nowhere["callbacks"] = Value::Null;
    assert_eq!(tester.post_messangi(&nowhere).await.0, StatusCode::OK);
    assert_eq!((tester.count("mt").await, tester.count("messangi-receipts").await), (1, 0));
}

#[tokio::test]
async fn each_callback_gets_the_receipt_and_is_retried_alone() {
    let tester = Tester::start().await;
    tester.register_messangi().await;
    let sinks = ["/sinks/one", "/sinks/down?status=503", "/sinks/two"].map(|path| tester.url(path));
    let mut message = tester.messangi_message(PHONE);
    message["callbacks"] = json!(sinks.join(", "));
    assert_eq!(tester.post_messangi(&message).await.0, StatusCode::OK);
    let retried = tester.sink_requests("down", 2).await;
    assert_eq!((&retried[0], &retried[0]["callback"]), (&retried[1], &json!(sinks[1])));
    for (sink, address) in [("one", &sinks[0]), ("two", &sinks[2])] {
        let receipts = tester.sink_requests(sink, 1).await;
        assert_eq!((receipts.len(), &receipts[0]["callback"]), (1, &json!(address)), "{sink}");
    }
}

#[tokio::test]
async fn undelivered_message_is_reported_and_not_shown() {
    let tester = Tester::start().await;
    tester.register_messangi().await;
    tester.send_messangi("447700900100").await;
    assert_eq!(statuses(&tester.sink_requests("mt", 1).await), ["UNDELIV"]);
    assert!(tester.texts("447700900100").await.is_empty());
}

#[tokio::test]
async fn receipts_can_be_repeated_and_out_of_order() {
    let tester = Tester::start().await;
    tester.register_messangi().await;
    tester.send_messangi("447700900600").await;
    assert_eq!(statuses(&tester.sink_requests("mt", 2).await), ["DELIVRD", "SENT"]);
    tester.send_messangi("447700900400").await;
    assert_eq!(statuses(&tester.sink_requests("mt", 7).await)[2..], ["DELIVRD"; 5]);
}

#[tokio::test]
async fn busy_messangi_accepts_the_third_submit() {
    let tester = Tester::start().await;
    tester.register_messangi().await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let message = tester.messangi_message("447700900700");
        let posted = tester.messangi(&format!("Bearer {KEY}"), &message).send().await.unwrap();
        let retry_after = posted.headers().get("retry-after").map(|seconds| seconds.to_str().unwrap().to_owned());
        seen.push((posted.status().as_u16(), retry_after));
    }
    assert_eq!(seen, [(429, Some("1".to_owned())), (503, None), (200, None)]);
    assert_eq!(tester.texts("447700900700").await.len(), 1);
}

#[tokio::test]
async fn message_is_accepted_though_its_answer_is_late() {
    let tester = Tester::start().await;
    tester.register_messangi().await;
    tester.send_messangi_without_waiting("447700900801").await;
    tester.send_messangi_without_waiting("447700900802").await;
    assert_eq!(tester.texts("447700900801").await.len(), 1);
    let receipts = tester.sink_requests("mt", 1).await;
    assert_eq!((receipts.len(), &receipts[0]["to"]), (1, &json!("+447700900802")));
}

#[tokio::test]
async fn key_of_a_login_is_valid_for_a_day() {
    let tester = Tester::start().await;
    tester.register_messangi().await;
    tester.register_messangi_login("pass:word").await;
    let authorization = tester.log_in("pass:word").await.unwrap();
    let status = async |authorization: &str| {
        let message = tester.messangi_message(PHONE);
        tester.messangi(authorization, &message).send().await.unwrap().status()
    };
    assert_eq!(status(&authorization).await, StatusCode::OK);
    tester.advance(24 * 3600 - 60).await;
    assert_eq!(status(&authorization).await, StatusCode::OK);
    tester.advance(61).await;
    assert_eq!(status(&authorization).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&tester.log_in("pass:word").await.unwrap()).await, StatusCode::OK);
    assert_eq!(status(&format!("Bearer {KEY}")).await, StatusCode::OK);
    let listed = tester.get("/carriers").await;
    let accepted = [&listed["carriers"][0]["accepted"], &listed["carriers"][1]["accepted"]];
    assert_eq!(accepted, [&json!(1), &json!(3)]);
}

#[tokio::test]
async fn changed_password_ends_the_keys_of_its_login() {
    let tester = Tester::start().await;
    tester.register_messangi_login("old").await;
    let old = tester.log_in("old").await.unwrap();
    tester.register_messangi_login("new").await;
    let status = async |authorization: &str| {
        tester.messangi(authorization, &tester.messangi_message(PHONE)).send().await.unwrap().status()
    };
    assert_eq!(status(&old).await, StatusCode::UNAUTHORIZED);
    assert_eq!(tester.log_in("old").await.unwrap_err().0, StatusCode::FORBIDDEN);
    assert_eq!(status(&tester.log_in("new").await.unwrap()).await, StatusCode::OK);
}

#[tokio::test]
async fn user_that_is_down_can_neither_submit_nor_log_in() {
    let tester = Tester::start().await;
    tester.register_messangi_login("pass").await;
    let authorization = tester.log_in("pass").await.unwrap();
    tester.set_outage("by-login", true).await;
    let unavailable = (StatusCode::SERVICE_UNAVAILABLE, Value::Null);
    assert_eq!(tester.log_in("pass").await, Err(unavailable.clone()));
    assert_eq!(answer(tester.messangi(&authorization, &tester.messangi_message(PHONE))).await, unavailable);
}

#[tokio::test]
async fn reply_bears_the_external_id_of_the_answered_message() {
    let tester = Tester::start().await;
    tester.register_messangi().await;
    let unanswered = json!({ "to": SENDER, "text": "grüß dich" });
    let (status, problem) = tester.post("/handsets/447999400001/replies", unanswered).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{problem}");
    let mut reply = tester.sink_requests("messangi-replies", 1).await.remove(0);
    assert!(is_id(&reply["id"].take()) && is_date(&reply["date"].take()) && reply["processId"].take().is_u64());
    let expected = json!({
        "owner": "owner@messangi.example", "date": null, "processId": null, "origin": SENDER, "externalId": "",
        "callback": tester.url("/sinks/messangi-replies"), "connection": "messangi", "id": null,
        "text": "grüß dich", "user": "447999400001", "extraInfo": null,
    });
    assert_eq!(reply, expected);

    tester.send_messangi("447700900900").await;
    let reply = tester.sink_requests("messangi-replies", 2).await.remove(1);
    assert_eq!((&reply["text"], &reply["externalId"]), (&json!("STOP"), &json!("ref1")));
    assert_eq!(tester.count("mt").await, 1);
}

#[tokio::test]
async fn files_of_a_reply_are_attachments() {
    let tester = Tester::start().await;
    tester.register_messangi().await;
    let photo = json!({ "url": "https://media.example/1", "content_type": "image/jpeg", "name": "1.jpg" });
    let bare = json!({ "url": "https://media.example/2" });
    for (media, kind) in [(json!([photo, bare]), "image"), (json!([bare]), "document")] {
        let (status, problem) =
            tester.post("/handsets/447999400001/replies", json!({ "to": SENDER, "media": media })).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{problem}");
        let replies = tester.sink_requests("messangi-replies", if kind == "image" { 1 } else { 2 }).await;
        let info = &replies.last().unwrap()["extraInfo"];
        assert_eq!((&info["type"], &info["contacts"]), (&json!(kind), &json!([])));
        let photo = json!({ "fileName": "1.jpg", "url": "https://media.example/1", "caption": "" });
        let bare = json!({ "fileName": null, "url": "https://media.example/2", "caption": "" });
        let expected = if kind == "image" { json!([photo, bare]) } else { json!([bare]) };
        assert_eq!(info["attachments"], expected);
    }
}
