//! Parses `richContent`: a `conversation` of bubbles, with `suggestions` below.
//!
//! - A bubble's contacts may be under `contact`, `contacts` or both, because the page has both.
//! - A picker's time slots have no zone. `channel_rules` rejects a slot that has begun everywhere.
//! - Suggestions may be below the conversation or, like Apple's and Twitter's, in a bubble.
//! - We ignore payments and custom apps, which need an agreement with CM.com.

use jiff::civil::DateTime;
use serde_json::Value;
use url::Url;

use super::{error::MessageError, interactive};
use crate::{
    domain::{
        Action, Bubble, CalendarEvent, CallbackUrl, Contact, Content, Language, LanguagePolicy, ListPicker, Location,
        Media, OAuth2, PhoneNumber, PickerOption, Point, Suggestion, Template, TimePicker, TimeSlot,
    },
    formats::caseless::Object,
};

/// Limit on a message's rich content, in bytes. We store it with the message, and list messages by the
/// hundred.
const MOST_BYTES: usize = 24 << 10;
const MOST_SUGGESTIONS: usize = 11;

pub(super) type Read<T> = Result<T, MessageError>;

pub(crate) fn read(value: &Value) -> Read<Content> {
    let content = object(value, "it")?;
    let listed = list(content, "conversation")?.ok_or_else(|| error("needs a conversation"))?;
    if listed.is_empty() {
        return Err(error("needs a conversation of at least one item"));
    }
    let conversation = listed.iter().map(read_bubble).collect::<Read<Vec<_>>>()?;
    let content = Content { conversation, suggestions: read_suggestions(content)? };
    if content.all_suggestions().count() > MOST_SUGGESTIONS {
        return Err(error("may have at most 11 suggestions"));
    }
    if content.to_json().len() > MOST_BYTES {
        return Err(error("is longer than 24 KiB"));
    }
    Ok(content)
}

fn read_bubble(value: &Value) -> Read<Bubble> {
    let item = object(value, "a conversation item")?;
    let mut contacts =
        list(item, "contacts")?.unwrap_or_default().iter().map(read_contact).collect::<Read<Vec<_>>>()?;
    if let Some(contact) = item.get("contact") {
        contacts.push(read_contact(contact)?);
    }
    let bubble = Bubble {
        text: text(item, "text")?.filter(|text| !text.is_empty()),
        media: item.get("media").map(read_media).transpose()?,
        location: item.get("location").map(read_location).transpose()?,
        contacts,
        template: item.get("template").map(read_template).transpose()?,
        interactive: item.get("interactive").map(interactive::read).transpose()?,
        list_picker: item.get("listpicker").map(read_list_picker).transpose()?,
        time_picker: item.get("timepicker").map(read_time_picker).transpose()?,
        oauth2: item.get("oauth2").map(read_oauth2).transpose()?,
        suggestions: read_suggestions(item)?,
    };
    let nothing = Bubble { suggestions: bubble.suggestions.clone(), ..Bubble::default() };
    if bubble == nothing { Err(error("has a conversation item without any of its parts")) } else { Ok(bubble) }
}

pub(super) fn read_media(value: &Value) -> Read<Media> {
    let media = object(value, "media")?;
    let uri = required(media, "mediauri", "media needs a mediaUri")?;
    if uri.parse::<CallbackUrl>().is_err() {
        return Err(error("has a mediaUri that is not an http or https URL"));
    }
    Ok(Media { name: text(media, "medianame")?, uri, mime_type: text(media, "mimetype")? })
}

fn read_location(value: &Value) -> Read<Location> {
    let location = object(value, "a location")?;
    let point = match (text(location, "latitude")?, text(location, "longitude")?) {
        (None, None) => None,
        (Some(latitude), Some(longitude)) => {
            Some(Point::parse(&latitude, &longitude).ok_or_else(|| error("has a location that is not in degrees"))?)
        }
        _ => return Err(error("has a location with only one of latitude and longitude")),
    };
    let search_query = text(location, "searchquery")?.filter(|query| !query.is_empty());
    if point.is_none() && search_query.is_none() {
        return Err(error("has a location without latitude and longitude or searchQuery"));
    }
    Ok(Location { point, search_query, label: text(location, "label")? })
}

