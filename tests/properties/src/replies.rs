//! Replies. A parsed reply has a number and a sender, and its text is hardly longer than the input. Parsing
//! the same body twice gives the same replies, and a reply is parsed alike when rendered again.

use serde_json::{Value, json};
use shared::{
    domain::{
        CarrierReply, CarrierSettings, Keywords, Media, ParseError, ReplyContent, ReplyExtras, SenderId, Timestamp,
        Vendor,
    },
    edge::MOST_WEBHOOK_BYTES,
};
use strum::IntoEnumIterator;

use crate::{
    mutate::Choices,
    samples,
    words::{assert_bounded, assert_names_no_number},
};

/// Parses the bytes, and a mutation of a sample, as replies of every vendor.
pub fn replies(bytes: &[u8]) {
    for vendor in Vendor::iter() {
        let settings = samples::settings(vendor, "http://127.0.0.1");
        reads(&settings, bytes);
        let mut choices = Choices::of(bytes);
        let sample = choices.pick(samples::of_carrier(vendor, "reply"));
        reads(&settings, sample.mutated(&mut choices).as_bytes());
    }
}

fn reads(settings: &CarrierSettings, body: &[u8]) {
    // The webhook rejects larger bodies.
    if body.len() > MOST_WEBHOOK_BYTES {
        return;
    }
    let read = || settings.read_replies(body)?.into_iter().collect::<Result<Vec<_>, ParseError>>();
    match (read(), read()) {
        (Ok(first), Ok(second)) => {
            assert!(first == second);
            // CM.com's text may be a number, and `1e15` is printed as `1000000000000000.0`.
            assert!(first.iter().map(size).sum::<usize>() <= 5 * body.len() + 60 * first.len());
            for reply in &first {
                assert_reply(settings, reply);
            }
        }
        (Err(first), Err(second)) => {
            assert_eq!(first.to_string(), second.to_string());
            assert!(!first.field.is_empty());
            assert_bounded(&first.to_string());
            assert_names_no_number(&first.to_string());
        }
        _ => panic!("the same body was read and rejected"),
    }
}

/// Returns the length of the content as we store it.
fn size(reply: &CarrierReply) -> usize {
    reply.content.text.len() + reply.content.extras.to_json().len()
}

fn assert_reply(settings: &CarrierSettings, reply: &CarrierReply) {
    assert!(!reply.id.is_empty());
    match reply.from.number() {
        Some(number) => assert!((7..=15).contains(&number.digits().len())),
        None => assert!((1..=256).contains(&reply.from.as_str().len())),
    }
    let ReplyContent { text, extras } = &reply.content;
    let _ = Keywords::default().meaning_of(text);
    assert!(ReplyExtras::of_json(&extras.to_json()).is_ok_and(|read| read == *extras), "extras are not read back");
    let to = reply.to.as_ref().map(SenderId::as_str);
    let reference = reply.answers.map(|answers| answers.to_string());
    let files = |names: [&str; 3]| -> Vec<Value> {
        let file = |file: &Media| json!({(names[0]): file.uri, (names[1]): file.mime_type, (names[2]): file.name});
        extras.media.iter().map(file).collect()
    };
    if settings.vendor == Vendor::Loopback {
        let written = json!({
            "id": reply.id, "from": reply.from.as_str(), "name": reply.from_name, "to": to,
            "text": text, "media": files(["url", "content_type", "name"]), "custom": extras.custom,
            "channel": reply.channel.into_str(), "at": reply.at.map(|at| at.to_string()), "reference": reference,
        });
        assert_eq!(assert_read_alike(settings, reply, &written), reply.id);
    }
    if settings.vendor == Vendor::Cm {
        // CM.com gives no ID. We derive one from the content, including the spelling of the time.
        let written = json!([{
            "from": {"number": reply.from.as_str(), "name": reply.from_name}, "to": {"number": to},
            "message": {"text": text, "media": files(["mediaUri", "contentType", "title"]), "custom": extras.custom},
            "reference": reference, "channel": reply.channel.title(),
            "timeUtc": reply.at.unwrap_or(Timestamp::UNIX_EPOCH).to_string(),
        }]);
        assert_read_alike(settings, reply, &written);
    }
}

/// Checks that the rendered reply is read like the first, and returns its ID.
fn assert_read_alike(settings: &CarrierSettings, reply: &CarrierReply, written: &Value) -> String {
    let again: Vec<_> = settings.read_replies(written.to_string().as_bytes()).into_iter().flatten().collect();
    let [Ok(again)] = again.as_slice() else { panic!("the rendered reply is unreadable") };
    assert!(again.from == reply.from && again.from_name == reply.from_name && again.to == reply.to);
    assert!(again.content == reply.content && again.answers == reply.answers);
    assert!(again.channel == reply.channel && again.at == reply.at);
    again.id.clone()
}
