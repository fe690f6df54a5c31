//! Requests: `POST /raven/v2/messages` and `POST /raven/v3/messages/batch`.
//!
//! A batch has one text for all its recipients, and each recipient's parameters for the placeholders `{0}`, `{1}` in
//! it. Where the page is silent, the choices are ours:
//!
//! - A parameter that is a number is written as in the request: `10.50` stays `10.50`.
//! - A placeholder without a parameter, or a parameter without a placeholder, rejects the request.
//! - A malformed or empty number goes into `invalidNumber`, and the rest is sent, unless no number is valid.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use super::template::Template;
use crate::{
    domain::{
        CallbackUrl, Draft, FieldError, FieldErrorCode as Code, LabelError, PhoneNumber, RecipientLabels, Reference,
        RouteName, SegmentLimit, SenderChoice, Text,
    },
    formats::{
        bom::without_bom,
        field::{self, keep},
        json,
    },
};

/// Limit on a batch's recipients.
pub const MOST_RECIPIENTS: usize = 1000;
/// Limit on a message's callback URLs.
const MOST_CALLBACKS: usize = 5;
/// Limit on a text, in characters.
const LONGEST_TEXT: usize = 1600;
/// The same in bytes, of characters of four bytes.
const MOST_BYTES: usize = 4 * LONGEST_TEXT;
/// Limit on a batch's placeholders, because each is replaced for each recipient.
const MOST_PLACEHOLDERS: usize = 500;

type Object = Map<String, Value>;

/// A parsed and validated batch.
pub struct Batch {
    /// Of the valid numbers.
    pub drafts: Vec<Draft>,
    /// Malformed numbers as written, up to 40 characters each.
    pub invalid_numbers: Vec<String>,
    /// The text with its placeholders.
    pub text: String,
}

impl Batch {
    /// Returns the number of recipients in the request.
    #[must_use]
    pub fn posted(&self) -> usize {
        self.drafts.len() + self.invalid_numbers.len()
    }
}

/// Parses and validates a single message. `limit` is the operator's.
///
/// # Errors
/// Each field's error, or the error of the body.
pub fn read(body: &[u8], limit: SegmentLimit) -> Result<Draft, Vec<FieldError>> {
    let message = read_object(body).map_err(|error| vec![error])?;
    let mut errors = Vec::new();
    let from = keep(field::sender(message.get("from"), "from"), &mut errors);
    let text = keep(read_text(&message, limit), &mut errors);
    let to = keep(field::number(message.get("to"), "to"), &mut errors);
    let options = read_options(&message, &mut errors);
    match (from, text, to, options) {
        (Some(from), Some(text), Some(to), Some(options)) => {
            Ok(options.apply(Draft::new(to, SenderChoice::Custom(from), text)))
        }
        _ => Err(errors),
    }
}

/// Parses and validates a batch. `limit` is the operator's.
///
/// # Errors
/// Each error in each field and recipient, or the error of the body. Malformed numbers are errors if no number is
/// valid.
pub fn read_batch(body: &[u8], limit: SegmentLimit) -> Result<Batch, Vec<FieldError>> {
    let request = read_object(body).map_err(|error| vec![error])?;
    let mut errors = Vec::new();
    let from = keep(field::sender(request.get("from"), "from"), &mut errors);
    let text = keep(field::required_text(request.get("text"), "text"), &mut errors);
    let texts = text.and_then(|text| keep(Texts::read(text, limit), &mut errors));
    let listed = keep(field::messages(request.get("to"), "to", MOST_RECIPIENTS), &mut errors).unwrap_or_default();
    let recipients = read_recipients(body, listed, texts.as_ref(), &mut errors);
    let options = read_options(&request, &mut errors);
    let (Some(from), Some(text), Some(options), true) = (from, text, options, errors.is_empty()) else {
        return Err(errors);
    };
    let (mut drafts, mut invalid_numbers, mut malformed) = (Vec::new(), Vec::new(), Vec::new());
    for (index, Recipient { number, text }) in recipients.into_iter().enumerate() {
        match number {
            Number::Valid(to) => {
                let draft = Draft { index, ..Draft::new(to, SenderChoice::Custom(from.clone()), text) };
                drafts.push(options.apply(draft));
            }
            Number::Malformed { written, error } => {
                invalid_numbers.push(written);
                malformed.push(error);
            }
        }
    }
    if drafts.is_empty() { Err(malformed) } else { Ok(Batch { drafts, invalid_numbers, text: text.to_owned() }) }
}

fn read_object(body: &[u8]) -> Result<Object, FieldError> {
    match json::read(body)? {
        Value::Object(object) => Ok(object),
        _ => Err(FieldError::new("(body)", Code::WrongType, "must be a JSON object")),
    }
}

/// Returns a text within the page's limit of characters, and within the operator's limit of segments if that is below
/// the default. An operator who left the limit at its default of 10 did not ask for less than the page allows.
fn parse_text(text: &str, field: &str, limit: SegmentLimit) -> Result<Text, FieldError> {
    if text.chars().nth(LONGEST_TEXT).is_some() {
        return Err(too_long(field));
    }
    // 1,600 characters take at most 49 segments: emoji, 33 in a segment.
    let limit = if limit.0 < SegmentLimit::default().0 { limit } else { SegmentLimit(49) };
    field::valid_text(text, field, limit)
}

