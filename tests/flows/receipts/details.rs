//! Details in receipts (network, operator, country, parts, price) stay on the message and are shown.

use super::{DEMO, MessageView, Phone, SILENT_PHONE, System, Value, json, receipts_path, submitted, with};
use crate::{admin, cm};

fn full() -> Value {
    json!({"network": "20408", "operator": "KPN", "country": "NL", "parts": 2,
        "price": {"amount": "0.0800", "currency": "EUR"}})
}

/// Delivers a receipt with these fields.
async fn deliver(system: &System, id: &str, status: &str, fields: &Value) {
    let mut receipt = fields.clone();
    receipt["reference"] = id.into();
    receipt["status"] = status.into();
    system.deliver_receipt(&receipt).await;
}

#[tokio::test]
async fn details_are_shown_wherever_the_message_is() {
    let system = System::start().await;
    let id = submitted(&system).await;
    assert!(system.message(&id).await.get("receipt_details").is_none());
    deliver(&system, &id, "delivered", &full()).await;
    let message = system.message(&id).await;
    assert_eq!(message["receipt_details"], full());
    for path in ["/messages".to_owned(), format!("/conversations/{SILENT_PHONE}")] {
        let page = system.get(DEMO, &path).await.body;
        assert_eq!(page["messages"][0]["receipt_details"], full(), "{path}");
    }
    let shown = admin::read(&system, &["message", "show", &id]).await;
    assert_eq!(shown["message"]["receipt_details"], full());
    let text = admin::printed(&system, &["message", "show", &id]).await;
    for part in ["20408, KPN, NL", "0.0800 EUR"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn later_receipt_adds_details_and_erases_none() {
    let system = System::start().await;
    let id = submitted(&system).await;
    deliver(&system, &id, "sent", &json!({"network": "20408", "operator": "KPN"})).await;
    deliver(&system, &id, "delivered", &json!({"price": {"amount": 0.04}})).await;
    deliver(&system, &id, "read", &json!({"country": "nl"})).await;
    let expected = json!({"network": "20408", "operator": "KPN", "country": "NL", "price": {"amount": "0.04"}});
    assert_eq!(system.message(&id).await["receipt_details"], expected);
    let id = submitted(&system).await;
    deliver(&system, &id, "read", &full()).await;
    deliver(&system, &id, "delivered", &json!({"network": "20416"})).await;
    let message = system.message(&id).await;
    assert_eq!((message.state(), &message["receipt_details"]), ("read", &full()));
}

#[tokio::test]
async fn same_details_are_stored_once() {
    let system = System::start().await;
    let id = submitted(&system).await;
    for status in ["sent", "delivered", "read"] {
        deliver(&system, &id, status, &full()).await;
    }
    let item = system.scan("MessagesTable").await.into_iter().find(|item| item["id"]["S"] == *id).unwrap();
    let stored =
        ["receipt_sent", "receipt_delivered", "receipt_read"].map(|receipt| item[receipt]["M"].get("d").is_some());
    assert_eq!(stored, [true, false, false]);
}

#[tokio::test]
async fn hostile_details_are_dropped_or_cut() {
    let system = System::start().await;
    let id = submitted(&system).await;
    let number = "447911123456";
    let hostile = json!({"network": number, "operator": format!("Ann {number} {}", "x".repeat(5_000)), "country": "GBR",
        "parts": -1, "price": {"amount": "NaN", "currency": number}});
    deliver(&system, &id, "delivered", &hostile).await;
    let message = system.message(&id).await;
    assert_eq!(message["receipt_details"], json!({"operator": format!("Ann … {}", "x".repeat(34))}));
    assert!(!message.into_json().to_string().contains(number));
}

#[tokio::test]
async fn details_of_a_failed_channel_stay_with_its_attempt() {
    let system = System::start().await;
    let phone = Phone::delivers().nth(3);
    system.set_channels(&phone, json!({"whatsapp": "silent", "sms": "silent"})).await;
    let message = with(cm::message(&phone, "Hello"), "allowedChannels", json!(["WhatsApp", "SMS"]));
    cm::post(&system, &[message]).await;
    let id = system.newest().await.id().to_owned();
    let is_on = |channel: &'static str| {
        move |message: &MessageView| (message.state(), message.channel()) == ("submitted", channel)
    };
    system.until_message(&id, "is on WhatsApp", is_on("whatsapp")).await;
    let reference = |channel_index: u8| {
        let message = id.parse().unwrap();
        shared::domain::SubmitReference { message, channel_index }.to_string()
    };
    let status = json!({"code": "3", "errorCode": "5"});
    system.deliver_cm_report(&json!({"reference": reference(0), "status": status, "operator": "20416"})).await;
    let message = system.until_message(&id, "is on SMS", is_on("sms")).await;
    let of_whatsapp = json!({"network": "20416"});
    assert_eq!(message["failed_attempts"][0]["receipt_details"], of_whatsapp);
    assert!(message.get("receipt_details").is_none(), "{message:?}");

    let receipt = with(full(), "status", "undelivered");
    system.deliver_webhook(&format!("{}/{}", receipts_path(), reference(1)), &receipt).await;
    let message = system.until_state(&id, "undelivered").await;
    assert_eq!(message["receipt_details"], full());
    assert_eq!(message["failed_attempts"][0]["receipt_details"], of_whatsapp);
    let report = system.until_callback_that("status", "the failure", |report| report.cm_code() == "3").await;
    assert_eq!(report.cm_report()["operator"], "20408");
}

#[tokio::test]
async fn operator_without_a_code_is_reported_by_name() {
    let system = System::start().await;
    cm::post(&system, &[cm::message(&SILENT_PHONE, "Hello")]).await;
    let id = system.newest().await.id().to_owned();
    system.until_state(&id, "submitted").await;
    deliver(&system, &id, "delivered", &json!({"operator": "KPN"})).await;
    let report = system.until_callback_that("status", "the delivery", |report| report.cm_code() == "2").await;
    assert_eq!(report.cm_report()["operator"], "KPN");
}
