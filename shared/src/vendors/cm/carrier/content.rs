//! Writes `richContent`: a `conversation` of bubbles, with `suggestions` below. The `cm` dialect reads the same
//! format. Keys are spelled as in the samples of CM.com's page, where latitudes and longitudes are strings.

use jiff::civil::DateTime;
use serde_json::{Map, Value, json};

use crate::domain::{
    Action, Bubble, Content, Interactive, InteractiveAction, LanguagePolicy, ListPicker, ListRow, ListSection,
    Location, Media, OAuth2, Point, ReplyButton, Suggestion, Template, TimePicker,
};

pub(super) fn write(content: &Content) -> Value {
    let mut written = Map::new();
    written.insert("conversation".to_owned(), content.conversation.iter().map(bubble).collect());
    add_suggestions(&mut written, &content.suggestions);
    written.into()
}

fn bubble(bubble: &Bubble) -> Value {
    let mut written = Map::new();
    add(&mut written, "text", bubble.text.as_deref());
    add(&mut written, "media", bubble.media.as_ref().map(media));
    add(&mut written, "location", bubble.location.as_ref().map(location));
    if !bubble.contacts.is_empty() {
        let contacts: Value = bubble.contacts.iter().map(|contact| contact.0.clone()).collect();
        written.insert("contacts".to_owned(), contacts);
    }
    add(&mut written, "template", bubble.template.as_ref().map(template));
    add(&mut written, "interactive", bubble.interactive.as_ref().map(interactive));
    add(&mut written, "listPicker", bubble.list_picker.as_ref().map(list_picker));
    add(&mut written, "timePicker", bubble.time_picker.as_ref().map(time_picker));
    add(&mut written, "oauth2", bubble.oauth2.as_ref().map(oauth2));
    add_suggestions(&mut written, &bubble.suggestions);
    written.into()
}

fn media(media: &Media) -> Value {
    let mut written = Map::new();
    add(&mut written, "mediaName", media.name.as_deref());
    add(&mut written, "mediaUri", Some(media.uri.as_str()));
    add(&mut written, "mimeType", media.mime_type.as_deref());
    written.into()
}

fn location(location: &Location) -> Value {
    let mut written = Map::new();
    add(&mut written, "latitude", location.point.as_ref().map(Point::latitude));
    add(&mut written, "longitude", location.point.as_ref().map(Point::longitude));
    add(&mut written, "searchQuery", location.search_query.as_deref());
    add(&mut written, "label", location.label.as_deref());
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
        Action::OpenUrl { url, media: shown } => {
            add(&mut written, "url", Some(url.as_str()));
            add(&mut written, "media", shown.as_ref().map(media));
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
        Action::Reply { description } => {
            add(&mut written, "description", description.as_deref());
            "Reply"
        }
    };
    add(&mut written, "action", Some(action));
    add(&mut written, "label", Some(suggestion.label.as_str()));
    written.into()
}

/// Formats a time without a zone, like `2018-02-05T07:00:00`.
fn time(time: DateTime) -> String {
    time.to_string()
}