fn too_long(field: &str) -> FieldError {
    FieldError::new(field, Code::TooLong, "has more than 1,600 characters")
}

fn read_text(message: &Object, limit: SegmentLimit) -> Result<Text, FieldError> {
    parse_text(field::required_text(message.get("text"), "text")?, "text", limit)
}

/// The texts of a batch: one for all recipients, or one to fill in.
enum Texts<'a> {
    Same(Text),
    Filled(Template<'a>, SegmentLimit),
}

impl<'a> Texts<'a> {
    /// Checks as much of the text as does not depend on parameters.
    fn read(text: &'a str, limit: SegmentLimit) -> Result<Self, FieldError> {
        let template = Template::parse(text);
        if template.positions.is_empty() {
            return Ok(Self::Same(parse_text(text, "text", limit)?));
        }
        if template.placeholders() > MOST_PLACEHOLDERS {
            let words = format!("has more than {MOST_PLACEHOLDERS} placeholders");
            return Err(FieldError::new("text", Code::TooMany, words));
        }
        match parse_text(&template.literals(), "text", limit) {
            Err(error) if error.code != Code::Empty => Err(error),
            _ => Ok(Self::Filled(template, limit)),
        }
    }

    /// Returns a recipient's text.
    fn fill(&self, parameters: &[Cow<'_, str>], field: &str) -> Result<Text, FieldError> {
        let surplus =
            || FieldError::new(field, Code::UnknownValue, "has a parameter without a placeholder in the text");
        let (template, limit) = match self {
            Self::Same(text) if parameters.is_empty() => return Ok(text.clone()),
            Self::Same(_) => return Err(surplus()),
            Self::Filled(template, limit) => (template, *limit),
        };
        if template.positions.last().is_some_and(|last| *last >= parameters.len()) {
            let words = "lacks the parameter of a placeholder in the text";
            return Err(FieldError::new(field, Code::Missing, words));
        }
        if template.positions.len() < parameters.len() {
            return Err(surplus());
        }
        let filled = template.fill(parameters, MOST_BYTES).ok_or_else(|| too_long(field))?;
        parse_text(&filled, field, limit)
    }
}

struct Recipient {
    number: Number,
    text: Text,
}

enum Number {
    Valid(PhoneNumber),
    Malformed { written: String, error: FieldError },
}

/// Reads every recipient. With an error in the text, reads only the numbers and the types of the parameters.
fn read_recipients(
    body: &[u8],
    listed: &[Value],
    texts: Option<&Texts<'_>>,
    errors: &mut Vec<FieldError>,
) -> Vec<Recipient> {
    let numerals = Numerals::read(body);
    let mut recipients = Vec::with_capacity(listed.len());
    for (index, recipient) in listed.iter().enumerate() {
        let Value::Object(recipient) = recipient else {
            let words = "must be an object {\"to\", \"params\"}";
            errors.push(FieldError::new(format!("to[{index}]"), Code::WrongType, words));
            continue;
        };
        let number = keep(read_number(recipient, &format!("to[{index}].to")), errors);
        let params = format!("to[{index}].params");
        let parameters = keep(read_parameters(recipient, &params, &numerals, index), errors);
        let text = texts.zip(parameters).and_then(|(texts, parameters)| keep(texts.fill(&parameters, &params), errors));
        recipients.extend(number.zip(text).map(|(number, text)| Recipient { number, text }));
    }
    recipients
}

/// Reads `to`, or `to:` as the page's sample has it.
fn read_number(recipient: &Object, field: &str) -> Result<Number, FieldError> {
    let given = |key: &str| recipient.get(key).filter(|value| !value.is_null());
    let value = match (given("to"), given("to:")) {
        (Some(_), Some(_)) => return Err(FieldError::new(field, Code::Duplicate, "is there as 'to' and as 'to:'")),
        (to, misspelt) => to.or(misspelt),
    };
    match field::number(value, field) {
        Ok(number) => Ok(Number::Valid(number)),
        Err(error) if matches!(error.code, Code::Malformed | Code::Empty) => {
            let written = value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            Ok(Number::Malformed { written: field::shortened(&written.unwrap_or_default()), error })
        }
        Err(error) => Err(error),
    }
}

fn read_parameters<'a>(
    recipient: &'a Object,
    field: &str,
    numerals: &Numerals<'a>,
    index: usize,
) -> Result<Vec<Cow<'a, str>>, FieldError> {
    let wrong = || FieldError::new(field, Code::WrongType, "must be a list of strings and numbers");
    let listed = match recipient.get("params") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(listed)) => listed,
        Some(_) => return Err(wrong()),
    };
    let read = |(position, value): (usize, &'a Value)| match value {
        Value::String(text) => Ok(Cow::from(text)),
        Value::Number(number) => {
            Ok(numerals.get(index, position).map_or_else(|| Cow::from(number.to_string()), Cow::from))
        }
        _ => Err(wrong()),
    };
    listed.iter().enumerate().map(read).collect()
}

