//! The tables of Cymba Messaging Plus. The pages' samples are in `tests/fixtures/carriers/cymba`.

use serde_json::{Value, json};

use super::Cymba;
use crate::{
    domain::{
        CarrierReceipt, CarrierReply, Channel, CredentialPart, Media, Outcome, ReceiptStatus, ReplyContent,
        ReplyExtras, ReportedStatus, Vendor,
    },
    hash::hmac_sha256,
    vendors::{
        cymba::dialect::event::signature_headers,
        testing::{
            Answer, Outgoing, Read, SignedRow, SubmitRow, Tables, WebhookRow, accepted, bad_item, busy,
            connector_tests, one, receipt, refused_with, rejected, submit, text, unknown, webhook,
        },
    },
};

const RECEIPT: &str = include_str!("../../../../../tests/fixtures/carriers/cymba/receipt.json");
const DELIVERED: &str = include_str!("../../../../../tests/fixtures/carriers/cymba/receipt-delivered.json");
const REPLY: &str = include_str!("../../../../../tests/fixtures/carriers/cymba/reply.json");
const MEDIA: &str = include_str!("../../../../../tests/fixtures/carriers/cymba/reply-media.json");
/// HMAC-SHA256 under `Jefe` of `1796000000.{"delivered":true}`.
const SIGNATURE: &str = "b09b79f206c54686cbbfef4ee2f390a71fb5cca2a1b8023f48ee529d209b2990";
const SIGNED_AT: &str = "1796000000";
const SIGNED: &[u8] = br#"{"delivered":true}"#;
const MESSAGE_ID: &str = "c385bb6e-32f0-4952-a198-c5ed2a00161b";

connector_tests!(tables);

fn tables() -> Tables<Cymba> {
    Tables {
        submits: submits(),
        answers: answers(),
        receipts: receipts(),
        replies: replies(),
        signed: vec![SignedRow {
            secret: "Jefe",
            header: ("signature", SIGNATURE),
            beside: Some(("timestamp", SIGNED_AT)),
            body: SIGNED,
        }],
        ..Tables::of(Vendor::Cymba, &[(CredentialPart::Key, KEY)])
    }
}

/// Needs escapes in a query.
const KEY: &str = "a key&b=c";

