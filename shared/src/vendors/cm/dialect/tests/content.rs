//! Rich content: what a client writes, and the content or the error that it becomes.

use serde_json::{Value, json};

use super::super::content::{error, read};
use crate::domain::Content;

const NO_PLACE: &str = "has a location without latitude and longitude or searchQuery";
const TIME_FORM: &str = "that is not like 2018-02-05T07:00:00, 2018-02-05T07:00:00Z or 2018-02-05T07:00:00+01:00";

fn bubble(bubble: Value) -> Value {
    json!({"conversation": [bubble]})
}

#[test]
fn contact_is_read_under_either_key() {
    let contact = |of: &str| json!({"name": {"formatted_name": of, "last_name": "x"}});
    let both = read(&bubble(json!({"contacts": [contact("A"), contact("B")], "Contact": contact("C")}))).unwrap();
    let names: Vec<_> = both.conversation[0].contacts.iter().map(|one| &one.0["name"]["formatted_name"]).collect();
    assert_eq!(names, ["A", "B", "C"]);
}

#[test]
fn keys_and_actions_ignore_case_and_degrees_may_be_numbers() {
    let location = json!({"LATITUDE": "51.6", "longitude": 4.7, "SearchQuery": "Breda"});
    let dial = json!({"action": "DIAL", "label": "Call us", "dial": {"PhoneNumber": "+310612345"}});
    let open = json!({"Action": "Openurl", "label": "Open", "url": "https://a.example"});
    let written = json!({"Conversation": [{"location": location, "Suggestions": [dial]}], "suggestions": [open]});
    let location = json!({"point": {"latitude": "51.6", "longitude": "4.7"}, "search_query": "Breda"});
    let dial = json!({"action": "dial", "label": "Call us", "number": "310612345"});
    let open = json!({"action": "open_url", "label": "Open", "url": "https://a.example"});
    let meant = json!({"conversation": [{"location": location, "suggestions": [dial]}], "suggestions": [open]});
    assert_eq!(read(&written).unwrap(), Content::of_json(&meant.to_string()).unwrap());
}

#[test]
fn missing_or_wrong_part_is_named_in_the_error() {
    const NO_PART: &str = "has a conversation item without any of its parts";
    const NO_CARD: &str = "has a card without a header, a text or media";
    let no_start = format!("has a startTime {TIME_FORM}");
    let whatsapp = |template: Value| bubble(json!({"template": {"whatsapp": template}}));
    let language = json!({"policy": "deterministic", "code": "en"});
    let template = |components: Value| {
        whatsapp(json!({"namespace": "n", "element_name": "e", "language": language, "components": components}))
    };
    for (content, why) in [
        (json!(7), "is wrong: it must be an object"),
        (json!({}), "needs a conversation"),
        (json!({"conversation": []}), "needs a conversation of at least one item"),
        (json!({"conversation": {}}), "is wrong: conversation must be an array"),
        (json!({"conversation": [7]}), "is wrong: a conversation item must be an object"),
        (bubble(json!({})), NO_PART),
        (bubble(json!({"text": ""})), NO_PART),
        (bubble(json!({"text": {}})), "is wrong: text must be a string"),
        (bubble(json!({"suggestions": [{"action": "Reply", "label": "x"}]})), NO_PART),
        (bubble(json!({"media": {"mediaName": "x"}})), "is wrong: media needs a mediaUri"),
        (
            bubble(json!({"media": {"mediaUri": "file:///etc/passwd"}})),
            "has a mediaUri that is not an http or https URL",
        ),
        (bubble(json!({"location": {"label": "x"}})), NO_PLACE),
        (bubble(json!({"location": {"latitude": "91", "longitude": "0"}})), "has a location that is not in degrees"),
        (bubble(json!({"location": {"latitude": "51"}})), "has a location with only one of latitude and longitude"),
        (
            bubble(json!({"contacts": [{"name": {"formatted_name": "x"}}]})),
            "has a contact's name without any of its parts",
        ),
        (
            bubble(json!({"contacts": [{"name": {"last_name": "x"}}]})),
            "is wrong: a contact's name needs its formatted_name",
        ),
        (
            bubble(json!({"template": {"line": {"a": 1}}})),
            "has the field 'line' in a template, which is not supported: it is not known there",
        ),
        (
            whatsapp(json!({"namespace": "n", "element_name": "e", "components": []})),
            "has a template without a language",
        ),
        (
            whatsapp(json!({"namespace": "n", "element_name": "e", "language": language})),
            "has a template without components or localizable_params",
        ),
        (template(json!([{"type": "button", "index": "0"}])), "has a template's button without its sub_type and index"),
        (template(json!([{"type": "sidebar"}])), "has a template with an unknown type of component"),
        (
            bubble(json!({"interactive": {"type": "list", "body": {"text": "x"}, "action": {}}})),
            "is wrong: an interactive list needs its button",
        ),
        (bubble(json!({"listPicker": {"label": "x", "options": []}})), "has a picker without options"),
        (bubble(json!({"timePicker": {"options": [{"startTime": "9", "endTime": "10"}]}})), &no_start),
        (bubble(json!({"carousel": {"cards": [], "cardWidth": "Small"}})), "has a carousel without cards"),
        (bubble(json!({"carousel": {"cards": [{"suggestions": [{"action": "Reply", "label": "x"}]}]}})), NO_CARD),
        (bubble(json!({"carousel": {"cards": [{"text": "x"}], "cardWidth": "Huge"}})), "has an unknown cardWidth"),
        (bubble(json!({"text": "x", "cardOrientation": "DIAGONAL"})), "has an unknown cardOrientation"),
        (bubble(json!({"context": {"message_id": "wamid.1"}})), NO_PART),
        (bubble(json!({"tag": "HUMAN_AGENT"})), NO_PART),
        (bubble(json!({"location": {"searchQuery": "x", "radius": 1.5}})), "has a radius that is not a whole number"),
        (bubble(json!({"text": "x".repeat(25 << 10)})), "is longer than 24 KiB"),
    ] {
        assert_eq!(read(&content), Err(error(why)), "{content}");
    }
}

