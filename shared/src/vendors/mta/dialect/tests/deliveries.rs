//! Deliveries: queries as we read them, and messages with their rows.

use serde_json::json;
use strum::IntoEnumIterator;

use super::{all_named, json, parameter};
use crate::{
    domain::{
        BatchId, Content, FieldErrorCode as Code, Message, Progress, Receipt, ReceiptStatus, Receipts, RequestNumber,
        State, StateChange, Tags, Text, Timestamp,
    },
    vendors::{
        mta::dialect::{
            deliveries::{Query, list},
            event::{STATUSES, status},
            paging::Paging,
        },
        testing::dialect::sample_receipt,
    },
};

fn read(query: &str) -> Query {
    Query::read(&|name| parameter(query, name)).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn every_parameter_is_read() {
    let plain = read("");
    assert_eq!((plain.paging, plain.oldest_first), (Paging { page: 0, size: 25 }, false));
    assert_eq!((plain.since, plain.until, &plain.text, plain.needs_content()), (None, None, &None, false));
    let full = "page=2&pageSize=50&sortBy=date&sortDirection=ASC&query=order%204711&filters%5BstartDate%5D=2026-11-01\
        &filters[endDate]=2026-11-30&filters%5Btype%5D=sms&filters%5Bstatus%5D=delivered&unknown=1";
    let short = "page=2&pageSize=50&sortBy=date&sortDirection=ASC&query=order+4711&startDate=2026-11-01\
        &endDate=2026-11-30&type=sms&status=delivered";
    assert_eq!(read(full), read(short));
    let full = read(full);
    assert_eq!((full.paging, full.oldest_first), (Paging { page: 2, size: 50 }, true));
    assert_eq!(full.text.as_deref(), Some("order 4711"));
    assert_eq!((full.since, full.until), (Some(at("2026-11-01T00:00:00Z")), Some(at("2026-11-30T23:59:59.999Z"))));
    assert!(full.needs_content());
    let empty = "page=&pageSize=&sortBy=&sortDirection=&query=&startDate=&filters[endDate]=&type=&status=";
    assert_eq!(read(empty), plain);
    for (written, start) in [
        ("2026-11-01T12:30:00%2B01:00", "2026-11-01T11:30:00Z"),
        ("20261101T120000-0000", "2026-11-01T12:00:00Z"),
        ("20261101", "2026-11-01T00:00:00Z"),
    ] {
        assert_eq!(read(&format!("startDate={written}")).since, Some(at(start)), "{written}");
    }
    for (written, end) in [
        ("2026-11-01T12:30:00Z", "2026-11-01T12:30:00Z"),
        ("20261101T120000-0000", "2026-11-01T12:00:00Z"),
        ("20261101", "2026-11-01T23:59:59.999Z"),
    ] {
        assert_eq!(read(&format!("filters%5BendDate%5D={written}")).until, Some(at(end)), "{written}");
    }
}

#[test]
fn each_invalid_parameter_is_named() {
    for (query, name, code) in [
        ("page=x", "page", Code::Malformed),
        ("pageSize=101", "pageSize", Code::Malformed),
        ("sortBy=status", "sortBy", Code::UnknownValue),
        ("sortDirection=up", "sortDirection", Code::UnknownValue),
        ("startDate=yesterday", "startDate", Code::Malformed),
        ("filters%5BstartDate%5D=2026-13-01", "filters[startDate]", Code::Malformed),
        ("filters[endDate]=x", "filters[endDate]", Code::Malformed),
        ("filters[startDate]=2026-11-02&endDate=2026-11-01", "filters[endDate]", Code::Conflict),
        ("status=lost", "status", Code::UnknownValue),
        ("filters[status]=Delivered", "filters[status]", Code::UnknownValue),
        ("type=fax", "type", Code::UnknownValue),
        ("status=sent&filters[status]=sent", "status", Code::Duplicate),
        ("query=%FF", "query", Code::Malformed),
        ("query=a%00", "query", Code::Malformed),
        (&format!("query={}", "x".repeat(401)), "query", Code::TooLong),
    ] {
        let errors = Query::read(&|name| parameter(query, name)).unwrap_err();
        assert_eq!(all_named(&errors), [(name.to_owned(), code)], "{query}");
    }
}

fn in_state(state: State) -> Message {
    Message::example().with(|message| {
        let progress = Progress::iter().find(|progress| progress.state() == state);
        message.delivery.progress = progress.unwrap_or(Progress::Submitted);
        let receipt = ReceiptStatus::iter().find(|status| progress.is_none() && status.state() == state);
        if let Some(status) = receipt {
            let at = "2026-11-30T09:00:01Z".parse().unwrap();
            message.delivery.receipts = Receipts::new(vec![Receipt { at, ..sample_receipt(status, None) }]);
        }
    })
}

#[test]
fn every_status_can_be_asked_for() {
    for state in State::iter() {
        let message = in_state(state);
        assert_eq!(message.state(), state);
        let word = status(&message, state);
        assert!(STATUSES.contains(&word), "{word}");
        for asked in STATUSES {
            assert_eq!(read(&format!("status={asked}")).admits(&message), asked == word, "{state:?} {asked}");
        }
    }
    for (state, word) in [
        (State::Submitted, "sent"),
        (State::Delivered, "delivered"),
        (State::Read, "delivered"),
        (State::Undelivered, "undelivered"),
        (State::Expired, "undelivered"),
        (State::Blocked, "undeliverable"),
        (State::Rejected, "rejected"),
        (State::Unknown, "unknown"),
    ] {
        assert_eq!(status(&in_state(state), state), word);
    }
}

#[test]
fn type_is_mms_if_there_is_rich_content() {
    let plain = Message::example();
    let rich = serde_json::from_value::<Content>(json!({"conversation": [{"text": "Hi"}]})).unwrap();
    let rich = Message::example().with(|message| message.request.content = Some(rich.into()));
    for (asked, expected) in [("sms", [true, false]), ("mms", [false, true]), ("tts", [false, false])] {
        let query = read(&format!("type={asked}"));
        assert_eq!([query.admits(&plain), query.admits(&rich)], expected, "{asked}");
    }
    assert!(!read("type=sms&status=delivered").admits(&plain));
}

#[test]
fn row_has_the_newest_status_and_the_request() {
    let message = in_state(State::Delivered).with(|message| {
        let number = RequestNumber::new(4711).unwrap();
        message.batch = BatchId::of_number(&message.account, number);
        message.request.reference = Some("order 7".parse().unwrap());
        message.request.tags = Tags::parse([("k".to_owned(), "v".to_owned())].into()).unwrap();
        message.request.send_at = Some("2026-12-01T09:00:00Z".parse().unwrap());
        let sent = StateChange { state: State::Submitted, at: "2026-11-30T09:00:00Z".parse().unwrap(), reason: None };
        message.delivery.history.push(sent);
    });
    let paging = Paging { page: 3, size: 1 };
    let row = json!({"messageId": 4711, "externalId": "order 7", "tags": {"k": "v"}, "number": "+447700900001",
        "date": "1970-01-01T00:00:00.000Z", "status": "delivered", "statusDate": "2026-11-30T09:00:01.000Z",
        "type": "sms", "message": "Hi", "segments": 1, "senderName": "+441234567890",
        "longcodeId": 441_234_567_890_u64, "threadId": 447_700_900_001_u64,
        "scheduledDate": "2026-12-01T09:00:00.000Z"});
    let data = json!({"rows": [row], "page": 3, "pageSize": 1, "total": 9});
    let expected = json!({"success": true, "message": "Deliveries retrieved successfully.", "data": data});
    assert_eq!(json(&list(&[message], paging, 9, false)), expected);
    let plain = json(&list(&[Message::example()], paging, 1, true))["data"].clone();
    let row = &plain["rows"][0];
    assert_eq!((&row["externalId"], &row["tags"], &row["scheduledDate"]), (&json!(null), &json!({}), &json!(null)));
    assert_eq!((&row["status"], &row["statusDate"]), (&json!("queued"), &json!("1970-01-01T00:00:00.000Z")));
    assert_eq!(plain["omitsOlder"], true);
}

#[test]
fn very_long_text_is_cut() {
    let limit = crate::domain::SegmentLimit(255);
    let message = Message::example().with(|message| {
        message.request.text = Text::parse("é".repeat(5_001).as_str(), limit).unwrap();
    });
    let answer = json(&list(&[message], Paging { page: 0, size: 25 }, 1, false));
    assert_eq!(answer["data"]["rows"][0]["message"], "é".repeat(5_000));
}
