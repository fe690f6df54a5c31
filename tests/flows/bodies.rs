//! Webhook bodies with several parts. A part that we cannot read, or whose message's record we cannot read,
//! does not block the others.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::domain::{MessageId, SubmitReference};

use tests::{Phone, System};

use crate::{
    cm,
    system::{CM_TOKEN, DEMO, OWN_SENDER, answer, with},
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
    let nameless = json!({"status": {"code": "eaten"}});
    let reports = [report(&one, "2"), nameless, report(&other, "2")];
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

/// Returns the unmatched items: their keys, payloads and indexes.
async fn kept(system: &System) -> Vec<(String, String, String)> {
    let text = |item: &Value, attribute: &str, kind: &str| item[attribute][kind].as_str().unwrap().to_owned();
    let mut items = system.scan("MessagesTable").await;
    items.retain(|item| text(item, "id", "S").starts_with("unmatched#"));
    items.iter().map(|item| (text(item, "id", "S"), text(item, "payload", "S"), text(item, "index", "N"))).collect()
}

#[tokio::test]
async fn unmatched_item_is_kept_without_the_rest_of_its_list() {
    let system = System::start().await;
    let ids = ["0197a3a0-0000-7000-8000-000000000001", "0197a3a0-0000-7000-8000-000000000002"];
    let listed = |reports: &[Value]| json!({"messages": {"msg": reports}});
    let mut first = report(ids[0], "2");
    first["note"] = "x".repeat(100_000).into();
    let reports = [first, report(ids[1], "2")];
    let path = format!("/dlr/cm/{CM_TOKEN}");
    system.deliver_webhook(&path, &listed(&reports)).await;
    let items = kept(&system).await;
    let mut sizes: Vec<_> = items.iter().map(|(_, payload, index)| (payload.len() / 10_000, index.as_str())).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [(0, "0"), (10, "0")]);

    let [first, second] = reports;
    for again in [listed(&[second.clone(), first]), json!({"messages": {"msg": second}})] {
        system.deliver_webhook(&path, &again).await;
    }
    let mut ids: Vec<_> = kept(&system).await.into_iter().map(|(id, ..)| id).collect();
    let mut before: Vec<_> = items.into_iter().map(|(id, ..)| id).collect();
    ids.sort_unstable();
    before.sort_unstable();
    assert_eq!(ids, before, "a redelivery in another list has the same ID");
}

#[tokio::test]
async fn long_body_is_read_and_a_longer_one_is_refused() {
    let system = System::start().await;
    let text = "Wörter ".repeat(9_000);
    system.deliver_webhook(&format!("/mo/cm/{CM_TOKEN}"), &reply(&text.clone().into())).await;
    assert_eq!(system.until_callback("replies").await.json()["message"], text);
    let unassigned = json!({"id": "mo-1", "from": PHONE, "to": "441110000001", "text": "x".repeat(260_000)});
    system.deliver_reply(&unassigned).await;
    assert_eq!(system.unmatched("reply").await, [unassigned]);
    let longer = json!({"id": "mo-2", "from": PHONE, "to": OWN_SENDER, "text": "x".repeat(256 << 10)});
    let refused = system.post_webhook(&tests::carrier::replies_path(), &longer).await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn byte_order_mark_is_ignored() {
    let system = System::start().await;
    let id = submitted(&system, PHONE).await;
    let path = format!("/dlr/cm/{CM_TOKEN}");
    let reference = id.replace('-', "");
    let bodies = [
        (&path, json!({"messages": {"msg": report(&id, "0")}}).to_string()),
        (
            &path,
            format!(
                "<MESSAGES><MSG><REFERENCE>{reference}</REFERENCE><STATUS><CODE>2</CODE></STATUS></MSG></MESSAGES>"
            ),
        ),
        (&path, format!("id:{reference} stat:EXPIRED")),
        (&tests::carrier::receipts_path(), json!({"id": "c-1", "status": "sent"}).to_string()),
        (&format!("/mo/cm/{CM_TOKEN}"), reply(&"Yes".into()).to_string()),
        (
            &tests::carrier::replies_path(),
            json!({"id": "mo-1", "from": PHONE, "to": OWN_SENDER, "text": "No"}).to_string(),
        ),
    ];
    for (path, body) in bodies {
        let answer = answer(system.request(Method::POST, path).body(format!("\u{FEFF}{body}"))).await;
        assert_eq!(answer.status, StatusCode::OK, "{body}");
    }
    assert_eq!(system.message(&id).await.state(), "delivered");
    system.until_callbacks("replies", 2).await;
}