#[test]
fn wrong_suggestion_is_named_in_the_error() {
    const NOT_ASKED: &str = "has a shareLocation whose requestLocation is not true";
    let suggestion = |suggestion: Value| json!({"conversation": [{"text": "Hi"}], "suggestions": [suggestion]});
    let many: Vec<_> = (0..12).map(|n| json!({"action": "Reply", "label": n})).collect();
    let calendar = json!({"startTime": "2018-02-05", "endTime": "soon", "title": "Demo"});
    let no_end = format!("has an endTime {TIME_FORM}");
    for (content, why) in [
        (suggestion(json!({"action": "Reply"})), "is wrong: a suggestion needs a label"),
        (suggestion(json!({"label": "x"})), "is wrong: a suggestion needs an action"),
        (suggestion(json!({"action": "Explode", "label": "x"})), "has a suggestion with an unknown action"),
        (suggestion(json!({"action": "OpenUrl", "label": "x"})), "is wrong: an OpenUrl suggestion needs a url"),
        (suggestion(json!({"action": "OpenUrl", "label": "x", "url": "/relative"})), "has a url that is not absolute"),
        (
            suggestion(json!({"action": "Dial", "label": "x", "dial": {"phoneNumber": "call"}})),
            "has a phoneNumber to dial that is not a phone number",
        ),
        (suggestion(json!({"action": "ViewLocation", "label": "x", "viewLocation": {}})), NO_PLACE),
        (suggestion(json!({"action": "CreateCalendarEvent", "label": "x", "calendar": calendar})), &no_end),
        (
            suggestion(json!({"action": "ShareLocation", "label": "x", "shareLocation": {"requestLocation": false}})),
            NOT_ASKED,
        ),
        (json!({"conversation": [{"text": "Hi"}], "suggestions": many}), "may have at most 11 suggestions"),
    ] {
        assert_eq!(read(&content), Err(error(why)), "{content}");
    }
}

