//! Requests: `POST /v3/send`, one text to a list of numbers.
//!
//! The gateway has no contact base and no templates, so a field that needs one is an error. Where the pages are silent,
//! the choices are ours:
//!
//! - [`number`](super::number) has the rules for numbers.
//! - A request may contain a number only once, because one text goes to all.
//! - An empty text, and an empty list of groups or contacts, counts as absent.
//! - A value in `tags` must be a string, because callbacks return strings.
//! - `isMMS` and `rehost` are checked, but have no effect: the route decides how a picture is shown, and we copy no
//!   files.
//! - `scheduledDate` may be in any ISO 8601 form. Without an offset it is UTC.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use super::{
    content::SendContent,
    fields::{Object, flag, given, read_object},
    number::read_number,
    rejection::SenderField,
};
use crate::{
    domain::{
        CallingCode, Draft, FieldError, FieldErrorCode as Code, LabelError, PhoneNumber, Reference, SegmentLimit,
        SenderChoice, Tags, TagsError, Timestamp, parse_time,
    },
    formats::field::{self, keep},
};

/// The most numbers in a request.
pub const MOST_RECIPIENTS: usize = 1000;

/// Fields that name recipients in the vendor's contact base.
const CONTACT_FIELDS: [&str; 3] = ["groups", "subscriberIds", ALL_CONTACTS];
const ALL_CONTACTS: &str = "allSubscribers";
/// Fields for the vendor's templates and repeated messages.
const OTHER_UNSUPPORTED: [(&str, &str); 3] = [
    ("templateId", "needs the vendor's templates, which the gateway does not have"),
    ("linkId", "needs the vendor's templates, which the gateway does not have"),
    ("repeat", "is not supported: send a request for each time"),
];

/// A parsed and validated request, without its sender.
#[derive(Clone, PartialEq, Eq)]
pub struct SendRequest {
    pub recipients: Vec<PhoneNumber>,
    pub sender: RequestedSender,
    content: SendContent,
    send_at: Option<Timestamp>,
    reference: Option<Reference>,
    tags: Tags,
    /// Whether the recipient was named by `threadId`.
    is_thread: bool,
}

/// The sender that a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestedSender {
    /// The sender with this numeric ID.
    Longcode(u64),
    /// The conversation's sender.
    Thread,
    /// The account's default sender.
    Default,
}

impl SendRequest {
    /// Returns the draft for each recipient, in the request's order.
    #[must_use]
    pub fn drafts(&self, from: &SenderChoice) -> Vec<Draft> {
        let draft = |(index, to): (usize, &PhoneNumber)| Draft {
            index,
            channels: self.content.channels.clone(),
            send_at: self.send_at,
            reference: self.reference.clone(),
            tags: self.tags.clone(),
            content: self.content.rich.clone(),
            ..Draft::new(to.clone(), from.clone(), self.content.text.clone())
        };
        self.recipients.iter().enumerate().map(draft).collect()
    }

    /// Returns the field that chose the sender.
    #[must_use]
    pub fn sender_field(&self) -> SenderField {
        match self.sender {
            RequestedSender::Longcode(_) => SenderField::Longcode,
            RequestedSender::Thread => SenderField::Thread,
            RequestedSender::Default => SenderField::Default,
        }
    }

    /// Returns the field that names the recipients.
    #[must_use]
    pub fn recipients_field(&self) -> &'static str {
        if self.is_thread { "threadId" } else { "subscribers" }
    }
}

/// Parses and validates a request. `limit` is the operator's, and `country` the account's default country.
///
/// # Errors
/// All errors in all fields and numbers, or the error in the body.
pub fn read(body: &[u8], limit: SegmentLimit, country: Option<CallingCode>) -> Result<SendRequest, Vec<FieldError>> {
    let request = read_object(body).map_err(|error| vec![error])?;
    let mut errors = unsupported(&request);
    let recipients = read_recipients(&request, country, &mut errors);
    let content = SendContent::read(&request, limit, &mut errors);
    for name in ["isMMS", "rehost"] {
        keep(flag(&request, name), &mut errors);
    }
    let send_at = keep(read_time(&request), &mut errors);
    let longcode = keep(read_longcode(&request), &mut errors);
    let reference = keep(read_reference(&request), &mut errors);
    let tags = keep(read_tags(&request), &mut errors);
    match (recipients, content, send_at, longcode, reference, tags) {
        (Some(recipients), Some(content), Some(send_at), Some(longcode), Some(reference), Some(tags))
            if errors.is_empty() =>
        {
            let is_thread = matches!(recipients, Recipients::Thread(_));
            let sender = match longcode {
                Some(number) => RequestedSender::Longcode(number),
                None if is_thread => RequestedSender::Thread,
                None => RequestedSender::Default,
            };
            let recipients = match recipients {
                Recipients::Subscribers(numbers) => numbers,
                Recipients::Thread(number) => vec![number],
            };
            Ok(SendRequest { recipients, sender, content, send_at, reference, tags, is_thread })
        }
        _ => Err(errors),
    }
}

/// Returns a field's text. A blank text counts as absent.
pub(super) fn filled<'a>(request: &'a Object, name: &str) -> Result<Option<&'a str>, FieldError> {
    Ok(field::optional_text(request.get(name), name)?.filter(|text| !text.trim().is_empty()))
}

/// Returns whether the field names recipients in the vendor's contact base, or all of them.
fn names_contacts(request: &Object, name: &str) -> bool {
    given(request, name).is_some_and(|value| match value {
        Value::Bool(value) => *value || name != ALL_CONTACTS,
        Value::Array(listed) => !listed.is_empty() || name == ALL_CONTACTS,
        _ => true,
    })
}

