//! Batches: a request and what we read of it, and the answers.

use serde_json::{Value, json};

use super::line;
use crate::{
    domain::{
        Batch, BatchId, CancelledBatch, Delivery, FieldError, FieldErrorCode, Fingerprint, Message, MessageId,
        Progress, SegmentLimit, Timestamp,
    },
    vendors::cymba::dialect::batch::{accepted, cancelled, pending, read, report},
};

const ID: &str = "0197a3a0-0000-7000-8000-000000000001";

/// The drafts, each in a line; or the errors.
type Read = Result<Vec<String>, Vec<(Option<usize>, String, FieldErrorCode)>>;

fn read_batch(batch: &Value, allow_multi: bool) -> Read {
    match read(batch.to_string().as_bytes(), SegmentLimit::default(), allow_multi) {
        Ok(read) => Ok(read.drafts.iter().map(line).collect()),
        Err(errors) => Err(errors.into_iter().map(|error| (error.index, error.field, error.code)).collect()),
    }
}

fn valid() -> Value {
    json!({"from": "sender-id", "message": "Hi", "destinations": ["441111111111"]})
}

fn with(field: &str, value: impl Into<Value>) -> Value {
    let mut batch = valid();
    batch[field] = value.into();
    batch
}

#[test]
fn each_destination_becomes_a_draft() {
    let all = json!({
        "from": "sender-id", "message": "Hi", "destinations": ["+441111111111", 442_222_222_222_u64],
        "callback": "https://a.example/r", "channel": "rcs", "fallback_channels": ["sms"],
        "id": ID, "send_at": "2026-01-01T09:00:00Z",
    });
    let rest = "sender-id \"Hi\" https://a.example/r [Rcs, Sms] 2026-01-01T09:00:00Z";
    assert_eq!(read_batch(&all, false), Ok(vec![format!("0 441111111111 {rest}"), format!("1 442222222222 {rest}")]));
    let plain = "0 441111111111 sender-id \"Hi\"";
    for (batch, expected) in [
        (valid(), plain.to_owned()),
        (with("channel", "sms"), format!("{plain} [Sms]")),
        (with("fallback_channels", json!(["rcs"])), format!("{plain} [Sms, Rcs]")),
        (with("fallback_channels", json!([])), plain.to_owned()),
        (with("at", "2026-01-01T09:00:00Z"), format!("{plain} 2026-01-01T09:00:00Z")),
        (with("callback", ""), plain.to_owned()),
        (with("channel", Value::Null), plain.to_owned()),
    ] {
        assert_eq!(read_batch(&batch, false), Ok(vec![expected]), "{batch}");
    }
}

#[test]
fn id_and_time_have_two_names() {
    for name in ["id", "uuid"] {
        let read = read(with(name, ID).to_string().as_bytes(), SegmentLimit::default(), false);
        assert_eq!(read.ok().and_then(|read| read.id), ID.parse().ok(), "{name}");
    }
    let both = |id: &str, uuid: &str| {
        let mut batch = with("id", id);
        batch["uuid"] = uuid.into();
        read_batch(&batch, false).map(|drafts| drafts.len())
    };
    assert_eq!(both(ID, &ID.to_uppercase()), Ok(1));
    let other = "0197a3a0-0000-7000-8000-000000000002";
    assert_eq!(both(ID, other), Err(vec![(None, "uuid".to_owned(), FieldErrorCode::Conflict)]));
}

#[test]
fn text_of_several_parts_needs_leave() {
    let long = with("message", "x".repeat(161));
    assert_eq!(read_batch(&long, false), Err(vec![(None, "message".to_owned(), FieldErrorCode::TooLong)]));
    assert_eq!(read_batch(&long, true).map(|drafts| drafts.len()), Ok(1));
    assert_eq!(read_batch(&with("message", "x".repeat(160)), false).map(|drafts| drafts.len()), Ok(1));
}

#[test]
fn all_errors_are_named() {
    use FieldErrorCode::{Duplicate, Empty, Malformed, Missing, TooLong, TooMany, UnknownValue, WrongType};
    let many: Vec<_> = (0..1001).map(|index| (441_111_111_000_u64 + index).to_string()).collect();
    let channels = |channel: Value, fallback: Value| {
        let mut batch = with("channel", channel);
        batch["fallback_channels"] = fallback;
        batch
    };
    for (batch, errors) in [
        (json!([]), vec![(None, "(body)", WrongType)]),
        (json!({}), vec![(None, "destinations", Missing), (None, "from", Missing), (None, "message", Missing)]),
        (
            json!({"from": {"type": "custom"}, "message": 7, "destinations": "441111111111"}),
            vec![(None, "destinations", WrongType), (None, "from", WrongType), (None, "message", WrongType)],
        ),
        (with("destinations", json!([])), vec![(None, "destinations", Empty)]),
        (with("destinations", many), vec![(None, "destinations", TooMany)]),
        (
            with("destinations", json!(["441111111111", "x", true, "+441111111111", ""])),
            vec![
                (Some(1), "destinations", Malformed),
                (Some(2), "destinations", WrongType),
                (Some(3), "destinations", Duplicate),
                (Some(4), "destinations", Empty),
            ],
        ),
        (with("from", ""), vec![(None, "from", Empty)]),
        (with("message", ""), vec![(None, "message", Empty)]),
        (with("message", "x".repeat(5000)), vec![(None, "message", TooLong)]),
        (with("callback", "ftp://a.example"), vec![(None, "callback", Malformed)]),
        (with("channel", "fax"), vec![(None, "channel", UnknownValue)]),
        (with("channel", json!(["sms"])), vec![(None, "channel", WrongType)]),
        (with("fallback_channels", "sms"), vec![(None, "fallback_channels", WrongType)]),
        (with("fallback_channels", json!([7])), vec![(None, "fallback_channels", WrongType)]),
        (with("fallback_channels", json!(["viber"])), vec![(None, "fallback_channels", UnknownValue)]),
        (with("fallback_channels", json!(["sms"])), vec![(None, "fallback_channels", Duplicate)]),
        (with("id", "7"), vec![(None, "id", Malformed)]),
        (with("uuid", 7), vec![(None, "uuid", WrongType)]),
        (with("send_at", "soon"), vec![(None, "send_at", Malformed)]),
        (with("at", 7), vec![(None, "at", WrongType)]),
        (channels(json!(7), json!([7])), vec![(None, "channel", WrongType), (None, "fallback_channels", WrongType)]),
        (channels(json!("fax"), json!(["sms"])), vec![(None, "channel", UnknownValue)]),
        (channels(json!("rcs"), json!(["sms", "sms"])), vec![(None, "fallback_channels", Duplicate)]),
    ] {
        let errors = errors.into_iter().map(|(index, field, code)| (index, field.to_owned(), code)).collect();
        assert_eq!(read_batch(&batch, true), Err(errors), "{}", batch.to_string().get(..200).unwrap_or("short"));
    }
}

