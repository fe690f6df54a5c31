//! Validates a `msg` of a request by the rules of CM.com's page "Business Messaging API". Fields that our
//! gateway has no reason to send are checked more strictly, so that a mistake shows.

use std::sync::Arc;

use jiff::civil::DateTime;
use serde_json::Value;

use super::error::MessageError;
use super::json::Object;
use super::rich_content;
use super::sms::{self, Encoding};
use super::{Connection, Message, ReceiptAddresses, Submit, Vendor};
use crate::emulator::channels::Channel;
use crate::emulator::phone::{self, Phone};

const LONGEST_SENDER_NAME: usize = 11;
const LONGEST_SENDER_NUMBER: usize = 16;
const LONGEST_REFERENCE: usize = 32;
const LONGEST_GROUPING: usize = 100;

/// The fields shared by all recipients of a `msg`.
pub(super) struct Common<'a> {
    from: Result<&'a str, MessageError>,
    body: Result<Body, MessageError>,
    rest: Result<Rest, MessageError>,
}

struct Body {
    text: String,
    parts: usize,
}

struct Rest {
    channel: Channel,
    reference: String,
    content: Option<Value>,
    groupings: [String; 3],
}

impl<'a> Common<'a> {
    pub(super) fn read(message: Object<'a>) -> Self {
        let channel = read_channel(message);
        let known = channel.as_ref().copied().unwrap_or(Channel::Sms);
        Self {
            from: read_from(message, known),
            body: read_body(message, known),
            rest: channel.and_then(|channel| read_rest(message, channel)),
        }
    }
}

/// Returns the message for one recipient, or its first error in the page's order.
pub(super) fn read(
    common: &Common<'_>,
    number: Option<&Value>,
    connection: Option<&Arc<Connection>>,
) -> Result<Message, MessageError> {
    let from = common.from.clone()?;
    let to = read_number(number)?;
    let body = common.body.as_ref().map_err(MessageError::clone)?;
    let rest = common.rest.as_ref().map_err(MessageError::clone)?;
    let submit = Submit {
        vendor: Vendor::Cm,
        connection: connection.cloned(),
        reference: rest.reference.clone(),
        from: phone::shown_sender(from).to_owned(),
        to,
        channel: rest.channel,
        text: body.text.clone(),
        content: rest.content.clone(),
        groupings: rest.groupings.clone(),
        receipts: ReceiptAddresses::Registered,
        client_id: String::new(),
    };
    Ok(Message { submit, parts: body.parts })
}

fn read_from(message: Object<'_>, channel: Channel) -> Result<&str, MessageError> {
    let from = message.get("from").ok_or_else(MessageError::no_from)?;
    let from = from.as_str().ok_or_else(MessageError::from)?;
    if from.is_empty() {
        return Err(MessageError::no_from());
    }
    // On other channels the sender is an account name, and the page has samples that are too long for SMS.
    if channel == Channel::Sms && !is_sms_sender(from) {
        return Err(MessageError::from());
    }
    Ok(from)
}

fn is_sms_sender(from: &str) -> bool {
    let digits = from.strip_prefix('+').unwrap_or(from);
    let is_number = digits.bytes().all(|b| b.is_ascii_digit());
    let longest = if is_number { LONGEST_SENDER_NUMBER } else { LONGEST_SENDER_NAME };
    digits.len() <= longest && from.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
}

fn read_number(number: Option<&Value>) -> Result<Phone, MessageError> {
    match number {
        None => Err(MessageError::no_number()),
        Some(Value::String(number)) if number.is_empty() => Err(MessageError::no_number()),
        Some(Value::String(number)) => Phone::parse(number).map_err(|_| MessageError::not_a_number(number)),
        Some(other) => Err(MessageError::not_a_number(&other.to_string())),
    }
}

