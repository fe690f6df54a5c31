//! The MT callback.

use serde_json::{Value, json};

use super::super::status::status;
use crate::{
    domain::{CarrierReceipt, ReceiptStatus, ReportedStatus},
    vendors::testing::{REFERENCE, WebhookRow, bad_item, one, receipt, text, webhook},
};

const RECEIPT: &str = include_str!("../../../../../../tests/fixtures/carriers/messangi/receipt.json");
const QUEUE: &str = include_str!("../../../../../../tests/fixtures/carriers/messangi/receipt-queue.json");
const ID: &str = "611b3a42c5f7904590c17d1f";

pub(super) fn rows() -> Vec<WebhookRow<CarrierReceipt>> {
    let mut rows = vec![webhook(RECEIPT, one(undelivered())), webhook(QUEUE, Ok(Vec::new()))];
    rows.extend(statuses());
    rows.extend(changes());
    rows.extend(lists());
    rows
}

/// The sample.
fn undelivered() -> CarrierReceipt {
    CarrierReceipt {
        reference: REFERENCE.parse().ok(),
        carrier_id: text(ID),
        at: "2021-08-17T04:25:41.500Z".parse().ok(),
        ..of_word(ReceiptStatus::Undelivered, "UNDELIV")
    }
}

fn of_word(of: ReceiptStatus, word: &str) -> CarrierReceipt {
    CarrierReceipt { code: text(word), description: text(status(word).unwrap().words), ..receipt(of) }
}

fn statuses() -> Vec<WebhookRow<CarrierReceipt>> {
    use ReceiptStatus as S;
    let says_nothing = ["QUEUE", "DEQUEUED", "accepted"];
    let statuses = [
        ("DELIVRD", S::Delivered),
        ("delivrd", S::Delivered),
        ("EXPIRED", S::Expired),
        ("DELETED", S::Undelivered),
        ("UNDELIV", S::Undelivered),
        ("ERROR", S::Undelivered),
        ("UNKNOWN", S::Undelivered),
        ("REJECTD", S::Rejected),
        ("BLACKLISTED", S::Rejected),
        ("INVALID_ROUTING", S::Rejected),
        ("CODE_NOT_ALLOWED", S::Rejected),
        ("SEGMENTS_EXCEEDED", S::Rejected),
        ("ACCEPTD", S::Sent),
        ("SENT", S::Sent),
        ("ENROUTE", S::Sent),
    ];
    let body = |word: &str| json!({"status": word}).to_string();
    let known = statuses.into_iter().map(|(word, status)| webhook(body(word), one(of_word(status, word))));
    known.chain(says_nothing.map(|word| webhook(body(word), Ok(Vec::new())))).collect()
}

fn with(field: &str, value: Value) -> String {
    let mut receipt: Value = serde_json::from_str(RECEIPT).unwrap();
    receipt[field] = value;
    receipt.to_string()
}

fn changes() -> Vec<WebhookRow<CarrierReceipt>> {
    let at = |time: &str| CarrierReceipt { at: time.parse().ok(), ..undelivered() };
    let by_timestamp = || at("2021-08-17T04:25:41.500Z");
    let foreign = CarrierReceipt { reference: None, ..undelivered() };
    let lost = CarrierReceipt {
        status: ReportedStatus::Unknown("LOST".to_owned()),
        code: text("LOST"),
        description: None,
        ..undelivered()
    };
    vec![
        webhook(with("date", json!("2020-06-22-T15:06:37Z")), one(at("2020-06-22T15:06:37Z"))),
        webhook(with("date", json!("2021-08-17 04:25:38")), one(at("2021-08-17T04:25:38Z"))),
        webhook(with("date", json!("soon")), one(by_timestamp())),
        webhook(with("date", json!(null)), one(by_timestamp())),
        webhook(json!({"status": "SENT", "timestamp": "later"}).to_string(), one(of_word(ReceiptStatus::Sent, "SENT"))),
        webhook(with("externalId", json!("a campaign")), one(foreign.clone())),
        webhook(with("externalId", json!(null)), one(foreign)),
        webhook(with("status", json!("LOST")), one(lost)),
        webhook(with("status", json!("?")), bad_item("status")),
        webhook(with("status", json!(null)), bad_item("field 'status' is missing")),
        webhook(r#"{"status":"LOST 447911123456"}"#, bad_item("status")),
        webhook("7", bad_item("(body)")),
        webhook("nonsense", Err("(body)")),
        webhook("", Err("(body)")),
    ]
}

/// Items that say nothing are dropped, with their bodies.
fn lists() -> Vec<WebhookRow<CarrierReceipt>> {
    vec![
        webhook(
            format!("[{QUEUE},{RECEIPT},{{}},{QUEUE},{RECEIPT}]"),
            Ok(vec![Ok(undelivered()), Err("status"), Ok(undelivered())]),
        ),
        webhook(format!("[{QUEUE}]"), Ok(Vec::new())),
        webhook(format!("[{QUEUE},{QUEUE}]"), Ok(Vec::new())),
        webhook("[]", Ok(Vec::new())),
    ]
}

#[test]
fn kept_item_of_a_list_is_read_alone() {
    use crate::domain::Vendor;
    let list = format!("[{QUEUE},{RECEIPT},{QUEUE},{}]", with("status", json!("SENT")));
    let items = Vendor::Messangi.read_receipts(list.as_bytes()).unwrap();
    assert_eq!(items.iter().len(), 2);
    for (index, item) in items.iter().enumerate() {
        let kept = items.webhook_item(&list, index);
        let alone = Vendor::Messangi.read_receipts(kept.payload.as_bytes()).unwrap();
        assert_eq!((kept.index, alone.iter().next()), (0, Some(item)));
    }
}
