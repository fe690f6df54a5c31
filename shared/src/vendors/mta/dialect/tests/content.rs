use FieldErrorCode as E;

use super::{errors, read_one};
use crate::{
    domain::{ChannelCapability, FieldErrorCode, SegmentLimit, SenderChoice},
    vendors::{mta::dialect::request::read, testing::dialect::check_requests},
};

const URL: &str = "https://media.example/map.png";

fn with(content: &str) -> String {
    format!(r#"{{"subscribers":["+447700900001"],{content}}}"#)
}

/// Returns the single draft's text, and the rest of the draft.
fn shown(text: &str, rest: &str) -> Vec<String> {
    vec!["from the usual sender".to_owned(), format!("0 447700900001 {text}{rest}")]
}

fn picture(text: &str) -> String {
    format!(r#" rcs sms {{"conversation":[{{{text}"media":{{"uri":"{URL}"}}}}]}}"#)
}

#[test]
fn each_content_becomes_lines_of_a_text() {
    let rows = [
        (with(r#""message":"a""#), Ok(shown(r#""a""#, ""))),
        (with(r#""message":"a","header":"h","footer":"f""#), Ok(shown(r#""h\na\nf""#, ""))),
        (with(r#""message":"a","header":"","footer":" ""#), Ok(shown(r#""a""#, ""))),
        (with(r#""message":"a\nb","footer":"f""#), Ok(shown(r#""a\nb\nf""#, ""))),
        (with(&format!(r#""image":"{URL}""#)), Ok(shown(&format!("{URL:?}"), &picture("")))),
        (with(&format!(r#""message":"","image":"{URL}""#)), Ok(shown(&format!("{URL:?}"), &picture("")))),
        (
            with(&format!(r#""message":"a","image":"{URL}","footer":"f""#)),
            Ok(shown(&format!(r#""a\nf\n{URL}""#), &picture(r#""text":"a\nf","#))),
        ),
        (
            with(&format!(r#""header":"h","image":"{URL}""#)),
            Ok(shown(&format!(r#""h\n{URL}""#), &picture(r#""text":"h","#))),
        ),
    ];
    check_requests(&rows, read_one);
}

#[test]
fn each_content_error_names_the_part_that_breaks_the_rule() {
    let (long, most) = ("x".repeat(1531), "x".repeat(1530));
    let rows = [
        (with(r#""message":"""#), errors([("message", E::Empty)])),
        (with(r#""message":" \t""#), errors([("message", E::Empty)])),
        (with(r#""header":"h""#), errors([("message", E::Missing)])),
        (with(r#""message":null"#), errors([("message", E::Missing)])),
        (with(&format!(r#""message":"{long}""#)), errors([("message", E::TooLong)])),
        (with(&format!(r#""message":"{most}","header":"h""#)), errors([("header", E::TooLong)])),
        (with(&format!(r#""message":"{most}","footer":"f""#)), errors([("footer", E::TooLong)])),
        (with(&format!(r#""message":"{most}","image":"{URL}""#)), errors([("image", E::TooLong)])),
        (with(r#""message":"a","header":"\u0001""#), errors([("header", E::Malformed)])),
        (with(r#""message":"a","footer":"\u0001""#), errors([("footer", E::Malformed)])),
        (with(r#""message":"a","image":"/map.png""#), errors([("image", E::Malformed)])),
        (with(r#""message":"a","image":"ftp://media.example/map.png""#), errors([("image", E::Malformed)])),
        (with(r#""message":"a","image":["x"]"#), errors([("image", E::WrongType)])),
        (
            with(&format!(r#""message":"a","image":"https://media.example/{}""#, "x".repeat(2048))),
            errors([("image", E::TooLong)]),
        ),
    ];
    check_requests(&rows, read_one);
    assert!(read_one(with(&format!(r#""message":"{most}""#)).as_bytes()).is_ok());
}

#[test]
fn limit_of_segments_is_the_operators() {
    let code = |length: usize, limit: u16| {
        let body = with(&format!(r#""message":"{}""#, "x".repeat(length)));
        read(body.as_bytes(), SegmentLimit(limit), None).err().map(|errors| errors[0].code)
    };
    assert_eq!((code(160, 1), code(161, 1), code(306, 2)), (None, Some(E::TooLong), None));
}

#[test]
fn rcs_shows_the_picture_and_sms_the_text() {
    let request = read(with(&format!(r#""image":"{URL}""#)).as_bytes(), SegmentLimit::default(), None).ok().unwrap();
    let draft = request.drafts(&SenderChoice::Shared).remove(0);
    let content = draft.content.unwrap();
    let capabilities: Vec<_> = draft.channels.iter().map(|channel| content.capability(*channel)).collect();
    assert_eq!(capabilities, [ChannelCapability::Full, ChannelCapability::TextOnly]);
}
