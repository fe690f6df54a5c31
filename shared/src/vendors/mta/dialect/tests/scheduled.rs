//! Scheduled requests: a batch and its record.

use serde_json::json;

use super::json;
use crate::{
    domain::{Batch, BatchId, CancelledBatch, Fingerprint, Message, RequestNumber, Tags},
    vendors::mta::dialect::{
        paging::Paging,
        scheduled::{cancelled, list, parse_id, shown},
    },
};

fn batch(message_count: u16) -> Batch {
    let account = "demo".parse().unwrap();
    Batch {
        id: BatchId::of_number(&account, RequestNumber::new(4711).unwrap()),
        account,
        from: "441234567890".parse().unwrap(),
        created_at: "2026-11-30T09:00:00Z".parse().unwrap(),
        send_at: Some("2026-12-01T09:00:00Z".parse().unwrap()),
        message_count,
        segments: 1,
        fingerprint: Fingerprint::of([]),
        cancelled_at: None,
    }
}

#[test]
fn record_has_every_documented_field() {
    let first = Message::example().with(|message| {
        message.request.reference = Some("order 7".parse().unwrap());
        message.request.tags = Tags::parse([("k".to_owned(), "v".to_owned())].into()).unwrap();
    });
    let mut record = json!({"id": 4711, "accountId": null, "numberIds": null, "subscriberIds": null, "groupIds": null,
        "allSubscribers": 0, "message": "Hi", "url": null, "scheduledDate": "2026-12-01T09:00:00.000Z",
        "timestamp": "2026-11-30T09:00:00.000Z", "repeatMessage": null, "repeatDays": null, "header": null,
        "footer": null, "threadId": 447_700_900_001_u64, "isMMS": false, "longcodeId": 441_234_567_890_u64,
        "longcode": "+441234567890", "externalId": "order 7", "tags": {"k": "v"}, "recipientCount": 1});
    let answer = json(&shown(&(batch(1), Some(first.clone()))));
    let expected = json!({"success": true, "message": "Scheduled message retrieved successfully.", "data": record});
    assert_eq!(answer, expected);

    record["threadId"] = json!(null);
    record["recipientCount"] = json!(2);
    let several = [(batch(2), Some(first))];
    let answer = json(&list(&several, Paging { page: 0, size: 25 }, 1));
    let data = json!({"rows": [record], "page": 0, "pageSize": 25, "total": 1});
    let expected = json!({"success": true, "message": "Scheduled messages retrieved successfully.", "data": data});
    assert_eq!(answer, expected);

    let without = &json(&shown(&(batch(1), None)))["data"];
    assert_eq!(
        (&without["message"], &without["threadId"], &without["tags"]),
        (&json!(null), &json!(null), &json!(null))
    );
}

#[test]
fn cancellation_counts_messages() {
    let counts = CancelledBatch { cancelled: 2, too_late: 1, missing: 0 };
    let answer = json(&cancelled(RequestNumber::new(4711).unwrap(), counts));
    let data = json!({"id": 4711, "cancelled": 2, "tooLate": 1});
    let expected = json!({"success": true, "message": "Scheduled message cancelled successfully.", "data": data});
    assert_eq!(answer, expected);
}

#[test]
fn only_a_canonical_number_is_an_id() {
    assert_eq!(parse_id("9007199254740991").map(RequestNumber::get), Some((1 << 53) - 1));
    for text in ["", "0", "+1", "01", "9007199254740992", "x", "0197a3a0-0000-7000-8000-000000000001"] {
        assert_eq!(parse_id(text), None, "{text}");
    }
}
