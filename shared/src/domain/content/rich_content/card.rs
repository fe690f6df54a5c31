//! Rich cards, side by side in a carousel, and their layout.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use super::{Media, Suggestion};

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carousel {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_width: Option<CardWidth>,
    pub cards: Vec<Card>,
}

/// A header, a text or media is present.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<Media>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suggestions: Vec<Suggestion>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "PascalCase", ascii_case_insensitive, const_into_str)]
pub enum CardWidth {
    Small,
    Medium,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "UPPERCASE", ascii_case_insensitive, const_into_str)]
pub enum CardOrientation {
    Horizontal,
    Vertical,
}

/// On which side a horizontal card shows its media.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "UPPERCASE", ascii_case_insensitive, const_into_str)]
pub enum ThumbnailAlignment {
    Left,
    Right,
}
