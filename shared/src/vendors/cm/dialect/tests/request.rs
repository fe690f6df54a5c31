//! `POST /v1.0/message`: a body, and the messages or the error that it becomes.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    super::{
        error::{Part, RequestError},
        request::Posted,
    },
    Seen, context, quiet, seen,
};
use crate::{
    domain::{SignedDuration, Validity},
    vendors::testing::dialect::{check_malformed, check_requests},
};

const HI: &str = r#"0 447911123456 SenderName "Hi" Gsm7 []"#;

fn read(body: &[u8]) -> Result<Vec<Seen>, RequestError> {
    Ok(seen(&Posted::parse(body)?.read(&context())?, Part::Object))
}

/// Returns each message's draft, or the code of its error.
fn codes(body: &[u8]) -> Result<Vec<Result<String, u16>>, RequestError> {
    Ok(read(body)?.into_iter().map(|seen| seen.map_err(|(code, _)| code)).collect())
}

fn request(msg: &Value) -> String {
    json!({"messages": {"msg": [msg]}}).to_string()
}

fn good() -> Value {
    json!({"from": "SenderName", "to": [{"number": "00447911123456"}], "body": {"type": "auto", "content": "Hi"}})
}

fn with(field: &str, value: Value) -> Value {
    let mut msg = good();
    msg[field] = value;
    msg
}

fn without(field: &str) -> Value {
    let mut msg = good();
    msg.as_object_mut().unwrap().remove(field);
    msg
}

#[expect(clippy::unnecessary_wraps, reason = "makes what a row expects")]
fn draft(line: &str) -> Result<Vec<Result<String, u16>>, RequestError> {
    Ok(vec![Ok(line.to_owned())])
}

