//! `POST /gateway.ashx`: a document, and the messages or the error that it becomes.

use proptest::prelude::*;

use super::{
    super::{
        MOST_MESSAGES,
        error::{Part, RequestError},
        xml::Posted,
    },
    Seen, context, quiet, seen,
};
use crate::vendors::testing::dialect::{check_malformed, check_requests};

const MSG: &str = "<FROM>SenderName</FROM><TO>00447911123456</TO><BODY>Hi</BODY>";
const HI: &str = r#"0 447911123456 SenderName "Hi" Gsm7 []"#;
const NO_FROM: (u16, &str) = (301, "No FROM field found in a MSG node.");
const NO_NUMBERS: &str = "No phone numbers found. Message will not be sent.";

fn read(body: &[u8]) -> Result<Vec<Seen>, RequestError> {
    Ok(seen(&Posted::parse(body)?.read(&context())?, Part::Node))
}

fn msg(msg: &str) -> String {
    format!("<?xml version=\"1.0\"?>\n<MESSAGES>\n <MSG>{msg}</MSG>\n</MESSAGES>\n")
}

#[expect(clippy::unnecessary_wraps, reason = "makes what a row expects")]
fn draft(line: &str) -> Result<Vec<Seen>, RequestError> {
    Ok(vec![Ok(line.to_owned())])
}

#[expect(clippy::unnecessary_wraps, reason = "makes what a row expects")]
fn error((code, words): (u16, &str)) -> Result<Vec<Seen>, RequestError> {
    Ok(vec![Err((code, words.to_owned()))])
}

