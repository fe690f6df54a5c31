//! The dialect's tables: a request and what we read of it, a state or reply and its callback. The samples of
//! Cymba's pages are in `tests/fixtures/mplus`.

mod batch;

use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    event::{notifies, receipt, reply, signature_headers},
    request, response,
};
use crate::{
    domain::{
        Channel, Dialect, Draft, FieldError, FieldErrorCode, Media, Message, Progress, ReceiptStatus, Receipts, Reply,
        ReplyContent, ReplyExtras, SegmentLimit, SenderChoice, State, Text,
    },
    vendors::testing::{
        dialect::{check_events, check_malformed, check_requests, sample_receipt, sample_reply},
        text,
    },
};

/// The drafts, each in a line, and the warnings; or the errors.
type Read = Result<(Vec<String>, Vec<(Option<usize>, String)>), Vec<(Option<usize>, String, FieldErrorCode)>>;

fn read(body: &[u8]) -> Read {
    match request::read(body, SegmentLimit::default()) {
        Ok(request) => Ok((
            request.drafts.iter().map(line).collect(),
            request.warnings.into_iter().map(|warning| (warning.index, warning.field)).collect(),
        )),
        Err(errors) => Err(errors.into_iter().map(|error| (error.index, error.field, error.code)).collect()),
    }
}

/// Writes a draft's index, recipient, sender and text, and what else it has.
fn line(draft: &Draft) -> String {
    let from = match &draft.from {
        SenderChoice::Custom(sender) => sender.as_str(),
        SenderChoice::Shared => "(shared)",
    };
    let optional = [
        draft.callbacks.first().map(|url| url.as_str().to_owned()),
        Some(format!("{:?}", draft.channels)).filter(|_| !draft.channels.is_empty()),
        draft.client_id.map(|id| id.to_string()),
        draft.send_at.map(|at| at.to_string()),
    ];
    let optional = optional.map(|part| part.map(|part| format!(" {part}")).unwrap_or_default()).concat();
    format!("{} {} {from} {:?}{optional}", draft.index, draft.to.digits(), draft.text.as_str())
}

fn drafts(lines: &[&str]) -> Read {
    warned(lines, &[])
}

#[expect(clippy::unnecessary_wraps, reason = "makes what a row expects")]
fn warned(lines: &[&str], fields: &[(Option<usize>, &str)]) -> Read {
    let fields = fields.iter().map(|(index, field)| (*index, (*field).to_owned()));
    Ok((lines.iter().map(|&line| line.to_owned()).collect(), fields.collect()))
}

fn errors<const N: usize>(errors: [(Option<usize>, &str, FieldErrorCode); N]) -> Read {
    Err(errors.map(|(index, field, code)| (index, field.to_owned(), code)).into())
}