fn submits() -> Vec<SubmitRow> {
    let example = Outgoing::example;
    let plain = r#"{"messages":[{"from":{"type":"custom","value":"SenderName"},"to":"447911000001","body":"Hi","callback":"https://gateway.example/dlr/a-carrier/a-token/0197a3a0000070008000000000000001","channels":["sms"]}]}"#;
    let over_rcs = plain.replace(r#"["sms"]"#, r#"["rcs"]"#);
    let from_number = plain.replace("SenderName", "441234567890");
    let line = "POST /message?key=a+key%26b%3Dc";
    vec![
        submit(example(), format!("{line}\ncontent-type: application/json\n\n{plain}")),
        submit(example(), format!("POST /proxy/message?key=k\n\n{plain}"))
            .below("proxy/")
            .credentials(&[(CredentialPart::Key, "k")]),
        submit(Outgoing { channel: Channel::Rcs, ..example() }, format!("{line}\n\n{over_rcs}")),
        submit(Outgoing { from: "+441234567890".parse().unwrap(), ..example() }, format!("{line}\n\n{from_number}")),
    ]
}

fn answers() -> Vec<(Answer, Outcome)> {
    let listed = |message: Value| Answer::from(format!("200\n\n{}", json!({"messages": [message]})));
    let sample = |name: &str| Answer::from(format!("200\n\n{name}"));
    let unreadable = || unknown("status 200, unreadable answer");
    vec![
        (sample(include_str!("../../../../../tests/fixtures/carriers/cymba/answer.json")), accepted(Some(MESSAGE_ID))),
        (
            sample(include_str!("../../../../../tests/fixtures/carriers/cymba/answer-owned.json")),
            accepted(Some("473107f1-ae0f-4a8b-834f-3dd36a764c5b")),
        ),
        (
            sample(include_str!("../../../../../tests/fixtures/carriers/cymba/answer-shared.json")),
            accepted(Some("93eb613f-453f-4062-9bc5-763c05b5a65b")),
        ),
        (
            sample(include_str!("../../../../../tests/fixtures/carriers/cymba/answer-several.json")),
            accepted(Some("73eaee49-64df-4564-81ee-22752014eb78")),
        ),
        ("201\n\n{\"messages\":{\"messageuuid\":7}}".into(), accepted(Some("7"))),
        (listed(json!({"messageUuid": "i".repeat(101)})), accepted(None)),
        (listed(json!({"batchUuid": "b1"})), unreadable()),
        (listed(json!({"messageUuid": ""})), unreadable()),
        (listed(json!("m1")), unreadable()),
        ("200\n\n{\"messages\":[]}".into(), unreadable()),
        ("200\n\n{\"identifier\":\"b1\"}".into(), unreadable()),
        ("200\n\n<html>".into(), unreadable()),
        ("202".into(), unknown("status 202, unreadable answer")),
        (
            format!("400\n\n{}", include_str!("../../../../../tests/fixtures/carriers/cymba/answer-refused.json"))
                .into(),
            rejected("status 400: The account does not own the sender ID"),
        ),
        (
            "422\n\n{\"errors\":[{\"message\":\"441111111111 is no number\"}]}".into(),
            rejected("status 422: … is no number"),
        ),
        ("400".into(), rejected("status 400")),
        ("413\n\n<html>".into(), rejected("status 413")),
        ("401\n\n{\"message\":\"no such key\"}".into(), refused_with(401)),
        ("402".into(), refused_with(402)),
        ("403".into(), refused_with(403)),
        ("404".into(), refused_with(404)),
        ("405".into(), refused_with(405)),
        ("429\nretry-after: 7".into(), busy(Some(7), "busy (status 429)")),
        ("503".into(), busy(None, "busy (status 503)")),
        ("500\n\n{\"messages\":[{\"messageUuid\":\"m1\"}]}".into(), unknown("status 500")),
    ]
}

fn receipts() -> Vec<WebhookRow<CarrierReceipt>> {
    let about = |status: ReceiptStatus, code: Option<&str>, description: Option<&str>| CarrierReceipt {
        carrier_id: text(MESSAGE_ID),
        code: code.map(str::to_owned),
        description: description.map(str::to_owned),
        ..receipt(status)
    };
    let delivered = || about(ReceiptStatus::Delivered, Some("00"), Some("Successful"));
    let absent = || about(ReceiptStatus::Undelivered, Some("22"), Some("No response from the handset"));
    let with = |field: &str, value: Value| {
        let mut receipt: Value = serde_json::from_str(RECEIPT).unwrap();
        receipt[field] = value;
        receipt.to_string()
    };
    let unknown_status = CarrierReceipt {
        status: ReportedStatus::Unknown("1A".to_owned()),
        ..about(ReceiptStatus::Undelivered, Some("1A"), None)
    };
    let undecided = |info: Value| json!({"messageuuid": MESSAGE_ID, "receiptInfo": info}).to_string();
    vec![
        webhook(RECEIPT, one(absent())),
        webhook(DELIVERED, one(delivered())),
        webhook(
            with("delivered", json!(true)),
            one(CarrierReceipt { status: ReceiptStatus::Delivered.into(), ..absent() }),
        ),
        webhook(with("receiptInfo", json!(null)), one(about(ReceiptStatus::Undelivered, None, None))),
        webhook(with("receiptInfo", json!({"code": ""})), one(about(ReceiptStatus::Undelivered, None, None))),
        webhook(with("delivered", json!(null)), one(absent())),
        webhook(undecided(json!({"code": "00"})), one(about(ReceiptStatus::Delivered, Some("00"), None))),
        webhook(undecided(json!({"code": 0})), one(about(ReceiptStatus::Delivered, Some("0"), None))),
        webhook(undecided(json!({"code": "22"})), one(about(ReceiptStatus::Undelivered, Some("22"), None))),
        webhook(undecided(json!({"code": "1A"})), one(unknown_status)),
        webhook(undecided(json!({})), bad_item("field 'delivered' is missing")),
        webhook(with("delivered", json!("447911123456")), bad_item("field 'delivered' is neither true nor false")),
        webhook(r#"{"Delivered":true}"#, one(receipt(ReceiptStatus::Delivered))),
        webhook(format!("[{RECEIPT},7,{DELIVERED}]"), Ok(vec![Ok(absent()), Err("(body)"), Ok(delivered())])),
        webhook("[]", Ok(Vec::new())),
        webhook("7", bad_item("(body)")),
        webhook("nonsense", Err("(body)")),
        webhook("", Err("(body)")),
    ]
}

fn replies() -> Vec<WebhookRow<CarrierReply>> {
    let plain = || CarrierReply {
        id: "0b8f3a52-7c1d-4e6b-9a20-5f4c3d2e1a00".to_owned(),
        from: "441234567890".parse().unwrap(),
        from_name: None,
        to: "449999999999".parse().ok(),
        content: ReplyContent::of_text("Yes, please"),
        channel: Channel::Sms,
        at: "2026-01-01T09:30:00Z".parse().ok(),
        answers: None,
    };
    let file = |name: Option<&str>, uri: &str, mime_type: Option<&str>| Media {
        name: name.map(str::to_owned),
        uri: uri.to_owned(),
        mime_type: mime_type.map(str::to_owned),
        height: None,
    };
    let media = vec![
        file(Some("p1"), "https://media.example/1.jpg", Some("image/jpeg")),
        file(None, "https://media.example/2.mp4", None),
    ];
    let custom = Some(json!({"contacts": [{"name": {"formatted_name": "Ann Example"}}]}));
    let everything = CarrierReply {
        id: "0b8f3a52-7c1d-4e6b-9a20-5f4c3d2e1a01".to_owned(),
        from: "72404".parse().unwrap(),
        from_name: text("Ann"),
        content: ReplyContent { text: String::new(), extras: ReplyExtras { media, custom } },
        channel: Channel::Rcs,
        ..plain()
    };
    let with = |field: &str, value: Value| {
        let mut reply: Value = serde_json::from_str(REPLY).unwrap();
        reply[field] = value;
        reply.to_string()
    };
    let only_file = |value: Value| {
        let mut reply: Value = serde_json::from_str(&with("message", json!(null))).unwrap();
        reply["media"] = value;
        reply.to_string()
    };
    let only = |media: Vec<Media>| ReplyContent { text: String::new(), extras: ReplyExtras { media, custom: None } };
    let broken: Read<CarrierReply> = Err("(body)");
    vec![
        webhook(REPLY, one(plain())),
        webhook(MEDIA, one(everything)),
        webhook(with("from", json!("+44 1234567890")), bad_item("from")),
        webhook(with("from", json!("+441234567890")), one(plain())),
        webhook(with("channel", json!("WhatsApp")), one(CarrierReply { channel: Channel::WhatsApp, ..plain() })),
        webhook(with("channel", json!("fax")), one(plain())),
        webhook(with("at", json!("soon")), one(CarrierReply { at: None, ..plain() })),
        webhook(with("at", json!("2026-01-01T10:30:00+01:00")), one(plain())),
        webhook(with("message_uuid", json!("0197a3a0-0000-7000-8000-000000000001")), one(plain())),
        webhook(with("message", json!("")), one(CarrierReply { content: ReplyContent::of_text(""), ..plain() })),
        webhook(
            only_file(json!({"url": "u"})),
            one(CarrierReply { content: only(vec![file(None, "u", None)]), ..plain() }),
        ),
        webhook(only_file(json!([])), bad_item("field 'message' is missing")),
        webhook(only_file(json!(["u"])), bad_item("media")),
        webhook(only_file(json!([{"name": "447911123456"}])), bad_item("media.url")),
        webhook(with("message", json!(["447911123456"])), bad_item("message")),
        webhook(with("mo_uuid", json!("")), bad_item("field 'mo_uuid' is missing")),
        webhook(with("from", json!(null)), bad_item("from")),
        webhook(with("from", json!("07911123456")), bad_item("from")),
        webhook(with("to", json!("#447911123456")), bad_item("to")),
        webhook(format!("[{REPLY},{{}}]"), Ok(vec![Ok(plain()), Err("mo_uuid")])),
        webhook("nonsense", broken),
    ]
}

#[test]
fn signature_is_that_of_our_own_dialect() {
    let body = std::str::from_utf8(SIGNED).unwrap();
    let headers = signature_headers(b"Jefe", SIGNED_AT.parse().unwrap(), body);
    assert_eq!(headers[0], ("signature", SIGNATURE.to_owned()));
    assert_eq!(hex::encode(hmac_sha256(b"Jefe", &[SIGNED_AT.as_bytes(), b".", SIGNED])), SIGNATURE);
}
