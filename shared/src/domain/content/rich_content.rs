//! Rich content: shown in place of the text by channels other than SMS and push.
//!
//! The types follow CM.com's "Business Messaging API". Values that only one channel defines (a template's
//! variables, a contact's fields, a header) stay the client's JSON. `channel_capability` says which parts a
//! channel can show.

use std::fmt;

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::PhoneNumber;

/// `Debug` prints only the number of bubbles.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub conversation: Vec<Bubble>,
    /// Shown below the whole conversation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suggestions: Vec<Suggestion>,
}

/// At least one part is present.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bubble {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<Media>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<Contact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<Template>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interactive: Option<Interactive>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_picker: Option<ListPicker>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_picker: Option<TimePicker>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oauth2: Option<OAuth2>,
    /// Shown below this bubble.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suggestions: Vec<Suggestion>,
}

/// An image, video, audio or document.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// File name or caption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `http` or `https`.
    pub uri: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
}

/// A place: a point, a search query, or both.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<Point>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search_query: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// Degrees, in the client's spelling.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    latitude: String,
    longitude: String,
}

impl Point {
    /// Returns `None` unless both are degrees within range.
    #[must_use]
    pub fn parse(latitude: &str, longitude: &str) -> Option<Self> {
        let within = |text: &str, most: f64| text.parse().is_ok_and(|degrees: f64| degrees.abs() <= most);
        let is_point = within(latitude, 90.0) && within(longitude, 180.0);
        is_point.then(|| Self { latitude: latitude.to_owned(), longitude: longitude.to_owned() })
    }

    #[must_use]
    pub fn latitude(&self) -> &str {
        &self.latitude
    }

    #[must_use]
    pub fn longitude(&self) -> &str {
        &self.longitude
    }
}

/// A contact, with the fields of WhatsApp's documents.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Contact(pub Value);

/// A template approved by WhatsApp, with its variables.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    pub namespace: String,
    pub element_name: String,
    pub language: Language,
    /// Variables of newer templates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub components: Option<Vec<Value>>,
    /// Variables of older templates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub localizable_params: Option<Vec<Value>>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Language {
    pub policy: LanguagePolicy,
    pub code: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LanguagePolicy {
    Deterministic,
    Fallback,
}

/// A text with choices, as WhatsApp documents it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interactive {
    /// A text or media, kept as the client's JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<Value>,
    pub body: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footer: Option<String>,
    pub action: InteractiveAction,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum InteractiveAction {
    /// A list that opens when the recipient presses a button labelled `button`.
    List { button: String, sections: Vec<ListSection> },
    /// Buttons that are visible at once.
    Button { buttons: Vec<ReplyButton> },
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListSection {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    pub rows: Vec<ListRow>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRow {
    /// The client's own ID, returned when the recipient chooses the row.
    pub id: String,
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyButton {
    /// The client's own ID, returned when the recipient presses the button.
    pub id: String,
    pub title: String,
}

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
    pub media: Option<Media>,
}

/// Time slots to choose from, in the recipient's local time.
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
    pub start: DateTime,
    pub end: DateTime,
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

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    pub label: String,
    #[serde(flatten)]
    pub action: Action,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// The URL may have any scheme, because it may open an app.
    OpenUrl {
        url: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        media: Option<Media>,
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
    /// Sends the label back as a reply.
    Reply {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        description: Option<String>,
    },
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarEvent {
    pub start: DateTime,
    pub end: DateTime,
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl Content {
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// # Errors
    /// If [`Content::to_json`] did not write the text.
    pub fn of_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Returns the suggestions below the conversation and below each bubble.
    pub fn all_suggestions(&self) -> impl Iterator<Item = &Suggestion> {
        self.suggestions.iter().chain(self.conversation.iter().flat_map(|bubble| &bubble.suggestions))
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content").field("bubbles", &self.conversation.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn stored_content_is_read_back_unchanged() {
        let location =
            Location { point: Point::parse("51.603802", "4.770821"), search_query: None, label: Some("HQ".to_owned()) };
        let slot = TimeSlot { start: "2027-02-21T09:00".parse().unwrap(), end: "2027-02-21T10:00".parse().unwrap() };
        let media = Media { name: None, uri: "https://a.example/x.jpg".to_owned(), mime_type: None };
        let suggestion = |action| Suggestion { label: "Press".to_owned(), action };
        let content = Content {
            conversation: vec![Bubble {
                text: Some("Hi 😀".to_owned()),
                media: Some(media.clone()),
                location: Some(location.clone()),
                contacts: vec![Contact(json!({"name": {"formatted_name": "A", "last_name": "B"}, "n": 1.5e300}))],
                template: Some(Template {
                    namespace: "n".to_owned(),
                    element_name: "e".to_owned(),
                    language: Language { policy: LanguagePolicy::Deterministic, code: "en".to_owned() },
                    components: Some(vec![json!({"type": "body", "parameters": [{"amount_1000": 100_990}]})]),
                    localizable_params: None,
                }),
                interactive: Some(Interactive {
                    header: Some(json!({"type": "image", "Media": {"mediaUri": "https://a.example/x.jpg"}})),
                    body: "When?".to_owned(),
                    footer: None,
                    action: InteractiveAction::Button {
                        buttons: vec![ReplyButton { id: "now".to_owned(), title: "Now".to_owned() }],
                    },
                }),
                list_picker: Some(ListPicker {
                    label: "Pick".to_owned(),
                    media: None,
                    options: vec![PickerOption { label: "One".to_owned(), media: Some(media) }],
                }),
                time_picker: Some(TimePicker { label: None, location: Some(location.clone()), options: vec![slot] }),
                oauth2: None,
                suggestions: vec![suggestion(Action::Reply { description: None })],
            }],
            suggestions: vec![
                suggestion(Action::OpenUrl { url: "market://details?id=cm.com".to_owned(), media: None }),
                suggestion(Action::Dial { number: "+310612345".parse().unwrap() }),
                suggestion(Action::ViewLocation { location }),
                suggestion(Action::CreateCalendarEvent {
                    calendar: CalendarEvent {
                        start: slot.start,
                        end: slot.end,
                        title: "T".to_owned(),
                        description: None,
                    },
                }),
            ],
        };
        let stored = content.to_json();
        assert_eq!(Content::of_json(&stored).unwrap(), content);
        assert_eq!(content.all_suggestions().count(), 5);
        assert!(!format!("{content:?}").contains("Hi"));
    }

    #[test]
    fn point_outside_the_globe_is_rejected() {
        assert!(Point::parse("-90", "180.0").is_some());
        for (latitude, longitude) in [("91", "0"), ("0", "181"), ("", "0"), ("north", "0"), ("NaN", "0")] {
            assert!(Point::parse(latitude, longitude).is_none(), "{latitude} {longitude}");
        }
    }
}