fn one(more: &str) -> String {
    format!(r#"{{"messages":[{{"to":"441111111111","body":"a","from":{{"type":"shared"}}{more}}}]}}"#)
}

const SHARED: &str = r#"0 441111111111 (shared) "a""#;

#[test]
fn each_request_is_read() {
    let defaults = r#"{"defualts":{"from":{"type":"custom","value":"wrong"},"callback":"https://a.example/"},
        "defaults":{"from":{"value":"right"}},
        "messages":[{"to":"441111111111","body":"a"},
                    {"to":"441111111111","body":"b","from":{"type":"shared"},"callback":null}]}"#;
    let unknown = r#"{"note":1,"defaults":{"ref":1},
        "messages":[{"to":"441111111111","body":"a","from":{"type":"shared","kind":1,"value":"x"},"sendAt":"x"}]}"#;
    let long = format!(r#"{{"{}":1,{}"#, "é".repeat(100_000), &one("")[1..]);
    let (id, at) = ("0197a3a0-0000-7000-8000-000000000001", "2026-01-01T09:00:00Z");
    let rows = [
        (one(""), drafts(&[SHARED])),
        (
            one(&format!(r#","callback":"https://a.example/","channels":["rcs","SMS"],"id":"{id}","send_at":"{at}""#)),
            drafts(&[&format!("{SHARED} https://a.example/ [Rcs, Sms] {id} {at}")]),
        ),
        (
            defaults.to_owned(),
            drafts(&[r#"0 441111111111 right "a" https://a.example/"#, r#"1 441111111111 (shared) "b""#]),
        ),
        (
            unknown.to_owned(),
            warned(
                &[SHARED],
                &[
                    (None, "note"),
                    (None, "defaults.ref"),
                    (Some(0), "sendAt"),
                    (Some(0), "from.kind"),
                    (Some(0), "from.value"),
                ],
            ),
        ),
        (one("").replace(r#""441111111111""#, "441111111111"), drafts(&[SHARED])),
        (one("").replace(r#""441111111111""#, r#"" +441111111111\n""#), drafts(&[SHARED])),
        (
            one("").replace("shared", r#"custom","value":" +441234567890 "#),
            drafts(&[&SHARED.replace("(shared)", "441234567890")]),
        ),
        (format!("\u{feff}{}", one("")), drafts(&[SHARED])),
        (
            one(r#","callback":"","id":"","send_at":"""#),
            warned(&[SHARED], &[(Some(0), "callback"), (Some(0), "id"), (Some(0), "send_at")]),
        ),
        (
            one(r#","callback":"""#).replacen('{', r#"{"defaults":{"callback":"https://a.example/","id":""},"#, 1),
            warned(&[&format!("{SHARED} https://a.example/")], &[(None, "defaults.id"), (Some(0), "callback")]),
        ),
        (long, warned(&[SHARED], &[(None, &"é".repeat(40))])),
    ];
    check_requests(&rows, read);
}

#[test]
fn each_error_names_its_field() {
    use FieldErrorCode as E;
    let all = r#"{"defaults":{"from":{"type":"custom"}},"messages":[
        {"to":"44","body":"","callback":"x","channels":["fax"],"id":"7","send_at":"soon"},
        {"from":{"type":"shared"},"to":"441111111111","body":"fine"},
        7,
        {"from":{"type":"own"},"body":1}]}"#;
    let id = r#","id":"0197a3a0-0000-7000-8000-000000000001""#;
    let twice = format!(r#"{{"messages":[{0},{0}]}}"#, &one(id)[13..one(id).len() - 2]);
    let many = format!(r#"{{"messages":[{}7]}}"#, "7,".repeat(1000));
    let in_first = |field, code| errors([(Some(0), field, code)]);
    let rows = [
        (
            all.to_owned(),
            errors([
                (Some(0), "to", E::Malformed),
                (Some(0), "from.value", E::Missing),
                (Some(0), "body", E::Empty),
                (Some(0), "callback", E::Malformed),
                (Some(0), "channels", E::UnknownValue),
                (Some(0), "id", E::Malformed),
                (Some(0), "send_at", E::Malformed),
                (Some(2), "messages", E::WrongType),
                (Some(3), "to", E::Missing),
                (Some(3), "from.type", E::UnknownValue),
                (Some(3), "body", E::WrongType),
            ]),
        ),
        (String::new(), errors([(None, "(body)", E::Malformed)])),
        ("[]".to_owned(), errors([(None, "(body)", E::WrongType)])),
        (r#"{"messages":[],"messages":[]}"#.to_owned(), errors([(None, "(body)", E::Duplicate)])),
        ("{}".to_owned(), errors([(None, "messages", E::Missing)])),
        (r#"{"messages":{}}"#.to_owned(), errors([(None, "messages", E::WrongType)])),
        (r#"{"messages":[]}"#.to_owned(), errors([(None, "messages", E::Empty)])),
        (many, errors([(None, "messages", E::TooMany)])),
        (r#"{"defaults":7,"messages":[7]}"#.to_owned(), errors([(None, "defaults", E::WrongType)])),
        (r#"{"defualts":[],"messages":[7]}"#.to_owned(), errors([(None, "defualts", E::WrongType)])),
        (twice, errors([(Some(1), "id", E::Duplicate)])),
        (one(r#","channels":"sms""#), in_first("channels", E::WrongType)),
        (one(r#","channels":[7]"#), in_first("channels", E::WrongType)),
        (one(r#","channels":[]"#), in_first("channels", E::Empty)),
        (one(r#","channels":["sms","SMS"]"#), in_first("channels", E::Duplicate)),
        (one(r#","channels":["whatsapp"]"#), in_first("channels", E::UnknownValue)),
        (one(r#","callback":7"#), in_first("callback", E::WrongType)),
        (one(r#","callback":"https://a..b/""#), in_first("callback", E::Malformed)),
        (one(r#","send_at":"2027-01-01T09:00:00+25:00""#), in_first("send_at", E::Malformed)),
        (one("").replace(r#""441111111111""#, "-441111111111"), in_first("to", E::WrongType)),
        (one("").replace(r#""441111111111""#, "44111111.0"), in_first("to", E::WrongType)),
        (one("").replace("441111111111", "+00441111111111"), in_first("to", E::Malformed)),
        (one("").replace("shared", r#"custom","value":"+00441234567890"#), in_first("from.value", E::Malformed)),
        (one("").replace("441111111111", ""), in_first("to", E::Empty)),
        (one("").replace(r#""a""#, r#""\u0001""#), in_first("body", E::Malformed)),
        (one("").replace(r#""a""#, &format!(r#""{}""#, "x".repeat(1531))), in_first("body", E::TooLong)),
        (one("").replace(r#"{"type":"shared"}"#, "7"), in_first("from", E::WrongType)),
        (one("").replace(r#","from":{"type":"shared"}"#, ""), in_first("from", E::Missing)),
        (one("").replace("shared", r#"custom","value":""#), in_first("from.value", E::Empty)),
        (one("").replace("shared", r#"custom","value":"TwelveLetter"#), in_first("from.value", E::Malformed)),
    ];
    check_requests(&rows, read);
}

#[test]
fn unknown_parameters_are_named_but_not_their_values() {
    let named = |names: &[&str]| {
        let warnings = request::unknown_parameters(names.iter());
        warnings.into_iter().map(|warning| warning.field).collect::<Vec<_>>()
    };
    assert_eq!(named(&["dryRum", "x", "dryRum", "token=secret"]), ["dryRum", "x", "token"]);
    assert_eq!(named(&[&"é".repeat(50)]), ["é".repeat(40)]);
    let many: Vec<_> = (0..20).map(|index| index.to_string()).collect();
    assert_eq!(named(&many.iter().map(String::as_str).collect::<Vec<_>>()).len(), 10);
}

#[test]
fn answer_has_segments_encoding_and_the_cause_of_unicode() {
    let shown = |text: &str| {
        let mut message = Message::example();
        message.request.text = Text::parse(text, SegmentLimit::default()).unwrap();
        let answer: Value = serde_json::from_str(&response::write(&[message], &[])).unwrap();
        let answer = &answer["messages"][0];
        (answer["segments"].as_u64(), answer["encoding"].clone(), answer["unicode"].clone())
    };
    assert_eq!(shown("Hello"), (Some(1), "gsm7".into(), Value::Null));
    assert_eq!(shown(&"a".repeat(161)), (Some(2), "gsm7".into(), Value::Null));
    assert_eq!(shown(&"ç".repeat(71)), (Some(2), "ucs2".into(), json!(["ç"])));
    assert_eq!(shown("Ж😀`Ж"), (Some(1), "ucs2".into(), json!(["Ж", "😀", "`"])));
    let cyrillic: String = ('а'..='я').collect();
    assert_eq!(shown(&cyrillic).2.as_array().unwrap().len(), 20);
}

#[test]
fn largest_answer_of_a_message_is_within_the_estimate() {
    let (wide, cyrillic): (String, String) = (('\u{1F600}'..).take(20).collect(), ('а'..).take(20).collect());
    for text in [format!("a{}", "\t".repeat(60)), "\\\"\t".repeat(20), wide, cyrillic] {
        let text = Text::parse(&text, SegmentLimit(9)).unwrap();
        let draft = Draft::new("447700900001".parse().unwrap(), SenderChoice::Shared, text);
        let mut message = Message::example();
        message.request.to = "123456789012345".parse().unwrap();
        message.request.text = draft.text.clone();
        message.request.channels = vec![Channel::Sms, Channel::Rcs];
        message.request.client_id = Some(Uuid::max());
        message.request.send_at = Some("2026-01-01T09:00:00.123Z".parse().unwrap());
        let answer = response::write(&[message], &[]);
        let in_json = serde_json::to_string(&answer).unwrap();
        assert!(in_json.len() <= response::estimate(&draft), "{} bytes: {in_json}", in_json.len());
    }
}

#[test]
fn malformed_request_neither_panics_nor_is_quoted() {
    let samples = [
        include_str!("../../../../../../tests/fixtures/mplus/001-02-all-parameters.json"),
        include_str!("../../../../../../tests/fixtures/mplus/001-05-defaults-overridden.json"),
        include_str!("../../../../../../tests/fixtures/mplus/001-10-shared-sender-and-channels.json"),
    ];
    let words = |errors: Vec<FieldError>| errors.into_iter().map(|error| format!("{} {}", error.field, error.message));
    let samples = samples.map(|sample| serde_json::from_str::<Value>(sample).unwrap()["request"].to_string());
    check_malformed(&samples, |body| {
        request::read(body, SegmentLimit::default()).err().map_or_else(Vec::new, |errors| words(errors).collect())
    });
}

proptest! {
    #[test]
    fn arbitrary_message_does_not_panic(key in "to|from|body|callback|channels|id|send_at", value in "\"\\PC{0,20}\"|[0-9]{1,5}|null|\\[\\]|\\{\\}|true") {
        let body = format!(r#"{{"messages":[{{"{key}":{value}}}],"defaults":{{"{key}":{value}}}}}"#);
        let _ = read(body.as_bytes());
    }
}

fn written(delivered: bool, code: &str, description: &str) -> String {
    format!(
        r#"{{"destination":"+447700900001","delivered":{delivered},"batchuuid":"{}","messageuuid":"00000000-0000-0000-0000-000000000001","receiptInfo":{{"code":"{code}","description":"{description}"}}}}"#,
        Message::example().batch,
    )
}

#[test]
fn each_final_state_has_its_receipt() {
    let rows = [
        (State::Delivered, written(true, "00", "Delivered")),
        (State::Undelivered, written(false, "22", "The network could not deliver the message")),
        (State::Expired, written(false, "23", "The message expired before it could be delivered")),
        (State::Rejected, written(false, "24", "The message was rejected")),
        (State::Blocked, written(false, "25", "The recipient has opted out of this sender")),
        (State::Failed, written(false, "26", "The message could not be sent, or its outcome stayed unknown")),
    ];
    let rows: Vec<_> = rows.iter().map(|(state, body)| (*state, body.as_str())).collect();
    check_events(&Message::example(), &rows, receipt);
    assert!(rows.iter().all(|(state, _)| notifies(*state)));
    for state in [State::Submitted, State::Read, State::Cancelled, State::Unknown, State::Queued] {
        assert!(!notifies(state), "{state:?}");
    }
}

#[test]
fn receipt_has_the_carriers_words() {
    let message = Message::example().with(|message| {
        message.delivery.progress = Progress::Submitted;
        message.delivery.receipts = Receipts::new(vec![
            sample_receipt(ReceiptStatus::Undelivered, text("Absent subscriber")),
            sample_receipt(ReceiptStatus::Expired, None),
            sample_receipt(ReceiptStatus::Delivered, text("Thanks")),
        ]);
    });
    for (state, expected) in [
        (State::Undelivered, written(false, "22", "Absent subscriber")),
        (State::Expired, written(false, "23", "The message expired before it could be delivered")),
        (State::Delivered, written(true, "00", "Thanks")),
    ] {
        assert_eq!(receipt(&message, state), Some(expected));
    }
}

#[test]
fn each_reply_has_its_callback() {
    let of = |to, channel, message| sample_reply(Dialect::Mplus, to, channel, message);
    let account = Uuid::new_v5(&Uuid::NAMESPACE_OID, b"demo");
    let message = Message::example();
    let batch = message.batch;
    for (answer, ids, to, channel) in [
        (
            of("441234567890", Channel::Sms, None),
            r#""batch_uuid":null,"message_uuid":null"#.to_owned(),
            "441234567890",
            "sms",
        ),
        (
            of("CM.com", Channel::Rcs, Some(&message)),
            format!(r#""batch_uuid":"{batch}","message_uuid":"00000000-0000-0000-0000-000000000001""#),
            "CM.com",
            "rcs",
        ),
    ] {
        let expected = format!(
            r#"{{"account_uuid":"{account}",{ids},"mo_uuid":"{}","channel":"{channel}","message":"Yes \"please\"","at":"2026-01-01T07:30:00.999Z","from":447700900001,"to":"{to}"}}"#,
            Uuid::nil(),
        );
        assert_eq!(reply(&answer), expected);
    }
}

#[test]
fn reply_with_files_has_keys_beside_the_documented() {
    let photo = Media {
        name: Some("p1".to_owned()),
        uri: "https://media.example/1.jpg".to_owned(),
        mime_type: Some("image/jpeg".to_owned()),
        height: None,
    };
    let video = Media { name: None, uri: "https://media.example/2.mp4".to_owned(), mime_type: None, height: None };
    let custom = Some(json!({"contacts": [{"name": {"formatted_name": "Ann Example"}}]}));
    let written = reply(&Reply {
        from: "72404".parse().unwrap(),
        from_name: Some("Ann".to_owned()),
        content: ReplyContent { text: String::new(), extras: ReplyExtras { media: vec![photo, video], custom } },
        ..sample_reply(Dialect::Mplus, "441234567890", Channel::WhatsApp, None)
    });
    let end = r#""from":"72404","to":"441234567890","from_name":"Ann","media":[{"url":"https://media.example/1.jpg","content_type":"image/jpeg","name":"p1"},{"url":"https://media.example/2.mp4"}],"custom":{"contacts":[{"name":{"formatted_name":"Ann Example"}}]}}"#;
    assert!(written.ends_with(end), "{written}");
}

#[test]
fn signature_covers_time_and_body() {
    let headers = signature_headers(b"Jefe", 7, "{}");
    let [signature, timestamp, environment] = headers.as_slice() else { panic!("{headers:?}") };
    // HMAC-SHA256 of `7.{}` under `Jefe`, by OpenSSL.
    assert_eq!(
        *signature,
        ("signature", "fab47a0bfa9f75f6455e6e0d75f29f95b3118d10f700dec268f191bdcba9b6b7".to_owned())
    );
    assert_eq!(*timestamp, ("timestamp", "7".to_owned()));
    assert_eq!(*environment, ("environment", "live".to_owned()));
}
