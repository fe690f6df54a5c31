//! The content of a reply.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Media;

/// A text, and what came with it. Two replies with different content are two replies.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ReplyContent {
    /// Empty if the reply has no text.
    pub text: String,
    pub extras: ReplyExtras,
}

/// Everything in a reply besides its text. `Debug` prints only counts.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyExtras {
    /// Where the files can be fetched. The URIs are the carrier's, and may expire.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<Media>,
    /// A location, contacts, a pressed button or a chosen row of a list: JSON that we hand on as the carrier wrote it.
    /// Connectors of other vendors than CM.com use the keys and shapes of CM.com's `custom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<Value>,
}

impl ReplyContent {
    #[cfg(test)]
    pub(crate) fn of_text(text: impl Into<String>) -> Self {
        Self { text: text.into(), extras: ReplyExtras::default() }
    }
}

impl ReplyExtras {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// # Errors
    /// If [`ReplyExtras::to_json`] did not write the text.
    pub fn of_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

impl fmt::Debug for ReplyExtras {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_custom = self.custom.is_some();
        f.debug_struct("ReplyExtras").field("media", &self.media.len()).field("custom", &has_custom).finish()
    }
}

impl fmt::Debug for ReplyContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyContent").field("extras", &self.extras).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn stored_extras_are_read_back_unchanged() {
        let media = Media {
            name: Some("p1".to_owned()),
            uri: "https://media.example/1.jpg".to_owned(),
            mime_type: Some("image/jpeg".to_owned()),
            height: None,
        };
        let custom = Some(json!({"location": {"latitude": 51.603_802, "longitude": 4.770_821}, "n": 1.5e300}));
        let extras = ReplyExtras { media: vec![media], custom };
        assert_eq!(ReplyExtras::of_json(&extras.to_json()).unwrap(), extras);
        assert_eq!(ReplyExtras::default().to_json(), "{}");
        assert!(ReplyExtras::default().is_empty() && !extras.is_empty());
        let content = ReplyContent { text: "See you".to_owned(), extras };
        let shown = format!("{content:?}");
        assert!(!shown.contains("See you") && !shown.contains("media.example"), "{shown}");
    }
}
