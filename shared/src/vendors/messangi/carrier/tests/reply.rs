//! The MO callback.

use serde_json::{Value, json};

use super::super::Messangi;
use crate::{
    domain::{CarrierReply, CarrierSettings, Channel, Media, ReplyContent, ReplyExtras, Vendor},
    hash::sha256_hex,
    vendors::{
        Connector,
        testing::{REFERENCE, WebhookRow, bad_item, one, text, webhook},
    },
};

const REPLY: &str = include_str!("../../../../../../tests/fixtures/carriers/messangi/reply.json");
const MEDIA: &str = include_str!("../../../../../../tests/fixtures/carriers/messangi/reply-media.json");
const CONTACTS: &str = include_str!("../../../../../../tests/fixtures/carriers/messangi/reply-contacts.json");
const TIME: &str = "2020-06-22T15:06:37Z";

pub(super) fn rows() -> Vec<WebhookRow<CarrierReply>> {
    let mut rows = vec![
        webhook(REPLY, one(sample())),
        webhook(format!("[{REPLY},{{}},{MEDIA}]"), Ok(vec![Ok(sample()), Err("user"), Ok(of_media())])),
        webhook("nonsense", Err("(body)")),
    ];
    rows.extend(contents());
    rows.extend(changes());
    rows.extend(errors());
    rows
}

/// The parts of a reply that identify it.
fn id(parts: &Value) -> String {
    sha256_hex(&parts.to_string())
}

fn sample() -> CarrierReply {
    CarrierReply {
        id: id(&json!([
            "5ef0c5fdc5f7904590c17d20",
            "42",
            "447911123456",
            "12345",
            "Yes, please",
            "2020-06-22-T15:06:37Z",
            null
        ])),
        from: "447911123456".parse().unwrap(),
        from_name: None,
        to: "12345".parse().ok(),
        content: ReplyContent::of_text("Yes, please"),
        channel: Channel::Sms,
        at: TIME.parse().ok(),
        answers: REFERENCE.parse().ok(),
    }
}

fn of_media() -> CarrierReply {
    let parts: Value = serde_json::from_str(MEDIA).unwrap();
    CarrierReply {
        id: id(&json!(["5ef0c5fdc5f7904590c17d21", "42", "447911123456", "12345", "", TIME, parts["extraInfo"]])),
        from_name: text("Ann"),
        content: content(
            "The door",
            vec![file(Some("p1.jpg"), "https://media.example/1.jpg"), file(None, "https://media.example/2.mp4")],
            None,
        ),
        answers: None,
        ..sample()
    }
}

fn content(text: &str, media: Vec<Media>, custom: Option<Value>) -> ReplyContent {
    ReplyContent { text: text.to_owned(), extras: ReplyExtras { media, custom } }
}

fn file(name: Option<&str>, uri: &str) -> Media {
    Media { name: name.map(str::to_owned), uri: uri.to_owned(), mime_type: None, height: None }
}

/// A reply with this text and `extraInfo`, without a date.
fn extra(text: &str, extra: &Value) -> String {
    json!({"id": "r1", "user": "447911123456", "origin": "12345", "text": text, "extraInfo": extra}).to_string()
}

fn of_extra(text: &str, extra: &Value, content: ReplyContent) -> CarrierReply {
    CarrierReply {
        id: id(&json!(["r1", null, "447911123456", "12345", text, null, extra])),
        content,
        at: None,
        answers: None,
        ..sample()
    }
}

