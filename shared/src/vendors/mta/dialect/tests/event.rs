use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    domain::{
        BatchId, Channel, Dialect, Media, Message, Progress, ReceiptStatus, Receipts, Reply, ReplyContent, ReplyExtras,
        ReplyId, RequestNumber, State, StateChange, Timestamp,
    },
    vendors::{
        DialectFormat,
        mta::dialect::{
            Mta,
            event::{delivery_status, message_reply, message_send, number_opt_in},
        },
        testing::dialect::{check_events, sample_receipt, sample_reply},
    },
};

fn message() -> Message {
    Message::example().with(|message| {
        message.request.dialect = Dialect::Mta;
        message.batch = BatchId::of_number(&message.account, RequestNumber::new(4711).unwrap());
    })
}

fn labelled() -> Message {
    message().with(|message| {
        message.request.reference = Some("RequestId-4e0242e2-d101".parse().unwrap());
        message.request.tags = serde_json::from_value(json!({"ABCompanyId": "4e0242e2-d101"})).unwrap();
    })
}

fn status(at: &str, status: &str, labels: &str) -> String {
    format!(
        r#"{{"type":"delivery-status","messageId":4711,"destinationNumber":"+447700900001","status":"{status}",{labels},"senderName":"+441234567890","longcodeId":441234567890,"threadId":447700900001,"timestamp":"{at}"}}"#
    )
}