fn read_contact(value: &Value) -> Read<Contact> {
    let name = object(value, "a contact")?.get("name").and_then(Object::of);
    let name = name.ok_or_else(|| error("has a contact without a name"))?;
    required(name, "formatted_name", "a contact's name needs its formatted_name")?;
    let parts = ["first_name", "last_name", "middle_name", "suffix", "prefix"];
    if parts.iter().all(|part| name.get(part).is_none()) {
        return Err(error("has a contact's name without any of its parts"));
    }
    Ok(Contact(value.clone()))
}

fn read_template(value: &Value) -> Read<Template> {
    let template = object(value, "a template")?.get("whatsapp").and_then(Object::of);
    let template = template.ok_or_else(|| error("has a template without 'whatsapp', the only kind supported"))?;
    let language = template.get("language").and_then(Object::of);
    let language = language.ok_or_else(|| error("has a template without a language"))?;
    let policy = required(language, "policy", "a template's language needs its policy")?;
    let components = list(template, "components")?.map(<[Value]>::to_vec);
    let localizable_params = list(template, "localizable_params")?.map(<[Value]>::to_vec);
    if components.is_none() && localizable_params.is_none() {
        return Err(error("has a template without components or localizable_params"));
    }
    components.iter().flatten().try_for_each(check_component)?;
    Ok(Template {
        namespace: required(template, "namespace", "a template needs its namespace")?,
        element_name: required(template, "element_name", "a template needs its element_name")?,
        language: Language {
            policy: match policy.to_ascii_lowercase().as_str() {
                "deterministic" => LanguagePolicy::Deterministic,
                "fallback" => LanguagePolicy::Fallback,
                _ => return Err(error("has a template whose language policy is unknown")),
            },
            code: required(language, "code", "a template's language needs its code")?,
        },
        components,
        localizable_params,
    })
}

fn check_component(value: &Value) -> Read<()> {
    let component = object(value, "a component of a template")?;
    match required(component, "type", "a component of a template needs its type")?.as_str() {
        "header" | "body" | "footer" => Ok(()),
        "button" => match text(component, "sub_type")?.as_deref() {
            Some("quick_reply" | "url") if component.get("index").is_some() => Ok(()),
            _ => Err(error("has a template's button without its sub_type and index")),
        },
        _ => Err(error("has a template with an unknown type of component")),
    }
}

fn read_list_picker(value: &Value) -> Read<ListPicker> {
    let picker = object(value, "a list picker")?;
    let option = |value: &Value| {
        let option = object(value, "an option of a list picker")?;
        Ok(PickerOption {
            label: required(option, "label", "an option of a list picker needs a label")?,
            media: option.get("media").map(read_media).transpose()?,
        })
    };
    Ok(ListPicker {
        label: required(picker, "label", "a list picker needs a label")?,
        media: picker.get("media").map(read_media).transpose()?,
        options: options(picker)?.iter().map(option).collect::<Read<_>>()?,
    })
}

fn read_time_picker(value: &Value) -> Read<TimePicker> {
    let picker = object(value, "a time picker")?;
    let slot = |value: &Value| {
        let slot = object(value, "an option of a time picker")?;
        Ok(TimeSlot { start: time(slot, "starttime")?, end: time(slot, "endtime")? })
    };
    Ok(TimePicker {
        label: text(picker, "label")?,
        location: picker.get("location").map(read_location).transpose()?,
        options: options(picker)?.iter().map(slot).collect::<Read<_>>()?,
    })
}

fn options(picker: Object<'_>) -> Read<&[Value]> {
    list(picker, "options")?.filter(|options| !options.is_empty()).ok_or_else(|| error("has a picker without options"))
}

