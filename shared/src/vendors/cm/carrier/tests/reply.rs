//! Replies. CM.com gives a reply no ID, so we derive the ID from what identifies it.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::Cm;
use crate::{
    domain::{CarrierReply, CarrierSettings, Channel, Media, ReplyContent, ReplyExtras, Vendor},
    hash::sha256_hex,
    vendors::{
        Connector,
        testing::{Read, WebhookRow, bad_item, one, webhook},
    },
};

const REPLY: &[u8] = include_bytes!("../../../../../../tests/fixtures/carriers/cm/reply.json");
const MEDIA: &[u8] = include_bytes!("../../../../../../tests/fixtures/carriers/cm/reply-media.json");
const LOCATION: &[u8] = include_bytes!("../../../../../../tests/fixtures/carriers/cm/reply-location.json");
const CONTACTS: &[u8] = include_bytes!("../../../../../../tests/fixtures/carriers/cm/reply-contacts.json");
const BUTTON: &[u8] = include_bytes!("../../../../../../tests/fixtures/carriers/cm/reply-button.json");
const TIME: &str = "2027-02-21T09:30:00";
const REFERENCE: &str = "0197a3a0000070008000000000000001";

pub(super) fn rows() -> Vec<WebhookRow<CarrierReply>> {
    let listed = r#"[{"FROM":{"NUMBER":447911123456},"To":{"Number":"12345"},"MESSAGE":{"TEXT":"Hi"},"TIMEUTC":"2027-02-21T09:30:00"},
        {"from":{"number":"00447911123456"},"to":{"number":"12345"},"message":{"media":{}},"timeUtc":"2027-02-21T09:30:00"},
        {"from":{}}]"#;
    let alone = |text: &str| Said { to: "12345", text: text.to_owned(), reference: "", ..Said::default() }.over("");
    let mut rows = vec![
        webhook(REPLY, one(Said::default().over("SMS"))),
        webhook(listed, Ok(vec![Ok(alone("Hi")), Ok(alone("")), Err("from.number")])),
        webhook("[]", Ok(Vec::new())),
    ];
    rows.extend(contents());
    rows.extend(changes());
    rows.extend(errors());
    rows
}

/// A reply's identity, besides its channel. The default is the sample's.
struct Said {
    from: &'static str,
    to: &'static str,
    text: String,
    media: Vec<Media>,
    custom: Option<Value>,
    time: &'static str,
    reference: &'static str,
}

impl Default for Said {
    fn default() -> Self {
        Self {
            from: "447911123456",
            to: "441234567890",
            text: "Yes, please".to_owned(),
            media: Vec::new(),
            custom: None,
            time: TIME,
            reference: REFERENCE,
        }
    }
}

impl Said {
    /// Returns the reply over a channel of this name. Its ID is a digest of its parts.
    fn over(self, channel: &str) -> CarrierReply {
        let Self { from, to, text, media, custom, time, reference } = self;
        let files: Vec<_> = media.iter().map(|file| json!([file.uri, file.mime_type, file.name])).collect();
        CarrierReply {
            id: sha256_hex(&json!([from, to, text, files, custom, time, channel, reference]).to_string()),
            from: from.parse().unwrap(),
            from_name: None,
            to: to.parse().ok(),
            content: ReplyContent { text, extras: ReplyExtras { media, custom } },
            channel: match channel {
                "WhatsApp" => Channel::WhatsApp,
                "Apple Business Chat" | "Apple Messages for Business" => Channel::AppleBusinessChat,
                "Telegram Messenger" => Channel::Telegram,
                _ => Channel::Sms,
            },
            at: format!("{time}Z").parse().ok(),
            answers: reference.parse().ok(),
        }
    }
}

fn with(field: &str, value: Value) -> Vec<u8> {
    let mut reply: Value = serde_json::from_slice(REPLY).unwrap();
    reply[field] = value;
    reply.to_string().into_bytes()
}

/// Replies with more than a text.
fn contents() -> Vec<WebhookRow<CarrierReply>> {
    let custom = |sample: &[u8]| serde_json::from_slice::<Value>(sample).unwrap()["message"]["custom"].clone();
    let nothing = || Said { text: String::new(), ..Said::default() };
    let media = Media {
        name: Some("p1".to_owned()),
        uri: "https://media.example/1.jpg".to_owned(),
        mime_type: Some("image/jpeg".to_owned()),
        height: None,
    };
    [
        (MEDIA, Said { media: vec![media], ..nothing() }),
        (LOCATION, Said { custom: Some(custom(LOCATION)), ..nothing() }),
        (CONTACTS, Said { custom: Some(custom(CONTACTS)), ..nothing() }),
        (BUTTON, Said { text: "Yes".to_owned(), custom: Some(custom(BUTTON)), ..nothing() }),
    ]
    .map(|(body, said)| {
        let reply = CarrierReply { from_name: Some("Ann".to_owned()), ..said.over("WhatsApp") };
        webhook(body, one(reply))
    })
    .into()
}

