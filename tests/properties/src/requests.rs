//! Clients' requests. A parser gives the same verdict each time. An accepted message keeps the domain's
//! rules, and is parsed alike when rendered again unless it has rich content. An error has a bounded length.
//! For `POST /message`, it also names the field, but no phone number.

mod mta;

pub use mta::mta_send;

use serde_json::{Value, json};
use shared::{
    domain::{
        CallbackUrl, ChannelCapability, Content, Dialect, Draft, Encoding, FieldError, Reference, SegmentLimit,
        SenderChoice, SignedDuration, Timestamp, Validity,
    },
    vendors::{
        cm::dialect::{
            ParsedMessage, ReadContext,
            query::Query,
            request,
            response::{self, Reason, query_error, xml_error},
            xml,
        },
        cymba::dialect as mplus,
        messangi::dialect::{error::Failure, request as messangi, response::Meta},
    },
};
use strum::IntoEnumIterator;
use uuid::Uuid;

use crate::{
    mutate::{self, Choices, TEXTS},
    render, samples,
    text::assert_whole,
    words::{assert_bounded, assert_names_no_number},
};

/// Markup likely to break a parser.
const MARKUP: [&str; 16] = [
    "<MSG>",
    "</MSG>",
    "<BODY TYPE='AUTO'>",
    "<TO>",
    "</TO>",
    "<ALLOWEDCHANNELS>SMS,Push",
    "<!DOCTYPE m [<!ENTITY a 'b'>]>",
    "<![CDATA[<b>]]>",
    "<!-- - -->",
    "<?xml version='1.0'?>",
    "&lt;",
    "&#x10FFFF;",
    "&#0;",
    "&copy;",
    "\u{feff}",
    "]]>",
];

/// Passes the bytes to every parser of every dialect, and a mutated sample to one parser of each.
pub fn requests(bytes: &[u8]) {
    for dialect in Dialect::iter() {
        let mut choices = Choices::of(bytes);
        match dialect {
            Dialect::Mplus => {
                mplus_json(bytes);
                let sample = choices.pick(samples::mplus());
                mplus_json(mutate::json(sample, &mut choices).to_string().as_bytes());
            }
            Dialect::Cm => {
                cm_json(bytes);
                cm_xml(bytes);
                cm_query(bytes);
                mutated_cm(choices);
            }
            Dialect::Messangi => {
                messangi_single(bytes);
                messangi_batch(bytes);
                let single = choices.pick(samples::messangi());
                messangi_single(mutate::json(single, &mut choices).to_string().as_bytes());
                let batch = choices.pick(samples::messangi_batch());
                messangi_batch(mutate::json(batch, &mut choices).to_string().as_bytes());
            }
            Dialect::Mta => {
                mta_send(bytes);
                let sample = choices.pick(samples::mta());
                mta_send(mutate::json(sample, &mut choices).to_string().as_bytes());
            }
        }
    }
}

fn mutated_cm(mut choices: Choices<'_>) {
    match choices.below(6) {
        0 => {
            let sample = choices.pick(samples::cm());
            cm_json(mutate::json(sample, &mut choices).to_string().as_bytes());
        }
        1..=3 => cm_json(mutate::json(&with_rich_content(&mut choices), &mut choices).to_string().as_bytes()),
        4 => {
            let sample = choices.pick(samples::CM_XML);
            cm_xml(mutate::pieces(sample, |c| c == '<' || c == '>', &MARKUP, &mut choices).as_bytes());
        }
        _ => {
            cm_query(mutate::pieces(samples::CM_QUERY, |c| "?&=".contains(c), &TEXTS, &mut choices).as_bytes());
        }
    }
}

