use FieldErrorCode as E;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Read, errors, read_many};
use crate::{
    domain::{FieldError, FieldErrorCode, SegmentLimit},
    vendors::{
        messangi::dialect::request::read_batch,
        testing::dialect::{check_malformed, check_requests},
    },
};

/// Returns a batch: its text and its recipients, as JSON.
fn batch(text: &str, to: &str) -> String {
    format!(r#"{{"from":"12345","text":"{text}","to":{to}}}"#)
}

#[expect(clippy::unnecessary_wraps, reason = "makes what a row expects")]
fn drafts(lines: &[(usize, &str, &str)], invalid: &[&str]) -> Read<(Vec<String>, Vec<String>)> {
    let lines = lines.iter().map(|(index, to, text)| format!("{index} {to} 12345 {text:?}"));
    Ok((lines.collect(), invalid.iter().map(|number| (*number).to_owned()).collect()))
}

#[test]
fn each_batch_is_read() {
    let (ann, joe) = ("525500000000", "525511111111");
    let sample =
        r#"[{"to:":"+525500000000","params":["Elizabeth",10.65]},{"to:":"+525511111111","params":["Joshua",20.5]}]"#;
    let (hi, balance) = ("Hi Elizabeth, your balance is $10.65", "Hi Joshua, your balance is $20.5");
    let numbers = r#"[{"to":"525500000000","params":[10.50,1e3,-7,12345678901234567890123]}]"#;
    let mixed =
        r#"[{"to":"0612345678"},{"to":525500000000},{"to":123,"params":null},{"to":"525511111111","params":[],"x":1}]"#;
    let rows = [
        (batch("Hi {0}, your balance is ${1}", sample), drafts(&[(0, ann, hi), (1, joe, balance)], &[])),
        (batch("{0} {1} {2} {3}", numbers), drafts(&[(0, ann, "10.50 1e3 -7 12345678901234567890123")], &[])),
        (batch("{} {a}", mixed), drafts(&[(1, ann, "{} {a}"), (3, joe, "{} {a}")], &["0612345678", "123"])),
        (batch("{0}", r#"[{"to":"525500000000","params":["{0}"]}]"#), drafts(&[(0, ann, "{0}")], &[])),
        (
            format!("\u{feff}{}", batch("{0}", r#"[{"to":"525500000000","params":[10.0]}]"#)),
            drafts(&[(0, ann, "10.0")], &[]),
        ),
        (
            batch("a", r#"[{"to":"525500000000"},{"to":"+++++++++++++++++++++++++++++++++++++++++++++"}]"#),
            drafts(&[(0, ann, "a")], &[&"+".repeat(40)]),
        ),
    ];
    check_requests(&rows, read_many);
}

#[test]
fn options_hold_for_all_recipients() {
    let body = batch("a", r#"[{"to":"525500000000"},{"to":"525511111111"}]"#);
    let options = r#","requestDR":true,"callbacks":"https://a.example/","externalId":"7","connection":"x"}"#;
    let (lines, _) = read_many(format!("{}{options}", body.strip_suffix('}').unwrap()).as_bytes()).unwrap();
    let ends = r#" 12345 "a" status over=x external=7 https://a.example/"#;
    assert_eq!(lines, [format!("0 525500000000{ends}"), format!("1 525511111111{ends}")]);
}

#[test]
fn each_error_names_its_recipient() {
    let one = |text: &str, params: &str| batch(text, &format!(r#"[{{"to":"525500000000","params":{params}}}]"#));
    let all = r#"[7,{},{"to":7.5,"params":{}},{"to":"","params":[true]},{"to":"52","params":["a"]},
        {"to":"525500000000","to:":"525500000000","params":["a","b","c"]},{"to":"525500000000","params":["a"]}]"#;
    let long = format!(r#"["{}"]"#, "x".repeat(1600));
    let rows = [
        (
            batch("{0} {1}", all),
            errors([
                ("to[0]", E::WrongType),
                ("to[1].to", E::Missing),
                ("to[1].params", E::Missing),
                ("to[2].to", E::WrongType),
                ("to[2].params", E::WrongType),
                ("to[3].params", E::WrongType),
                ("to[4].params", E::Missing),
                ("to[5].to", E::Duplicate),
                ("to[5].params", E::UnknownValue),
                ("to[6].params", E::Missing),
            ]),
        ),
        (
            batch("a", r#"[{"to":"52"},{"to":"0612345678"},{"to":""}]"#),
            errors([("to[0].to", E::Malformed), ("to[1].to", E::Malformed), ("to[2].to", E::Empty)]),
        ),
        (r#"{"to":[]}"#.to_owned(), errors([("from", E::Missing), ("text", E::Missing), ("to", E::Empty)])),
        (batch("a", "null"), errors([("to", E::Missing)])),
        (batch("a", r#""525500000000""#), errors([("to", E::WrongType)])),
        (batch("a", &format!("[{}7]", "7,".repeat(1000))), errors([("to", E::TooMany)])),
        (one("a", r#"["x"]"#), errors([("to[0].params", E::UnknownValue)])),
        (one("{1}", r#"["x"]"#), errors([("to[0].params", E::Missing)])),
        (one("{0}{2}", r#"["x","y","z"]"#), errors([("to[0].params", E::UnknownValue)])),
        (one("{0}", r#"[""]"#), errors([("to[0].params", E::Empty)])),
        (one("{0}", r#"["\u0001"]"#), errors([("to[0].params", E::Malformed)])),
        (one("{0}", "[null]"), errors([("to[0].params", E::WrongType)])),
        (one("a{0}", &long), errors([("to[0].params", E::TooLong)])),
        (one("{0}{0}{0}{0}{0}", &long), errors([("to[0].params", E::TooLong)])),
        (one(&format!("{}{{0}}", "a".repeat(1601)), r#"["x"]"#), errors([("text", E::TooLong)])),
        (one(r"\u0001{0}", r#"["x"]"#), errors([("text", E::Malformed)])),
        (one(&"{0}".repeat(501), r#"["x"]"#), errors([("text", E::TooMany)])),
        (one(&"a".repeat(1601), "[]"), errors([("text", E::TooLong)])),
    ];
    check_requests(&rows, read_many);
    assert!(read_many(one("{0}", &long).as_bytes()).is_ok());
    assert!(read_many(one(&"{0}".repeat(500), r#"["x"]"#).as_bytes()).is_ok());
}

#[test]
fn operators_limit_holds_for_filled_texts() {
    let body = batch("{0}", &json!([{"to": "525500000000", "params": ["a".repeat(161)]}]).to_string());
    let read = |limit| read_batch(body.as_bytes(), SegmentLimit(limit)).err().map(|errors| errors[0].field.clone());
    assert_eq!((read(2), read(1)), (None, Some("to[0].params".to_owned())));
}

#[test]
fn malformed_batch_neither_panics_nor_is_quoted() {
    let sample = include_str!("../../../../../../tests/fixtures/messangi/03-batch.json");
    let sample = serde_json::from_str::<Value>(sample).unwrap()["request"].to_string();
    let words = |errors: Vec<FieldError>| errors.into_iter().map(|error| format!("{} {}", error.field, error.message));
    check_malformed(&[sample], |body| {
        read_batch(body, SegmentLimit::default()).err().map_or_else(Vec::new, |errors| words(errors).collect())
    });
}

proptest! {
    #[test]
    fn arbitrary_batch_does_not_panic(text in "[{}0-9a]{0,12}", params in "[0-9a\",\\[{}.e-]{0,12}", to in "[0-9+]{0,9}") {
        let _ = read_many(batch(&text, &format!(r#"[{{"to":"{to}","params":[{params}]}}]"#)).as_bytes());
    }
}