fn contents() -> Vec<WebhookRow<CarrierReply>> {
    let contacts = json!({"contacts": [
        {"name": {"formatted_name": "Bob Example"}, "phones": [{"wa_id": "447911654321"}]},
        {"name": {"formatted_name": "Carol Example"}},
    ]});
    let of_contacts = CarrierReply {
        id: id(&json!([
            "5ef0c5fdc5f7904590c17d22",
            "42",
            "447911123456",
            "12345",
            "",
            TIME,
            serde_json::from_str::<Value>(CONTACTS).unwrap()["extraInfo"]
        ])),
        content: content("", Vec::new(), Some(contacts)),
        answers: None,
        ..sample()
    };
    let captions =
        json!({"attachments": [{"url": "a", "caption": "A"}, {"url": "b", "caption": "B", "fileName": "f"}]});
    let files = || vec![file(None, "a"), file(Some("f"), "b")];
    let location = json!({"Type": "location", "latitude": 51.6, "contacts": null});
    let single = json!({"ATTACHMENTS": {"URL": "a"}, "contacts": {"wa_id": 7}});
    let phone = json!({"contacts": [{"phones": [{"wa_id": "7"}]}]});
    let mut rows = vec![webhook(MEDIA, one(of_media())), webhook(CONTACTS, one(of_contacts))];
    let cases = [
        ("", &captions, content("A\nB", files(), None)),
        ("Hi", &captions, content("Hi", files(), None)),
        ("Hi", &single, content("Hi", vec![file(None, "a")], Some(phone))),
        ("Hi", &location, content("Hi", Vec::new(), Some(json!({"Type": "location", "latitude": 51.6})))),
        ("Hi", &json!({"type": "text"}), ReplyContent::of_text("Hi")),
        ("Hi", &json!({"contacts": ["x"]}), content("Hi", Vec::new(), Some(json!({"contacts": ["x"]})))),
        ("Hi", &json!("more"), content("Hi", Vec::new(), Some(json!("more")))),
    ];
    rows.extend(cases.map(|(text, info, content)| webhook(extra(text, info), one(of_extra(text, info, content)))));
    rows.push(webhook(extra("Hi", &json!({})), one(of_extra("Hi", &json!(null), ReplyContent::of_text("Hi")))));
    rows
}

fn with(field: &str, value: Value) -> String {
    let mut reply: Value = serde_json::from_str(REPLY).unwrap();
    reply[field] = value;
    reply.to_string()
}

/// Another spelling keeps the ID.
fn changes() -> Vec<WebhookRow<CarrierReply>> {
    let parts = |text: &str, date: Value| {
        id(&json!(["5ef0c5fdc5f7904590c17d20", "42", "447911123456", "12345", text, date, null]))
    };
    let late = CarrierReply { id: parts("Yes, please", json!("soon")), at: None, ..sample() };
    let spaced = CarrierReply {
        id: parts("Hi ", json!("2020-06-22-T15:06:37Z")),
        content: ReplyContent::of_text("Hi "),
        ..sample()
    };
    vec![
        webhook(with("processId", json!("42")), one(sample())),
        webhook(with("user", json!(447_911_123_456_u64)), one(sample())),
        webhook(with("owner", json!("another@example.com")), one(sample())),
        webhook(with("extraInfo", json!("")), one(sample())),
        webhook(with("externalId", json!("a campaign")), one(CarrierReply { answers: None, ..sample() })),
        webhook(with("externalId", json!(null)), one(CarrierReply { answers: None, ..sample() })),
        webhook(with("date", json!("soon")), one(late)),
        webhook(with("text", json!("Hi ")), one(spaced)),
    ]
}

fn errors() -> Vec<WebhookRow<CarrierReply>> {
    vec![
        webhook(with("user", json!(null)), bad_item("field 'user' is missing")),
        webhook(with("user", json!("07911123456")), bad_item("user")),
        webhook(with("origin", json!("")), bad_item("field 'origin' is missing")),
        webhook(with("origin", json!("#447911123456")), bad_item("origin")),
        webhook(with("text", json!(null)), bad_item("field 'text' is missing")),
        webhook(with("text", json!(["447911123456"])), bad_item("text")),
        webhook(with("extraInfo", json!({"attachments": ["447911123456"]})), bad_item("extraInfo.attachments")),
        webhook(
            with("extraInfo", json!({"attachments": [{"fileName": "447911123456"}]})),
            bad_item("extraInfo.attachments.url"),
        ),
        webhook("7", bad_item("(body)")),
    ]
}

#[test]
fn reply_id_never_changes() {
    let settings = CarrierSettings::example(Vendor::Messangi, "http://127.0.0.1/");
    let read = Messangi::read_replies(MEDIA.as_bytes(), &settings).unwrap().into_iter().next().unwrap().unwrap();
    // A redelivered reply must have the same ID in a later release.
    assert_eq!(read.id, "9a3e4ccba23d7b2a6c44dfc730a83e20d23efd234fc7647034da1c8f810448de");
}
