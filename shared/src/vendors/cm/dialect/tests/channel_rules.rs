//! Rich content against the client's channels.

use serde_json::{Value, json};

use super::super::{channel_rules::check, content::read};
use crate::domain::Channel;

fn at(content: &Value, channels: &[Channel]) -> bool {
    let content = read(content).unwrap_or_else(|error| panic!("{error:?}: {content}"));
    check(&content, channels, "2026-01-01T00:00:00Z".parse().unwrap()).is_ok()
}

fn bubble(bubble: Value) -> Value {
    json!({"conversation": [bubble]})
}

#[test]
fn one_capable_channel_suffices_and_sms_has_no_say() {
    let location = bubble(json!({"location": {"searchQuery": "Breda"}}));
    assert!(at(&location, &[Channel::Viber, Channel::WhatsApp]));
    assert!(!at(&location, &[Channel::Viber, Channel::Sms]));
    assert!(at(&location, &[Channel::Sms]));
    assert!(at(&location, &[]));
}

#[test]
fn time_slot_is_rejected_once_past_in_every_zone() {
    let picker = |start: &str| {
        let slots = json!([{"startTime": "2026-02-21T09:00", "endTime": "2026-02-21T10:00"},
            {"startTime": start, "endTime": "2026-02-21T10:00"}]);
        bubble(json!({"timePicker": {"options": slots}}))
    };
    // At UTC-12, where the year arrives last, `now` is noon of the day before.
    for (start, is_ahead) in [
        ("2026-01-01T00:00", true),
        ("2025-12-31T12:01", true),
        ("2025-12-31T12:00", false),
        ("2026-01-01T01:00:01+01:00", true),
        ("2026-01-01T01:00:00+01:00", false),
        ("2025-12-31T16:00:01-08:00", true),
    ] {
        for channels in [&[][..], &[Channel::AppleBusinessChat], &[Channel::Sms]] {
            assert_eq!(at(&picker(start), channels), is_ahead, "{start}: {channels:?}");
        }
    }
}
