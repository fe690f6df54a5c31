//! Suggestions. Each action has a part of its own, beside what all suggestions have.

use serde_json::Value;
use url::Url;

use super::{
    error, fields,
    fields::Read,
    filled, list, part,
    parts::{read_location, read_media},
    present, required, span,
};
use crate::{
    domain::{Action, CalendarEvent, PhoneNumber, Suggestion},
    formats::caseless::Object,
};

const COMMON: [&str; 4] = ["action", "label", "postbackdata", "media"];
const NO_PART: &str = "has a suggestion without the part that its action needs";

pub(super) fn read(beside: Object<'_>) -> Read<Vec<Suggestion>> {
    list(beside, "suggestions")?.unwrap_or_default().iter().map(read_one).collect()
}

fn read_one(value: &Value) -> Read<Suggestion> {
    let suggestion = Object::of(value).ok_or_else(|| error("is wrong: a suggestion must be an object"))?;
    let label = required(suggestion, "label", "a suggestion needs a label")?;
    let action = required(suggestion, "action", "a suggestion needs an action")?.to_ascii_lowercase();
    let own = match action.as_str() {
        "openurl" => "url",
        "createcalendarevent" => "calendar",
        "dial" => "dial",
        // CM.com's client for Java writes `location`.
        "viewlocation" if suggestion.get("viewlocation").is_none() => "location",
        "viewlocation" => "viewlocation",
        "sharelocation" => "sharelocation",
        "reply" => "description",
        _ => return Err(error("has a suggestion with an unknown action")),
    };
    let known: Vec<_> = COMMON.into_iter().chain([own]).collect();
    fields(value, "a suggestion", &known)?;
    let action = match action.as_str() {
        "openurl" => Action::OpenUrl { url: read_url(suggestion)? },
        "createcalendarevent" => Action::CreateCalendarEvent { calendar: read_calendar(suggestion)? },
        "dial" => Action::Dial { number: read_number(suggestion)? },
        "viewlocation" => {
            Action::ViewLocation { location: read_location(suggestion.get(own).ok_or_else(|| error(NO_PART))?)? }
        }
        "sharelocation" => read_request(suggestion)?,
        _ => Action::Reply { description: filled(suggestion, "description")? },
    };
    let media = present(suggestion, "media").map(read_media).transpose()?;
    Ok(Suggestion { label, action, postback: filled(suggestion, "postbackdata")?, media })
}

fn read_url(suggestion: Object<'_>) -> Read<String> {
    let written = required(suggestion, "url", "an OpenUrl suggestion needs a url")?;
    match Url::parse(&written) {
        Ok(_) => Ok(written),
        Err(_) => Err(error("has a url that is not absolute")),
    }
}

fn read_number(suggestion: Object<'_>) -> Read<PhoneNumber> {
    let dial = part(suggestion, "dial", "dial", &["phonenumber"])?.ok_or_else(|| error(NO_PART))?;
    let number = required(dial, "phonenumber", "a Dial suggestion needs a phoneNumber")?;
    number.parse().map_err(|_| error("has a phoneNumber to dial that is not a phone number"))
}

fn read_calendar(suggestion: Object<'_>) -> Read<CalendarEvent> {
    let known = ["starttime", "endtime", "title", "description"];
    let calendar = part(suggestion, "calendar", "a calendar", &known)?.ok_or_else(|| error(NO_PART))?;
    let (start, end) = span(calendar)?;
    let title = required(calendar, "title", "a calendar event needs a title")?;
    Ok(CalendarEvent { start, end, title, description: filled(calendar, "description")? })
}

fn read_request(suggestion: Object<'_>) -> Read<Action> {
    let request = part(suggestion, "sharelocation", "a shareLocation", &["requestlocation"])?;
    match request.and_then(|request| request.get("requestlocation")) {
        None | Some(Value::Bool(true)) => Ok(Action::ShareLocation),
        Some(_) => Err(error("has a shareLocation whose requestLocation is not true")),
    }
}
