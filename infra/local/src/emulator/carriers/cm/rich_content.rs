//! Validates `richContent`, by the page "Business Messaging API", CM.com's pages on rich cards, carousels and
//! suggestions (RCS) and "Interactive messages" (WhatsApp), and the models of CM.com's own clients.
//!
//! CM.com may accept more. A field that is on no page and in no client is an error here, so that a misspelt field
//! shows.

use jiff::civil::{Date, Time};
use serde_json::Value;

use super::json::Object;

const MOST_SUGGESTIONS: usize = 11;
const MOST_CARDS: usize = 10;
const MOST_CARD_SUGGESTIONS: usize = 4;
/// The five parts of the page's table, and the parts in the chapters on channels.
const PARTS: [&str; 12] = [
    "text",
    "header",
    "media",
    "location",
    "contact",
    "contacts",
    "template",
    "interactive",
    "listPicker",
    "timePicker",
    "oauth2",
    "carousel",
];
const BESIDE_PARTS: [&str; 5] = ["suggestions", "context", "tag", "cardOrientation", "thumbnailAlignment"];
const MEDIA: [&str; 4] = ["mediaName", "mediaUri", "mimeType", "mediaHeight"];
const LOCATION: [&str; 5] = ["latitude", "longitude", "searchQuery", "label", "radius"];

pub(super) fn is_valid(content: &Value) -> bool {
    fields(content, &["conversation", "suggestions"]).is_some_and(|content| {
        content.get("conversation").is_some_and(|items| all(items, 1, usize::MAX, is_item))
            && content.get("suggestions").is_none_or(|listed| are_suggestions(listed, MOST_SUGGESTIONS))
    })
}

/// Returns an object with no other fields than these.
fn fields<'a>(value: &'a Value, known: &[&str]) -> Option<Object<'a>> {
    let is_known = |name: &String| known.iter().any(|known| known.eq_ignore_ascii_case(name));
    value.as_object().filter(|object| object.keys().all(is_known)).and_then(|_| Object::of(value))
}

/// Returns whether the value is an array of so many items that all pass.
fn all(value: &Value, least: usize, most: usize, is_fit: impl Fn(&Value) -> bool) -> bool {
    value.as_array().is_some_and(|items| (least..=most).contains(&items.len()) && items.iter().all(is_fit))
}

