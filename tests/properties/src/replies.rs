//! Replies. A parsed reply has a number and a sender, and its text is hardly longer than the input. Parsing
//! the same body twice gives the same replies, and a reply is parsed alike when rendered again.

use serde_json::json;
use shared::{
    domain::{CarrierName, CarrierReply, Keywords, ParseError, Timestamp},
    edge::MOST_WEBHOOK_BYTES,
};
use strum::IntoEnumIterator;

use crate::{
    mutate::{self, Choices},
    samples,
    words::{assert_bounded, assert_names_no_number},
};

/// Parses the bytes, and a mutation of a sample, as replies of every carrier.
pub fn replies(bytes: &[u8]) {
    for carrier in CarrierName::iter() {
        reads(carrier, bytes);
        let mut choices = Choices::of(bytes);
        let sample = match carrier {
            CarrierName::Loopback => samples::loopback_reply(),
            CarrierName::Cm if choices.below(2) == 0 => samples::cm_reply(),
            CarrierName::Cm => json!([samples::cm_reply(), samples::cm_reply()]),
        };
        reads(carrier, mutate::json(&sample, &mut choices).to_string().as_bytes());
    }
}

fn reads(carrier: CarrierName, body: &[u8]) {
    // The webhook rejects larger bodies.
    if body.len() > MOST_WEBHOOK_BYTES {
        return;
    }
    let read = || carrier.read_replies(body)?.into_iter().collect::<Result<Vec<_>, ParseError>>();
    match (read(), read()) {
        (Ok(first), Ok(second)) => {
            assert!(first == second);
            // CM.com's text may be a number, and `1e15` is printed as `1000000000000000.0`.
            assert!(first.iter().map(|reply| reply.text.len()).sum::<usize>() <= body.len() + 40 * first.len());
            for reply in &first {
                assert_reply(carrier, reply);
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

fn assert_reply(carrier: CarrierName, reply: &CarrierReply) {
    assert!(!reply.id.is_empty() && (7..=15).contains(&reply.from.digits().len()));
    let _ = Keywords::default().meaning_of(&reply.text);
    let written = match carrier {
        CarrierName::Loopback => json!({
            "id": reply.id, "from": reply.from.digits(), "to": reply.to.as_str(), "text": reply.text,
            "channel": reply.channel.into_str(), "at": reply.at.map(|at| at.to_string()),
        }),
        CarrierName::Cm => json!([{
            "from": {"number": format!("00{}", reply.from.digits())}, "to": {"number": reply.to.as_str()},
            "message": {"text": reply.text}, "channel": reply.channel.title(),
            "timeUtc": reply.at.unwrap_or(Timestamp::UNIX_EPOCH).to_string(),
        }]),
    };
    let again = carrier.read_replies(written.to_string().as_bytes()).unwrap_or_default();
    let [Ok(again)] = again.as_slice() else { panic!("the rendered reply is unreadable") };
    assert!(again.from == reply.from && again.to == reply.to && again.text == reply.text);
    assert!(again.channel == reply.channel && again.at == reply.at);
    // CM.com gives no ID. We derive one from the content, including the spelling of the time.
    assert!(carrier == CarrierName::Cm || again.id == reply.id);
}
