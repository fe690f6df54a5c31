//! Rich content: what the carrier writes, the dialect reads.

use serde_json::{Value, json};

use super::super::content::write;
use crate::{
    domain::{
        Action, Bubble, CalendarEvent, Contact, Content, Interactive, InteractiveAction, Language, LanguagePolicy,
        ListPicker, ListRow, ListSection, Location, Media, OAuth2, PickerOption, Point, ReplyButton, Suggestion,
        Template, TimePicker, TimeSlot,
    },
    vendors::{cm::dialect::read_content, testing::text},
};

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
        Bubble { template: Some(template(LanguagePolicy::Deterministic, Some(components), None)), ..Bubble::default() },
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
