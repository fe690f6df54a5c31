//! Submits: a message, and its request.

use serde_json::Value;

use crate::{
    domain::{
        Action, Bubble, Channel, Content, Groupings, Media, SegmentLimit, SubmitReference, Suggestion, Text, Timestamp,
    },
    vendors::testing::{Outgoing, REFERENCE, SubmitRow, submit, text},
};

const POST: &str = "POST /v1.0/message\nx-cm-producttoken: token\ncontent-type: application/json\n\n";
const TO: &str = r#""to":[{"number":"00447911000001"}]"#;
const PARTS: &str = r#""minimumNumberOfMessageParts":1,"maximumNumberOfMessageParts":1"#;

pub(super) fn rows() -> Vec<SubmitRow> {
    let mut rows = vec![
        submit(Outgoing::example(), request(POST, &plain("SenderName"))),
        // The endpoint's path, with and without a slash at its end.
        submit(Outgoing::example(), request("POST /proxy/cm/v1.0/message\n\n", &plain("SenderName"))).below("proxy/cm"),
        submit(Outgoing::example(), request("POST /proxy/v1.0/message\n\n", &plain("SenderName"))).below("proxy/"),
    ];
    rows.extend(full());
    rows.extend(without_text());
    rows.extend(senders());
    rows.extend(validities());
    rows
}

fn request(head: &str, msg: &str) -> String {
    format!(r#"{head}{{"messages":{{"msg":[{msg}]}}}}"#)
}

fn plain(from: &str) -> String {
    format!(
        r#"{{"allowedChannels":["SMS"],"from":"{from}",{TO},"body":{{"content":"Hi"}},{PARTS},"reference":"{REFERENCE}"}}"#
    )
}

/// Returns a message with every part, and its encoding and number of parts.
fn full() -> [SubmitRow; 1] {
    let groupings = Groupings::parse(["Campaign ABC".to_owned(), String::new(), "Source 123".to_owned()]).unwrap();
    let example = Outgoing::example();
    let message = Outgoing {
        channel: Channel::AppleBusinessChat,
        text: Text::parse_ucs2(&"a".repeat(71), SegmentLimit::default()).unwrap(),
        from: "+447911123456".parse().unwrap(),
        reference: SubmitReference { channel_index: 1, ..example.reference },
        content: Some(Content { conversation: vec![bubble("Hi!")], suggestions: Vec::new() }),
        expires_at: "2017-04-20T11:50:59.999Z".parse().ok(),
        groupings,
        ..example
    };
    let msg = format!(
        r#"{{"allowedChannels":["Apple Messages for Business"],"from":"00447911123456",{TO},"body":{{"content":"{}"}},"dcs":8,"minimumNumberOfMessageParts":1,"maximumNumberOfMessageParts":2,"reference":"{}","customGrouping":"Campaign ABC","customGrouping3":"Source 123","validity":"2017-04-20 11:50 GMT","richContent":{{"conversation":[{{"text":"Hi!"}}]}}}}"#,
        "a".repeat(71),
        message.reference,
    );
    [submit(message, request(POST, &msg))]
}

/// Returns messages without text, which have an empty body and one part. Keys are spelled as on the page.
fn without_text() -> [SubmitRow; 2] {
    let of = |content: Content, written: &str| {
        let message =
            Outgoing { channel: Channel::WhatsApp, text: Text::none(), content: Some(content), ..Outgoing::example() };
        let msg = format!(
            r#"{{"allowedChannels":["WhatsApp"],"from":"SenderName",{TO},"body":{{"content":""}},{PARTS},"reference":"{REFERENCE}","richContent":{written}}}"#
        );
        submit(message, request(POST, &msg))
    };
    let media = Media {
        name: None,
        uri: "https://a.example/x.jpg?b=\"c\"".to_owned(),
        mime_type: text("image/jpg"),
        height: None,
    };
    let dial = Action::Dial { number: "00310612345".parse().unwrap() };
    let content = Content {
        conversation: vec![Bubble { media: Some(media.into()), ..Bubble::default() }],
        suggestions: vec![Suggestion { label: "Call us".to_owned(), action: dial, postback: None, media: None }],
    };
    [
        of(
            Content { conversation: vec![bubble("Hi!")], suggestions: Vec::new() },
            r#"{"conversation":[{"text":"Hi!"}]}"#,
        ),
        of(
            content,
            r#"{"conversation":[{"media":{"mediaUri":"https://a.example/x.jpg?b=\"c\"","mimeType":"image/jpg"}}],"suggestions":[{"action":"Dial","dial":{"phoneNumber":"+310612345"},"label":"Call us"}]}"#,
        ),
    ]
}

fn bubble(words: &str) -> Bubble {
    Bubble { text: text(words), ..Bubble::default() }
}

/// Long numbers get a prefix, unless it makes them too long. Short codes and names do not.
fn senders() -> Vec<SubmitRow> {
    let senders = [
        ("447911123456", "00447911123456"),
        ("12345678901234", "0012345678901234"),
        ("123456789012345", "123456789012345"),
        ("1234567890123456", "1234567890123456"),
        ("12345", "12345"),
        ("CM.com", "CM.com"),
    ];
    let row = |(from, written): (&str, &str)| {
        submit(Outgoing { from: from.parse().unwrap(), ..Outgoing::example() }, request(POST, &plain(written)))
    };
    senders.map(row).into()
}

/// The validity's end is rounded down to the minute, or up if that minute has begun.
fn validities() -> Vec<SubmitRow> {
    let earliest = Timestamp::MIN.to_string();
    let ends = [
        ("2017-04-20T11:50:00Z", "1970-01-01T00:00:00Z", "2017-04-20 11:50 GMT"),
        ("2017-04-20T13:50:01+02:00", "1970-01-01T00:00:00Z", "2017-04-20 11:50 GMT"),
        ("2017-12-31T23:59:59.999Z", "1970-01-01T00:00:00Z", "2017-12-31 23:59 GMT"),
        ("2017-04-20T11:50:59Z", "2017-04-20T11:50:10Z", "2017-04-20 11:51 GMT"),
        (&earliest, &earliest, "-9999-01-02 02:00 GMT"),
    ];
    let row = |(until, now, written): (&str, &str, &str)| {
        let msg = plain("SenderName").replace(REFERENCE, &format!(r#"{REFERENCE}","validity":"{written}"#));
        let message = Outgoing { expires_at: until.parse().ok(), ..Outgoing::example() };
        submit(message, request(POST, &msg)).at(now)
    };
    ends.map(row).into()
}

#[test]
fn expected_requests_are_json() {
    for row in rows() {
        let (_, body) = row.expected().split_once("\n\n").unwrap();
        assert!(serde_json::from_str::<Value>(body).is_ok(), "{body}");
    }
}
