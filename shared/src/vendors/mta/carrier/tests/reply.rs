//! `message-reply`.

use serde_json::{Value, json};

use crate::{
    domain::{CarrierReply, CarrierSettings, Channel, Media, ReplyContent, ReplyExtras},
    hash::sha256_hex,
    vendors::testing::{REFERENCE, WebhookRow, bad_item, one, webhook},
};

const REPLY: &str = include_str!("../../../../../../tests/fixtures/carriers/mta/reply.json");
const MEDIA: &str = include_str!("../../../../../../tests/fixtures/carriers/mta/reply-media.json");
const OPT_IN: &str = include_str!("../../../../../../tests/fixtures/carriers/mta/reply-opt-in.json");
const RECEIPT: &str = include_str!("../../../../../../tests/fixtures/carriers/mta/receipt.json");
const IS_RECEIPT: &str = "field 'type' is delivery-status, which belongs to the address of receipts";

pub(super) fn rows() -> Vec<WebhookRow<CarrierReply>> {
    let mut rows = vec![
        webhook(REPLY, one(sample())),
        webhook(MEDIA, one(CarrierReply { from: "5555550123".parse().unwrap(), ..of_media() })),
        webhook(MEDIA, one(of_media())).set(of_america),
        webhook(format!("[{REPLY},{OPT_IN},{{}},{MEDIA}]"), Ok(vec![Ok(sample()), Err("fromNumber"), Ok(of_media())]))
            .set(of_america),
        webhook("nonsense", Err("(body)")),
    ];
    rows.extend(numbers());
    rows.extend(ids());
    rows.extend(changes());
    rows.extend(errors());
    rows
}

fn of_america(settings: &mut CarrierSettings) {
    settings.country_code = "1".parse().ok();
}

fn sample() -> CarrierReply {
    CarrierReply {
        id: "7713 5521".to_owned(),
        from: "447911123456".parse().unwrap(),
        from_name: None,
        to: "441234567890".parse().ok(),
        content: ReplyContent::of_text("Yes, please"),
        channel: Channel::Sms,
        at: "2026-11-29T09:30:00Z".parse().ok(),
        answers: REFERENCE.parse().ok(),
    }
}

fn of_media() -> CarrierReply {
    CarrierReply {
        id: "7714".to_owned(),
        from: "15555550123".parse().unwrap(),
        to: None,
        content: with_files("", &["https://media.example/1.jpg"]),
        at: None,
        ..sample()
    }
}

fn with_files(text: &str, urls: &[&str]) -> ReplyContent {
    let file = |url: &&str| Media { name: None, uri: (*url).to_owned(), mime_type: None, height: None };
    ReplyContent { text: text.to_owned(), extras: ReplyExtras { media: urls.iter().map(file).collect(), custom: None } }
}

fn with(field: &str, value: Value) -> String {
    let mut reply: Value = serde_json::from_str(REPLY).unwrap();
    reply[field] = value;
    reply.to_string()
}

/// National and international numbers, and numbers without a country.
fn numbers() -> Vec<WebhookRow<CarrierReply>> {
    let from = |digits: &str| CarrierReply { from: digits.parse().unwrap(), ..sample() };
    let to = |sender: &str| CarrierReply { to: sender.parse().ok(), ..sample() };
    vec![
        webhook(with("fromNumber", json!("447911123456")), one(sample())),
        webhook(with("fromNumber", json!(447_911_123_456_u64)), one(sample())),
        webhook(with("fromNumber", json!("2025550123")), one(from("12025550123"))).set(of_america),
        webhook(with("fromNumber", json!("72404")), one(from("72404"))).set(of_america),
        webhook(with("toNumber", json!("2025550123")), one(to("12025550123"))).set(of_america),
        webhook(with("toNumber", json!("2025550123")), one(to("2025550123"))),
        webhook(with("toNumber", json!("12345")), one(to("12345"))).set(of_america),
        webhook(with("toNumber", json!(null)), one(CarrierReply { to: None, ..sample() })),
    ]
}

fn ids() -> Vec<WebhookRow<CarrierReply>> {
    let of = |id: &str| CarrierReply { id: id.to_owned(), ..sample() };
    let nameless = json!({"fromNumber": "+447911123456", "message": "Hi", "url": "https://media.example/1.jpg"});
    let of_nameless = CarrierReply {
        id: sha256_hex(r#"["447911123456",null,"Hi",["https://media.example/1.jpg"],null,null]"#),
        to: None,
        content: with_files("Hi", &["https://media.example/1.jpg"]),
        at: None,
        answers: None,
        ..sample()
    };
    vec![
        webhook(with("replyId", json!(5521)), one(sample())),
        webhook(with("replyId", json!(null)), one(of("7713"))),
        webhook(with("messageId", json!(null)), one(of("5521"))),
        webhook(nameless.to_string(), one(of_nameless)),
    ]
}

fn changes() -> Vec<WebhookRow<CarrierReply>> {
    let text = |text: &str| CarrierReply { content: ReplyContent::of_text(text), ..sample() };
    let url = |url: Value, urls: &[&str]| {
        webhook(with("url", url), one(CarrierReply { content: with_files("Yes, please", urls), ..sample() }))
    };
    vec![
        webhook(with("message", json!(" Hi ")), one(text(" Hi "))),
        webhook(with("message", json!("")), one(text(""))),
        webhook(with("message", json!(42)), one(text("42"))),
        url(json!(null), &[]),
        url(json!(""), &[]),
        url(json!("u"), &["u"]),
        url(json!(["u", "v"]), &["u", "v"]),
        webhook(with("timestamp", json!("soon")), one(CarrierReply { at: None, ..sample() })),
        webhook(with("timestamp", json!("2026-11-29T10:30:00+01:00")), one(sample())),
        webhook(with("externalId", json!("a campaign")), one(CarrierReply { answers: None, ..sample() })),
        webhook(with("externalId", json!(null)), one(CarrierReply { answers: None, ..sample() })),
        webhook(with("tags", json!({"team": "support"})), one(sample())),
        webhook(with("type", json!(null)), one(sample())),
        webhook(with("type", json!("mms")), one(sample())),
        webhook(OPT_IN, Ok(vec![])),
        webhook(r#"{"type":"message-send","fromNumber":"+447911123456"}"#, Ok(vec![])),
    ]
}

fn errors() -> Vec<WebhookRow<CarrierReply>> {
    vec![
        webhook(RECEIPT, bad_item(IS_RECEIPT)),
        webhook(r#"{"status":"delivered","messageId":7}"#, bad_item(IS_RECEIPT)),
        webhook(with("fromNumber", json!(null)), bad_item("field 'fromNumber' is missing")),
        webhook(with("fromNumber", json!("07911123456")), bad_item("fromNumber")),
        webhook(with("toNumber", json!("#447911123456")), bad_item("toNumber")),
        webhook(with("message", json!(null)), bad_item("field 'message' is missing")),
        webhook(with("message", json!(["447911123456"])), bad_item("message")),
        webhook(with("url", json!({"a": "447911123456"})), bad_item("url")),
        webhook("{}", bad_item("field 'fromNumber' is missing")),
        webhook("7", bad_item("(body)")),
    ]
}
