//! The loopback carrier's tables.

use std::{collections::BTreeMap, num::NonZeroU16};

use super::Loopback;
use crate::{
    domain::{
        CarrierReceipt, CarrierReply, Channel, CredentialPart, LookupOutcome, Media, Outcome, Price, ReceiptDetails,
        ReceiptStatus, ReplyContent, ReplyExtras, ReportedStatus, Vendor,
    },
    vendors::testing::{
        Answer, Outgoing, REFERENCE, SignedRow, SubmitRow, Tables, WebhookRow, accepted, bad_item, busy,
        connector_tests, one, receipt, refused_with, rejected, submit, text, unknown, webhook,
    },
};

connector_tests!(tables);

fn tables() -> Tables<Loopback> {
    Tables {
        submits: submits(),
        answers: answers(),
        lookup: "GET /messages/0197a3a0000070008000000000000001\nauthorization: Bearer token",
        lookups: lookups(),
        receipts: receipts(),
        replies: replies(),
        signed: vec![SignedRow {
            secret: "Jefe",
            header: (
                "x-loopback-signature",
                // RFC 4231, test case 2.
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            beside: None,
            body: b"what do ya want for nothing?",
        }],
        ..Tables::of(Vendor::Loopback, &[(CredentialPart::Key, "token")])
    }
}

fn submits() -> Vec<SubmitRow> {
    let example = Outgoing::example;
    let plain = r#"{"reference":"0197a3a0000070008000000000000001","from":"SenderName","to":"447911000001","text":"Hi","channel":"sms"}"#;
    let by_id = plain.replace(r#""from":"SenderName""#, r#""senderId":"s-1""#);
    let on_whatsapp = plain.replace("sms", "whatsapp");
    vec![
        submit(
            example(),
            format!("POST /messages\nauthorization: Bearer token\ncontent-type: application/json\n\n{plain}"),
        ),
        submit(example(), format!("POST /messages\nauthorization: Basic bDpw\n\n{plain}"))
            .credentials(&[(CredentialPart::Login, "l"), (CredentialPart::Password, "p")]),
        submit(example(), format!("POST /messages\n\n{plain}")).credentials(&[]),
        submit(example(), format!("POST /proxy/messages\n\n{plain}")).below("proxy/"),
        submit(example(), format!("POST /messages\n\n{by_id}")).set(|settings| {
            settings.sender_ids = BTreeMap::from([("SenderName".parse().unwrap(), "s-1".to_owned())]).into();
        }),
        submit(Outgoing { channel: Channel::WhatsApp, ..example() }, format!("POST /messages\n\n{on_whatsapp}")),
    ]
}

fn answers() -> Vec<(Answer, Outcome)> {
    let id = |length: usize| Answer::from(format!("202\n\n{{\"id\":\"{}\"}}", "i".repeat(length)));
    vec![
        ("202\n\n{\"id\":\"c1\",\"more\":7}".into(), accepted(Some("c1"))),
        (id(100), accepted(Some(&"i".repeat(100)))),
        (id(101), accepted(None)),
        ("202".into(), accepted(None)),
        ("202\n\n{\"id\":7}".into(), accepted(None)),
        (
            "422\n\n{\"code\":\"bad-number\",\"message\":\"no phone has +44 7911 000001\"}".into(),
            rejected("bad-number: no phone has …"),
        ),
        ("400\n\n{\"code\":\"bad-request\",\"message\":\"no\"}".into(), rejected("bad-request: no")),
        ("400".into(), rejected("status 400")),
        ("422\n\n<html>".into(), rejected("status 422")),
        ("401".into(), refused_with(401)),
        ("409\n\n{\"code\":\"x\",\"message\":\"y\"}".into(), refused_with(409)),
        ("413".into(), refused_with(413)),
        ("429\nretry-after: 7".into(), busy(Some(7), "busy (status 429)")),
        ("503".into(), busy(None, "busy (status 503)")),
        ("408".into(), unknown("status 408")),
        ("500\n\n{\"id\":\"c1\"}".into(), unknown("status 500")),
        ("307".into(), unknown("status 307")),
    ]
}

fn lookups() -> Vec<(Answer, LookupOutcome)> {
    let found = |carrier_id| LookupOutcome::Found { carrier_id };
    vec![
        ("200\n\n{\"id\":\"c1\"}".into(), found(text("c1"))),
        (format!("200\n\n{{\"id\":\"{}\"}}", "i".repeat(101)).into(), found(None)),
        ("404\n\n{\"code\":\"unknown-message\"}".into(), LookupOutcome::NotFound),
        ("404\n\n{\"code\":\"unknown-path\"}".into(), LookupOutcome::Unknown),
        ("404".into(), LookupOutcome::Unknown),
        ("200".into(), LookupOutcome::Unknown),
        ("202\n\n{\"id\":\"c1\"}".into(), LookupOutcome::Unknown),
        ("401".into(), LookupOutcome::Unknown),
        ("503".into(), LookupOutcome::Unknown),
    ]
}

fn receipts() -> Vec<WebhookRow<CarrierReceipt>> {
    use ReceiptStatus as S;
    let full = CarrierReceipt {
        reference: REFERENCE.parse().ok(),
        carrier_id: text("c1"),
        code: text("00"),
        description: text("Delivered"),
        at: "2026-01-01T00:00:00Z".parse().ok(),
        ..receipt(S::Delivered)
    };
    let details = ReceiptDetails {
        network: "23410".parse().ok(),
        operator: "Loop Mobile".parse().ok(),
        country: "GB".parse().ok(),
        parts: NonZeroU16::new(2),
        price: Price::new("0.0400", Some("EUR")),
    };
    let detailed = CarrierReceipt { details, ..receipt(S::Sent) };
    let unknown = CarrierReceipt { carrier_id: text("c1"), ..receipt(ReportedStatus::Unknown("eaten".to_owned())) };
    vec![
        webhook(
            r#"{"id":"c1","reference":"0197a3a0-0000-7000-8000-000000000001","status":"delivered","code":"00","description":"Delivered","at":"2026-01-01T00:00:00Z"}"#,
            one(full),
        ),
        webhook(r#"{"status":"sent"}"#, one(receipt(S::Sent))),
        webhook(r#"{"status":"undelivered","at":7}"#, one(receipt(S::Undelivered))),
        webhook(
            r#"{"status":"sent","network":"23410","operator":"Loop Mobile","country":"gb","parts":2,"price":{"amount":"0.0400","currency":"eur"}}"#,
            one(detailed),
        ),
        webhook(
            r#"{"status":"sent","network":7,"operator":"447911123456","country":{},"parts":0,"price":{"amount":"NaN"},"at":"soon"}"#,
            one(receipt(S::Sent)),
        ),
        webhook(r#"{"status":"sent","parts":70000,"price":0.04}"#, one(receipt(S::Sent))),
        webhook(r#"{"status":"expired"}"#, one(receipt(S::Expired))),
        webhook(r#"{"status":"rejected"}"#, one(receipt(S::Rejected))),
        webhook(r#"{"status":"read"}"#, one(receipt(S::Read))),
        webhook(r#"{"reference":"42","status":"delivered"}"#, bad_item("reference")),
        webhook(r#"{"id":"c1","status":"eaten"}"#, one(unknown)),
        webhook(r#"{"status":"eaten"}"#, bad_item("status")),
        webhook(r#"{"id":"c1","status":" \u0000\ufffd"}"#, bad_item("status")),
        webhook(r#"{"id":"c1","status":7}"#, bad_item("field '(body)' has an unexpected field: line 1, column 21")),
        webhook("{}", bad_item("field '(body)' missing field `status`: line 1, column 2")),
        webhook("nonsense", bad_item("field '(body)' is not JSON: line 1, column 2")),
        webhook("", bad_item("(body)")),
    ]
}

fn replies() -> Vec<WebhookRow<CarrierReply>> {
    let expected = |channel, at: Option<&str>| CarrierReply {
        id: "r1".to_owned(),
        from: "447700900001".parse().unwrap(),
        from_name: None,
        to: "449000000001".parse().ok(),
        content: ReplyContent::of_text("Hi"),
        channel,
        at: at.map(|at| at.parse().unwrap()),
        answers: None,
    };
    let full = r#"{"id":"r1","from":"447700900001","name":"Ann","to":"449000000001","text":"","channel":"whatsapp",
        "media":[{"url":"https://media.example/1.jpg","content_type":"image/jpeg","name":"p1"},{"url":"u"}],
        "custom":{"location":{"latitude":51.6}},"reference":"0197a3a0000070008000000000000001"}"#;
    let media = [("https://media.example/1.jpg", Some("image/jpeg"), Some("p1")), ("u", None, None)];
    let media = media.map(|(uri, mime_type, name)| Media {
        name: name.map(str::to_owned),
        uri: uri.to_owned(),
        mime_type: mime_type.map(str::to_owned),
        height: None,
    });
    let everything = CarrierReply {
        from_name: Some("Ann".to_owned()),
        content: ReplyContent {
            text: String::new(),
            extras: ReplyExtras {
                media: media.into(),
                custom: Some(serde_json::json!({"location": {"latitude": 51.6}})),
            },
        },
        answers: "0197a3a0000070008000000000000001".parse().ok(),
        ..expected(Channel::WhatsApp, None)
    };
    let short_code = CarrierReply { from: "72404".parse().unwrap(), ..expected(Channel::Sms, None) };
    let reply = |field: &str, value: &str| {
        let mut reply = serde_json::json!({"id": "r1", "from": "447700900001", "to": "449000000001", "text": "Hi"});
        reply[field] = value.into();
        reply.to_string()
    };
    vec![
        webhook(reply("from", "447700900001"), one(expected(Channel::Sms, None))),
        webhook(reply("channel", "whatsapp"), one(expected(Channel::WhatsApp, None))),
        webhook(reply("at", "2026-01-01T01:00:00+01:00"), one(expected(Channel::Sms, Some("2026-01-01T00:00:00Z")))),
        webhook(reply("from", "07700900001"), one(expected(Channel::Sms, None)))
            .set(|settings| settings.country_code = "44".parse().ok()),
        webhook(reply("from", "07700900001"), bad_item("from")),
        webhook(reply("from", "72404"), one(short_code)),
        webhook(reply("from", " "), bad_item("from")),
        webhook(full, one(everything)),
        webhook(reply("reference", "a client's own"), one(expected(Channel::Sms, None))),
        webhook(reply("media", "https://media.example/1.jpg"), bad_item("(body)")),
        webhook(reply("to", "#447700900001"), bad_item("to")),
        webhook(reply("id", ""), bad_item("field 'id' is empty")),
        webhook(reply("at", "soon"), bad_item("at")),
        webhook(reply("channel", "fax"), bad_item("(body)")),
        webhook("nonsense", bad_item("(body)")),
    ]
}