#[test]
fn unknown_field_is_named_unless_it_is_empty() {
    let card = |more: Value| json!({"carousel": {"cards": [merged(json!({"text": "x"}), &more)]}});
    let suggested = |more: Value| {
        let reply = merged(json!({"action": "Reply", "label": "x"}), &more);
        json!({"conversation": [{"text": "x"}], "suggestions": [reply]})
    };
    let interactive = |more: Value| {
        let buttons = json!([{"type": "reply", "reply": {"id": "1", "title": "x"}}]);
        let action = merged(json!({"buttons": buttons}), &more);
        bubble(json!({"interactive": {"type": "button", "body": {"text": "x"}, "action": action}}))
    };
    let unknown = "which is not supported: it is not known there";
    for (content, why) in [
        (json!({"conversation": [{"text": "x"}], "future": 1}), format!("has the field 'future' in it, {unknown}")),
        (
            bubble(json!({"text": "x", "Future": false})),
            format!("has the field 'Future' in a conversation item, {unknown}"),
        ),
        (
            bubble(json!({"text": "x", "payment": {"merchantName": "x"}})),
            "has the field 'payment' in a conversation item, which is not supported: payments need an agreement with \
             CM.com"
                .to_owned(),
        ),
        (bubble(card(json!({"tag": "x"}))), format!("has the field 'tag' in a card, {unknown}")),
        (suggested(json!({"url": "https://a.example"})), format!("has the field 'url' in a suggestion, {unknown}")),
        (
            suggested(json!({"calendarPicker": {"options": [1]}})),
            "has the field 'calendarPicker' in a suggestion, which is not supported: a timePicker shows time slots"
                .to_owned(),
        ),
        (
            interactive(json!({"catalog_id": "1"})),
            "has the field 'catalog_id' in the action of interactive buttons, which is not supported: products need a \
             catalogue of the client"
                .to_owned(),
        ),
        (
            bubble(json!({"media": {"mediaUri": "https://a.example", "alt": "x"}})),
            format!("has the field 'alt' in media, {unknown}"),
        ),
        (bubble(json!({"text": "x", "TEXT": "y"})), "has the field 'text' twice in a conversation item".to_owned()),
        (bubble(json!({"text": "x", "+441234567890": 1})), format!("has a field in a conversation item, {unknown}")),
    ] {
        assert_eq!(read(&content), Err(error(&why)), "{content}");
    }
    for empty in [json!(null), json!(""), json!([]), json!({}), json!({"message_id": null})] {
        for more in ["future", "context", "media", "location", "contact", "template", "listPicker", "carousel"] {
            let more = json!({(more): empty});
            let plain = read(&bubble(json!({"text": "x"}))).unwrap();
            assert_eq!(read(&bubble(merged(json!({"text": "x"}), &more))), Ok(plain), "{more}");
        }
    }
}

fn merged(mut value: Value, more: &Value) -> Value {
    let more = more.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone()));
    value.as_object_mut().unwrap().extend(more);
    value
}

