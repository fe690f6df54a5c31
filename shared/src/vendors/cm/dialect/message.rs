//! A message as the three gateways read it, and its checks.
//!
//! Decisions where the page is silent:
//! - Characters outside GSM make a text Unicode even without `auto` or `dcs` 8, because otherwise it would be
//!   garbled.
//! - A text with fewer parts than the minimum is sent as it is.
//! - A channel named twice counts once.
//! - An empty optional field counts as missing.
//! - Text may be empty if a channel shows the rich content in full. CM.com's own clients leave it empty
//!   beside a template.

use std::{str::FromStr, sync::Arc};

use jiff::Timestamp;

use super::{channel_rules, error::MessageError, validity};
use crate::{
    domain::{
        Channel, ChannelCapability, Content, Draft, Groupings, LabelError, NumberError, PhoneNumber, Reference,
        SegmentLimit, SenderChoice, SenderError, SenderId, Text, TextError, Validity,
    },
    vendors::cm::{capability::capability, channel_name},
};

/// By the page, in characters.
const LONGEST_REFERENCE: usize = 32;
/// Limit on a number that we repeat in an answer, in characters.
const MOST_REPEATED: usize = 40;

#[derive(Clone, Copy, Debug)]
pub struct ReadContext {
    pub limit: SegmentLimit,
    pub now: Timestamp,
}

/// A message for a single recipient.
pub struct ParsedMessage {
    /// The number as written, up to 40 characters, if any.
    pub to: Option<String>,
    pub reference: Option<Reference>,
    pub draft: Result<Draft, MessageError>,
}

/// A `msg` without its recipients: the fields as written, and the parsed rich content.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) from: Option<String>,
    pub(super) body: Option<Body>,
    pub(super) channels: Vec<String>,
    pub(super) reference: Option<String>,
    pub(super) groupings: [Option<String>; 3],
    pub(super) validity: Option<String>,
    pub(super) dcs: Option<String>,
    pub(super) fewest_parts: Option<String>,
    pub(super) most_parts: Option<String>,
    pub(super) content: Option<Content>,
}

#[derive(Default)]
pub(super) struct Body {
    pub(super) content: Option<String>,
    pub(super) r#type: Option<String>,
}

pub(super) fn expand(
    to: Result<Vec<Result<String, MessageError>>, MessageError>,
    fields: Result<Fields, MessageError>,
    reference: Option<Reference>,
    context: &ReadContext,
) -> Vec<ParsedMessage> {
    let checked = fields.and_then(|fields| fields.check(context));
    let recipients = match to {
        Ok(recipients) if recipients.is_empty() => vec![Err(MessageError::NoTo)],
        Ok(recipients) => recipients,
        Err(error) => vec![Err(error)],
    };
    let one = |recipient: Result<String, MessageError>| {
        let to = recipient.as_ref().ok().map(|written| shortened(written));
        let draft = match (&checked, recipient) {
            (Err(error), _) => Err(error.clone()),
            (Ok(_), Err(error)) => Err(error),
            (Ok(checked), Ok(written)) => read_number(&written).map(|number| checked.addressed_to(number)),
        };
        ParsedMessage { to, reference: reference.clone(), draft }
    };
    recipients.into_iter().map(one).collect()
}

/// Numbers a request's drafts. A rejected message takes a number too.
pub(super) fn number(parsed: &mut [ParsedMessage]) {
    for (index, parsed) in parsed.iter_mut().enumerate() {
        if let Ok(draft) = &mut parsed.draft {
            draft.index = index;
        }
    }
}

/// Returns the reference, if valid, for the answer. An answer with an error has it too.
pub(super) fn reference(written: Option<&str>) -> Option<Reference> {
    read_reference(written?).ok()
}

fn read_reference(written: &str) -> Result<Reference, LabelError> {
    if written.chars().count() > LONGEST_REFERENCE {
        return Err(LabelError::TooLong(LONGEST_REFERENCE));
    }
    written.parse()
}

fn shortened(written: &str) -> String {
    written.chars().take(MOST_REPEATED).collect()
}

pub(super) fn read_number(written: &str) -> Result<PhoneNumber, MessageError> {
    written.trim().parse::<PhoneNumber>().map_err(|error| match error {
        NumberError::Empty => MessageError::NoNumber,
        NumberError::NotDigits | NumberError::National | NumberError::Length(_) | NumberError::TooLong => {
            MessageError::NotANumber(shortened(written))
        }
    })
}

/// Validated fields, common to a `msg`'s messages.
struct Checked {
    from: SenderId,
    text: Text,
    channels: Vec<Channel>,
    reference: Option<Reference>,
    groupings: Groupings,
    validity: Validity,
    content: Option<Arc<Content>>,
}

impl Checked {
    fn addressed_to(&self, number: PhoneNumber) -> Draft {
        Draft {
            channels: self.channels.clone(),
            reference: self.reference.clone(),
            groupings: self.groupings.clone(),
            validity: Some(self.validity),
            content: self.content.clone(),
            ..Draft::new(number, SenderChoice::Custom(self.from.clone()), self.text.clone())
        }
    }
}

