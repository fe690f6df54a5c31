//! CM.com's dialect: requests, answers, status reports and replies.

mod documents;
mod errors;
mod rich;
mod textless;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use tests::{Callback, Phone, System, TestConfig};

use crate::{
    bad_input::assert_nothing_was_done,
    system::{Answer, DEMO, DEMO_ACCOUNT, OTHER_SENDER, OWN_SENDER as OURS, answer, with},
};

const PHONE: Phone = Phone::delivers();

/// Starts a system whose demo account also has the keys and senders in the vendor's samples.
async fn system() -> System {
    let config = TestConfig::new().account(DEMO_ACCOUNT, |account| {
        let keys = ["00000000-0000-0000-0000-000000000000", "your product token", "Your product token"];
        account.keys.extend(keys.map(str::to_owned));
        account.senders.extend(["316098765432", "CM Test"].map(|sender| sender.parse().unwrap()));
    });
    System::with_config(config).await
}

pub(crate) fn post_json(system: &System, body: impl Into<reqwest::Body>) -> RequestBuilder {
    system.request(Method::POST, "/v1.0/message").body(body)
}

/// Posts `msg`s to `/v1.0/message` as the demo account.
pub(crate) async fn post(system: &System, messages: &[Value]) -> Answer {
    let body = json!({"messages": {"msg": messages}});
    answer(post_json(system, body.to_string()).header("X-CM-PRODUCTTOKEN", DEMO)).await
}

/// Returns status and text from the XML or GET gateway.
async fn line(request: RequestBuilder) -> (u16, String) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

pub(crate) fn message(to: &str, text: &str) -> Value {
    json!({"from": OURS, "to": [{"number": format!("00{to}")}], "body": {"type": "auto", "content": text}})
}

#[tokio::test]
async fn client_gets_reports_and_replies_in_the_documented_format() {
    let system = System::start().await;
    let labelled = with(message(&PHONE, "Hello"), "reference", "order-7");
    let labelled = with(with(labelled, "customGrouping", "Campaign ABC"), "customGrouping3", "Source 123");
    let answered = post(&system, &[labelled]).await;
    let accepted = json!({"to": PHONE.with_00(), "status": "Accepted", "reference": "order-7", "parts": 1,
        "messageDetails": null, "messageErrorCode": 0});
    assert_eq!(answered.body, json!({"details": "Created 1 message(s)", "errorCode": 0, "messages": [accepted]}));

    let shown = system.until_handset(&PHONE, 1).await;
    assert_eq!((&shown[0]["from"], &shown[0]["text"]), (&OURS.into(), &"Hello".into()));
    let is_delivery = |report: &Callback| report.cm_code() == "2";
    let delivered = system.until_callback_that("status", "the delivery", is_delivery).await;
    let mut report = delivered.cm_report().clone();
    assert_eq!(report["received"].take().as_str().unwrap().len(), "2026-01-01T09:30:00".len());
    let expected = json!({"received": null, "to": PHONE.with_00(), "reference": "order-7",
        "status": {"code": "2", "errorCode": "", "errorDescription": ""}, "operator": "23410", "channel": "sms",
        "customGrouping": "Campaign ABC", "customGrouping2": "", "customGrouping3": "Source 123"});
    assert_eq!(report, expected);
    assert!(!delivered.has_header("signature"), "the header of another dialect");

    system.reply_from(&PHONE, OURS, "Hello back").await;
    let mut reply = system.until_callback("replies").await.into_json();
    assert_eq!(reply["timeUtc"].take().as_str().unwrap().len(), "2026-01-01T09:30:00".len());
    let no_file = json!({"mediaUri": "", "contentType": "", "title": ""});
    let expected = json!({"from": {"number": PHONE.with_00(), "name": ""}, "to": {"number": format!("00{OURS}")},
        "message": {"text": "Hello back", "media": no_file, "custom": {}}, "reference": "order-7", "groupings": ["Campaign ABC", "", "Source 123"],
        "timeUtc": null, "channel": "SMS", "messageContext": ""});
    assert_eq!(reply, expected);

    let read = system.newest().await;
    let read = if read["direction"] == "out" {
        read.into_json()
    } else {
        system.get(DEMO, "/messages").await.body["messages"][1].clone()
    };
    assert_eq!((&read["reference"], &read["groupings"][2]), (&"order-7".into(), &"Source 123".into()));
    assert!(read["expires_at"].is_string());
}

