//! Status reports and replies: a state or a reply, and the callback that it becomes.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::event::{notifies, reply, status_report};
use crate::{
    domain::{
        Channel, Dialect, Groupings, Media, Message, Progress, ReceiptStatus, Receipts, Reply, ReplyContent,
        ReplyExtras, State, StateChange,
    },
    vendors::testing::{
        dialect::{check_events, sample_receipt, sample_reply},
        text,
    },
};

/// Returns the report with this status.
fn report(received: &str, status: [&str; 3], labels: &str) -> String {
    let [code, error, description] = status;
    format!(
        r#"{{"messages":{{"msg":{{"received":"{received}","to":"00447700900001",{labels},"status":{{"code":"{code}","errorCode":"{error}","errorDescription":"{description}"}},"operator":"","channel":"sms","customGrouping":"","customGrouping2":"","customGrouping3":""}}}}}}"#
    )
}

#[test]
fn each_state_has_its_report() {
    let rows = [
        (State::Submitted, ["0", "", ""]),
        (State::Rejected, ["1", "20", "The message was rejected"]),
        (State::Blocked, ["1", "23", "The recipient has opted out of this sender"]),
        (State::Delivered, ["2", "", ""]),
        (State::Undelivered, ["3", "5", "The network could not deliver the message"]),
        (State::Expired, ["3", "8", "The message expired before it could be delivered"]),
        (State::Failed, ["3", "25", "The message could not be sent, or its outcome stayed unknown"]),
        (State::Read, ["4", "", ""]),
    ];
    let rows = rows.map(|(state, status)| (state, report("1970-01-01T00:00:00", status, r#""reference":"""#)));
    let rows: Vec<_> = rows.iter().map(|(state, body)| (*state, body.as_str())).collect();
    check_events(&Message::example(), &rows, status_report);
    assert!(rows.iter().all(|(state, _)| notifies(*state)));
}

#[test]
fn report_has_the_carriers_words_or_our_reason() {
    let at = |seconds: i64| Timestamp::from_second(seconds).unwrap();
    let labels = r#""reference":"order-7""#;
    let message = Message::example().with(|message| {
        message.request.reference = "order-7".parse().ok();
        message.delivery.progress = Progress::Failed;
        message.delivery.history.extend([
            StateChange { state: State::Unknown, at: at(90), reason: None },
            StateChange { state: State::Failed, at: at(120), reason: text("gave up") },
        ]);
        message.delivery.receipts = Receipts::new(vec![
            sample_receipt(ReceiptStatus::Undelivered, text("Absent subscriber")),
            sample_receipt(ReceiptStatus::Expired, None),
            sample_receipt(ReceiptStatus::Delivered, text("Thanks")),
        ]);
    });
    for (state, received, status) in [
        (State::Undelivered, "1970-01-01T00:01:00", ["3", "5", "Absent subscriber"]),
        (State::Expired, "1970-01-01T00:01:00", ["3", "8", "The message expired before it could be delivered"]),
        (State::Delivered, "1970-01-01T00:01:00", ["2", "", ""]),
        (State::Failed, "1970-01-01T00:02:00", ["3", "25", "gave up"]),
        (State::Rejected, "1970-01-01T00:00:00", ["1", "20", "The message was rejected"]),
    ] {
        assert_eq!(status_report(&message, state), Some(report(received, status, labels)), "{state:?}");
    }
}

#[test]
fn each_reply_has_its_callback() {
    let answered = Message::example().with(|message| {
        message.request.reference = "order-7".parse().ok();
        message.request.groupings = Groupings::parse(["a".to_owned(), String::new(), "c".to_owned()]).unwrap();
    });
    let of = |to, channel, message| sample_reply(Dialect::Cm, to, channel, message);
    for (reply_of, to, rest) in [
        (
            of("441234567890", Channel::Sms, None),
            "00441234567890",
            r#""reference":"","groupings":["","",""],"timeUtc":"2026-01-01T07:30:00","channel":"SMS""#,
        ),
        (
            of("12345", Channel::AppleBusinessChat, Some(&answered)),
            "12345",
            r#""reference":"order-7","groupings":["a","","c"],"timeUtc":"2026-01-01T07:30:00","channel":"Apple Business Chat""#,
        ),
        (
            of("CM Test", Channel::WhatsApp, None),
            "CM Test",
            r#""reference":"","groupings":["","",""],"timeUtc":"2026-01-01T07:30:00","channel":"WhatsApp""#,
        ),
    ] {
        let expected = format!(
            r#"{{"from":{{"number":"00447700900001","name":""}},"to":{{"number":"{to}"}},"message":{{"text":"Yes \"please\"","media":{{"mediaUri":"","contentType":"","title":""}},"custom":{{}}}},{rest},"messageContext":""}}"#
        );
        assert_eq!(reply(&reply_of), expected);
    }
}

#[test]
fn reply_keeps_files_custom_content_and_name() {
    let file = |uri: &str, mime_type: Option<&str>, name: Option<&str>| Media {
        name: name.map(str::to_owned),
        uri: uri.to_owned(),
        mime_type: mime_type.map(str::to_owned),
        height: None,
    };
    let photo = file("https://media.example/1.jpg", Some("image/jpeg"), Some("p1"));
    let location = json!({"location": {"latitude": 51.603_802, "label": "Office"}});
    let more = json!({"mediaUri": "https://media.example/2.mp4", "contentType": "", "title": ""});
    let video = || file("https://media.example/2.mp4", None, None);
    for (media, custom, expected) in [
        (vec![photo.clone()], Some(location.clone()), location.clone()),
        (vec![photo.clone(), video()], None, json!({"media": [more]})),
        (vec![photo.clone(), video()], Some(json!([7])), json!({"custom": [7], "media": [more]})),
    ] {
        let reply_of = Reply {
            from: "72404".parse().unwrap(),
            from_name: Some("Ann".to_owned()),
            content: ReplyContent { text: String::new(), extras: ReplyExtras { media, custom } },
            ..sample_reply(Dialect::Cm, "12345", Channel::WhatsApp, None)
        };
        let event: Value = serde_json::from_str(&reply(&reply_of)).unwrap();
        assert_eq!(event["from"], json!({"number": "72404", "name": "Ann"}));
        let media = json!({"mediaUri": "https://media.example/1.jpg", "contentType": "image/jpeg", "title": "p1"});
        assert_eq!(event["message"], json!({"text": "", "media": media, "custom": expected}));
    }
}

#[test]
fn unfinished_and_cancelled_states_are_not_reported() {
    for state in [State::Scheduled, State::Queued, State::Submitting, State::Unknown, State::Cancelled] {
        assert!(!notifies(state), "{state:?}");
    }
}