#[test]
fn each_notified_state_has_its_callback() {
    let plain = |word| status("1970-01-01T00:00:00.000Z", word, r#""externalId":null"#);
    let rows = [
        (State::Submitted, plain("sent")),
        (State::Blocked, plain("undeliverable")),
        (State::Rejected, plain("rejected")),
        (State::Failed, plain("undeliverable")),
        (State::Expired, plain("undelivered")),
        (State::Undelivered, plain("undelivered")),
        (State::Delivered, plain("delivered")),
    ];
    let rows: Vec<_> = rows.iter().map(|(state, body)| (*state, body.as_str())).collect();
    check_events(&message(), &rows, delivery_status);
}

#[test]
fn callback_has_the_labels_and_the_time_of_its_state() {
    let message = labelled().with(|message| {
        message.delivery.progress = Progress::Submitted;
        let at = Timestamp::from_millisecond(1_500).unwrap();
        message.delivery.history.push(StateChange { state: State::Submitted, at, reason: None });
        message.delivery.receipts = Receipts::new(vec![sample_receipt(ReceiptStatus::Delivered, None)]);
    });
    let labels = r#""externalId":"RequestId-4e0242e2-d101","tags":{"ABCompanyId":"4e0242e2-d101"}"#;
    for (state, expected) in [
        (State::Submitted, status("1970-01-01T00:00:01.500Z", "sent", labels)),
        (State::Delivered, status("1970-01-01T00:01:00.000Z", "delivered", labels)),
    ] {
        assert_eq!(delivery_status(&message, state), Some(expected));
    }
    let sent = status("1970-01-01T00:00:01.500Z", "sent", labels)
        .replace("delivery-status", "message-send")
        .replace(r#""status":"sent","#, "");
    assert_eq!(message_send(&message), sent);
}

#[test]
fn outcome_that_stayed_unknown_is_unknown() {
    let message = message().with(|message| {
        message.delivery.progress = Progress::Failed;
        let change = |state, reason: Option<&str>| StateChange {
            state,
            at: Timestamp::UNIX_EPOCH,
            reason: reason.map(str::to_owned),
        };
        message.delivery.history.extend([change(State::Unknown, None), change(State::Failed, Some("no receipt"))]);
    });
    let callback: Value = serde_json::from_str(&delivery_status(&message, State::Failed).unwrap()).unwrap();
    assert_eq!(callback["status"], "unknown");
}

#[test]
fn sender_without_a_number_has_an_id_of_its_own() {
    let message = message().with(|message| message.request.from.id = "CM.com".parse().unwrap());
    let callback: Value = serde_json::from_str(&message_send(&message)).unwrap();
    let id = message.request.from.id.number();
    assert!(id > 1 << 52);
    assert_eq!((&callback["senderName"], &callback["longcodeId"]), (&json!("CM.com"), &json!(id)));
}

fn media(uri: &str) -> Media {
    Media { name: None, uri: uri.to_owned(), mime_type: None, height: None }
}

fn reply_to(message: Option<&Message>) -> Reply {
    let id = "0197a3a0-0000-7000-ffff-fffffffffffe".parse::<ReplyId>().unwrap();
    Reply { id, ..sample_reply(Dialect::Mta, "12345", Channel::Sms, message) }
}

#[test]
fn reply_has_the_labels_of_the_message_that_it_answers() {
    let expected = r#"{"type":"message-reply","fromNumber":"+447700900001","toNumber":"12345","messageId":9007199254740990,"replyId":9007199254740990,"externalId":"RequestId-4e0242e2-d101","message":"Yes \"please\"","tags":{"ABCompanyId":"4e0242e2-d101"},"longcodeId":12345,"threadId":447700900001,"timestamp":"2026-01-01T07:30:00.999Z"}"#;
    assert_eq!(message_reply(&reply_to(Some(&labelled()))), expected);
    let labels =
        r#""externalId":"RequestId-4e0242e2-d101","message":"Yes \"please\"","tags":{"ABCompanyId":"4e0242e2-d101"}"#;
    let unasked = expected.replace(labels, r#""externalId":null,"message":"Yes \"please\"""#);
    assert_eq!(message_reply(&reply_to(None)), unasked);
}

/// Returns the given fields from a reply's callback, with `absent` for an absent field.
fn fields<const N: usize>(reply: &Reply, names: [&str; N]) -> [Value; N] {
    let written: Value = serde_json::from_str(&message_reply(reply)).unwrap();
    names.map(|name| written.get(name).cloned().unwrap_or_else(|| "absent".into()))
}

#[test]
fn each_content_of_a_reply_has_its_fields() {
    let [one, two] = ["https://media.example/1.jpg", "https://media.example/2"];
    let location = json!({"location": {"latitude": 51.6, "longitude": 4.77}});
    for (text, files, custom, expected) in [
        ("Hi", vec![], None, [json!("Hi"), json!("absent"), json!("absent"), json!("absent")]),
        ("", vec![media(one)], None, [json!("absent"), json!(one), json!("absent"), json!("absent")]),
        ("Hi", vec![media(one)], None, [json!("Hi"), json!(one), json!("absent"), json!("absent")]),
        ("", vec![media(one), media(two)], None, [json!("absent"), json!(one), json!([one, two]), json!("absent")]),
        ("", vec![], None, [json!(""), json!("absent"), json!("absent"), json!("absent")]),
        ("", vec![], Some(location.clone()), [json!(""), json!("absent"), json!("absent"), location]),
    ] {
        let content = ReplyContent { text: text.to_owned(), extras: ReplyExtras { media: files, custom } };
        let reply = Reply { content, ..reply_to(None) };
        assert_eq!(fields(&reply, ["message", "url", "urls", "custom"]), expected);
    }
}

#[test]
fn sender_of_a_reply_may_have_a_name_or_no_number() {
    let named = Reply { from_name: Some("Ann".to_owned()), ..reply_to(None) };
    assert_eq!(fields(&named, ["fromName", "fromNumber"]), [json!("Ann"), json!("+447700900001")]);
    let other = Reply { from: "72404".parse().unwrap(), ..reply_to(None) };
    assert_eq!(fields(&other, ["fromName", "fromNumber", "threadId"]), [json!("absent"), json!("72404"), Value::Null]);
}

#[test]
fn only_a_start_is_an_opt_in() {
    assert_eq!(number_opt_in(&reply_to(None)), None);
    let start = Reply { opts_in: true, ..reply_to(None) };
    let expected = r#"{"type":"number-opt-in","number":"+447700900001","optInType":"keyword","toNumber":"12345","longcodeId":12345,"timestamp":"2026-01-01T07:30:00.999Z"}"#;
    assert_eq!(number_opt_in(&start).as_deref(), Some(expected));
}

#[test]
fn signature_is_the_hex_hmac_of_the_body() {
    // RFC 4231, test case 2.
    let headers = Mta::signature_headers(b"Jefe", 7, "what do ya want for nothing?");
    let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    assert_eq!(headers, [("x-signature", expected.to_owned())]);
}

#[test]
fn only_200_is_success() {
    let success: Vec<_> = (200..300).filter(|code| Mta::is_success(StatusCode::from_u16(*code).unwrap())).collect();
    assert_eq!(success, [200]);
}