/// The sample with a changed field. A different spelling of the same reply keeps its ID.
fn changes() -> Vec<WebhookRow<CarrierReply>> {
    let same = Said::default;
    let said = |text: &str| Said { text: text.to_owned(), ..same() };
    let media = |uri: &str| Media { name: None, uri: uri.to_owned(), mime_type: None, height: None };
    let two = json!({"text": "", "MEDIA": [{"MediaURI": "a"}, {"mediaUri": "b"}], "Custom": ""});
    let of_two = Said { text: String::new(), media: vec![media("a"), media("b")], ..same() };
    [
        ("messageContext", json!("later"), same().over("SMS")),
        ("groupings", json!(["a", "b", "c"]), same().over("SMS")),
        ("from", json!({"Number": "+447911123456"}), same().over("SMS")),
        ("from", json!({"number": "00447911123457"}), Said { from: "447911123457", ..same() }.over("SMS")),
        ("from", json!({"number": "72404"}), Said { from: "72404", ..same() }.over("SMS")),
        ("from", json!({"number": "447911123456x"}), Said { from: "447911123456x", ..same() }.over("SMS")),
        ("to", json!({"number": "12345"}), Said { to: "12345", ..same() }.over("SMS")),
        ("message", json!({"text": "Yes, please "}), said("Yes, please ").over("SMS")),
        ("message", json!({"text": 7}), said("7").over("SMS")),
        ("message", two, of_two.over("SMS")),
        ("message", json!({"text": "Hi", "media": "", "custom": []}), said("Hi").over("SMS")),
        ("message", json!({"custom": [7]}), Said { custom: Some(json!([7])), ..said("") }.over("SMS")),
        ("timeUtc", json!("2027-02-21T09:30:01"), Said { time: "2027-02-21T09:30:01", ..same() }.over("SMS")),
        ("reference", json!(""), Said { reference: "", ..same() }.over("SMS")),
        ("reference", json!("theirs"), Said { reference: "theirs", ..same() }.over("SMS")),
        ("channel", json!("WhatsApp"), same().over("WhatsApp")),
        ("channel", json!("Apple Business Chat"), same().over("Apple Business Chat")),
        ("channel", json!("Apple Messages for Business"), same().over("Apple Messages for Business")),
        ("channel", json!("Telegram Messenger"), same().over("Telegram Messenger")),
        ("channel", json!("Fax"), same().over("Fax")),
        ("channel", json!(null), same().over("")),
    ]
    .map(|(field, value, expected)| webhook(with(field, value), one(expected)))
    .into()
}

fn errors() -> Vec<WebhookRow<CarrierReply>> {
    let fields = [
        ("from", json!({"number": "07911123456"}), "from.number"),
        ("from", json!({}), "from.number"),
        ("from", json!("447911123456"), "from.number"),
        ("to", json!({"number": "#447911123456"}), "to.number"),
        ("message", json!(null), "message"),
        ("message", json!({"text": ["447911123456"]}), "message.text"),
        ("message", json!({"media": "447911123456"}), "message.media"),
        ("timeUtc", json!("447911123456"), "timeUtc"),
        ("timeUtc", json!(null), "timeUtc"),
    ];
    let mut rows: Vec<_> = fields.map(|(field, value, named)| webhook(with(field, value), bad_item(named))).into();
    let broken: Read<CarrierReply> = Err("(body)");
    rows.extend([webhook("7", bad_item("(body)")), webhook("447911123456 said", broken)]);
    rows
}

#[test]
fn reply_id_never_changes() {
    let settings = CarrierSettings::example(Vendor::Cm, "http://127.0.0.1/");
    let read = Cm::read_replies(REPLY, &settings).unwrap().into_iter().next().unwrap().unwrap();
    // CM.com redelivers a reply for a month, so the ID must survive a release.
    assert_eq!(read.id, "7c2b0ace626d3b8767584125105411ccb0edaffd39e0a1a40fc3564fcf3b9a78");
}

proptest! {
    #[test]
    fn arbitrary_value_does_not_panic(
        key in "from|to|message|timeUtc|channel",
        value in "\"\\PC{0,20}\"|-?[0-9]{1,20}|null|\\[\\]|true|\\{\"(number|text)\":(null|\"\\PC{0,20}\"|[0-9]{1,20})\\}",
    ) {
        let value: Value = serde_json::from_str(&value).unwrap_or_default();
        let settings = CarrierSettings::example(Vendor::Cm, "http://127.0.0.1/");
        let _ = Cm::read_replies(&with(&key, value), &settings);
    }
}
