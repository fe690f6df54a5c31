use FieldErrorCode as E;
use proptest::prelude::*;
use serde_json::Value;

use super::{errors, read_one};
use crate::{
    domain::{FieldError, FieldErrorCode, SegmentLimit},
    vendors::{
        messangi::dialect::request::read,
        testing::dialect::{check_malformed, check_requests},
    },
};

const PLAIN: &str = r#"0 525500000000 12345 "a""#;

/// Returns a request with more fields.
fn one(more: &str) -> String {
    format!(r#"{{"from":"12345","text":"a","to":"+525500000000"{more}}}"#)
}

/// Returns a request with another value of a field.
fn with(field: &str, value: &str) -> String {
    let fields = [("from", r#""12345""#), ("text", r#""a""#), ("to", r#""+525500000000""#)];
    let written = fields.map(|(name, usual)| format!(r#""{name}":{}"#, if name == field { value } else { usual }));
    format!("{{{}}}", written.join(","))
}

#[test]
fn each_request_is_read() {
    let all =
        one(r#","requestDR":true,"connection":"TELCEL_MX","callbacks":" https://a.example/1 ,https://a.example/2,",
        "email":"ann@example.com","type":"MT","externalId":"campaign 7","clientId":"ann""#);
    let absent = one(
        r#","requestDR":null,"connection":"","callbacks":" ","email":"","type":"","externalId":null,"clientId":"""#,
    );
    let read = |line: &str| Ok(line.to_owned());
    let rows = [
        (one(""), read(PLAIN)),
        (
            all,
            read(&format!(
                "{PLAIN} status over=TELCEL_MX email=ann@example.com external=campaign 7 client=ann \
                 https://a.example/1 https://a.example/2"
            )),
        ),
        (absent, read(PLAIN)),
        (one(r#","requestDR":false,"callbacks":"https://a.example/""#), read(&format!("{PLAIN} https://a.example/"))),
        (one(r#","note":1,"From":"7","To":[]"#), read(PLAIN)),
        (with("to", "525500000000"), read(PLAIN)),
        (with("to", r#"" 00525500000000""#), read(PLAIN)),
        (with("from", r#""+12345""#), read(PLAIN)),
        (with("from", r#""COMPANY""#), read(&PLAIN.replace("12345", "COMPANY"))),
        (with("text", r#""{0} ${1}""#), read(&PLAIN.replace("\"a\"", "\"{0} ${1}\""))),
        (format!("\u{feff}{}", one("")), read(PLAIN)),
    ];
    check_requests(&rows, read_one);
}

#[test]
fn each_error_names_its_field() {
    let all = r#"{"from":"","text":7,"requestDR":"yes","connection":"a b","callbacks":"x","email":"ann","type":"MO",
        "externalId":7,"clientId":"a\n"}"#;
    let long = |field: &str| one(&format!(r#","{field}":"{}@""#, "x".repeat(100)));
    let urls = |count: usize| {
        let urls: Vec<_> = (0..count).map(|index| format!("https://a.example/{index}")).collect();
        one(&format!(r#","callbacks":"{}""#, urls.join(",")))
    };
    let rows = [
        (
            all.to_owned(),
            errors([
                ("from", E::Empty),
                ("text", E::WrongType),
                ("to", E::Missing),
                ("requestDR", E::WrongType),
                ("connection", E::NoRoute),
                ("callbacks", E::Malformed),
                ("email", E::Malformed),
                ("type", E::UnknownValue),
                ("externalId", E::WrongType),
                ("clientId", E::Malformed),
            ]),
        ),
        (String::new(), errors([("(body)", E::Malformed)])),
        ("[]".to_owned(), errors([("(body)", E::WrongType)])),
        (r#"{"from":"1","from":"2"}"#.to_owned(), errors([("(body)", E::Duplicate)])),
        ("{}".to_owned(), errors([("from", E::Missing), ("text", E::Missing), ("to", E::Missing)])),
        (with("from", "12345"), errors([("from", E::WrongType)])),
        (with("from", r#""a#b""#), errors([("from", E::Malformed)])),
        (with("text", r#""""#), errors([("text", E::Empty)])),
        (with("text", r#"" \t""#), errors([("text", E::Empty)])),
        (with("text", r#""\u0001""#), errors([("text", E::Malformed)])),
        (with("to", r#""""#), errors([("to", E::Empty)])),
        (with("to", r#""5255""#), errors([("to", E::Malformed)])),
        (with("to", "-525500000000"), errors([("to", E::WrongType)])),
        (with("to", r#"["+525500000000"]"#), errors([("to", E::WrongType)])),
        (one(r#","requestDR":1"#), errors([("requestDR", E::WrongType)])),
        (one(r#","callbacks":["https://a.example/"]"#), errors([("callbacks", E::WrongType)])),
        (one(r#","callbacks":"https://a.example/?a=1,2""#), errors([("callbacks", E::Malformed)])),
        (one(r#","callbacks":"https://a.example/, https://a.example/""#), errors([("callbacks", E::Duplicate)])),
        (urls(6), errors([("callbacks", E::TooMany)])),
        (one(r#","type":"mt""#), errors([("type", E::UnknownValue)])),
        (long("email"), errors([("email", E::TooLong)])),
        (long("externalId"), errors([("externalId", E::TooLong)])),
        (long("clientId"), errors([("clientId", E::TooLong)])),
        (one(&format!(r#","connection":"{}""#, "x".repeat(65))), errors([("connection", E::NoRoute)])),
    ];
    check_requests(&rows, read_one);
    assert!(read_one(urls(5).as_bytes()).is_ok());
}

#[test]
fn text_has_1600_characters_or_the_operators_segments() {
    let code = |text: &str, limit: u16| {
        let read = read(with("text", &format!("\"{text}\"")).as_bytes(), SegmentLimit(limit));
        read.err().map(|errors| errors[0].code)
    };
    for longest in ["a", "€", "ж", "😀"] {
        for limit in [10, 255] {
            assert_eq!(code(&longest.repeat(1600), limit), None, "{longest} {limit}");
            assert_eq!(code(&longest.repeat(1601), limit), Some(E::TooLong), "{longest} {limit}");
        }
    }
    assert_eq!((code(&"a".repeat(9 * 153), 9), code(&"a".repeat(9 * 153 + 1), 9)), (None, Some(E::TooLong)));
    assert_eq!((code(&"ж".repeat(70), 1), code(&"ж".repeat(71), 1)), (None, Some(E::TooLong)));
}

#[test]
fn malformed_request_neither_panics_nor_is_quoted() {
    let samples = [
        include_str!("../../../../../../tests/fixtures/messangi/01-message.json"),
        include_str!("../../../../../../tests/fixtures/messangi/02-curl.json"),
        include_str!("../../../../../../tests/fixtures/messangi/04-everything.json"),
    ];
    let words = |errors: Vec<FieldError>| errors.into_iter().map(|error| format!("{} {}", error.field, error.message));
    let samples = samples.map(|sample| serde_json::from_str::<Value>(sample).unwrap()["request"].to_string());
    check_malformed(&samples, |body| {
        read(body, SegmentLimit::default()).err().map_or_else(Vec::new, |errors| words(errors).collect())
    });
}

proptest! {
    #[test]
    fn arbitrary_message_does_not_panic(
        key in "to|from|text|requestDR|connection|callbacks|email|type|externalId|clientId",
        value in "\"\\PC{0,20}\"|[0-9]{1,5}|null|\\[\\]|\\{\\}|true",
    ) {
        let _ = read_one(with("", "").replacen('{', &format!(r#"{{"{key}":{value},"#), 1).as_bytes());
        let _ = read_one(format!(r#"{{"{key}":{value}}}"#).as_bytes());
    }
}
