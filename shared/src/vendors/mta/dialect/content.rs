//! A request's content: `header`, `message`, `footer` and `image`.
//!
//! The format names no channel, so a request with an image goes over RCS and then SMS. RCS shows the picture, if a
//! route and the carrier have RCS. The SMS has the text, with the image's URL as its last line. Without a route for
//! RCS, or through a carrier without it, the SMS goes at once. We fail over to the SMS if the carrier refuses the RCS
//! message, a receipt reports a failure, or no receipt comes within the route's time. The picture and the SMS are one
//! message: once a receipt says *delivered*, we send no more. As with every list of channels, a recipient may see both
//! if RCS delivers after the route's time.
//!
//! The SMS shows a link instead of a picture by MMS. That is our choice, because no carrier has MMS.

use std::sync::Arc;

use super::{
    fields::{Object, given},
    request::filled,
};
use crate::{
    domain::{
        Bubble, CallbackUrl, CallbackUrlError, Channel, Content, FieldError, FieldErrorCode as Code, Media,
        SegmentLimit, Text,
    },
    formats::field::{keep, valid_text},
};

/// The text, and the rich content if there is an image.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct SendContent {
    pub(super) text: Text,
    pub(super) rich: Option<Arc<Content>>,
    /// Empty without an image.
    pub(super) channels: Vec<Channel>,
}

/// The content's parts as lines, if present.
#[derive(Default)]
struct Lines<'a> {
    header: Option<&'a str>,
    message: Option<&'a str>,
    footer: Option<&'a str>,
    image: Option<&'a str>,
}

impl Lines<'_> {
    fn join(&self) -> String {
        let lines = [self.header, self.message, self.footer, self.image];
        lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
    }
}

impl SendContent {
    pub(super) fn read(request: &Object, limit: SegmentLimit, errors: &mut Vec<FieldError>) -> Option<Self> {
        let header = keep(filled(request, "header"), errors);
        let message = keep(filled(request, "message"), errors);
        let footer = keep(filled(request, "footer"), errors);
        let image = keep(read_image(request), errors);
        let (header, message, footer, image) = (header?, message?, footer?, image?);
        if message.is_none() && image.is_none() {
            errors.extend(missing(request));
            return None;
        }
        let lines = Lines { header, message, footer, image: image.as_ref().map(CallbackUrl::as_str) };
        let text = keep(read_text(&lines, limit), errors)?;
        let shown = Lines { image: None, ..lines }.join();
        let rich = image.map(|image| Arc::new(picture(&image, shown)));
        let channels = if rich.is_some() { vec![Channel::Rcs, Channel::Sms] } else { Vec::new() };
        Some(Self { text, rich, channels })
    }
}

/// Returns the error for a request with neither a text nor an image. A template already has its own error.
fn missing(request: &Object) -> Option<FieldError> {
    let rule = "is required, unless there is an image";
    match (given(request, "message"), given(request, "templateId")) {
        (Some(_), _) => Some(FieldError::new("message", Code::Empty, "is empty")),
        (None, None) => Some(FieldError::new("message", Code::Missing, rule)),
        (None, Some(_)) => None,
    }
}

fn read_image(request: &Object) -> Result<Option<CallbackUrl>, FieldError> {
    let url = filled(request, "image")?.map(str::parse::<CallbackUrl>).transpose();
    url.map_err(|error| {
        let code = if error == CallbackUrlError::TooLong { Code::TooLong } else { Code::Malformed };
        FieldError::new("image", code, error.to_string())
    })
}

/// Returns the text from all lines. An error names the first part with which the text breaks a rule.
fn read_text(lines: &Lines<'_>, limit: SegmentLimit) -> Result<Text, FieldError> {
    let Lines { header, message, footer, image } = *lines;
    let without_image = Lines { image: None, ..*lines };
    let without_footer = Lines { footer: None, ..without_image };
    let message_alone = Lines { header: None, ..without_footer };
    let steps = [
        ("message", message.is_some(), message_alone.join()),
        ("header", header.is_some(), without_footer.join()),
        ("footer", footer.is_some(), without_image.join()),
        ("image", image.is_some(), lines.join()),
    ];
    let mut text = Text::none();
    for (name, _, lines) in steps.into_iter().filter(|(_, is_given, _)| *is_given) {
        text = valid_text(&lines, name, limit)?;
    }
    Ok(text)
}

/// Returns rich content with the image and the text beside it.
fn picture(image: &CallbackUrl, text: String) -> Content {
    // Without a type, the carrier asks the file's server.
    let media = Media { name: None, uri: image.as_str().to_owned(), mime_type: None, height: None };
    let text = Some(text).filter(|text| !text.is_empty());
    let bubble = Bubble { text, media: Some(media.into()), ..Bubble::default() };
    Content { conversation: vec![bubble], suggestions: Vec::new() }
}
