//! Writes `richContent`: a `conversation` of bubbles, with `suggestions` below. The `cm` dialect reads the same
//! format. Keys are spelled as in the samples of CM.com's page, where latitudes and longitudes are strings.

use serde_json::{Map, Value, json};

use crate::domain::{
    Action, Bubble, Card, Carousel, Content, EventTime, Interactive, InteractiveAction, LanguagePolicy, ListPicker,
    ListRow, ListSection, Location, Media, OAuth2, Point, ReplyButton, Suggestion, Template, TimePicker,
};

pub(super) fn write(content: &Content) -> Value {
    let mut written = Map::new();
    written.insert("conversation".to_owned(), content.conversation.iter().map(bubble).collect());
    add_suggestions(&mut written, &content.suggestions);
    written.into()
}

fn bubble(bubble: &Bubble) -> Value {
    let mut written = Map::new();
    add(&mut written, "header", bubble.header.as_deref());
    add(&mut written, "text", bubble.text.as_deref());
    add(&mut written, "media", bubble.media.as_deref().map(media));
    add(&mut written, "location", bubble.location.as_deref().map(location));
    if !bubble.contacts.is_empty() {
        let contacts: Value = bubble.contacts.iter().map(|contact| contact.0.clone()).collect();
        written.insert("contacts".to_owned(), contacts);
    }
    add(&mut written, "template", bubble.template.as_deref().map(template));
    add(&mut written, "interactive", bubble.interactive.as_deref().map(interactive));
    add(&mut written, "listPicker", bubble.list_picker.as_deref().map(list_picker));
    add(&mut written, "timePicker", bubble.time_picker.as_deref().map(time_picker));
    add(&mut written, "oauth2", bubble.oauth2.as_deref().map(oauth2));
    add(&mut written, "carousel", bubble.carousel.as_deref().map(carousel));
    add(&mut written, "cardOrientation", bubble.card_orientation.map(<&str>::from));
    add(&mut written, "thumbnailAlignment", bubble.thumbnail_alignment.map(<&str>::from));
    add(&mut written, "context", bubble.reply_to.as_ref().map(|id| json!({"message_id": id})));
    add(&mut written, "tag", bubble.tag.as_deref());
    add_suggestions(&mut written, &bubble.suggestions);
    written.into()
}

fn carousel(carousel: &Carousel) -> Value {
    let mut written = Map::new();
    add(&mut written, "cardWidth", carousel.card_width.map(<&str>::from));
    add(&mut written, "cards", Some(carousel.cards.iter().map(card).collect::<Value>()));
    written.into()
}

fn card(card: &Card) -> Value {
    let mut written = Map::new();
    add(&mut written, "header", card.header.as_deref());
    add(&mut written, "text", card.text.as_deref());
    add(&mut written, "media", card.media.as_ref().map(media));
    add_suggestions(&mut written, &card.suggestions);
    written.into()
}

fn media(media: &Media) -> Value {
    let mut written = Map::new();
    add(&mut written, "mediaName", media.name.as_deref());
    add(&mut written, "mediaUri", Some(media.uri.as_str()));
    add(&mut written, "mimeType", media.mime_type.as_deref());
    add(&mut written, "mediaHeight", media.height.map(<&str>::from));
    written.into()
}

fn location(location: &Location) -> Value {
    let mut written = Map::new();
    add(&mut written, "latitude", location.point.as_ref().map(Point::latitude));
    add(&mut written, "longitude", location.point.as_ref().map(Point::longitude));
    add(&mut written, "searchQuery", location.search_query.as_deref());
    add(&mut written, "label", location.label.as_deref());
    add(&mut written, "radius", location.radius);
    written.into()
}

fn template(template: &Template) -> Value {
    let policy = match template.language.policy {
        LanguagePolicy::Deterministic => "deterministic",
        LanguagePolicy::Fallback => "fallback",
    };
    let mut written = Map::new();
    add(&mut written, "namespace", Some(template.namespace.as_str()));
    add(&mut written, "element_name", Some(template.element_name.as_str()));
    add(&mut written, "language", Some(json!({"policy": policy, "code": template.language.code})));
    add(&mut written, "components", template.components.clone());
    add(&mut written, "localizable_params", template.localizable_params.clone());
    json!({"whatsapp": written})
}

