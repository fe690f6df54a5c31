//! Checks rich content against the client's channels. We reject content that a channel cannot show, unless
//! another shows it in full. Then `dispatch` skips the channels that cannot.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::domain::{Channel, ChannelCapability, Content};

/// Largest time zone offset behind UTC.
const FURTHEST_WEST: SignedDuration = SignedDuration::from_hours(12);

type Verdict = Result<(), String>;

/// Accepts content if a channel can show it, or if none rules it out. A text-only channel has no say.
pub(super) fn check(content: &Content, channels: &[Channel], now: Timestamp) -> Verdict {
    begins_in_the_future(content, now)?;
    let verdicts: Vec<_> = channels
        .iter()
        .filter_map(|channel| match content.capability(*channel) {
            ChannelCapability::Full => Some(Ok(())),
            ChannelCapability::TextOnly => None,
            ChannelCapability::Unsupported(why) => Some(Err(why)),
        })
        .collect();
    if verdicts.iter().any(Result::is_ok) { Ok(()) } else { verdicts.into_iter().next().unwrap_or(Ok(())) }
}

/// Rejects a slot that has begun. Its time is local to the recipient, so it must have begun everywhere.
fn begins_in_the_future(content: &Content, now: Timestamp) -> Verdict {
    let pickers = content.conversation.iter().filter_map(|bubble| bubble.time_picker.as_ref());
    let begun = pickers.flat_map(|picker| &picker.options).any(|slot| {
        let begins = slot.start.to_zoned(TimeZone::UTC).map(|start| start.timestamp());
        begins.is_ok_and(|begins| begins.saturating_add(FURTHEST_WEST).is_ok_and(|begins| begins <= now))
    });
    if begun { Err("has a time slot in the past".to_owned()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::content::read;
    use super::*;

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
        for (start, is_ahead) in [("2026-01-01T00:00", true), ("2025-12-31T12:01", true), ("2025-12-31T12:00", false)] {
            for channels in [&[][..], &[Channel::AppleBusinessChat], &[Channel::Sms]] {
                assert_eq!(at(&picker(start), channels), is_ahead, "{start}: {channels:?}");
            }
        }
    }
}