fn unsupported(request: &Object) -> Vec<FieldError> {
    let contacts = CONTACT_FIELDS.iter().filter(|name| names_contacts(request, name));
    let contact_rule =
        "needs the vendor's contact base, which the gateway does not have: give the numbers in subscribers";
    let contacts = contacts.map(|name| FieldError::new(*name, Code::UnknownValue, contact_rule));
    let others = OTHER_UNSUPPORTED.iter().filter(|(name, _)| given(request, name).is_some());
    contacts.chain(others.map(|(name, rule)| FieldError::new(*name, Code::UnknownValue, *rule))).collect()
}

enum Recipients {
    Subscribers(Vec<PhoneNumber>),
    Thread(PhoneNumber),
}

/// Reads the recipients. A request with an unsupported kind already has an error.
fn read_recipients(request: &Object, country: Option<CallingCode>, errors: &mut Vec<FieldError>) -> Option<Recipients> {
    match (given(request, "subscribers"), given(request, "threadId")) {
        (Some(_), Some(_)) => {
            let rule = "cannot be given together with subscribers";
            errors.push(FieldError::new("threadId", Code::Conflict, rule));
            None
        }
        (None, Some(thread)) => keep(read_thread(thread), errors).map(Recipients::Thread),
        (Some(_), None) => read_subscribers(request, country, errors).map(Recipients::Subscribers),
        (None, None) => {
            if !CONTACT_FIELDS.iter().any(|name| names_contacts(request, name)) {
                let rule = "is required: a list of phone numbers, unless there is a threadId";
                errors.push(FieldError::new("subscribers", Code::Missing, rule));
            }
            None
        }
    }
}

fn read_subscribers(
    request: &Object,
    country: Option<CallingCode>,
    errors: &mut Vec<FieldError>,
) -> Option<Vec<PhoneNumber>> {
    let listed = keep(field::messages(request.get("subscribers"), "subscribers", MOST_RECIPIENTS), errors)?;
    let mut seen = HashSet::new();
    let mut numbers = Vec::with_capacity(listed.len());
    for (index, value) in listed.iter().enumerate() {
        let error = match read_number(Some(value), "subscribers", country) {
            Ok(number) if seen.insert(number.clone()) => {
                numbers.push(number);
                continue;
            }
            Ok(_) => FieldError::new("subscribers", Code::Duplicate, "is there twice"),
            Err(error) => error,
        };
        errors.push(error.at(index));
    }
    (numbers.len() == listed.len()).then_some(numbers)
}

/// Reads a thread's number, as in callbacks: the digits of the recipient's number, without a prefix.
fn read_thread(value: &Value) -> Result<PhoneNumber, FieldError> {
    let digits = whole_number(value, "threadId")?;
    let number = digits.to_string().parse();
    number.map_err(|_| FieldError::new("threadId", Code::Malformed, "is no thread: its number has 7 to 15 digits"))
}

/// Reads a JSON number, or its digits in a string.
fn whole_number(value: &Value, name: &str) -> Result<u64, FieldError> {
    let error = |code, rule: &str| FieldError::new(name, code, rule);
    match value {
        Value::Number(number) => number.as_u64().ok_or_else(|| error(Code::Malformed, "must be a whole number")),
        Value::String(text) if text.is_empty() => Err(error(Code::Empty, "is empty")),
        Value::String(text) if text.bytes().all(|b| b.is_ascii_digit()) => {
            text.parse().map_err(|_| error(Code::TooLong, "has too many digits"))
        }
        Value::String(_) => Err(error(Code::Malformed, "must be a whole number")),
        _ => Err(error(Code::WrongType, "must be a number")),
    }
}

fn read_longcode(request: &Object) -> Result<Option<u64>, FieldError> {
    given(request, "longcodeId").map(|value| whole_number(value, "longcodeId")).transpose()
}

fn read_time(request: &Object) -> Result<Option<Timestamp>, FieldError> {
    let time = filled(request, "scheduledDate")?.map(parse_time).transpose();
    time.map_err(|error| FieldError::new("scheduledDate", Code::Malformed, error.to_string()))
}

fn read_reference(request: &Object) -> Result<Option<Reference>, FieldError> {
    let text = field::optional_text(request.get("externalId"), "externalId")?.filter(|text| !text.is_empty());
    text.map(str::parse)
        .transpose()
        .map_err(|error| FieldError::new("externalId", label_code(&error), error.to_string()))
}

fn label_code(error: &LabelError) -> Code {
    match error {
        LabelError::Empty => Code::Empty,
        LabelError::TooLong(_) => Code::TooLong,
        LabelError::ControlCharacter => Code::Malformed,
    }
}

fn read_tags(request: &Object) -> Result<Tags, FieldError> {
    let error = |code, rule: &str| FieldError::new("tags", code, rule);
    let written = match given(request, "tags") {
        None => return Ok(Tags::default()),
        Some(Value::Object(written)) => written,
        Some(_) => return Err(error(Code::WrongType, "must be an object of strings")),
    };
    // We check the count first, so that no large object is copied.
    if written.len() > Tags::MOST {
        return Err(error(Code::TooMany, &TagsError::TooMany.to_string()));
    }
    let pairs = written.iter().map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    let pairs: Option<BTreeMap<_, _>> = pairs.collect();
    let pairs = pairs.ok_or_else(|| error(Code::WrongType, "has a value that is not a string"))?;
    Tags::parse(pairs).map_err(|why| {
        let code = match &why {
            TagsError::TooMany => Code::TooMany,
            TagsError::Key(label) | TagsError::Value(label) => label_code(label),
        };
        error(code, &why.to_string())
    })
}