/// Returns a request with rich content for a channel that may show it.
fn with_rich_content(choices: &mut Choices<'_>) -> Value {
    let mut content = json!({"conversation": [{"text": "Hi"}]});
    if let Some(part) = choices.pick(samples::cm_parts()).as_object() {
        content.as_object_mut().into_iter().for_each(|content| content.extend(part.clone()));
    }
    let channel =
        choices.pick(&["WhatsApp", "Apple Business Chat", "RCS", "Viber", "Twitter", "Telegram Messenger", "SMS"]);
    let msg = json!({
        "from": "SenderName", "to": [{"number": "00447911123456"}], "allowedChannels": [channel, "SMS"],
        "body": {"type": "auto", "content": "Hi"}, "richContent": content,
    });
    json!({"messages": {"msg": [msg]}})
}

fn limit() -> SegmentLimit {
    SegmentLimit::default()
}

fn context() -> ReadContext {
    ReadContext { limit: limit(), now: Timestamp::UNIX_EPOCH }
}

/// Checks `POST /message`.
pub fn mplus_json(body: &[u8]) {
    let first = mplus::request::read(body, limit());
    match (&first, mplus::request::read(body, limit())) {
        (Ok(first), Ok(second)) => assert!(first.drafts == second.drafts && first.warnings == second.warnings),
        (Err(first), Err(second)) => assert_eq!(first, &second),
        _ => panic!("the same request was accepted and rejected"),
    }
    match first {
        Ok(read) => {
            assert!((1..=mplus::request::MOST_MESSAGES).contains(&read.drafts.len()));
            assert!(read.drafts.iter().enumerate().all(|(index, draft)| draft.index == index));
            for warning in &read.warnings {
                assert_bounded(&warning.field);
                assert_bounded(&warning.message);
            }
            assert!(read.warnings.len() <= 100);
            for draft in &read.drafts {
                assert_valid(draft, &USUAL);
                assert!(draft.channels.iter().all(|channel| mplus::request::CHANNELS.contains(channel)));
            }
            let again = mplus::request::read(render::mplus(&read.drafts).to_string().as_bytes(), limit());
            assert!(again.is_ok_and(|again| again.drafts == read.drafts && again.warnings.is_empty()));
        }
        Err(errors) => {
            assert!(!errors.is_empty());
            errors.iter().for_each(assert_fault);
        }
    }
}

fn assert_fault(error: &FieldError) {
    assert!(!error.field.is_empty() && !error.message.is_empty());
    assert_bounded(&error.field);
    assert_bounded(&error.message);
    assert_names_no_number(&error.message);
}

/// Checks `POST /raven/v2/messages`.
pub fn messangi_single(body: &[u8]) {
    let read = |body: &[u8]| messangi::read(body, limit());
    let first = read(body);
    assert!(first == read(body), "the same request was read differently");
    match first {
        Ok(draft) => {
            assert_messangi(&draft);
            let again = read(render::messangi(&draft).to_string().as_bytes());
            assert!(again.is_ok_and(|again| again == draft), "read differently");
        }
        Err(errors) => assert_refused(errors),
    }
}

/// Checks `POST /raven/v3/messages/batch`.
pub fn messangi_batch(body: &[u8]) {
    let read = |body: &[u8]| messangi::read_batch(body, limit());
    match (read(body), read(body)) {
        (Ok(batch), Ok(again)) => {
            assert!(batch.drafts == again.drafts && batch.invalid_numbers == again.invalid_numbers);
            assert!((1..=messangi::MOST_RECIPIENTS).contains(&batch.posted()) && !batch.drafts.is_empty());
            assert!(batch.invalid_numbers.iter().all(|number| number.chars().count() <= 40));
            assert!(batch.drafts.is_sorted_by(|one, next| one.index < next.index));
            batch.drafts.iter().for_each(assert_messangi);
            let again = render::messangi_batch(&batch.drafts).and_then(|again| read(again.to_string().as_bytes()).ok());
            let anew = |(index, draft): (usize, &Draft)| Draft { index, ..draft.clone() };
            let expected: Vec<_> = batch.drafts.iter().enumerate().map(anew).collect();
            assert!(again.is_some_and(|again| again.drafts == expected && again.invalid_numbers.is_empty()));
        }
        (Err(errors), Err(again)) => {
            assert_eq!(errors, again);
            assert_refused(errors);
        }
        _ => panic!("the same request was accepted and rejected"),
    }
}