#[test]
fn each_document_is_read() {
    let escaped = "\u{FEFF}<Messages><AUTHENTICATION><PRODUCTTOKEN> t </PRODUCTTOKEN></AUTHENTICATION><MSG>\
        <CHANNEL>SMS</CHANNEL><FROM>SenderName</FROM><TO>00447911123456</TO><TO>00447911123457</TO>\
        <BODY TYPE='AUTO'>&lt;a &amp; b&gt; &#65;&#x3BA;<![CDATA[<c>]]> <!-- not this --></BODY><DCS>8</DCS>\
        <ALLOWEDCHANNELS>Push, SMS</ALLOWEDCHANNELS><APPKEY>x</APPKEY><REFERENCE/>\
        <CUSTOMGROUPING2>two</CUSTOMGROUPING2></MSG></Messages>";
    let of_escaped = |index: usize| {
        Ok(format!(r#"{index} 44791112345{} SenderName "<a & b> Aκ<c> " Ucs2 [Sms, Push] ["", "two", ""]"#, index + 6))
    };
    assert_eq!(Posted::parse(escaped.as_bytes()).ok().unwrap().token(), Ok(Some("t")));
    let (from, to, body) = ("<FROM>SenderName</FROM>", "<TO>00447911123456</TO>", "<BODY>Hi</BODY>");
    let with = |more: &str| msg(&format!("{MSG}{more}"));
    let form = "The VALIDITY field is neither a date and time nor a number of hours (H) or minutes (M).";
    let mut rows = vec![
        (escaped.to_owned(), Ok(vec![of_escaped(0), of_escaped(1)])),
        (msg(MSG), draft(HI)),
        (msg(&format!("{to}{body}")), error(NO_FROM)),
        (msg(&format!("<FROM/>{to}{body}")), error(NO_FROM)),
        (msg(&format!("{from}{body}")), error((302, NO_NUMBERS))),
        (msg(&format!("{from}<TO></TO>{body}")), error((303, NO_NUMBERS))),
        (msg(&format!("{from}<TO>12a</TO>{body}")), error((303, "Rejected: Gsm '12a' is not a number."))),
        (msg(&format!("{from}{to}")), error((304, "No body field was found"))),
        (msg(&format!("{from}{to}<BODY/>")), error((304, "A body without content was found"))),
        (with("<VALIDITY>soon</VALIDITY>"), error((305, form))),
        (
            with("<VALIDITY/><DCS/><REFERENCE/><CUSTOMGROUPING/><CHANNEL/><ALLOWEDCHANNELS> </ALLOWEDCHANNELS>"),
            draft(HI),
        ),
        (with("<MINIMUMNUMBEROFMESSAGEPARTS/><MAXIMUMNUMBEROFMESSAGEPARTS> </MAXIMUMNUMBEROFMESSAGEPARTS>"), draft(HI)),
        (with("<CHANNEL>Fax</CHANNEL>"), error((305, "The ALLOWEDCHANNELS field holds an unknown channel."))),
        ("<MESSAGES><AUTHENTICATION/></MESSAGES>".to_owned(), Err(RequestError::NoMessages)),
        (
            msg(&MSG.replace("<TO>", &format!("{}<TO>", "<TO>447911123456</TO>".repeat(1000)))),
            Err(RequestError::TooManyMessages),
        ),
        (format!("<MESSAGES>{}</MESSAGES>", "<MSG/>".repeat(50_000)), Err(RequestError::TooManyMessages)),
    ];
    rows.extend(malformed().into_iter().map(|document| (document, Err(RequestError::InvalidXml))));
    check_requests(&rows, read);
    assert_eq!(Posted::parse(b"<MESSAGES>\xFF</MESSAGES>").err(), Some(RequestError::InvalidXml));
    let no_messages = RequestError::NoMessages.words(Part::Node);
    assert_eq!(no_messages, "A MESSAGES node requires at least one MSG node");
}

/// Documents that are no XML, or may be an attack, or would lose text.
fn malformed() -> Vec<String> {
    let documents = [
        "",
        "hello",
        "{\"messages\":{}}",
        "<MESSAGES>",
        "<MESSAGES></MESSAGES></MSG>",
        "<MESSAGES></MSG>",
        "<MESSAGES/><MESSAGES/>",
        "<MESSAGES>&copy;</MESSAGES>",
        "<MESSAGES>&#0;</MESSAGES>",
        "<MESSAGES>&#xFFFFFFFF;</MESSAGES>",
        "<MESSAGES><MSG><BODY TYPE=AUTO>x</BODY></MSG></MESSAGES>",
        "<MESSAGES/>more",
        "<MESSAGES><MSG><BODY>Your code is 123<br/>valid 5 min</BODY></MSG></MESSAGES>",
        "<!DOCTYPE m [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><MESSAGES><MSG><BODY>&b;</BODY></MSG></MESSAGES>",
        "<!DOCTYPE m [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><MESSAGES>&x;</MESSAGES>",
    ];
    let deep = format!("{}{}", "<MSG>".repeat(20), "</MSG>".repeat(20));
    documents
        .map(str::to_owned)
        .into_iter()
        .chain([deep, format!("<MESSAGES><MSG>{MSG}</MSG></MSG></MESSAGES>")])
        .collect()
}

#[test]
fn element_that_may_be_there_once_is_refused_twice() {
    for (name, code) in [
        ("FROM", 301),
        ("BODY", 304),
        ("REFERENCE", 305),
        ("CUSTOMGROUPING", 305),
        ("CUSTOMGROUPING2", 305),
        ("CUSTOMGROUPING3", 305),
        ("VALIDITY", 305),
        ("DCS", 305),
        ("MINIMUMNUMBEROFMESSAGEPARTS", 305),
        ("MAXIMUMNUMBEROFMESSAGEPARTS", 305),
    ] {
        let twice = msg(&format!("{MSG}<{name}/><{}>x</{}>", name.to_lowercase(), name.to_lowercase()));
        let words = format!("The {name} field is there more than once.");
        assert_eq!(read(twice.as_bytes()), Ok(vec![Err((code, words))]), "{name}");
    }
    let channels = msg(&format!("{MSG}<CHANNEL>SMS</CHANNEL><CHANNEL>Push</CHANNEL>"));
    assert_eq!(read(channels.as_bytes()), draft(&HI.replace("[]", "[Sms, Push]")));
}

#[test]
fn token_is_read_unless_ambiguous() {
    let token = |tokens: &str| {
        let document = format!("<MESSAGES><AUTHENTICATION>{tokens}</AUTHENTICATION></MESSAGES>");
        Posted::parse(document.as_bytes()).ok().unwrap().token().map(|token| token.map(str::to_owned))
    };
    assert_eq!((token(""), token("<PRODUCTTOKEN/>")), (Ok(None), Ok(None)));
    let twice = "<PRODUCTTOKEN>a</PRODUCTTOKEN>".repeat(2);
    assert_eq!(token(&twice), Err(RequestError::InvalidToken(None)));
}

#[test]
fn excess_messages_are_not_kept() {
    let posted = Posted::parse(format!("<MESSAGES>{}</MESSAGES>", "<MSG/>".repeat(50_000)).as_bytes());
    assert_eq!(posted.ok().unwrap().kept(), MOST_MESSAGES + 1);
}

#[test]
fn malformed_document_neither_panics_nor_is_quoted() {
    let samples = [
        include_str!("../../../../../../tests/fixtures/cm/xml/07-groupings.xml"),
        include_str!("../../../../../../tests/fixtures/cm/xml/05-unicode-auto.xml"),
        include_str!("../../../../../../tests/fixtures/cm/xml/06-multipart.xml"),
    ];
    check_malformed(&samples.map(str::to_owned), |body| {
        let parsed = Posted::parse(body).and_then(|posted| posted.read(&context()));
        parsed.map_or_else(|error| vec![error.words(Part::Node)], |parsed| quiet(&parsed, Part::Node))
    });
}

proptest! {
    #[test]
    fn arbitrary_markup_does_not_panic(parts in prop::collection::vec("</?(MESSAGES|MSG|TO|BODY|FROM|!DOCTYPE|!\\[CDATA\\[|!--|\\?xml)( TYPE='A')?/?>|&[a-z#x0-9]{0,9};?|\\PC{0,5}|\\]\\]>|-->", 0..30)) {
        let _ = read(parts.concat().as_bytes());
    }
}
