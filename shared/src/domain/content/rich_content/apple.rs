//! Pickers and authentication, as Apple documents them.

use serde::{Deserialize, Serialize};

use super::{Location, Media};
use crate::domain::EventTime;

/// A list of choices, as Apple documents it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListPicker {
    pub label: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<Media>,
    pub options: Vec<PickerOption>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PickerOption {
    pub label: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<Media>,
}

/// Time slots to choose from, in the recipient's local time unless they have a zone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimePicker {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    pub options: Vec<TimeSlot>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeSlot {
    pub start: EventTime,
    pub end: EventTime,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuth2 {
    pub response_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_encryption_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scope: Vec<String>,
}
