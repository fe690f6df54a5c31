//! Rich content: what a client writes, and the content or the error that it becomes.

use serde_json::{Value, json};

use super::super::content::{error, read};
use crate::domain::Content;

const NO_PLACE: &str = "has a location without latitude and longitude or searchQuery";
const NO_TIME: &str = "has a time that is not like 2018-02-05T07:00:00";

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
        (bubble(json!({"template": {"line": {}}})), "has a template without 'whatsapp', the only kind supported"),
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
        (bubble(json!({"timePicker": {"options": [{"startTime": "9", "endTime": "10"}]}})), NO_TIME),
        (bubble(json!({"text": "x".repeat(25 << 10)})), "is longer than 24 KiB"),
    ] {
        assert_eq!(read(&content), Err(error(why)), "{content}");
    }
}

#[test]
fn wrong_suggestion_is_named_in_the_error() {
    let suggestion = |suggestion: Value| json!({"conversation": [{"text": "Hi"}], "suggestions": [suggestion]});
    let many: Vec<_> = (0..12).map(|n| json!({"action": "Reply", "label": n})).collect();
    let calendar = json!({"startTime": "2018-02-05", "endTime": "soon", "title": "Demo"});
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
        (suggestion(json!({"action": "CreateCalendarEvent", "label": "x", "calendar": calendar})), NO_TIME),
        (json!({"conversation": [{"text": "Hi"}], "suggestions": many}), "may have at most 11 suggestions"),
    ] {
        assert_eq!(read(&content), Err(error(why)), "{content}");
    }
}
