use FieldErrorCode as E;
use proptest::prelude::*;
use serde_json::Value;

use super::{errors, read_in, read_one};
use crate::{
    domain::{FieldError, FieldErrorCode, SegmentLimit},
    vendors::{
        mta::dialect::request::read,
        testing::dialect::{check_malformed, check_requests},
    },
};

/// Returns a request with one number and further fields.
fn one(more: &str) -> String {
    format!(r#"{{"subscribers":["+447700900001"],"message":"a"{more}}}"#)
}

/// Returns a request to these subscribers.
fn to(subscribers: &str) -> String {
    format!(r#"{{"subscribers":{subscribers},"message":"a"}}"#)
}

fn usual(more: &str) -> Vec<String> {
    vec!["from the usual sender".to_owned(), format!(r#"0 447700900001 "a"{more}"#)]
}

#[test]
fn each_request_is_read() {
    let from = |sender: &str| Ok(vec![format!("from {sender}"), usual("").remove(1)]);
    let all =
        one(r#","longcodeId":441234567890,"externalId":"RequestId-4e0242e2-d101","tags":{"b":"","a":"1"},"isMMS":true,
        "rehost":false,"scheduledDate":"20250306T193000-0000","senderName":7,"note":[]"#);
    let absent = one(
        r#","longcodeId":null,"externalId":"","tags":{},"isMMS":null,"rehost":null,"scheduledDate":"","header":" ",
        "footer":null,"image":"","groups":[],"subscriberIds":null,"allSubscribers":false,"templateId":null,"linkId":null,
        "repeat":null,"threadId":null"#,
    );
    let everything = r#"0 447700900001 "a" a=1 b= external=RequestId-4e0242e2-d101 at=2025-03-06T19:30:00Z"#;
    let rows = [
        (one(""), Ok(usual(""))),
        (all, Ok(vec!["from 441234567890".to_owned(), everything.to_owned()])),
        (absent, Ok(usual(""))),
        (one(r#","longcodeId":"441234567890""#), from("441234567890")),
        (one(r#","longcodeId":9007199254740991"#), from("9007199254740991")),
        (
            r#"{"threadId":447700900001,"message":"a"}"#.to_owned(),
            Ok(vec!["from the thread's sender".to_owned(), r#"0 447700900001 "a""#.to_owned()]),
        ),
        (r#"{"threadId":"447700900001","message":"a","longcodeId":7}"#.to_owned(), from("7")),
        (format!("\u{feff}{}", one("")), Ok(usual(""))),
        (
            to(r#"[" +447700900001 ",447700900002,"00447700900003"]"#),
            Ok(vec![
                "from the usual sender".to_owned(),
                r#"0 447700900001 "a""#.to_owned(),
                r#"1 447700900002 "a""#.to_owned(),
                r#"2 447700900003 "a""#.to_owned(),
            ]),
        ),
    ];
    check_requests(&rows, read_one);
}

#[test]
fn each_form_of_a_time_is_read() {
    for (written, at) in [
        ("20250306T193000-0000", "2025-03-06T19:30:00Z"),
        ("20250306T193000+0530", "2025-03-06T14:00:00Z"),
        ("20250306T1930-0500", "2025-03-07T00:30:00Z"),
        ("20250306T193000Z", "2025-03-06T19:30:00Z"),
        ("20250306T193000", "2025-03-06T19:30:00Z"),
        ("2025-03-06T19:30:00-05:00", "2025-03-07T00:30:00Z"),
        ("2025-03-06T19:30:00.5Z", "2025-03-06T19:30:00.5Z"),
    ] {
        let body = one(&format!(r#","scheduledDate":"{written}""#));
        assert_eq!(read_one(body.as_bytes()), Ok(usual(&format!(" at={at}"))), "{written}");
    }
}

#[test]
fn national_number_needs_the_accounts_country() {
    for (country, written, digits) in [
        (Some("1"), r#""5555555555""#, "15555555555"),
        (Some("1"), "5555555555", "15555555555"),
        (Some("1"), r#""15555555555""#, "15555555555"),
        (Some("1"), r#""+4712345678""#, "4712345678"),
        (Some("1"), r#""004712345678""#, "4712345678"),
        (Some("44"), r#""07700900001""#, "447700900001"),
        (None, r#""+4712345678""#, "4712345678"),
        (None, "15555555555", "15555555555"),
    ] {
        let read = read_in(country, to(&format!("[{written}]")).as_bytes());
        assert_eq!(read.map(|lines| lines[1].clone()), Ok(format!(r#"0 {digits} "a""#)), "{country:?} {written}");
    }
    let words = |country: Option<&str>, written: &str| {
        let body = to(&format!("[{written}]"));
        let errors = read(body.as_bytes(), SegmentLimit::default(), country.map(|code| code.parse().unwrap()));
        errors.err().map(|errors| errors.into_iter().map(|error| error.message).collect::<Vec<_>>().join(";"))
    };
    let no_country = "needs a '+' and its country code, because the account has no default country";
    let other =
        |code| format!("is neither an international number with a '+' nor a number of the account's country, +{code}");
    for (country, written, expected) in [
        (None, r#""5555555555""#, no_country.to_owned()),
        (None, "5555555555", no_country.to_owned()),
        (None, r#""07700900001""#, no_country.to_owned()),
        (Some("1"), "447700900001", other(1)),
        (Some("44"), r#""7700900001""#, other(44)),
    ] {
        assert_eq!(words(country, written), Some(expected), "{country:?} {written}");
    }
}

#[test]
fn each_recipient_error_names_its_place() {
    let email = read(to(r#"["ann@example.com"]"#).as_bytes(), SegmentLimit::default(), None).err().unwrap();
    assert!(email[0].message.contains("no contact base"), "{}", email[0].message);
    let thousand = |count: usize| {
        let numbers: Vec<_> = (0..count).map(|index| format!(r#""+4477{index:08}""#)).collect();
        to(&format!("[{}]", numbers.join(",")))
    };
    let rows = [
        (to("[]"), errors([("subscribers", E::Empty)])),
        (to(r#""+447700900001""#), errors([("subscribers", E::WrongType)])),
        (thousand(1001), errors([("subscribers", E::TooMany)])),
        (
            to(r#"["ann@example.com","",null,true,1.5,-1,{},"+44","x","+447700900001"]"#),
            errors([
                ("subscribers[0]", E::UnknownValue),
                ("subscribers[1]", E::Empty),
                ("subscribers[2]", E::Missing),
                ("subscribers[3]", E::WrongType),
                ("subscribers[4]", E::Malformed),
                ("subscribers[5]", E::Malformed),
                ("subscribers[6]", E::WrongType),
                ("subscribers[7]", E::Malformed),
                ("subscribers[8]", E::Malformed),
            ]),
        ),
        (
            to(r#"["+447700900001","+447700900002","447700900001",447700900002]"#),
            errors([("subscribers[2]", E::Duplicate), ("subscribers[3]", E::Duplicate)]),
        ),
        (one(r#","threadId":447700900001"#), errors([("threadId", E::Conflict)])),
        (r#"{"threadId":44,"message":"a"}"#.to_owned(), errors([("threadId", E::Malformed)])),
        (r#"{"threadId":"","message":"a"}"#.to_owned(), errors([("threadId", E::Empty)])),
        (r#"{"threadId":"+447700900001","message":"a"}"#.to_owned(), errors([("threadId", E::Malformed)])),
        (r#"{"threadId":[1],"message":"a"}"#.to_owned(), errors([("threadId", E::WrongType)])),
        (r#"{"message":"a"}"#.to_owned(), errors([("subscribers", E::Missing)])),
    ];
    check_requests(&rows, read_one);
    assert_eq!(read_one(thousand(1000).as_bytes()).map(|lines| lines.len()), Ok(1001));
}

#[test]
fn field_that_needs_a_contact_base_is_named() {
    let rows = [
        (r#"{"groups":[7],"message":"a"}"#.to_owned(), errors([("groups", E::UnknownValue)])),
        (r#"{"subscriberIds":[7],"message":"a"}"#.to_owned(), errors([("subscriberIds", E::UnknownValue)])),
        (r#"{"allSubscribers":true,"message":"a"}"#.to_owned(), errors([("allSubscribers", E::UnknownValue)])),
        (one(r#","groups":"x""#), errors([("groups", E::UnknownValue)])),
        (r#"{"subscribers":["+447700900001"],"templateId":7}"#.to_owned(), errors([("templateId", E::UnknownValue)])),
        (one(r#","templateId":7,"linkId":8"#), errors([("templateId", E::UnknownValue), ("linkId", E::UnknownValue)])),
        (one(r#","repeat":{"type":"week"}"#), errors([("repeat", E::UnknownValue)])),
    ];
    check_requests(&rows, read_one);
}

#[test]
fn each_error_names_its_field() {
    let long = "x".repeat(101);
    let tags = |tags: &str| one(&format!(r#","tags":{tags}"#));
    let many: Vec<_> = (0..21).map(|index| format!(r#""{index}":"""#)).collect();
    let all = r#"{"subscribers":[7],"message":7,"header":[],"footer":{},"image":"x","isMMS":"true","rehost":1,
        "scheduledDate":"tomorrow","longcodeId":"x","externalId":7,"tags":[],"groups":[1],"repeat":{}}"#;
    let rows = [
        (
            all.to_owned(),
            errors([
                ("groups", E::UnknownValue),
                ("repeat", E::UnknownValue),
                ("subscribers[0]", E::Malformed),
                ("header", E::WrongType),
                ("message", E::WrongType),
                ("footer", E::WrongType),
                ("image", E::Malformed),
                ("isMMS", E::WrongType),
                ("rehost", E::WrongType),
                ("scheduledDate", E::Malformed),
                ("longcodeId", E::Malformed),
                ("externalId", E::WrongType),
                ("tags", E::WrongType),
            ]),
        ),
        (String::new(), errors([("(body)", E::Malformed)])),
        ("[]".to_owned(), errors([("(body)", E::WrongType)])),
        (r#"{"message":"1","message":"2"}"#.to_owned(), errors([("(body)", E::Duplicate)])),
        ("{}".to_owned(), errors([("subscribers", E::Missing), ("message", E::Missing)])),
        (one(r#","scheduledDate":20250306"#), errors([("scheduledDate", E::WrongType)])),
        (one(r#","scheduledDate":"20251306T193000-0000""#), errors([("scheduledDate", E::Malformed)])),
        (one(r#","longcodeId":1.5"#), errors([("longcodeId", E::Malformed)])),
        (one(r#","longcodeId":true"#), errors([("longcodeId", E::WrongType)])),
        (one(r#","longcodeId":"""#), errors([("longcodeId", E::Empty)])),
        (one(&format!(r#","longcodeId":"{}""#, "9".repeat(21))), errors([("longcodeId", E::TooLong)])),
        (one(&format!(r#","externalId":"{long}""#)), errors([("externalId", E::TooLong)])),
        (one(r#","externalId":"a\n""#), errors([("externalId", E::Malformed)])),
        (tags(r#"{"a":1}"#), errors([("tags", E::WrongType)])),
        (tags(r#"{"a":true,"b":"1"}"#), errors([("tags", E::WrongType)])),
        (tags(r#"{"a":null}"#), errors([("tags", E::WrongType)])),
        (tags(r#"{"":"1"}"#), errors([("tags", E::Empty)])),
        (tags(&format!(r#"{{"{long}":"1"}}"#)), errors([("tags", E::TooLong)])),
        (tags(&format!(r#"{{"a":"{}"}}"#, "x".repeat(256))), errors([("tags", E::TooLong)])),
        (tags(r#"{"a":"\u0000"}"#), errors([("tags", E::Malformed)])),
        (tags(&format!("{{{}}}", many.join(","))), errors([("tags", E::TooMany)])),
    ];
    check_requests(&rows, read_one);
}

#[test]
fn malformed_request_neither_panics_nor_is_quoted() {
    let samples = [
        include_str!("../../../../../../tests/fixtures/mta/02-tags.json"),
        include_str!("../../../../../../tests/fixtures/mta/04-everything.json"),
    ];
    let words = |errors: Vec<FieldError>| errors.into_iter().map(|error| format!("{} {}", error.field, error.message));
    let samples = samples.map(|sample| serde_json::from_str::<Value>(sample).unwrap()["request"].to_string());
    check_malformed(&samples, |body| {
        read(body, SegmentLimit::default(), None).err().map_or_else(Vec::new, |errors| words(errors).collect())
    });
}

proptest! {
    #[test]
    fn arbitrary_message_does_not_panic(
        key in "subscribers|threadId|message|header|image|scheduledDate|longcodeId|externalId|tags|groups|repeat",
        value in "\"\\PC{0,20}\"|[0-9]{1,5}|null|\\[\\]|\\{\\}|true",
    ) {
        let _ = read_one(format!(r#"{{"{key}":{value}}}"#).as_bytes());
        let _ = read_in(Some("1"), one(&format!(r#","{key}":{value}"#)).as_bytes());
    }
}
