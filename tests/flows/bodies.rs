//! Webhook bodies with several parts. A part that we cannot read, or whose message's record we cannot read,
//! does not block the others.

use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::domain::{MessageId, SubmitReference};

use tests::{Phone, System};

use crate::{
    cm,
    system::{CM_TOKEN, DEMO, OWN_SENDER, with},
};

const PHONE: Phone = Phone::delivers_without_receipt();

/// Submits a message to CM.com for WhatsApp, and returns its ID. No receipt comes.
async fn submitted(system: &System, phone: Phone) -> String {
    let message = with(cm::message(&phone, "Hello"), "allowedChannels", json!(["WhatsApp"]));
    assert_eq!(cm::post(system, &[message]).await.status, StatusCode::OK);
    let id =
        system.get(DEMO, &format!("/messages?to={phone}")).await.body["messages"][0]["id"].as_str().unwrap().to_owned();
    system.until_state(&id, "submitted").await;
    id
}

fn report(id: &str, code: &str) -> Value {
    let message = id.parse::<MessageId>().unwrap();
    let reference = SubmitReference { message, channel_index: 0 }.to_string();
    json!({"reference": reference, "status": {"code": code, "errorCode": "", "errorDescription": ""}})
}

fn reply(text: &Value) -> Value {
    json!({"from": {"number": PHONE.with_00()}, "to": {"number": format!("00{OWN_SENDER}")}, "message": {"text": text},
        "timeUtc": "2026-01-01T09:30:00", "channel": "SMS"})
}

#[tokio::test]
async fn unreadable_report_blocks_no_other() {
    let system = System::start().await;
    let (one, other) = (submitted(&system, PHONE).await, submitted(&system, PHONE.nth(1)).await);
    let reports = [report(&one, "2"), report(&one, "eaten"), report(&other, "2")];
    let response = system.post_webhook(&format!("/dlr/cm/{CM_TOKEN}"), &json!({"messages": {"msg": reports}})).await;
    assert_eq!(response.status, StatusCode::BAD_REQUEST);
    assert_eq!(response.body["errors"][0]["field"], "status.code");
    for id in [one, other] {
        system.until_state(&id, "delivered").await;
    }
}

#[tokio::test]
async fn unreadable_record_blocks_no_other_report() {
    let system = System::start().await;
    let (one, other) = (submitted(&system, PHONE).await, submitted(&system, PHONE.nth(1)).await);
    let values = json!({":s": {"S": "of another release"}});
    system.update_message(&one, "SET #s = :s", &json!({"#s": "state"}), &values).await;
    let unknown = "0197a3a0-0000-7000-8000-000000000001";
    let reports = [report(&one, "3"), report(unknown, "eaten"), report(&other, "2")];
    let response = system.post_webhook(&format!("/dlr/cm/{CM_TOKEN}"), &json!({"messages": {"msg": reports}})).await;
    assert_eq!(response.status, StatusCode::INTERNAL_SERVER_ERROR, "so that the carrier delivers it again");
    system.until_state(&other, "delivered").await;
}

#[tokio::test]
async fn unreadable_reply_blocks_no_other() {
    let system = System::start().await;
    let replies = json!([reply(&json!({})), reply(&"Yes".into())]);
    let response = system.post_webhook(&format!("/mo/cm/{CM_TOKEN}"), &replies).await;
    assert_eq!(
        (response.status, &response.body["errors"][0]["field"]),
        (StatusCode::BAD_REQUEST, &"message.text".into())
    );
    assert_eq!(system.until_callback("replies").await.json()["message"], "Yes");
}