fn read_body(message: Object<'_>, channel: Channel) -> Result<Body, MessageError> {
    let body = Object::of(message.get("body").ok_or_else(MessageError::no_body)?).ok_or_else(MessageError::body)?;
    let text = body.get("content").ok_or_else(MessageError::no_content)?.as_str().ok_or_else(MessageError::body)?;
    // CM.com's own client sends an empty text with a template.
    let is_shown_otherwise = channel != Channel::Sms && message.get("richContent").is_some();
    if text.is_empty() && !is_shown_otherwise {
        return Err(MessageError::no_content());
    }
    let automatic = match body.get("type") {
        None => false,
        Some(kind) => kind.as_str().ok_or_else(MessageError::body)?.eq_ignore_ascii_case("auto"),
    };
    let encoding = match whole_number(message, "dcs", 0, 255)? {
        _ if automatic => Encoding::for_text(text),
        Some(8) => Encoding::Ucs2,
        _ => Encoding::Gsm,
    };
    whole_number(message, "minimumNumberOfMessageParts", 1, u64::MAX)?;
    let most = whole_number(message, "maximumNumberOfMessageParts", 1, u64::MAX)?;
    if channel != Channel::Sms {
        return Ok(Body { text: text.to_owned(), parts: 1 });
    }
    let text = encoding.carried(text);
    let parts = sms::parts(&text, encoding);
    // The page does not say what happens to a longer text, so this is our choice.
    if most.is_some_and(|most| u64::try_from(parts).is_ok_and(|parts| parts > most)) {
        return Err(MessageError::body());
    }
    Ok(Body { text, parts })
}

/// Returns the first allowed channel, by default SMS.
fn read_channel(message: Object<'_>) -> Result<Channel, MessageError> {
    let Some(allowed) = message.get("allowedChannels") else { return Ok(Channel::Sms) };
    let allowed = allowed.as_array().ok_or_else(MessageError::channels_not_an_array)?;
    let known =
        |name: &Value| name.as_str().and_then(Channel::parse_cm).ok_or_else(|| MessageError::field("allowedChannels"));
    let channels = allowed.iter().map(known).collect::<Result<Vec<_>, _>>()?;
    Ok(channels.first().copied().unwrap_or(Channel::Sms))
}

fn read_rest(message: Object<'_>, channel: Channel) -> Result<Rest, MessageError> {
    let reference = text(message, "reference", LONGEST_REFERENCE)?;
    // The page allows letters and digits, but its samples have underscores.
    if !reference.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(MessageError::field("reference"));
    }
    if message.get("validity").is_some_and(|validity| !validity.as_str().is_some_and(is_validity)) {
        return Err(MessageError::field("validity"));
    }
    let content = message.get("richContent");
    if content.is_some_and(|content| !rich_content::is_valid(content)) {
        return Err(MessageError::field("richContent"));
    }
    let grouping = |name| text(message, name, LONGEST_GROUPING);
    let groupings = [grouping("customGrouping")?, grouping("customGrouping2")?, grouping("customGrouping3")?];
    Ok(Rest { channel, reference, content: content.cloned(), groupings })
}

/// Returns a string field, empty if absent.
fn text(message: Object<'_>, name: &str, longest: usize) -> Result<String, MessageError> {
    let Some(value) = message.get(name) else { return Ok(String::new()) };
    let fitting = value.as_str().filter(|text| text.chars().count() <= longest);
    fitting.map(str::to_owned).ok_or_else(|| MessageError::field(name))
}

fn whole_number(message: Object<'_>, name: &str, least: u64, most: u64) -> Result<Option<u64>, MessageError> {
    let Some(value) = message.get(name) else { return Ok(None) };
    let fitting = value.as_u64().filter(|number| (least..=most).contains(number));
    fitting.map(Some).ok_or_else(|| MessageError::field(name))
}

/// Accepts hours or minutes (`5H`), or a time to the minute or second, with or without a zone (`2017-04-20
/// 11:50 GMT`).
fn is_validity(validity: &str) -> bool {
    if let Some(number) = validity.strip_suffix(['h', 'H', 'm', 'M']) {
        return !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    }
    let mut words = validity.splitn(3, ' ');
    let (Some(date), Some(time)) = (words.next(), words.next()) else { return false };
    let local = format!("{date} {time}");
    let is_time = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"].iter().any(|form| DateTime::strptime(form, &local).is_ok());
    is_time && words.next().is_none_or(|zone| !zone.is_empty())
}
