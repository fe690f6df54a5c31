//! Checks rich content against the client's channels. We reject content that a channel cannot show, unless
//! another shows it in full. Then `dispatch` skips the channels on which a carrier cannot.

use jiff::Timestamp;

use crate::{
    domain::{Channel, ChannelCapability, Content},
    vendors::cm::capability::capability,
};

type Verdict = Result<(), String>;

/// Accepts content if a channel can show it, or if none rules it out. A text-only channel has no say.
pub(super) fn check(content: &Content, channels: &[Channel], now: Timestamp) -> Verdict {
    begins_in_the_future(content, now)?;
    let verdicts: Vec<_> = channels
        .iter()
        .filter_map(|channel| match capability(content, *channel) {
            ChannelCapability::Full => Some(Ok(())),
            ChannelCapability::TextOnly => None,
            ChannelCapability::Unsupported(why) => Some(Err(why)),
        })
        .collect();
    if verdicts.iter().any(Result::is_ok) { Ok(()) } else { verdicts.into_iter().next().unwrap_or(Ok(())) }
}

/// Rejects a slot that has begun. Without a zone its time is local to the recipient, so it must have begun everywhere.
fn begins_in_the_future(content: &Content, now: Timestamp) -> Verdict {
    let pickers = content.conversation.iter().filter_map(|bubble| bubble.time_picker.as_ref());
    let begun = pickers.flat_map(|picker| &picker.options).any(|slot| slot.start.has_come(now));
    if begun { Err("has a time slot in the past".to_owned()) } else { Ok(()) }
}