#[test]
fn unknown_and_empty_fields_are_warned_of() {
    let mut batch = with("destination", "441111111111");
    batch["callback"] = "".into();
    let read = read(batch.to_string().as_bytes(), SegmentLimit::default(), false).ok().unwrap();
    let fields: Vec<_> = read.warnings.iter().map(|warning| warning.field.as_str()).collect();
    assert_eq!(fields, ["destination", "callback"]);
}

#[test]
fn warnings_are_limited_so_that_the_answer_fits() {
    let mut batch = valid();
    for index in 0..1000 {
        batch[format!("field {index}")] = 7.into();
    }
    let read = read(batch.to_string().as_bytes(), SegmentLimit::default(), false).ok().unwrap();
    assert_eq!(read.warnings.len(), 100);
}

#[test]
fn rejection_has_the_names_of_the_request_once() {
    let error = |field: &str| FieldError::new(field, FieldErrorCode::Conflict, "words");
    let errors = ["from.value", "id", "send_at"].into_iter().flat_map(|field| [error(field).at(0), error(field).at(1)]);
    let errors: Vec<_> = errors.collect();
    for (batch, expected) in [
        (valid(), ["from", "id", "send_at"]),
        (with("uuid", ID), ["from", "uuid", "send_at"]),
        (with("at", "2026-01-01T09:00:00Z"), ["from", "id", "at"]),
    ] {
        let read = read(batch.to_string().as_bytes(), SegmentLimit::default(), false).ok().unwrap();
        assert_eq!(read.names.rename(errors.clone()), expected.map(error), "{batch}");
    }
}

fn message(index: usize, progress: Progress) -> Message {
    let batch: BatchId = ID.parse().unwrap();
    Message::example().with(|message| {
        message.id = MessageId::of_batch(&message.account, batch, index);
        message.batch = batch;
        message.delivery = Delivery::new(progress, Timestamp::UNIX_EPOCH);
    })
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn answers_have_the_fields_of_the_pages() {
    let queued = message(0, Progress::Queued);
    let accepted = json_of(&accepted(std::slice::from_ref(&queued), &[]).unwrap());
    assert_eq!(accepted, json!({"identifier": ID, "segments": 1, "encoding": "gsm7"}));

    let failed = message(1, Progress::Rejected);
    let both = [queued.clone(), failed.clone()];
    let detail = |message: &Message, failed: bool, info: Value| {
        json!({
            "destination": "+447700900001", "delivered": false, "failed": failed, "batchuuid": ID,
            "messageuuid": message.id, "info": info,
        })
    };
    let rejected = json!({"code": "24", "description": "The message was rejected"});
    let counts = json!({"total": 2, "delivered": 0, "failed": 1});
    assert_eq!(
        json_of(&report(&both, true)),
        json!({"counts": counts, "details": [detail(&queued, false, Value::Null), detail(&failed, true, rejected)]})
    );
    assert_eq!(json_of(&report(&both, false)), json!({"counts": counts}));

    let batch = Batch {
        id: ID.parse().unwrap(),
        account: queued.account.clone(),
        from: "sender-id".parse().unwrap(),
        created_at: Timestamp::UNIX_EPOCH,
        send_at: "2026-01-01T09:00:00Z".parse().ok(),
        message_count: 2,
        segments: 3,
        fingerprint: Fingerprint::of([]),
        cancelled_at: None,
    };
    assert_eq!(
        json_of(&pending(&[batch])),
        json!({"batches": [{
            "identifier": ID, "at": "2026-01-01T09:00:00.000Z", "from": "sender-id", "messagecount": 2, "unitcount": 3,
        }]})
    );
    let counts = CancelledBatch { cancelled: 2, too_late: 1, missing: 0 };
    assert_eq!(
        json_of(&cancelled(ID.parse().unwrap(), counts)),
        json!({"identifier": ID, "cancelled": 2, "too_late": 1})
    );
}