fn assert_messangi(draft: &Draft) {
    assert_valid(draft, &Limits { segments: 49, reference: 100 });
    assert!(draft.text.as_str().chars().count() <= 1600 && draft.callbacks.len() <= 5);
    assert!(matches!(draft.from, SenderChoice::Custom(_)) && draft.channels.is_empty());
}

/// Checks the errors, and the answer with them.
fn assert_refused(errors: Vec<FieldError>) {
    assert!(!errors.is_empty());
    errors.iter().for_each(assert_fault);
    let answer = Failure::invalid(errors).write(Meta::new(Timestamp::UNIX_EPOCH, Uuid::nil()));
    let answer = serde_json::from_str::<Value>(&answer).unwrap_or_default();
    assert!(answer["error"]["code"].is_string() && answer["error"] == answer["errors"][0], "{answer}");
}

/// Checks `POST /v1.0/message`.
pub fn cm_json(body: &[u8]) {
    let posted = match request::Posted::parse(body) {
        Ok(posted) => posted,
        Err(error) => {
            assert_eq!(request::Posted::parse(body).err().as_ref(), Some(&error));
            return assert_answered(&response::reject(&error).1, 0);
        }
    };
    if let Err(error) = posted.token() {
        assert_answered(&response::reject(&error).1, 0);
    }
    let parsed = match posted.read(&context()) {
        Ok(parsed) => parsed,
        Err(error) => {
            assert_eq!(posted.read(&context()).err(), Some(error.clone()));
            return assert_answered(&response::reject(&error).1, 0);
        }
    };
    assert_same(&parsed, &posted.read(&context()).unwrap_or_default());
    assert_counted(&parsed);
    assert_answered(&response::write(&parsed, &[], false).1, parsed.len());
    for draft in drafts(&parsed).filter(|draft| draft.content.is_none()) {
        let written = json!({"messages": {"msg": [render::cm(draft)]}}).to_string();
        assert_read_alike(draft, request::Posted::parse(written.as_bytes()).and_then(|posted| posted.read(&context())));
    }
}

/// Checks `POST /gateway.ashx`.
pub fn cm_xml(body: &[u8]) {
    let read = |body: &[u8]| xml::Posted::parse(body).and_then(|posted| posted.read(&context()));
    match read(body) {
        Err(error) => {
            assert_eq!(read(body).err().as_ref(), Some(&error));
            assert_line(&xml_error(&Reason::Request(&error)));
        }
        Ok(parsed) => {
            assert_same(&parsed, &read(body).unwrap_or_default());
            assert_counted(&parsed);
            for error in parsed.iter().filter_map(|parsed| parsed.draft.as_ref().err()) {
                assert_line(&xml_error(&Reason::Message(error)));
            }
            for draft in drafts(&parsed) {
                assert!(draft.content.is_none());
                assert_read_alike(draft, read(render::cm_xml(draft).as_bytes()));
            }
        }
    }
}

/// Checks `GET /gateway.ashx`.
pub fn cm_query(query: &[u8]) {
    // A URI is text.
    let query = String::from_utf8_lossy(query);
    let read = |query: &str| Query::parse(query).read(&context());
    let parsed = read(&query);
    assert_same(std::slice::from_ref(&parsed), &[read(&query)]);
    assert_counted(std::slice::from_ref(&parsed));
    match &parsed.draft {
        Err(error) => assert_line(&query_error(&Reason::Message(error))),
        Ok(draft) => {
            assert_eq!(draft.text.segments(), 1);
            let again = read(&render::cm_query(draft));
            assert!(again.draft.is_ok_and(|again| again == *draft));
        }
    }
}

fn drafts(parsed: &[ParsedMessage]) -> impl Iterator<Item = &Draft> {
    parsed.iter().filter_map(|parsed| parsed.draft.as_ref().ok())
}

fn assert_same(first: &[ParsedMessage], second: &[ParsedMessage]) {
    assert_eq!(first.len(), second.len());
    for (first, second) in first.iter().zip(second) {
        assert!(first.to == second.to && first.reference == second.reference && first.draft == second.draft);
    }
}

