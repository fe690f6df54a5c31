//! Rich content: what the carrier writes, the dialect reads.

use serde_json::{Value, json};

use super::super::content::write;
use crate::{
    domain::{
        Action, Bubble, CalendarEvent, Card, CardOrientation, CardWidth, Carousel, Contact, Content, Interactive,
        InteractiveAction, Language, LanguagePolicy, ListPicker, ListRow, ListSection, Location, Media, MediaHeight,
        OAuth2, PickerOption, Point, ReplyButton, Suggestion, Template, ThumbnailAlignment, TimePicker, TimeSlot,
    },
    vendors::{cm::dialect::read_content, testing::text},
};

fn media(name: Option<String>, mime_type: Option<String>) -> Media {
    Media { name, uri: "https://a.example/x.jpg?b=\"c\"".to_owned(), mime_type, height: None }
}

fn places() -> [Location; 4] {
    let (point, query) = (Point::parse("51.603802", "-4.770821"), text("Konijnenberg 30"));
    [
        Location { point: point.clone(), search_query: None, label: text("HQ"), radius: None },
        Location { point: None, search_query: query.clone(), label: None, radius: None },
        Location { point: point.clone(), search_query: query, label: None, radius: None },
        Location { point, search_query: None, label: None, radius: Some(5) },
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
        options: vec![PickerOption { label: "One".to_owned(), description: text("The first"), media }],
    };
    let times = |label, location| TimePicker {
        label,
        location,
        options: vec![
            slot(),
            TimeSlot { end: slot().start, ..slot() },
            TimeSlot { start: "2027-02-21T09:00Z".parse().unwrap(), end: "2027-02-21T10:00+01:00".parse().unwrap() },
        ],
    };
    let components = json!([{"type": "button", "sub_type": "url", "index": "0", "parameters": [{"a": 100_990}]}]);
    let mut bubbles = vec![
        Bubble { text: text("Hi 😀\n\"you\""), ..Bubble::default() },
        Bubble { media: Some(media(None, None).into()), ..Bubble::default() },
        Bubble { media: Some(media(text("name"), text("image/jpg")).into()), text: text("below"), ..Bubble::default() },
        Bubble { contacts: vec![contact("A"), contact("C")], ..Bubble::default() },
        Bubble {
            template: Some(template(LanguagePolicy::Deterministic, Some(components), None).into()),
            ..Bubble::default()
        },
        Bubble {
            template: Some(template(LanguagePolicy::Fallback, None, Some(json!([{"default": "x"}]))).into()),
            ..Bubble::default()
        },
        Bubble { list_picker: Some(list(None).into()), ..Bubble::default() },
        Bubble { list_picker: Some(list(Some(media(text("n"), None))).into()), ..Bubble::default() },
        Bubble { time_picker: Some(times(None, None).into()), ..Bubble::default() },
        Bubble { time_picker: Some(times(text("When"), Some(places()[0].clone())).into()), ..Bubble::default() },
        Bubble { oauth2: Some(oauth2(None, &[]).into()), ..Bubble::default() },
        Bubble { oauth2: Some(oauth2(text("x"), &["email", "openid"]).into()), ..Bubble::default() },
    ];
    bubbles.extend(cards());
    bubbles.extend(interactives().map(|one| Bubble { interactive: Some(one.into()), ..Bubble::default() }));
    bubbles.extend(places().map(|place| Bubble { location: Some(place.into()), ..Bubble::default() }));
    bubbles
}

/// Returns rich cards, a carousel of cards, and bubbles with a quote and a tag.
fn cards() -> Vec<Bubble> {
    let card = |header, body, media| Card { header, text: body, media, suggestions: Vec::new() };
    let reply = Suggestion {
        label: "Yes".to_owned(),
        action: Action::Reply { description: None },
        postback: text("yes"),
        media: None,
    };
    let full = Card { suggestions: vec![reply], ..card(text("Header"), text("Text"), Some(media(None, None))) };
    let carousel = |card_width, cards| Some(Carousel { card_width, cards });
    let tall = Media { height: Some(MediaHeight::Tall), ..media(None, None) };
    vec![
        Bubble { header: text("Header"), ..Bubble::default() },
        Bubble {
            header: text("Header"),
            media: Some(tall.into()),
            card_orientation: Some(CardOrientation::Horizontal),
            thumbnail_alignment: Some(ThumbnailAlignment::Left),
            ..Bubble::default()
        },
        Bubble {
            carousel: carousel(Some(CardWidth::Small), vec![full.clone(), full]).map(Box::new),
            ..Bubble::default()
        },
        Bubble { carousel: carousel(None, vec![card(None, text("Text"), None)]).map(Box::new), ..Bubble::default() },
        Bubble { text: text("Hi"), reply_to: text("wamid.1"), tag: text("HUMAN_AGENT"), ..Bubble::default() },
    ]
}

fn actions() -> Vec<Action> {
    let calendar =
        |description| CalendarEvent { start: slot().start, end: slot().end, title: "T".to_owned(), description };
    let mut actions = vec![
        Action::OpenUrl { url: "market://details?id=cm.com".to_owned() },
        Action::ShareLocation,
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
    let suggestion = |action, (postback, media)| Suggestion { label: "Press".to_owned(), action, postback, media };
    let mores = [(None, None), (text("data"), Some(media(None, text("image/png"))))];
    let suggestions: Vec<_> =
        actions().into_iter().zip(mores.into_iter().cycle()).map(|(action, more)| suggestion(action, more)).collect();
    let below = Content { conversation: bubbles(), suggestions: suggestions.clone() };
    let mut within = Content { conversation: bubbles(), suggestions: Vec::new() };
    within.conversation[0].suggestions = suggestions;
    assert_eq!(within.all_suggestions().count(), 13, "the most that CM.com takes, and two in cards");
    for content in [below, within] {
        let read = read_content(&write(&content)).unwrap();
        assert!(read == content, "{}", read.to_json());
    }
}