fn filled(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

fn is_item(item: &Value) -> bool {
    let known: Vec<_> = PARTS.into_iter().chain(BESIDE_PARTS).collect();
    let Some(item) = fields(item, &known) else { return false };
    let is = |name: &str, is_fit: fn(&Value) -> bool| item.get(name).is_none_or(is_fit);
    PARTS.iter().any(|part| item.get(part).is_some())
        && ["text", "header", "tag"].iter().all(|name| is(name, filled))
        && is("media", is_media)
        && is("location", |location| fields(location, &LOCATION).is_some())
        && is("interactive", is_interactive)
        && is("timePicker", is_time_picker)
        && is("carousel", is_carousel)
        && is("cardOrientation", |value| one_of(value, &["HORIZONTAL", "VERTICAL"]))
        && is("thumbnailAlignment", |value| one_of(value, &["LEFT", "RIGHT"]))
        && is("context", |it| fields(it, &["message_id"]).is_some_and(|it| it.get("message_id").is_some_and(filled)))
        && is("suggestions", |listed| are_suggestions(listed, MOST_SUGGESTIONS))
}

fn one_of(value: &Value, words: &[&str]) -> bool {
    value.as_str().is_some_and(|text| words.iter().any(|word| word.eq_ignore_ascii_case(text)))
}

fn is_media(media: &Value) -> bool {
    fields(media, &MEDIA).is_some_and(|media| media.get("mediaUri").is_some_and(filled))
}

/// Accepts a single card, because CM.com's clients write it. The page asks for two.
fn is_carousel(carousel: &Value) -> bool {
    fields(carousel, &["cards", "cardWidth"]).is_some_and(|carousel| {
        carousel.get("cards").is_some_and(|cards| all(cards, 1, MOST_CARDS, is_card))
            && carousel.get("cardWidth").is_none_or(|width| one_of(width, &["Small", "Medium"]))
    })
}

fn is_card(card: &Value) -> bool {
    fields(card, &["header", "text", "media", "suggestions"]).is_some_and(|card| {
        ["header", "text", "media"].iter().any(|part| card.get(part).is_some())
            && ["header", "text"].iter().all(|name| card.get(name).is_none_or(filled))
            && card.get("media").is_none_or(is_media)
            && card.get("suggestions").is_none_or(|listed| are_suggestions(listed, MOST_CARD_SUGGESTIONS))
    })
}

/// Requires a body text, and either a list of 1 to 10 sections with its button, or 1 to 3 buttons.
fn is_interactive(interactive: &Value) -> bool {
    let action = |name| Object::of(interactive)?.get("action").and_then(Object::of)?.get(name);
    let body = Object::of(interactive).and_then(|it| it.get("body").and_then(Object::of)?.get("text"));
    body.is_some_and(filled)
        && match Object::of(interactive).and_then(|it| it.get("type")?.as_str()) {
            Some("list") => {
                action("button").is_some_and(filled) && action("sections").is_some_and(|it| all(it, 1, 10, |_| true))
            }
            Some("button") => action("buttons").is_some_and(|it| all(it, 1, 3, |_| true)),
            _ => false,
        }
}

fn is_time_picker(picker: &Value) -> bool {
    let is_slot = |slot: &Value| fields(slot, &["startTime", "endTime"]).is_some_and(has_times);
    fields(picker, &["label", "location", "options"])
        .is_some_and(|picker| picker.get("options").is_some_and(|options| all(options, 1, usize::MAX, is_slot)))
}

fn are_suggestions(suggestions: &Value, most: usize) -> bool {
    all(suggestions, 0, most, is_suggestion)
}

fn is_suggestion(suggestion: &Value) -> bool {
    let Some(action) = Object::of(suggestion).and_then(|it| it.get("action")?.as_str()) else { return false };
    let own = match action.to_ascii_lowercase().as_str() {
        "openurl" => "url",
        "createcalendarevent" => "calendar",
        "dial" => "dial",
        "viewlocation" => "viewLocation",
        "sharelocation" => "shareLocation",
        "reply" => "description",
        _ => return false,
    };
    let Some(suggestion) = fields(suggestion, &["action", "label", "postbackdata", "media", own]) else { return false };
    suggestion.get("label").is_some_and(filled)
        && suggestion.get("postbackdata").is_none_or(filled)
        && suggestion.get("media").is_none_or(is_media)
        && suggestion.get(own).map_or(own == "description", |part| is_part(own, part))
}

fn is_part(own: &str, part: &Value) -> bool {
    match own {
        "calendar" => fields(part, &["startTime", "endTime", "title", "description"])
            .is_some_and(|calendar| has_times(calendar) && calendar.get("title").is_some_and(filled)),
        "dial" => fields(part, &["phoneNumber"]).is_some_and(|dial| dial.get("phoneNumber").is_some_and(filled)),
        "viewLocation" => fields(part, &LOCATION).is_some(),
        "shareLocation" => fields(part, &["requestLocation"]).is_some(),
        _ => filled(part),
    }
}

fn has_times(of: Object<'_>) -> bool {
    ["startTime", "endTime"].iter().all(|name| of.get(name).and_then(Value::as_str).is_some_and(is_time))
}

/// Accepts a date and time to the second, with `Z`, an offset like `+01:00`, or no zone.
fn is_time(written: &str) -> bool {
    let Some((date, time)) = written.split_once('T') else { return false };
    let (time, zone) = time.find(['Z', '+', '-']).map_or((time, ""), |zone| time.split_at(zone));
    let offset = zone.strip_prefix(['+', '-']);
    let is_zone =
        zone.is_empty() || zone == "Z" || offset.is_some_and(|offset| Time::strptime("%H:%M", offset).is_ok());
    Date::strptime("%Y-%m-%d", date).is_ok() && Time::strptime("%H:%M:%S%.f", time).is_ok() && is_zone
}