fn interactive(message: &Interactive) -> Value {
    let (kind, action) = match &message.action {
        InteractiveAction::List { button, sections } => {
            ("list", json!({"button": button, "sections": sections.iter().map(section).collect::<Value>()}))
        }
        InteractiveAction::Button { buttons } => {
            ("button", json!({"buttons": buttons.iter().map(reply_button).collect::<Value>()}))
        }
    };
    let mut written = Map::new();
    add(&mut written, "type", Some(kind));
    add(&mut written, "header", message.header.clone());
    add(&mut written, "body", Some(json!({"text": message.body})));
    add(&mut written, "footer", message.footer.as_ref().map(|text| json!({"text": text})));
    add(&mut written, "action", Some(action));
    written.into()
}

fn section(section: &ListSection) -> Value {
    let mut written = Map::new();
    add(&mut written, "title", section.title.as_deref());
    add(&mut written, "rows", Some(section.rows.iter().map(row).collect::<Value>()));
    written.into()
}

fn row(row: &ListRow) -> Value {
    let mut written = Map::new();
    add(&mut written, "id", Some(row.id.as_str()));
    add(&mut written, "title", Some(row.title.as_str()));
    add(&mut written, "description", row.description.as_deref());
    written.into()
}

fn reply_button(button: &ReplyButton) -> Value {
    json!({"type": "reply", "reply": {"id": button.id, "title": button.title}})
}

fn list_picker(picker: &ListPicker) -> Value {
    let options = picker.options.iter().map(|option| {
        let mut written = Map::new();
        add(&mut written, "label", Some(option.label.as_str()));
        add(&mut written, "description", option.description.as_deref());
        add(&mut written, "media", option.media.as_ref().map(media));
        Value::from(written)
    });
    let mut written = Map::new();
    add(&mut written, "label", Some(picker.label.as_str()));
    add(&mut written, "media", picker.media.as_ref().map(media));
    add(&mut written, "options", Some(options.collect::<Value>()));
    written.into()
}

fn time_picker(picker: &TimePicker) -> Value {
    let options = picker.options.iter().map(|slot| json!({"startTime": time(slot.start), "endTime": time(slot.end)}));
    let mut written = Map::new();
    add(&mut written, "label", picker.label.as_deref());
    add(&mut written, "location", picker.location.as_ref().map(location));
    add(&mut written, "options", Some(options.collect::<Value>()));
    written.into()
}

fn oauth2(prompt: &OAuth2) -> Value {
    let mut written = Map::new();
    add(&mut written, "responseType", Some(prompt.response_type.as_str()));
    add(&mut written, "state", prompt.state.as_deref());
    add(&mut written, "responseEncryptionKey", prompt.response_encryption_key.as_deref());
    add(&mut written, "clientSecret", prompt.client_secret.as_deref());
    add(&mut written, "scope", Some(prompt.scope.clone()));
    written.into()
}

fn add_suggestions(to: &mut Map<String, Value>, suggestions: &[Suggestion]) {
    if !suggestions.is_empty() {
        to.insert("suggestions".to_owned(), suggestions.iter().map(suggestion).collect());
    }
}

fn suggestion(suggestion: &Suggestion) -> Value {
    let mut written = Map::new();
    let action = match &suggestion.action {
        Action::OpenUrl { url } => {
            add(&mut written, "url", Some(url.as_str()));
            "OpenUrl"
        }
        Action::CreateCalendarEvent { calendar } => {
            let mut event = Map::new();
            add(&mut event, "startTime", Some(time(calendar.start)));
            add(&mut event, "endTime", Some(time(calendar.end)));
            add(&mut event, "title", Some(calendar.title.as_str()));
            add(&mut event, "description", calendar.description.as_deref());
            add(&mut written, "calendar", Some(event));
            "CreateCalendarEvent"
        }
        Action::Dial { number } => {
            add(&mut written, "dial", Some(json!({"phoneNumber": format!("+{}", number.digits())})));
            "Dial"
        }
        Action::ViewLocation { location: target } => {
            add(&mut written, "viewLocation", Some(location(target)));
            "ViewLocation"
        }
        Action::ShareLocation => {
            add(&mut written, "shareLocation", Some(json!({"requestLocation": true})));
            "ShareLocation"
        }
        Action::Reply { description } => {
            add(&mut written, "description", description.as_deref());
            "Reply"
        }
    };
    add(&mut written, "action", Some(action));
    add(&mut written, "label", Some(suggestion.label.as_str()));
    add(&mut written, "postbackdata", suggestion.postback.as_deref());
    add(&mut written, "media", suggestion.media.as_ref().map(media));
    written.into()
}

/// Formats a time with its zone as written, like `2018-02-05T07:00:00`, `…Z` or `…+01:00`.
fn time(time: EventTime) -> String {
    time.to_string()
}

fn add(to: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        to.insert(key.to_owned(), value.into());
    }
}
