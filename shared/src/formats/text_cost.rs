//! The segments and encoding of a text, in answers to clients.

use serde::Serialize;

use crate::domain::Text;

/// Limit on `unicode` in an answer. A client needs a few characters to find the cause.
const MOST_UNICODE: usize = 20;

/// A text as an SMS, whatever the channels, because the gateway may fail over to SMS and other channels have no
/// segments.
#[derive(Serialize)]
pub(crate) struct TextCost {
    segments: u16,
    encoding: &'static str,
    /// The characters that force UCS-2.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unicode: Vec<char>,
}

impl From<&Text> for TextCost {
    fn from(text: &Text) -> Self {
        Self {
            segments: text.segments(),
            encoding: text.encoding().into_str(),
            unicode: text.characters_beyond_gsm(MOST_UNICODE),
        }
    }
}
