//! What one body of a carrier brings: a part that cannot be read, or whose record
//! cannot, keeps back none of the others.

use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::domain::{MessageId, SubmitReference};

use crate::{
    cm,
    system::{CM_TOKEN, DEMO, System, with},
};

const OURS: &str = "441234567890";

/// Hands a message over by WhatsApp, through CM.com, whose phone brings no receipt; gives its id.
async fn submitted(system: &System, phone: &str) -> Value {
    let message = with(cm::message(phone, "Hello"), "allowedChannels", json!(["WhatsApp"]));
    assert_eq!(cm::post(system, &[message]).await.status, StatusCode::OK);
    let id = system.get(DEMO, &format!("/messages?to={phone}")).await.body["messages"][0]["id"].clone();
    system.until_state(&id, "submitted").await;
    id
}

fn report(id: &Value, code: &str) -> Value {
    let message = id.as_str().unwrap().parse::<MessageId>().unwrap();
    let reference = SubmitReference { message, channel_index: 0 }.to_string();
    json!({"reference": reference, "status": {"code": code, "errorCode": "", "errorDescription": ""}})
}

fn reply(text: &Value) -> Value {
    json!({"from": {"number": "00447700900310"}, "to": {"number": format!("00{OURS}")}, "message": {"text": text},
        "timeUtc": "2026-01-01T09:30:00", "channel": "SMS"})
}

#[tokio::test]
async fn unreadable_report_blocks_no_other() {
    let system = System::start().await;
    let (one, other) = (submitted(&system, "447700900310").await, submitted(&system, "447700900311").await);
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
    let (one, other) = (submitted(&system, "447700900310").await, submitted(&system, "447700900311").await);
    let spoil = json!({"TableName": "MessagesTable", "Key": {"id": {"S": one}}, "UpdateExpression": "SET #s = :s",
        "ExpressionAttributeNames": {"#s": "state"}, "ExpressionAttributeValues": {":s": {"S": "of another release"}}});
    system.aws("DynamoDB_20120810.UpdateItem", &spoil).await;
    let reports =
        [report(&one, "3"), report(&json!("0197a3a0-0000-7000-8000-000000000001"), "eaten"), report(&other, "2")];
    let response = system.post_webhook(&format!("/dlr/cm/{CM_TOKEN}"), &json!({"messages": {"msg": reports}})).await;
    assert_eq!(response.status, StatusCode::INTERNAL_SERVER_ERROR, "so that it is brought again");
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
    assert_eq!(system.until_sink_requests("replies", 1).await[0]["json"]["message"], "Yes");
}
