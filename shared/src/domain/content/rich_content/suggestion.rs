//! Suggestions: buttons below a message.

use serde::{Deserialize, Serialize};

use super::{Location, Media};
use crate::domain::{EventTime, PhoneNumber};

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    pub label: String,
    #[serde(flatten)]
    pub action: Action,
    /// Data that comes back with the recipient's reply. Without it, the label does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postback: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<Media>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// The URL may have any scheme, because it may open an app.
    OpenUrl {
        url: String,
    },
    CreateCalendarEvent {
        calendar: CalendarEvent,
    },
    Dial {
        number: PhoneNumber,
    },
    ViewLocation {
        location: Location,
    },
    /// Asks the recipient to share a location.
    ShareLocation,
    /// Sends the label back as a reply.
    Reply {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        description: Option<String>,
    },
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarEvent {
    pub start: EventTime,
    pub end: EventTime,
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}