/// The parameters of each recipient as the request writes them. A number that was parsed would lose zeros at its end.
#[derive(Default, Deserialize)]
struct Numerals<'a> {
    #[serde(borrow)]
    to: Vec<RawRecipient<'a>>,
}

#[derive(Deserialize)]
struct RawRecipient<'a> {
    #[serde(borrow, default)]
    params: Option<Vec<&'a RawValue>>,
}

impl<'a> Numerals<'a> {
    /// Returns nothing for a request of another form, which has field errors.
    fn read(body: &'a [u8]) -> Self {
        serde_json::from_slice(without_bom(body)).unwrap_or_default()
    }

    fn get(&self, recipient: usize, position: usize) -> Option<&'a str> {
        let params = self.to.get(recipient)?.params.as_ref()?;
        Some(params.get(position)?.get())
    }
}

/// The optional fields, which hold for all recipients.
struct Options {
    wants_status: bool,
    route: Option<RouteName>,
    callbacks: Vec<CallbackUrl>,
    recipient: RecipientLabels,
    reference: Option<Reference>,
}

impl Options {
    fn apply(&self, draft: Draft) -> Draft {
        Draft {
            wants_status: self.wants_status,
            route: self.route.clone(),
            callbacks: self.callbacks.clone(),
            recipient: self.recipient.clone(),
            reference: self.reference.clone(),
            ..draft
        }
    }
}

fn read_options(request: &Object, errors: &mut Vec<FieldError>) -> Option<Options> {
    let wants_status = keep(read_request_dr(request), errors);
    let route = keep(read_connection(request), errors);
    let callbacks = keep(read_callbacks(request), errors);
    let email = keep(read_email(request), errors);
    let is_mt = keep(check_type(request), errors);
    let reference = keep(read_label(request, "externalId"), errors);
    let id = keep(read_label(request, "clientId"), errors);
    let recipient = RecipientLabels { id: id?, email: email? };
    is_mt?;
    Some(Options {
        wants_status: wants_status?,
        route: route?,
        callbacks: callbacks?,
        recipient,
        reference: reference?,
    })
}

/// Returns an optional text. `null` and an empty text count as absent.
fn filled<'a>(request: &'a Object, field: &str) -> Result<Option<&'a str>, FieldError> {
    Ok(field::optional_text(request.get(field), field)?.filter(|text| !text.is_empty()))
}

fn read_request_dr(request: &Object) -> Result<bool, FieldError> {
    match request.get("requestDR") {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(wants_status)) => Ok(*wants_status),
        Some(_) => Err(FieldError::new("requestDR", Code::WrongType, "must be true or false")),
    }
}

/// Reads the name of a route. A text that no route can have as its name is like the name of no route.
fn read_connection(request: &Object) -> Result<Option<RouteName>, FieldError> {
    let name = filled(request, "connection")?.map(str::parse::<RouteName>).transpose();
    name.map_err(|error| FieldError::new("connection", Code::NoRoute, error.to_string()))
}

fn read_callbacks(request: &Object) -> Result<Vec<CallbackUrl>, FieldError> {
    let error = |code, words: &str| Err(FieldError::new("callbacks", code, words));
    let listed = filled(request, "callbacks")?.unwrap_or_default();
    let mut callbacks = Vec::new();
    for (index, url) in (1..).zip(listed.split(',').map(str::trim).filter(|url| !url.is_empty())) {
        match url.parse::<CallbackUrl>() {
            Err(found) => return error(Code::Malformed, &format!("URL {index} {found}; write ',' in a URL as %2C")),
            Ok(url) if callbacks.contains(&url) => return error(Code::Duplicate, "has a URL twice"),
            Ok(_) if callbacks.len() == MOST_CALLBACKS => return error(Code::TooMany, "has more than 5 URLs"),
            Ok(url) => callbacks.push(url),
        }
    }
    Ok(callbacks)
}

fn read_email(request: &Object) -> Result<Option<Reference>, FieldError> {
    let email = read_label(request, "email")?;
    if email.as_ref().is_some_and(|email| !email.as_str().contains('@')) {
        return Err(FieldError::new("email", Code::Malformed, "is no e-mail address: it has no '@'"));
    }
    Ok(email)
}

fn check_type(request: &Object) -> Result<(), FieldError> {
    match filled(request, "type")? {
        None | Some("MT") => Ok(()),
        Some(_) => Err(FieldError::new("type", Code::UnknownValue, "must be \"MT\"")),
    }
}

fn read_label(request: &Object, field: &str) -> Result<Option<Reference>, FieldError> {
    let label = filled(request, field)?.map(str::parse::<Reference>).transpose();
    label.map_err(|error| {
        let code = match error {
            LabelError::Empty => Code::Empty,
            LabelError::TooLong(_) => Code::TooLong,
            LabelError::ControlCharacter => Code::Malformed,
        };
        FieldError::new(field, code, error.to_string())
    })
}
