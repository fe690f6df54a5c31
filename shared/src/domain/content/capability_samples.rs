//! Contents with a part each, and the test that a table names the channels that show them.

use serde_json::{Value, json};
use strum::IntoEnumIterator;

use crate::domain::{Channel, ChannelCapability, Content};

/// The name of a sample, and the channels that show it, of those with rules.
type Row<'a> = (&'a str, &'a [Channel]);

const WITH_RULES: [Channel; 5] =
    [Channel::WhatsApp, Channel::AppleBusinessChat, Channel::Viber, Channel::Rcs, Channel::Twitter];

pub(crate) fn content(stored: &Value) -> Content {
    Content::of_json(&stored.to_string()).unwrap_or_else(|error| panic!("{error}: {stored}"))
}

pub(crate) fn bubble(bubble: Value) -> Value {
    json!({"conversation": [bubble]})
}

/// Checks each sample against its row. The other channels show the text, or have no rules.
pub(crate) fn check(rows: &[Row<'_>], capability: impl Fn(&Content, Channel) -> ChannelCapability) {
    assert!(contents().iter().map(|(name, _)| name).eq(rows.iter().map(|(name, _)| name)), "a row for each sample");
    for ((name, content), (_, shown_by)) in contents().iter().zip(rows) {
        for channel in Channel::iter() {
            let shown = capability(content, channel);
            let expected = match channel {
                Channel::Sms | Channel::Push | Channel::MobilePush => shown == ChannelCapability::TextOnly,
                _ if !WITH_RULES.contains(&channel) || shown_by.contains(&channel) => shown == ChannelCapability::Full,
                _ => matches!(shown, ChannelCapability::Unsupported(_)),
            };
            assert!(expected, "{name} on {channel:?}: {shown:?}");
        }
    }
}

pub(crate) fn contents() -> Vec<(&'static str, Content)> {
    let media = |kind: &str| json!({"uri": "https://a.example/x", "mime_type": kind});
    let untyped = json!({"uri": "https://a.example/x"});
    let point = json!({"latitude": "51.6", "longitude": "4.7"});
    let location = json!({"point": point, "search_query": "Konijnenberg 30"});
    let language = json!({"policy": "deterministic", "code": "en"});
    let template = json!({"namespace": "n", "element_name": "e", "language": language, "components": []});
    let interactive =
        json!({"body": "Come?", "action": {"type": "button", "buttons": [{"id": "yes", "title": "Yes"}]}});
    let contact = json!({"name": {"formatted_name": "CM", "last_name": "x"}});
    let picker = json!({"label": "Pick", "options": [{"label": "One"}]});
    let slot = json!({"start": "2026-02-21T09:00", "end": "2026-02-21T10:00"});
    let suggested = |last: Value, suggestion: Value| json!({"conversation": [last], "suggestions": [suggestion]});
    let inside = |suggestion: Value| bubble(json!({"text": "Hi", "suggestions": [suggestion]}));
    let open = json!({"action": "open_url", "label": "Open", "url": "https://a.example"});
    let dial = json!({"action": "dial", "label": "Call us", "number": "310612345"});
    let reply = |label: String| json!({"action": "reply", "label": label});
    let returning = |mut suggestion: Value| {
        suggestion["postback"] = json!("data");
        suggestion
    };
    let card = json!({"header": "Hello", "text": "Hi", "media": media("image/png"), "suggestions": [open]});
    let carousel = |card: &Value, count| bubble(json!({"carousel": {"cards": vec![card; count]}}));
    let many = json!({"text": "Hi", "suggestions": vec![&open; 5]});
    let around = json!({"point": point, "radius": 5});
    let named = [
        ("text", bubble(json!({"text": "Hi"}))),
        ("text of 4096", bubble(json!({"text": "x".repeat(4096)}))),
        ("text of 4097", bubble(json!({"text": "x".repeat(4097)}))),
        ("text of 10000", bubble(json!({"text": "x".repeat(10_000)}))),
        ("text of 10001", bubble(json!({"text": "x".repeat(10_001)}))),
        ("untyped media", bubble(json!({"media": untyped}))),
        ("image", bubble(json!({"media": media("image/png")}))),
        ("video", bubble(json!({"media": media("video/mp4")}))),
        ("video with codecs", bubble(json!({"media": media("Video/MP4; codecs=avc1")}))),
        ("audio", bubble(json!({"media": media("audio/ogg; codecs=opus")}))),
        ("text and image", bubble(json!({"text": "Hi", "media": media("image/png")}))),
        ("location", bubble(json!({"location": location}))),
        ("contacts", bubble(json!({"contacts": [contact]}))),
        ("template", bubble(json!({"template": template}))),
        ("interactive", bubble(json!({"interactive": interactive}))),
        ("list picker", bubble(json!({"text": "Hi", "list_picker": picker}))),
        ("time picker", bubble(json!({"text": "Hi", "time_picker": {"options": [slot]}}))),
        ("oauth2", bubble(json!({"oauth2": {"response_type": "token", "scope": ["email"]}}))),
        ("link below text", suggested(json!({"text": "Hi"}), open.clone())),
        ("link below image", suggested(json!({"media": media("image/png")}), open.clone())),
        ("dial below text", suggested(json!({"text": "Hi"}), dial)),
        ("reply of 36", suggested(json!({"text": "Hi"}), reply("x".repeat(36)))),
        ("reply of 37", suggested(json!({"text": "Hi"}), reply("x".repeat(37)))),
        ("link inside", inside(open.clone())),
        ("reply inside", inside(reply("Yes".to_owned()))),
        ("rich card", bubble(json!({"header": "Hello", "text": "Hi", "card_orientation": "vertical"}))),
        ("carousel", carousel(&card, 10)),
        ("carousel of 11", carousel(&card, 11)),
        ("card with 5 links", carousel(&many, 2)),
        ("reply with postback", inside(returning(reply("Yes".to_owned())))),
        ("link with postback", inside(returning(open))),
        ("request for location", inside(json!({"action": "share_location", "label": "Where?"}))),
        ("radius", bubble(json!({"location": around}))),
        ("quote", bubble(json!({"text": "Hi", "reply_to": "wamid.1"}))),
        ("tag", bubble(json!({"text": "Hi", "tag": "HUMAN_AGENT"}))),
    ];
    named.map(|(name, stored)| (name, content(&stored))).into()
}