/// Checks the number of messages, their indexes and drafts, and the length of quoted recipients.
fn assert_counted(parsed: &[ParsedMessage]) {
    assert!((1..=1000).contains(&parsed.len()));
    for (index, parsed) in parsed.iter().enumerate() {
        assert!(parsed.to.as_ref().is_none_or(|to| to.chars().count() <= 40));
        if let Ok(draft) = &parsed.draft {
            assert_eq!(draft.index, index);
            assert_valid(draft, &USUAL);
        }
    }
}

/// Checks that the answer lists every message and has a bounded size for each.
fn assert_answered(answer: &str, messages: usize) {
    let listed =
        serde_json::from_str::<Value>(answer).ok().and_then(|answer| answer["messages"].as_array().map(Vec::len));
    assert_eq!(listed, Some(messages));
    assert!(answer.len() <= 300 + messages * 1500, "{} bytes", answer.len());
}

fn assert_line(line: &str) {
    assert!(line.starts_with("Error: ERROR "));
    assert_bounded(line);
}

fn assert_read_alike<E>(draft: &Draft, again: Result<Vec<ParsedMessage>, E>) {
    let again = again.ok().and_then(|mut parsed| parsed.pop()).and_then(|parsed| parsed.draft.ok());
    assert!(again.is_some_and(|again| Draft { index: draft.index, ..again } == *draft), "read differently");
}

/// A dialect's limits, where they differ.
struct Limits {
    segments: u16,
    reference: usize,
}

const USUAL: Limits = Limits { segments: 10, reference: 32 };

/// Checks the domain's rules for an accepted message.
fn assert_valid(draft: &Draft, limits: &Limits) {
    let digits = draft.to.digits();
    assert!((7..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()));
    if let SenderChoice::Custom(sender) = &draft.from {
        assert!((1..=16).contains(&sender.as_str().len()) && sender.as_str().is_ascii());
    }
    assert!(draft.text.segments() <= limits.segments);
    assert!(draft.channels.iter().enumerate().all(|(index, channel)| !draft.channels[..index].contains(channel)));
    for callback in &draft.callbacks {
        assert!(callback.as_str().parse::<CallbackUrl>().is_ok() && callback.as_str().len() <= 2048);
    }
    let labels = [&draft.reference, &draft.recipient.id, &draft.recipient.email];
    let is_short = |label: &Reference| (1..=limits.reference).contains(&label.as_str().chars().count());
    assert!(labels.into_iter().flatten().all(is_short));
    assert!(draft.groupings.as_array().iter().all(|group| group.chars().count() <= 100));
    assert!(draft.send_at.is_none_or(|at| at.subsec_nanosecond() % 1_000_000 == 0));
    let ahead = |validity: Validity| validity.expires_at(context().now).duration_since(context().now);
    assert!(draft.validity.is_none_or(|validity| ahead(validity) <= SignedDuration::from_hours(72)));
    if let Some(content) = &draft.content {
        assert_content(content);
    }
    if draft.text.is_empty() {
        let shown = |content: &Content| {
            draft.channels.iter().any(|channel| content.capability(*channel) == ChannelCapability::Full)
        };
        assert!(draft.content.as_deref().is_some_and(shown) && draft.text.segments() == 0);
    } else {
        assert_whole(&draft.text, draft.text.encoding() == Encoding::Ucs2);
    }
}

fn assert_content(content: &Content) {
    assert!(!content.conversation.is_empty() && content.suggestions_outside_cards().count() <= 11);
    let spans = content.conversation.iter().filter_map(|bubble| bubble.time_picker.as_ref());
    assert!(spans.flat_map(|picker| &picker.options).all(|slot| !slot.end.is_before(slot.start)));
    let stored = content.to_json();
    assert!(stored.len() <= 24 << 10);
    assert!(Content::of_json(&stored).is_ok_and(|again| again == *content), "stored differently");
}