#[tokio::test]
async fn failures_are_reported_with_their_code() {
    let system = System::start().await;
    let (undelivered, rejected) = (Phone::fails(), Phone::rejects());
    post(&system, &[message(&undelivered, "Undelivered"), message(&rejected, "Rejected")]).await;
    let status = async |phone: Phone| {
        let is_final = |report: &Callback| report.cm_report()["to"] == phone.with_00() && report.cm_code() != "0";
        let report = system.until_callback_that("status", &format!("a failure of {phone}"), is_final).await;
        report.cm_report()["status"].clone()
    };
    let undelivered = status(undelivered).await;
    assert_eq!((&undelivered["code"], &undelivered["errorCode"]), (&"3".into(), &"5".into()));
    let rejected = status(rejected).await;
    assert_eq!((&rejected["code"], &rejected["errorCode"]), (&"1".into(), &"20".into()));
    assert!(rejected["errorDescription"].as_str().is_some_and(|words| !words.is_empty()));
}

#[tokio::test]
async fn late_sent_receipt_is_not_reported() {
    let system = System::start().await;
    post(&system, &[message(&Phone::receipts_out_of_order(), "Delivered, then sent")]).await;
    let id = system.newest().await.id().to_owned();
    system.until_message(&id, "has both receipts", |message| message.history().len() >= 5).await;
    system.until_idle().await;
    let reports = system.callbacks("status").await;
    let report_count = |code: &str| reports.iter().filter(|report| report.cm_code() == code).count();
    assert_eq!((report_count("2"), report_count("0") <= 1), (1, true));
}

#[tokio::test]
async fn unsolicited_reply_is_reported_in_the_latest_dialect() {
    let system = System::start().await;
    let stranger = PHONE.nth(1);
    system.reply_from(&stranger, OURS, "Before all").await;
    assert!(system.until_callback("replies").await.json()["mo_uuid"].is_string());
    post(&system, &[message(&PHONE, "Hello")]).await;
    system.reply_from(&stranger, OURS, "Who are you?").await;
    let callback = system.until_callbacks("replies", 2).await.remove(1).into_json();
    assert_eq!((&callback["message"]["text"], &callback["reference"]), (&"Who are you?".into(), &"".into()));
}

#[tokio::test]
async fn only_the_valid_messages_of_a_request_are_sent() {
    let system = System::start().await;
    let empty = with(with(message(&PHONE, "x"), "reference", "your_reference_B"), "body", json!({"content": ""}));
    let foreign = with(message(&PHONE, "Not from us"), "from", OTHER_SENDER);
    let answered = post(&system, &[message(&PHONE, "Good"), empty.clone(), foreign]).await;
    assert_eq!((answered.status.as_u16(), &answered.body["errorCode"]), (200, &201.into()));
    assert_eq!(answered.body["details"], "Created 1 message(s)");
    let results = answered.body["messages"].as_array().unwrap();
    assert_eq!(results[0]["messageErrorCode"], 0);
    let expected = json!({"to": PHONE.with_00(), "status": "Rejected", "reference": "your_reference_B", "parts": 0,
        "messageDetails": "A body without content was found", "messageErrorCode": 304});
    assert_eq!(results[1], expected);
    assert_eq!((&results[2]["status"], &results[2]["messageErrorCode"]), (&"Rejected".into(), &301.into()));
    system.until_handset(&PHONE, 1).await;
    system.until_idle().await;
    assert_eq!(system.handset(&PHONE).await.len(), 1);
    assert_eq!(system.get(DEMO, "/messages").await.body["messages"].as_array().unwrap().len(), 1);

    let answered = post(&system, &[empty]).await;
    assert_eq!((answered.status.as_u16(), &answered.body["errorCode"]), (400, &201.into()));
    assert_eq!(answered.body["details"], "Created 0 message(s)");
}

