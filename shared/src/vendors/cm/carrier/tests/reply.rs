//! Replies. CM.com gives a reply no ID, so we derive the ID from what identifies it.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::Cm;
use crate::{
    domain::{CarrierReply, CarrierSettings, Channel, Vendor},
    hash::sha256_hex,
    vendors::{
        Connector,
        testing::{Read, WebhookRow, bad_item, one, webhook},
    },
};

const REPLY: &[u8] = include_bytes!("../../../../../../tests/fixtures/carriers/cm/reply.json");
const TIME: &str = "2027-02-21T09:30:00";

pub(super) fn rows() -> Vec<WebhookRow<CarrierReply>> {
    let listed = r#"[{"FROM":{"NUMBER":447911123456},"To":{"Number":"12345"},"MESSAGE":{"TEXT":"Hi"},"TIMEUTC":"2027-02-21T09:30:00"},
        {"from":{"number":"00447911123456"},"to":{"number":"12345"},"message":{"media":{}},"timeUtc":"2027-02-21T09:30:00"},
        {"from":{}}]"#;
    let mut rows = vec![
        webhook(REPLY, one(reply(["447911123456", "441234567890", "Yes, please", TIME, "SMS"], Channel::Sms))),
        webhook(
            listed,
            Ok(vec![
                Ok(reply(["447911123456", "12345", "Hi", TIME, ""], Channel::Sms)),
                Ok(reply(["447911123456", "12345", "", TIME, ""], Channel::Sms)),
                Err("from.number"),
            ]),
        ),
        webhook("[]", Ok(Vec::new())),
    ];
    rows.extend(changes());
    rows.extend(errors());
    rows
}

/// Returns a reply, whose ID is a digest of its parts: from, to, text, time and channel, as written.
fn reply([from, to, text, time, channel]: [&str; 5], over: Channel) -> CarrierReply {
    CarrierReply {
        id: sha256_hex(&json!([from, to, text, time, channel]).to_string()),
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        text: text.to_owned(),
        channel: over,
        at: format!("{time}Z").parse().ok(),
    }
}

fn with(field: &str, value: Value) -> Vec<u8> {
    let mut reply: Value = serde_json::from_slice(REPLY).unwrap();
    reply[field] = value;
    reply.to_string().into_bytes()
}

/// The sample with a changed field. A different spelling of the same reply keeps its ID.
fn changes() -> Vec<WebhookRow<CarrierReply>> {
    let (from, to, said, later) = ("447911123456", "441234567890", "Yes, please", "2027-02-21T09:30:01");
    let same = [from, to, said, TIME, "SMS"];
    [
        ("messageContext", json!("later"), reply(same, Channel::Sms)),
        ("from", json!({"Number": "+447911123456"}), reply(same, Channel::Sms)),
        ("from", json!({"number": "00447911123457"}), reply(["447911123457", to, said, TIME, "SMS"], Channel::Sms)),
        ("to", json!({"number": "12345"}), reply([from, "12345", said, TIME, "SMS"], Channel::Sms)),
        ("message", json!({"text": "Yes, please "}), reply([from, to, "Yes, please ", TIME, "SMS"], Channel::Sms)),
        ("message", json!({"text": 7}), reply([from, to, "7", TIME, "SMS"], Channel::Sms)),
        ("timeUtc", json!(later), reply([from, to, said, later, "SMS"], Channel::Sms)),
        ("channel", json!("WhatsApp"), reply([from, to, said, TIME, "WhatsApp"], Channel::WhatsApp)),
        (
            "channel",
            json!("Apple Business Chat"),
            reply([from, to, said, TIME, "Apple Business Chat"], Channel::AppleBusinessChat),
        ),
        ("channel", json!("Fax"), reply([from, to, said, TIME, "Fax"], Channel::Sms)),
        ("channel", json!(null), reply([from, to, said, TIME, ""], Channel::Sms)),
    ]
    .map(|(field, value, expected)| webhook(with(field, value), one(expected)))
    .into()
}

fn errors() -> Vec<WebhookRow<CarrierReply>> {
    let fields = [
        ("from", json!({"number": "447911123456x"}), "from.number"),
        ("from", json!({}), "from.number"),
        ("from", json!("447911123456"), "from.number"),
        ("to", json!({"number": "#447911123456"}), "to.number"),
        ("message", json!(null), "message"),
        ("message", json!({"text": ["447911123456"]}), "message.text"),
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
    let read = Cm::read_replies(REPLY, &settings).unwrap().remove(0).unwrap();
    // CM.com redelivers a reply for a month, so the ID must survive a release.
    assert_eq!(read.id, "71037dcdcb7fa57ea5abbf8bfd2087716a44c738739cfa8ae1b660bf55c4f334");
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