#[test]
fn each_body_is_read() {
    let in_any_case = r#"{"MESSAGES":{"Authentication":{"PRODUCTTOKEN":"t"},"Msg":[{"FROM":"SenderName","TO":[{"Number":447911123456}],
        "Body":{"CONTENT":""},"body":{"Type":"AUTO","content":"Hi"},"ALLOWEDCHANNELS":["apple business chat","sms","SMS"],
        "CustomGrouping2":"two","REFERENCE":"r","MaximumNumberOfMessageParts":"2"}]}}"#;
    let dcs = |dcs: Value, kind: &str, content: &str| {
        let mut message = with("dcs", dcs);
        message["body"] = json!({"type": kind, "content": content});
        request(&message)
    };
    let to = json!([{"number": "00447911123456"}, {"number": "0044791112345a"}, {}, {"number": ""}, 7, {"number": []}]);
    let unicode = HI.replace("Gsm7", "Ucs2");
    let rows = [
        (
            in_any_case.to_owned(),
            draft(r#"0 447911123456 SenderName "Hi" Gsm7 [AppleBusinessChat, Sms] r ["", "two", ""]"#),
        ),
        (r#"{"messages":{"msg":[{}],"MSG":[]}}"#.to_owned(), Err(RequestError::InvalidJson)),
        (request(&good()), draft(HI)),
        // `dcs` 8 asks for Unicode, and `auto` overrides it.
        (dcs(json!(8), "", "Hi"), draft(&unicode)),
        (dcs(json!("8"), "", "Hi"), draft(&unicode)),
        (dcs(json!(0), "", "Hi"), draft(HI)),
        (dcs(json!(8), "AUTO", "Hi"), draft(HI)),
        (dcs(json!(0), "", "Κείμενο"), draft(&unicode.replace("Hi", "Κείμενο"))),
        // Each recipient is a message with its own error.
        (request(&with("to", to)), Ok(vec![Ok(HI.to_owned()), Err(303), Err(303), Err(303), Err(302), Err(303)])),
        (request(&with("reference", json!(7))), draft(&format!("{HI} 7"))),
        (request(&with("reference", json!(u64::MAX))), draft(&format!("{HI} {}", u64::MAX))),
        (request(&with("customGrouping", json!(-7))), draft(&format!(r#"{HI} ["-7", "", ""]"#))),
        (request(&with("from", json!(441_234_567_890_u64))), draft(&HI.replace("SenderName", "441234567890"))),
        (request(&with("from", json!(" +441234567890 "))), draft(&HI.replace("SenderName", "441234567890"))),
        (request(&with("body", json!({"content": 42}))), draft(&HI.replace("Hi", "42"))),
    ];
    check_requests(&rows, codes);
    let posted = Posted::parse(in_any_case.as_bytes()).ok().unwrap();
    assert_eq!(posted.token(), Ok(Some("t")));
    let parsed = posted.read(&context()).ok().unwrap();
    let draft = parsed[0].draft.as_ref().unwrap();
    assert_eq!(draft.validity, Some(Validity::For(SignedDuration::from_hours(24))));
}

#[test]
fn empty_optional_field_counts_as_missing() {
    let mut all = good();
    for field in [
        "reference",
        "customGrouping",
        "customGrouping2",
        "customGrouping3",
        "validity",
        "dcs",
        "minimumNumberOfMessageParts",
        "maximumNumberOfMessageParts",
        "allowedChannels",
        "richContent",
    ] {
        all[field] = json!("");
        check_requests(&[(request(&with(field, json!(""))), draft(HI))], codes);
    }
    all["body"]["type"] = json!("");
    check_requests(&[(request(&all), draft(HI))], codes);
    let rows = [
        ("allowedChannels", json!([])),
        ("allowedChannels", json!(["", " "])),
        ("richContent", json!({})),
        ("validity", json!(" ")),
    ];
    check_requests(&rows.map(|(field, value)| (request(&with(field, value)), draft(HI))), codes);
    let posted = Posted::parse(br#"{"messages":{"authentication":{"productToken":""}}}"#).ok().unwrap();
    assert_eq!(posted.token(), Ok(None));
}

#[test]
fn byte_order_mark_before_a_body_is_ignored() {
    let body = [b"\xef\xbb\xbf", request(&good()).as_bytes()].concat();
    assert_eq!(codes(&body), draft(HI));
}

#[test]
fn answer_repeats_numbers_and_numeric_references() {
    let parsed = |msg: &Value| Posted::parse(request(msg).as_bytes()).ok().unwrap().read(&context()).ok().unwrap();
    let wrong = parsed(&with("to", json!([{"number": "0044791112345a"}])));
    assert_eq!(wrong[0].to.as_deref(), Some("0044791112345a"));
    assert_eq!(parsed(&with("reference", json!(7)))[0].reference.as_ref().unwrap().as_str(), "7");
}

#[test]
fn each_error_of_a_msg_has_its_code() {
    let body = |body: Value| with("body", body);
    let long = |content: usize, fewest: Value, most: Value| {
        let mut message = with("maximumNumberOfMessageParts", most);
        message["minimumNumberOfMessageParts"] = fewest;
        message["body"]["content"] = json!("x".repeat(content));
        message
    };
    let dcs = json!({"from": "SenderName", "to": [{"number": "00447911123456"}], "dcs": 4, "body": {"content": "Hi"}});
    let rows = [
        (json!(7), 305),
        (without("from"), 301),
        (with("from", json!("")), 301),
        (with("from", json!("TwelveLetter")), 301),
        (with("from", json!("00012345678901234567")), 301),
        (with("from", json!(["x"])), 301),
        (without("to"), 302),
        (with("to", json!([])), 302),
        (with("to", json!({"number": "00447911123456"})), 302),
        (without("body"), 304),
        (body(json!("Hi")), 304),
        (body(json!({})), 304),
        (body(json!({"content": ""})), 304),
        (body(json!({"content": {}})), 304),
        (body(json!({"content": "a\u{1}b"})), 304),
        (body(json!({"content": "Hi", "type": "html"})), 304),
        (body(json!({"content": "x".repeat(1531)})), 304),
        (with("maximumNumberOfMessageParts", json!(0)), 305),
        (with("maximumNumberOfMessageParts", json!("many")), 305),
        (with("maximumNumberOfMessageParts", json!({})), 305),
        (with("reference", json!("x".repeat(33))), 305),
        (with("reference", json!({})), 305),
        // As 64-bit floats they are other digits than the client's.
        (with("reference", json!(1.5)), 305),
        (with("customGrouping", json!(1e23)), 305),
        (with("to", json!([{"number": 4.479_111_234_56e11}])), 303),
        (body(json!({"content": 1.5})), 304),
        (with("from", json!("+00441234567890")), 301),
        (with("customGrouping3", json!("x".repeat(101))), 305),
        (with("validity", json!("soon")), 305),
        (with("validity", json!("73H")), 305),
        (with("allowedChannels", json!(["Fax"])), 305),
        (with("allowedChannels", json!("SMS")), 305),
        (with("allowedChannels", json!([1])), 305),
        (with("richContent", json!([7])), 305),
        (dcs, 305),
        (long(161, json!(null), json!(1)), 304),
        (long(161, json!(2), json!(1)), 305),
    ];
    check_requests(&rows.map(|(msg, code)| (request(&msg), Ok(vec![Err(code)]))), codes);
}

#[test]
fn text_may_be_missing_if_rich_content_replaces_it() {
    let location = json!({"conversation": [{"location": {"searchQuery": "Breda"}}]});
    let beside = |body: Value, channels: Value| {
        let mut message = with("richContent", location.clone());
        message["body"] = body;
        message["allowedChannels"] = channels;
        message
    };
    let no_text = |channels: Value| beside(json!({"type": "AUTO", "content": ""}), channels);
    let shown =
        |message: Value, channels: &str| (message, Ok(format!(r#"0 447911123456 SenderName "" Gsm7 {channels}"#)));
    let mut plain = no_text(json!(["WhatsApp"]));
    plain["richContent"] = Value::Null;
    let rows = [
        shown(no_text(json!(["Whatsapp"])), "[WhatsApp]"),
        shown(no_text(json!(["SMS", "Viber", "RCS"])), "[Sms, Viber, Rcs]"),
        shown(beside(json!({}), json!(["WhatsApp"])), "[WhatsApp]"),
        shown(beside(json!({"content": null}), json!(["WhatsApp"])), "[WhatsApp]"),
        (plain, Err(304)),
        (no_text(json!(["SMS"])), Err(304)),
        (no_text(json!(["Viber"])), Err(304)),
        (no_text(json!(["SMS", "Push"])), Err(304)),
        (no_text(json!([])), Err(304)),
        (no_text(json!(null)), Err(304)),
        (beside(json!(null), json!(["WhatsApp"])), Err(304)),
        (beside(json!({"content": " "}), json!(["WhatsApp"])), Err(304)),
        (beside(json!({"content": "", "type": "html"}), json!(["WhatsApp"])), Err(304)),
        (no_text(json!(["WhatsApp", "Fax"])), Err(305)),
    ];
    check_requests(&rows.map(|(msg, seen)| (request(&msg), Ok(vec![seen]))), codes);
}

#[test]
fn request_holds_1_to_1000_messages_in_any_arrangement() {
    let many = |msgs: usize, to: usize| {
        let msg = with("to", vec![json!({"number": "00447911123456"}); to].into());
        json!({"messages": {"msg": vec![msg; msgs]}}).to_string()
    };
    let content = json!({"conversation": [{"text": "x".repeat(4000)}, {"text": "x".repeat(4000)}]});
    let mut large = with("richContent", content);
    large["to"] = vec![json!({"number": "00447911123456"}); 600].into();
    let malformed = json!({"messages": {"msg": vec![7; 1002]}}).to_string();
    let too_many = || Err(RequestError::TooManyMessages);
    let mut rows = vec![
        (many(1000, 1), Ok(1000)),
        (many(10, 100), Ok(1000)),
        (many(1001, 1), too_many()),
        (many(1, 1001), too_many()),
        (many(10, 101), too_many()),
        (many(1001, 0), too_many()),
        (malformed, too_many()),
        (request(&large), Err(RequestError::TooLarge)),
        (r#"{"messages":{"msg":{}}}"#.to_owned(), Err(RequestError::WrongType { object: "MSG", must_be: "an array" })),
    ];
    let empty = [r"{}", r#"{"messages":{}}"#, r#"{"messages":{"msg":[]}}"#, r#"{"messages":null}"#];
    rows.extend(empty.map(|body| (body.to_owned(), Err(RequestError::NoMessages))));
    let broken = ["", "[]", "{\"messages\":", "{\"messages\":{\"msg\":[{},]}}", "7"];
    rows.extend(broken.map(|body| (body.to_owned(), Err(RequestError::InvalidJson))));
    check_requests(&rows, |body| codes(body).map(|seen| seen.len()));
    assert_eq!(RequestError::WrongType { object: "MSG", must_be: "an array" }.code(), 203);
}

#[test]
fn malformed_body_neither_panics_nor_is_quoted() {
    let samples = [
        include_str!("../../../../../../tests/fixtures/cm/json/03-reference-and-groupings.json"),
        include_str!("../../../../../../tests/fixtures/cm/json/04-validity.json"),
        include_str!("../../../../../../tests/fixtures/cm/json/05-rich-content.json"),
        include_str!("../../../../../../tests/fixtures/cm/json/08-multipart.json"),
        include_str!("../../../../../../tests/fixtures/cm/json/20-viber-rich-content.json"),
        include_str!("../../../../../../tests/fixtures/cm/json/14-whatsapp-template.json"),
    ];
    // The sample's date is more than 72 hours after the tests' time.
    let samples = samples.map(|sample| sample.replace("2017-04-20 11:50 GMT", "1970-01-02 11:50 GMT"));
    check_malformed(&samples, |body| {
        let parsed = Posted::parse(body).and_then(|posted| posted.read(&context()));
        parsed.map_or_else(|error| vec![error.words(Part::Object)], |parsed| quiet(&parsed, Part::Object))
    });
}

proptest! {
    #[test]
    fn arbitrary_message_does_not_panic(
        key in "from|to|body|reference|validity|dcs|allowedChannels|richContent|customGrouping|maximumNumberOfMessageParts",
        value in "\"\\PC{0,20}\"|[0-9]{1,5}|null|\\[\\]|\\{\\}|true|\\[\\{\"number\":\"\\PC{0,9}\"\\}\\]|\\{\"content\":\"\\PC{0,9}\"\\}",
    ) {
        let _ = read(format!(
            r#"{{"messages":{{"msg":[{{"from":"SenderName","body":{{"content":"x"}},"to":[{{"number":"447911123456"}}],"{key}":{value}}}]}}}}"#
        ).as_bytes());
    }
}