#[tokio::test]
async fn repeat_under_one_key_sends_only_corrected_messages() {
    let system = System::start().await;
    let send = async |messages: &[Value]| {
        let body = json!({"messages": {"authentication": {"productToken": DEMO}, "msg": messages}}).to_string();
        let answered = answer(post_json(&system, body).header("Idempotency-Key", "k")).await.body;
        let codes =
            answered["messages"].as_array().unwrap().iter().map(|result| result["messageErrorCode"].as_u64().unwrap());
        codes.collect::<Vec<_>>()
    };
    let (good, bad) = (message(&PHONE, "Good"), with(message(&PHONE, "Mended"), "to", json!([{"number": "x"}])));
    assert_eq!(send(&[bad.clone(), good.clone()]).await, [303, 0]);
    assert_eq!(send(&[bad, good.clone()]).await, [303, 0]);
    assert_eq!(send(&[message(&PHONE, "Mended"), good.clone()]).await, [0, 0]);
    assert_eq!(send(&[message(&PHONE, "Mended"), message(&PHONE, "Other")]).await, [0, 403]);
    system.until_handset(&PHONE, 2).await;
    system.until_idle().await;
    assert_eq!(system.handset(&PHONE).await.len(), 2);
}

#[tokio::test]
async fn expired_message_is_not_sent_and_its_client_is_notified() {
    let system = System::start().await;
    let late = with(message(&PHONE, "Too late"), "validity", "2017-04-20 11:50 GMT");
    assert_eq!(post(&system, &[late]).await.status, 200);
    let report = system.until_callback("status").await.cm_report().clone();
    assert_eq!((&report["status"]["code"], &report["status"]["errorCode"]), (&"3".into(), &"8".into()));
    assert!(system.handset(&PHONE).await.is_empty());
    assert_eq!(system.newest().await.state(), "expired");
}

#[tokio::test]
async fn rich_content_is_kept_and_sms_shows_the_body() {
    let system = System::start().await;
    let content = json!({"conversation": [{"text": "Rich"}, {"media": {"mediaUri": "https://a.example/x.jpg"}}]});
    let rich =
        with(with(message(&PHONE, "Plain"), "richContent", content), "allowedChannels", json!(["WhatsApp", "SMS"]));
    assert_eq!(post(&system, &[rich]).await.status, 200);
    assert_eq!(system.until_handset(&PHONE, 1).await[0]["text"], "Plain");
    let stored = system.newest().await;
    assert_eq!(stored["content"]["conversation"][1]["media"]["uri"], "https://a.example/x.jpg");
}

#[tokio::test]
async fn xml_and_get_gateways_accept_all_messages_or_none() {
    let system = System::start().await;
    let xml = |messages: &str| {
        let token = format!("<AUTHENTICATION><PRODUCTTOKEN>{DEMO}</PRODUCTTOKEN></AUTHENTICATION>");
        let request = system.request(Method::POST, "/gateway.ashx");
        request.body(format!("<?xml version=\"1.0\"?><MESSAGES>{token}{messages}</MESSAGES>"))
    };
    let msg =
        |to: &str, from: &str| format!("<MSG><FROM>{from}</FROM><TO>{to}</TO><BODY>Fish &amp; chips</BODY></MSG>");
    for bad in [msg("0044791112345a", OURS), msg(&PHONE.with_00(), OTHER_SENDER), "<MSG/>".to_owned()] {
        let (status, text) = line(xml(&(msg(&PHONE.with_00(), OURS) + &bad))).await;
        assert!(status == 200 && text.starts_with("Error: ERROR "), "{text}");
    }
    assert_nothing_was_done(&system).await;

    assert_eq!(line(xml(&msg(&PHONE.with_00(), OURS))).await, (200, String::new()));
    assert_eq!(system.until_handset(&PHONE, 1).await[0]["text"], "Fish & chips");
    let get =
        format!("/gateway.ashx?ProductToken={DEMO}&body=Example+message+text&to=00{PHONE}&from={OURS}&reference=r");
    assert_eq!(line(system.request(Method::GET, &get)).await, (200, String::new()));
    assert_eq!(system.until_handset(&PHONE, 2).await[1]["text"], "Example message text");
    assert_eq!(system.newest().await["reference"], "r");
}