impl Fields {
    fn check(mut self, context: &ReadContext) -> Result<Checked, MessageError> {
        let from = self.read_from()?;
        let text = self.read_text(context.limit)?;
        let channels = self.read_channels()?;
        let reference = self.reference.as_deref().filter(|written| !written.is_empty()).map(read_reference);
        let reference = reference.transpose().map_err(|error| label("REFERENCE", &error))?;
        let groupings = Groupings::parse(std::mem::take(&mut self.groupings).map(Option::unwrap_or_default));
        let groupings = groupings.map_err(|error| label("CUSTOMGROUPING", &error))?;
        let validity = match self.validity.as_deref().filter(|written| !written.trim().is_empty()) {
            None => validity::DEFAULT,
            Some(written) => validity::read(written, context.now).map_err(|error| field("VALIDITY", error))?,
        };
        if let Some(content) = &self.content {
            channel_rules::check(content, &channels, context.now).map_err(|why| field("RICHCONTENT", why))?;
        }
        Ok(Checked { from, text, channels, reference, groupings, validity, content: self.content.map(Arc::new) })
    }

    fn read_from(&self) -> Result<SenderId, MessageError> {
        let written = self.from.as_deref().ok_or(MessageError::NoFrom)?;
        written.parse::<SenderId>().map_err(|error| match error {
            SenderError::Empty => MessageError::NoFrom,
            error => MessageError::From(error.to_string()),
        })
    }

    fn read_text(&self, limit: SegmentLimit) -> Result<Text, MessageError> {
        let body = self.body.as_ref().ok_or(MessageError::NoBody)?;
        let content = body.content.as_deref().unwrap_or_default();
        if content.is_empty() && !self.is_shown_without_text()? {
            return Err(MessageError::NoContent);
        }
        let limit = self.read_parts()?.map_or(limit, |most| SegmentLimit(most.min(limit.0)));
        let is_unicode = self.is_unicode(body)?;
        if content.is_empty() {
            return Ok(Text::none());
        }
        let text = if is_unicode { Text::parse_ucs2(content, limit) } else { Text::parse(content, limit) };
        text.map_err(|error| match error {
            TextError::Empty => MessageError::NoContent,
            TextError::TooLong { segments, limit } => {
                MessageError::Body(format!("takes {segments} parts; the limit is {limit}"))
            }
            TextError::TooManyBytes { limit, .. } => {
                MessageError::Body(format!("has more bytes than fit into {limit} parts, the limit"))
            }
            TextError::ControlCharacter(_) => MessageError::Body("holds a control character".to_owned()),
        })
    }

    fn is_shown_without_text(&self) -> Result<bool, MessageError> {
        let Some(content) = &self.content else { return Ok(false) };
        Ok(self.read_channels()?.into_iter().any(|channel| capability(content, channel) == ChannelCapability::Full))
    }

    /// `auto` overrides the client's `dcs`.
    fn is_unicode(&self, body: &Body) -> Result<bool, MessageError> {
        match body.r#type.as_deref().map(str::trim) {
            Some(kind) if kind.eq_ignore_ascii_case("auto") => return Ok(false),
            None | Some("") => {}
            Some(_) => return Err(MessageError::Body("has a TYPE that is not 'auto'".to_owned())),
        }
        match self.dcs.as_deref().map(str::trim) {
            None | Some("" | "0") => Ok(false),
            Some("8") => Ok(true),
            Some(_) => Err(MessageError::Field("DCS", "must be 0 or 8".to_owned())),
        }
    }

    /// Checks both limits, and returns the most parts that the client wants to pay for.
    fn read_parts(&self) -> Result<Option<u16>, MessageError> {
        const MINIMUM: &str = "MINIMUMNUMBEROFMESSAGEPARTS";
        const MAXIMUM: &str = "MAXIMUMNUMBEROFMESSAGEPARTS";
        let fewest = read_part(MINIMUM, self.fewest_parts.as_deref())?;
        let most = read_part(MAXIMUM, self.most_parts.as_deref())?;
        match (fewest, most) {
            (Some(fewest), Some(most)) if fewest > most => {
                Err(MessageError::Field(MINIMUM, "is more than the maximum".to_owned()))
            }
            _ => Ok(most),
        }
    }

    fn read_channels(&self) -> Result<Vec<Channel>, MessageError> {
        let mut channels = Vec::new();
        for name in self.channels.iter().filter(|name| !name.trim().is_empty()) {
            let unknown = || MessageError::Field("ALLOWEDCHANNELS", "holds an unknown channel".to_owned());
            let channel = channel_name::parse(name).ok_or_else(unknown)?;
            if !channels.contains(&channel) {
                channels.push(channel);
            }
        }
        Ok(channels)
    }
}

fn read_part(name: &'static str, written: Option<&str>) -> Result<Option<u16>, MessageError> {
    let Some(written) = written.map(str::trim).filter(|written| !written.is_empty()) else { return Ok(None) };
    let parts = u8::from_str(written).ok().filter(|parts| *parts > 0);
    parts.map(|parts| Some(parts.into())).ok_or_else(|| MessageError::Field(name, "must be 1 to 255".to_owned()))
}

fn label(name: &'static str, error: &LabelError) -> MessageError {
    MessageError::Field(name, error.to_string())
}

fn field(name: &'static str, why: impl ToString) -> MessageError {
    MessageError::Field(name, why.to_string())
}
