//! Rich content: shown in place of the text by channels other than SMS and push.
//!
//! The types follow CM.com's "Business Messaging API". Values that only one channel defines (a template's
//! variables, a contact's fields, a header) stay the client's JSON. `channel_capability` says which parts a
//! channel can show.

mod apple;
mod card;
mod parts;
mod suggestion;
mod whatsapp;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use apple::{ListPicker, OAuth2, PickerOption, TimePicker, TimeSlot};
pub use card::{Card, CardOrientation, CardWidth, Carousel, ThumbnailAlignment};
pub use parts::{Contact, Location, Media, MediaHeight, Point};
pub use suggestion::{Action, CalendarEvent, Suggestion};
pub use whatsapp::{
    Interactive, InteractiveAction, Language, LanguagePolicy, ListRow, ListSection, ReplyButton, Template,
};

/// `Debug` prints only the number of bubbles.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub conversation: Vec<Bubble>,
    /// Shown below the whole conversation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suggestions: Vec<Suggestion>,
}

/// An item of the conversation. At least one part is present, besides its suggestions and how it is shown. Large parts are
/// in boxes, because a hostile conversation has many small items.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bubble {
    /// The title of a rich card, above its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<Box<Media>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Box<Location>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<Contact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<Box<Template>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interactive: Option<Box<Interactive>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_picker: Option<Box<ListPicker>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_picker: Option<Box<TimePicker>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oauth2: Option<Box<OAuth2>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carousel: Option<Box<Carousel>>,
    /// The layout of a rich card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card_orientation: Option<CardOrientation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbnail_alignment: Option<ThumbnailAlignment>,
    /// WhatsApp's ID of the message that this item quotes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// Meta's message tag, such as `HUMAN_AGENT`. It permits a message after the 24 hours that follow a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Shown below this bubble.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suggestions: Vec<Suggestion>,
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

    /// Returns the suggestions below the conversation, below each bubble and in each card.
    pub fn all_suggestions(&self) -> impl Iterator<Item = &Suggestion> {
        self.suggestions_outside_cards().chain(self.cards().flat_map(|card| &card.suggestions))
    }

    /// Returns the suggestions below the conversation and below each bubble.
    pub fn suggestions_outside_cards(&self) -> impl Iterator<Item = &Suggestion> {
        self.suggestions.iter().chain(self.conversation.iter().flat_map(|bubble| &bubble.suggestions))
    }

    /// Returns the cards of all carousels.
    pub fn cards(&self) -> impl Iterator<Item = &Card> {
        self.carousels().flat_map(|carousel| &carousel.cards)
    }

    pub(crate) fn carousels(&self) -> impl Iterator<Item = &Carousel> {
        self.conversation.iter().filter_map(|bubble| bubble.carousel.as_deref())
    }

    /// Returns the texts of all bubbles and cards.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let bubbles = self.conversation.iter().filter_map(|bubble| bubble.text.as_deref());
        bubbles.chain(self.cards().filter_map(|card| card.text.as_deref()))
    }

    /// Returns the media of all bubbles and cards.
    pub(crate) fn media(&self) -> impl Iterator<Item = &Media> {
        let bubbles = self.conversation.iter().filter_map(|bubble| bubble.media.as_deref());
        bubbles.chain(self.cards().filter_map(|card| card.media.as_ref()))
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
        let location = Location {
            point: Point::parse("51.603802", "4.770821"),
            search_query: None,
            label: Some("HQ".to_owned()),
            radius: Some(5),
        };
        let slot = TimeSlot { start: "2027-02-21T09:00".parse().unwrap(), end: "2027-02-21T10:00Z".parse().unwrap() };
        let media = Media {
            name: None,
            uri: "https://a.example/x.jpg".to_owned(),
            mime_type: None,
            height: Some(MediaHeight::Tall),
        };
        let suggestion = |action| Suggestion {
            label: "Press".to_owned(),
            action,
            postback: Some("data".to_owned()),
            media: Some(media.clone()),
        };
        let card = Card {
            header: Some("Header".to_owned()),
            text: None,
            media: Some(media.clone()),
            suggestions: vec![suggestion(Action::Reply { description: None })],
        };
        let content = Content {
            conversation: vec![Bubble {
                header: Some("Hello".to_owned()),
                text: Some("Hi 😀".to_owned()),
                media: Some(media.clone().into()),
                location: Some(location.clone().into()),
                contacts: vec![Contact(json!({"name": {"formatted_name": "A", "last_name": "B"}, "n": 1.5e300}))],
                template: Some(
                    Template {
                        namespace: "n".to_owned(),
                        element_name: "e".to_owned(),
                        language: Language { policy: LanguagePolicy::Deterministic, code: "en".to_owned() },
                        components: Some(vec![json!({"type": "body", "parameters": [{"amount_1000": 100_990}]})]),
                        localizable_params: None,
                    }
                    .into(),
                ),
                interactive: Some(
                    Interactive {
                        header: Some(json!({"type": "image", "Media": {"mediaUri": "https://a.example/x.jpg"}})),
                        body: "When?".to_owned(),
                        footer: None,
                        action: InteractiveAction::Button {
                            buttons: vec![ReplyButton { id: "now".to_owned(), title: "Now".to_owned() }],
                        },
                    }
                    .into(),
                ),
                list_picker: Some(
                    ListPicker {
                        label: "Pick".to_owned(),
                        media: None,
                        options: vec![PickerOption {
                            label: "One".to_owned(),
                            description: Some("The first".to_owned()),
                            media: Some(media.clone()),
                        }],
                    }
                    .into(),
                ),
                time_picker: Some(
                    TimePicker { label: None, location: Some(location.clone()), options: vec![slot] }.into(),
                ),
                oauth2: None,
                carousel: Some(
                    Carousel { card_width: Some(CardWidth::Medium), cards: vec![card.clone(), card] }.into(),
                ),
                card_orientation: Some(CardOrientation::Horizontal),
                thumbnail_alignment: Some(ThumbnailAlignment::Right),
                reply_to: Some("wamid.1".to_owned()),
                tag: Some("HUMAN_AGENT".to_owned()),
                suggestions: vec![suggestion(Action::Reply { description: None })],
            }],
            suggestions: vec![
                suggestion(Action::OpenUrl { url: "market://details?id=cm.com".to_owned() }),
                suggestion(Action::ShareLocation),
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
        assert_eq!(content.all_suggestions().count(), 8);
        assert_eq!(content.suggestions_outside_cards().count(), 6);
        assert!(!format!("{content:?}").contains("Hi"));
    }

    #[test]
    fn content_without_the_later_parts_is_read() {
        let open = json!({"label": "Open", "action": "open_url", "url": "https://a.example",
            "media": {"uri": "https://a.example/x.jpg"}});
        let slot = json!({"start": "2027-02-21T09:00:00", "end": "2027-02-21T10:00:00"});
        let picker = json!({"label": "Pick", "options": [{"label": "One"}]});
        let location = json!({"search_query": "Breda"});
        let bubble = json!({"text": "Hi", "location": location, "list_picker": picker,
            "time_picker": {"options": [slot]}, "suggestions": [open]});
        let stored = json!({"conversation": [bubble]});
        let read = Content::of_json(&stored.to_string()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), stored);
    }

    #[test]
    fn point_outside_the_globe_is_rejected() {
        assert!(Point::parse("-90", "180.0").is_some());
        for (latitude, longitude) in [("91", "0"), ("0", "181"), ("", "0"), ("north", "0"), ("NaN", "0")] {
            assert!(Point::parse(latitude, longitude).is_none(), "{latitude} {longitude}");
        }
    }
}