fn add(to: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        to.insert(key.to_owned(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{CalendarEvent, Contact, Language, PickerOption, TimeSlot},
        vendors::cm::dialect::read_content,
    };

    #[expect(clippy::unnecessary_wraps, reason = "makes an optional part")]
    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn media(name: Option<String>, mime_type: Option<String>) -> Media {
        Media { name, uri: "https://a.example/x.jpg?b=\"c\"".to_owned(), mime_type }
    }

    fn places() -> [Location; 3] {
        let (point, query) = (Point::parse("51.603802", "-4.770821"), text("Konijnenberg 30"));
        [
            Location { point: point.clone(), search_query: None, label: text("HQ") },
            Location { point: None, search_query: query.clone(), label: None },
            Location { point, search_query: query, label: None },
        ]
    }

    fn slot() -> TimeSlot {
        TimeSlot { start: "2027-02-21T09:00".parse().unwrap(), end: "2027-02-21T10:00:30".parse().unwrap() }
    }

    fn template(policy: LanguagePolicy, components: Option<Value>, params: Option<Value>) -> Template {
        let list = |value: Option<Value>| value.map(|value| value.as_array().unwrap().clone());
        Template {
            namespace: "n".to_owned(),
            element_name: "e".to_owned(),
            language: Language { policy, code: "en".to_owned() },
            components: list(components),
            localizable_params: list(params),
        }
    }

    fn interactives() -> [Interactive; 2] {
        let row = |description| ListRow { id: "10".to_owned(), title: "Ten".to_owned(), description };
        let sections = vec![
            ListSection { title: text("Times"), rows: vec![row(text("In the morning")), row(None)] },
            ListSection { title: None, rows: vec![row(None)] },
        ];
        let button = |id: &str| ReplyButton { id: id.to_owned(), title: "Yes".to_owned() };
        let media = json!({"mediaName": "x", "mediaUri": "https://a.example/x.jpg", "mimeType": "image/jpg"});
        [
            Interactive {
                header: Some(json!({"type": "text", "text": "When?"})),
                body: "Choose".to_owned(),
                footer: text("We are open"),
                action: InteractiveAction::List { button: "Open".to_owned(), sections },
            },
            Interactive {
                // `Media` is the spelling of CM.com's own client.
                header: Some(json!({"type": "image", "Media": media})),
                body: "Choose".to_owned(),
                footer: None,
                action: InteractiveAction::Button { buttons: vec![button("a"), button("b")] },
            },
        ]
    }

    /// Returns bubbles with each part, with and without the part's optional fields.
    fn bubbles() -> Vec<Bubble> {
        let contact = |name: &str| Contact(json!({"name": {"formatted_name": name, "last_name": "B"}, "n": 1.5}));
        let oauth2 = |more: Option<String>, scope: &[&str]| OAuth2 {
            response_type: "token".to_owned(),
            state: more.clone(),
            response_encryption_key: more.clone(),
            client_secret: more,
            scope: scope.iter().map(|&scope| scope.to_owned()).collect(),
        };
        let list = |media: Option<Media>| ListPicker {
            label: "Pick".to_owned(),
            media: media.clone(),
            options: vec![PickerOption { label: "One".to_owned(), media }],
        };
        let times = |label, location| TimePicker {
            label,
            location,
            options: vec![slot(), TimeSlot { end: slot().start, ..slot() }],
        };
        let components = json!([{"type": "button", "sub_type": "url", "index": "0", "parameters": [{"a": 100_990}]}]);
        let mut bubbles = vec![
            Bubble { text: text("Hi 😀\n\"you\""), ..Bubble::default() },
            Bubble { media: Some(media(None, None)), ..Bubble::default() },
            Bubble { media: Some(media(text("name"), text("image/jpg"))), text: text("below"), ..Bubble::default() },
            Bubble { contacts: vec![contact("A"), contact("C")], ..Bubble::default() },
            Bubble {
                template: Some(template(LanguagePolicy::Deterministic, Some(components), None)),
                ..Bubble::default()
            },
            Bubble {
                template: Some(template(LanguagePolicy::Fallback, None, Some(json!([{"default": "x"}])))),
                ..Bubble::default()
            },
            Bubble { list_picker: Some(list(None)), ..Bubble::default() },
            Bubble { list_picker: Some(list(Some(media(text("n"), None)))), ..Bubble::default() },
            Bubble { time_picker: Some(times(None, None)), ..Bubble::default() },
            Bubble { time_picker: Some(times(text("When"), Some(places()[0].clone()))), ..Bubble::default() },
            Bubble { oauth2: Some(oauth2(None, &[])), ..Bubble::default() },
            Bubble { oauth2: Some(oauth2(text("x"), &["email", "openid"])), ..Bubble::default() },
        ];
        bubbles.extend(interactives().map(|one| Bubble { interactive: Some(one), ..Bubble::default() }));
        bubbles.extend(places().map(|place| Bubble { location: Some(place), ..Bubble::default() }));
        bubbles
    }

    fn actions() -> Vec<Action> {
        let calendar =
            |description| CalendarEvent { start: slot().start, end: slot().end, title: "T".to_owned(), description };
        let open = |media| Action::OpenUrl { url: "market://details?id=cm.com".to_owned(), media };
        let mut actions = vec![
            open(None),
            open(Some(media(None, text("image/png")))),
            Action::CreateCalendarEvent { calendar: calendar(None) },
            Action::CreateCalendarEvent { calendar: calendar(text("D")) },
            Action::Dial { number: "+310612345".parse().unwrap() },
            Action::Reply { description: None },
            Action::Reply { description: text("Doctor") },
        ];
        actions.extend(places().map(|location| Action::ViewLocation { location }));
        actions
    }

    #[test]
    fn written_content_is_read_back_unchanged() {
        let suggestions: Vec<_> =
            actions().into_iter().map(|action| Suggestion { label: "Press".to_owned(), action }).collect();
        let below = Content { conversation: bubbles(), suggestions: suggestions.clone() };
        let mut within = Content { conversation: bubbles(), suggestions: Vec::new() };
        within.conversation[0].suggestions = suggestions;
        for content in [below, within] {
            let read = read_content(&write(&content)).unwrap();
            assert!(read == content, "{}", read.to_json());
        }
    }

    #[test]
    fn keys_are_spelled_as_on_the_page() {
        let content = Content {
            conversation: vec![Bubble { media: Some(media(None, text("image/jpg"))), ..Bubble::default() }],
            suggestions: vec![Suggestion {
                label: "Call us".to_owned(),
                action: Action::Dial { number: "00310612345".parse().unwrap() },
            }],
        };
        let expected = json!({
            "conversation": [{"media": {"mediaUri": "https://a.example/x.jpg?b=\"c\"", "mimeType": "image/jpg"}}],
            "suggestions": [{"action": "Dial", "label": "Call us", "dial": {"phoneNumber": "+310612345"}}],
        });
        assert_eq!(write(&content), expected);
    }
}
