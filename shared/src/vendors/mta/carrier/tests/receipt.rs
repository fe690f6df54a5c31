//! `delivery-status`.

use serde_json::{Value, json};

use crate::{
    domain::{CarrierReceipt, ReceiptStatus, ReportedStatus},
    vendors::testing::{REFERENCE, WebhookRow, bad_item, one, receipt, text, webhook},
};

const RECEIPT: &str = include_str!("../../../../../../tests/fixtures/carriers/mta/receipt.json");
const NULL: &str = include_str!("../../../../../../tests/fixtures/carriers/mta/receipt-null.json");
const REPLY: &str = include_str!("../../../../../../tests/fixtures/carriers/mta/reply.json");
const OPT_IN: &str = include_str!("../../../../../../tests/fixtures/carriers/mta/reply-opt-in.json");
const IS_REPLY: &str = "field 'type' is message-reply, which belongs to the address of replies";

pub(super) fn rows() -> Vec<WebhookRow<CarrierReceipt>> {
    let undeliverable =
        CarrierReceipt { reference: None, code: text("undeliverable"), ..sample(ReceiptStatus::Undelivered) };
    let mut rows = vec![
        webhook(RECEIPT, one(sample(ReceiptStatus::Delivered))),
        webhook(NULL, one(undeliverable.clone())),
        webhook(
            format!("[{RECEIPT},{OPT_IN},{{}},{NULL}]"),
            Ok(vec![Ok(sample(ReceiptStatus::Delivered)), Err("status"), Ok(undeliverable)]),
        ),
        webhook("nonsense", Err("(body)")),
    ];
    rows.extend(statuses());
    rows.extend(changes());
    rows.extend(other_events());
    rows
}

fn sample(status: impl Into<ReportedStatus>) -> CarrierReceipt {
    CarrierReceipt {
        reference: REFERENCE.parse().ok(),
        carrier_id: text("48213377"),
        code: text("delivered"),
        ..receipt(status)
    }
}

fn with(field: &str, value: Value) -> String {
    let mut receipt: Value = serde_json::from_str(RECEIPT).unwrap();
    receipt[field] = value;
    receipt.to_string()
}

fn statuses() -> Vec<WebhookRow<CarrierReceipt>> {
    use ReceiptStatus as S;
    let unknown = |word: &str| ReportedStatus::Unknown(word.to_owned());
    let cases = [
        ("sent", S::Sent.into()),
        ("delivered", S::Delivered.into()),
        ("Delivered", S::Delivered.into()),
        ("undelivered", S::Undelivered.into()),
        ("undeliverable", S::Undelivered.into()),
        ("rejected", S::Rejected.into()),
        ("unknown", unknown("unknown")),
        ("lost", unknown("lost")),
    ];
    let row = |(word, status): (&str, ReportedStatus)| {
        webhook(with("status", json!(word)), one(CarrierReceipt { code: text(word), ..sample(status) }))
    };
    cases.map(row).into()
}

fn changes() -> Vec<WebhookRow<CarrierReceipt>> {
    let delivered = || sample(ReceiptStatus::Delivered);
    let nameless = json!({"status": "sent", "messageId": null}).to_string();
    let nothing = CarrierReceipt { code: text("sent"), ..receipt(ReceiptStatus::Sent) };
    let at = "2026-11-29T08:00:00Z".parse().ok();
    vec![
        webhook(with("messageId", json!("48213377")), one(delivered())),
        webhook(with("messageId", json!(null)), one(CarrierReceipt { carrier_id: None, ..delivered() })),
        webhook(with("externalId", json!("a campaign")), one(CarrierReceipt { reference: None, ..delivered() })),
        webhook(with("externalId", json!(REFERENCE.to_uppercase())), one(delivered())),
        webhook(with("timestamp", json!("2026-11-29T09:00:00+01:00")), one(CarrierReceipt { at, ..delivered() })),
        webhook(with("timestamp", json!("soon")), one(delivered())),
        webhook(with("type", json!(null)), one(delivered())),
        webhook(with("type", json!("sms")), one(delivered())),
        webhook(nameless, one(nothing)),
        webhook(with("status", json!(null)), bad_item("field 'status' is missing")),
        webhook(with("status", json!({})), bad_item("status")),
        webhook(r#"{"status":"lost"}"#, bad_item("status")),
        webhook("{}", bad_item("field 'status' is missing")),
        webhook("7", bad_item("(body)")),
    ]
}

fn other_events() -> Vec<WebhookRow<CarrierReceipt>> {
    vec![
        webhook(REPLY, bad_item(IS_REPLY)),
        webhook(r#"{"fromNumber":"+447911123456","message":"STOP"}"#, bad_item(IS_REPLY)),
        webhook(OPT_IN, Ok(vec![])),
        webhook(r#"{"optInType":"keyword","fromNumber":"+447911123456"}"#, Ok(vec![])),
        webhook(r#"{"type":"message-send","status":"sent","messageId":7}"#, Ok(vec![])),
    ]
}