/// As CM.com's clients for .NET, Java and PHP write them.
#[test]
fn content_of_the_official_clients_is_read_whole() {
    let media = json!({"mediaName": null, "mediaUri": "https://a.example/a.png", "mimeType": "image/png"});
    let stored = json!({"uri": "https://a.example/a.png", "mime_type": "image/png"});
    let reply = json!({"action": "reply", "description": "d", "media": media, "label": "l", "postbackdata": "STOP"});
    let net_card =
        json!({"header": "h", "media": media, "text": "t", "tag": null, "suggestions": null, "context": null});
    for (written, meant) in [
        (
            json!({"conversation": [{"$type": "TextMessage", "text": "x", "tag": "HUMAN_AGENT", "suggestions": null,
                "context": {"message_id": "wamid.1"}}], "suggestions": [reply]}),
            json!({"conversation": [{"text": "x", "reply_to": "wamid.1", "tag": "HUMAN_AGENT"}],
                "suggestions": [{"action": "reply", "description": "d", "label": "l", "postback": "STOP", "media": stored}]}),
        ),
        (
            bubble(json!({"$type": "CarouselMessage", "carousel": {"cards": [net_card], "cardWidth": "Medium"}})),
            bubble(json!({"carousel": {"card_width": "medium",
                "cards": [{"header": "h", "text": "t", "media": stored}]}})),
        ),
        (
            bubble(json!({"text": "x", "suggestions": [{"action": "viewLocation", "label": "l",
                "location": {"latitude": "51.6", "longitude": "4.7", "searchQuery": ""}}]})),
            bubble(json!({"text": "x", "suggestions": [{"action": "view_location", "label": "l",
                "location": {"point": {"latitude": "51.6", "longitude": "4.7"}}}]})),
        ),
        (
            bubble(json!({"location": {"label": "l", "searchQuery": "Breda", "radius": 5}, "context": null})),
            bubble(json!({"location": {"label": "l", "search_query": "Breda", "radius": 5}})),
        ),
        (
            json!({"conversation": [{"text": "x", "tag": null, "context": null}],
                "suggestions": [{"action": "ShareLocation", "label": "l", "shareLocation": {"requestLocation": true}}]}),
            json!({"conversation": [{"text": "x"}], "suggestions": [{"action": "share_location", "label": "l"}]}),
        ),
        (
            bubble(json!({"contacts": [{"name": {"formatted_name": "A", "name_prefix": "Dr"}}]})),
            bubble(json!({"contacts": [{"name": {"formatted_name": "A", "name_prefix": "Dr"}}]})),
        ),
        (
            bubble(json!({"text": "x", "listPicker": {"label": "l", "options": [{"label": "o", "description": "d"}]}})),
            bubble(
                json!({"text": "x", "list_picker": {"label": "l", "options": [{"label": "o", "description": "d"}]}}),
            ),
        ),
        (
            bubble(json!({"header": "h", "cardOrientation": "HORIZONTAL", "thumbnailAlignment": "RIGHT",
                "media": {"mediaUri": "https://a.example/a.png", "mimeType": "image/png", "mediaHeight": "small"}})),
            bubble(json!({"header": "h", "card_orientation": "horizontal", "thumbnail_alignment": "right",
                "media": {"uri": "https://a.example/a.png", "mime_type": "image/png", "height": "small"}})),
        ),
    ] {
        assert_eq!(read(&written).map(|read| read.to_json()), Ok(stored_json(&meant)), "{written}");
    }
}

fn stored_json(meant: &Value) -> String {
    Content::of_json(&meant.to_string()).unwrap().to_json()
}

#[test]
fn zone_of_an_event_is_kept_and_its_end_is_not_before_its_start() {
    let event = |start: &str, end: &str| {
        let calendar = json!({"startTime": start, "endTime": end, "title": "t"});
        let suggestion = json!({"action": "CreateCalendarEvent", "label": "x", "calendar": calendar});
        let slot = json!({"options": [{"startTime": start, "endTime": end}]});
        [json!({"conversation": [{"text": "x"}], "suggestions": [suggestion]}), bubble(json!({"timePicker": slot}))]
    };
    for (start, end) in [
        ("2026-12-05T09:00:00-08:00", "2026-12-05T10:00:00-08:00"),
        ("2026-12-05T09:00:00Z", "2026-12-05T10:00:00Z"),
        ("2026-12-05T09:00:00+01:00", "2026-12-05T08:30:00+00:00"),
        ("2026-12-05T09:00:00", "2026-12-05T09:00:00"),
        ("2026-12-05T09:00:00Z", "2026-12-05T08:00:00"),
    ] {
        for written in event(start, end) {
            let kept = read(&written).unwrap().to_json();
            assert!(kept.contains(&format!(r#""start":"{start}","end":"{end}""#)), "{kept}");
        }
    }
    for (start, end, why) in [
        ("2026-12-05T09:00:00+01:00", "2026-12-05T07:30:00+00:00", "has an endTime that is before its startTime"),
        ("2026-12-05T09:00:00", "2026-12-05T08:59:59", "has an endTime that is before its startTime"),
        (
            "2026-12-05T09:00:00",
            "2026-12-05T10:00:00[Europe/Paris]",
            "has an endTime that has a zone in brackets, where an offset may be",
        ),
        (
            "2026-12-05T09:00:00+14:30",
            "2026-12-05T10:00:00Z",
            "has a startTime that has an offset of more than 14 hours",
        ),
        ("2026-12-05T09:00:00+01:00:30", "2026-12-05T10:00:00Z", "has a startTime that has an offset with seconds"),
    ] {
        for written in event(start, end) {
            assert_eq!(read(&written), Err(error(why)), "{written}");
        }
    }
}