fn read_oauth2(value: &Value) -> Read<OAuth2> {
    let prompt = object(value, "oauth2")?;
    let scope = list(prompt, "scope")?.unwrap_or_default().iter().map(|scope| scope.as_str().map(str::to_owned));
    Ok(OAuth2 {
        response_type: required(prompt, "responsetype", "oauth2 needs its responseType")?,
        state: text(prompt, "state")?,
        response_encryption_key: text(prompt, "responseencryptionkey")?,
        client_secret: text(prompt, "clientsecret")?,
        scope: scope.collect::<Option<_>>().ok_or_else(|| error("has a scope that is not a list of names"))?,
    })
}

fn read_suggestions(beside: Object<'_>) -> Read<Vec<Suggestion>> {
    list(beside, "suggestions")?.unwrap_or_default().iter().map(read_suggestion).collect()
}

fn read_suggestion(value: &Value) -> Read<Suggestion> {
    let suggestion = object(value, "a suggestion")?;
    let label = required(suggestion, "label", "a suggestion needs a label")?;
    let action = required(suggestion, "action", "a suggestion needs an action")?;
    let part = |key: &str| {
        let part = suggestion.get(key).and_then(Object::of);
        part.ok_or_else(|| error("has a suggestion without the part that its action needs"))
    };
    let action = match action.to_ascii_lowercase().as_str() {
        "openurl" => Action::OpenUrl {
            url: read_url(&required(suggestion, "url", "an OpenUrl suggestion needs a url")?)?,
            media: suggestion.get("media").map(read_media).transpose()?,
        },
        "createcalendarevent" => Action::CreateCalendarEvent { calendar: read_calendar(part("calendar")?)? },
        "dial" => {
            let number = required(part("dial")?, "phonenumber", "a Dial suggestion needs a phoneNumber")?;
            let number = number
                .parse::<PhoneNumber>()
                .map_err(|_| error("has a phoneNumber to dial that is not a phone number"))?;
            Action::Dial { number }
        }
        "viewlocation" => {
            let location = suggestion.get("viewlocation");
            let location = location.ok_or_else(|| error("has a suggestion without the part that its action needs"))?;
            Action::ViewLocation { location: read_location(location)? }
        }
        "reply" => Action::Reply { description: text(suggestion, "description")? },
        _ => return Err(error("has a suggestion with an unknown action")),
    };
    Ok(Suggestion { label, action })
}

fn read_url(written: &str) -> Read<String> {
    match Url::parse(written) {
        Ok(_) => Ok(written.to_owned()),
        Err(_) => Err(error("has a url that is not absolute")),
    }
}

fn read_calendar(calendar: Object<'_>) -> Read<CalendarEvent> {
    Ok(CalendarEvent {
        start: time(calendar, "starttime")?,
        end: time(calendar, "endtime")?,
        title: required(calendar, "title", "a calendar event needs a title")?,
        description: text(calendar, "description")?,
    })
}

fn time(object: Object<'_>, key: &str) -> Read<DateTime> {
    let written = required(object, key, "an event needs its startTime and endTime")?;
    written.parse().map_err(|_| error("has a time that is not like 2018-02-05T07:00:00"))
}

pub(super) fn object<'a>(value: &'a Value, what: &str) -> Read<Object<'a>> {
    Object::of(value).ok_or_else(|| error(&format!("is wrong: {what} must be an object")))
}

pub(super) fn list<'a>(object: Object<'a>, key: &str) -> Read<Option<&'a [Value]>> {
    match object.get(key) {
        None => Ok(None),
        Some(Value::Array(listed)) => Ok(Some(listed)),
        Some(_) => Err(error(&format!("is wrong: {key} must be an array"))),
    }
}

pub(super) fn text(object: Object<'_>, key: &str) -> Read<Option<String>> {
    object.text(key).map_err(|_| error(&format!("is wrong: {key} must be a string")))
}

pub(super) fn required(object: Object<'_>, key: &str, why: &str) -> Read<String> {
    let written = text(object, key)?.filter(|written| !written.is_empty());
    written.ok_or_else(|| error(&format!("is wrong: {why}")))
}

pub(super) fn error(why: &str) -> MessageError {
    MessageError::Field("RICHCONTENT", why.to_owned())
}
