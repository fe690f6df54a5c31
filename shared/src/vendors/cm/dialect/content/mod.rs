//! Parses `richContent`: a `conversation` of bubbles, with `suggestions` below.
//!
//! - We hand on every field, or reject the message and name the field (see `fields`).
//! - A bubble's contacts may be under `contact`, `contacts` or both, because the page has both.
//! - A time keeps its zone, and may have none. `channel_rules` rejects a time slot that has begun everywhere.
//! - Suggestions may be below the conversation or, like Apple's and Twitter's, in a bubble.
//! - CM.com's client for .NET writes the name of its own class into every bubble, as `$type`.
//!
//! Rich cards and carousels are on CM.com's pages "Rich card messages" and "Carousel messages" (RCS), `context` and
//! `tag` in its clients for .NET and PHP.

mod fields;
mod interactive;
mod parts;
mod pickers;
mod suggestions;
mod template;

use std::str::FromStr;

use serde_json::Value;

pub(super) use fields::error;
#[cfg(test)]
pub(super) use interactive::read as read_interactive;

use fields::{Read, fields, filled, list, part, present, required, text};

use crate::{
    domain::{Bubble, Card, Carousel, Content, EventTime, EventTimeError},
    formats::caseless::Object,
};

/// Limit on a message's rich content, in bytes. We store it with the message, and list messages by the
/// hundred.
const MOST_BYTES: usize = 24 << 10;
/// Cards have their own suggestions.
const MOST_SUGGESTIONS: usize = 11;
const BUBBLE: [&str; 18] = [
    "$type",
    "header",
    "text",
    "media",
    "location",
    "contact",
    "contacts",
    "template",
    "interactive",
    "listpicker",
    "timepicker",
    "oauth2",
    "carousel",
    "cardorientation",
    "thumbnailalignment",
    "context",
    "tag",
    "suggestions",
];

pub(crate) fn read(value: &Value) -> Read<Content> {
    let content = fields(value, "it", &["conversation", "suggestions"])?;
    let listed = list(content, "conversation")?.ok_or_else(|| error("needs a conversation"))?;
    if listed.is_empty() {
        return Err(error("needs a conversation of at least one item"));
    }
    let conversation = listed.iter().map(read_bubble).collect::<Read<Vec<_>>>()?;
    let content = Content { conversation, suggestions: suggestions::read(content)? };
    if content.suggestions_outside_cards().count() > MOST_SUGGESTIONS {
        return Err(error("may have at most 11 suggestions"));
    }
    if content.to_json().len() > MOST_BYTES {
        return Err(error("is longer than 24 KiB"));
    }
    Ok(content)
}

fn read_bubble(value: &Value) -> Read<Bubble> {
    let item = fields(value, "a conversation item", &BUBBLE)?;
    let mut contacts =
        list(item, "contacts")?.unwrap_or_default().iter().map(parts::read_contact).collect::<Read<Vec<_>>>()?;
    if let Some(contact) = present(item, "contact") {
        contacts.push(parts::read_contact(contact)?);
    }
    let context = part(item, "context", "a context", &["message_id"])?;
    let bubble = Bubble {
        header: filled(item, "header")?,
        text: filled(item, "text")?,
        media: present(item, "media").map(parts::read_media).transpose()?.map(Box::new),
        location: present(item, "location").map(parts::read_location).transpose()?.map(Box::new),
        contacts,
        template: present(item, "template").map(template::read).transpose()?.map(Box::new),
        interactive: present(item, "interactive").map(interactive::read).transpose()?.map(Box::new),
        list_picker: present(item, "listpicker").map(pickers::read_list_picker).transpose()?.map(Box::new),
        time_picker: present(item, "timepicker").map(pickers::read_time_picker).transpose()?.map(Box::new),
        oauth2: present(item, "oauth2").map(pickers::read_oauth2).transpose()?.map(Box::new),
        carousel: present(item, "carousel").map(read_carousel).transpose()?.map(Box::new),
        card_orientation: choice(item, "cardOrientation")?,
        thumbnail_alignment: choice(item, "thumbnailAlignment")?,
        reply_to: context.map(|context| filled(context, "message_id")).transpose()?.flatten(),
        tag: filled(item, "tag")?,
        suggestions: suggestions::read(item)?,
    };
    if has_a_part(&bubble) { Ok(bubble) } else { Err(error("has a conversation item without any of its parts")) }
}

fn has_a_part(bubble: &Bubble) -> bool {
    let nothing = Bubble {
        suggestions: bubble.suggestions.clone(),
        card_orientation: bubble.card_orientation,
        thumbnail_alignment: bubble.thumbnail_alignment,
        reply_to: bubble.reply_to.clone(),
        tag: bubble.tag.clone(),
        ..Bubble::default()
    };
    *bubble != nothing
}

fn read_carousel(value: &Value) -> Read<Carousel> {
    let carousel = fields(value, "a carousel", &["cards", "cardwidth"])?;
    let cards = list(carousel, "cards")?.filter(|cards| !cards.is_empty());
    let cards = cards.ok_or_else(|| error("has a carousel without cards"))?;
    Ok(Carousel {
        card_width: choice(carousel, "cardWidth")?,
        cards: cards.iter().map(read_card).collect::<Read<_>>()?,
    })
}

fn read_card(value: &Value) -> Read<Card> {
    let card = fields(value, "a card", &["header", "text", "media", "suggestions"])?;
    let card = Card {
        header: filled(card, "header")?,
        text: filled(card, "text")?,
        media: present(card, "media").map(parts::read_media).transpose()?,
        suggestions: suggestions::read(card)?,
    };
    if card.header.is_none() && card.text.is_none() && card.media.is_none() {
        return Err(error("has a card without a header, a text or media"));
    }
    Ok(card)
}

/// Returns one of a few words. `key` is spelled as in CM.com's samples.
fn choice<T: FromStr>(object: Object<'_>, key: &str) -> Read<Option<T>> {
    let written = filled(object, key)?;
    written.map(|written| written.parse().map_err(|_| error(&format!("has an unknown {key}")))).transpose()
}

fn time(object: Object<'_>, key: &str) -> Read<EventTime> {
    let written = required(object, key, "an event needs its startTime and endTime")?;
    let article = if key.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
    written.parse().map_err(|why: EventTimeError| error(&format!("has {article} {key} that {why}")))
}

/// Returns the start and the end.
fn span(object: Object<'_>) -> Read<(EventTime, EventTime)> {
    let (start, end) = (time(object, "startTime")?, time(object, "endTime")?);
    if end.is_before(start) {
        return Err(error("has an endTime that is before its startTime"));
    }
    Ok((start, end))
}
