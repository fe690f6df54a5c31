//! Interactive messages.

use serde_json::{Value, json};

use super::super::content::read_interactive as read;
use crate::domain::InteractiveAction;

fn row() -> Value {
    json!({"title": "Ten", "id": "10", "description": "In the morning"})
}

fn of_sections(sections: &Value) -> Value {
    json!({"type": "list", "body": {"text": "When?"}, "action": {"button": "Choose", "sections": sections}})
}

fn of_rows(rows: &[Value]) -> Value {
    of_sections(&json!([{"title": "Times", "rows": rows}]))
}

fn of_buttons(buttons: &[Value]) -> Value {
    json!({"type": "button", "body": {"text": "Come?"}, "action": {"buttons": buttons}})
}

fn button(id: &str) -> Value {
    json!({"type": "reply", "reply": {"id": id, "title": "Yes"}})
}

fn with(mut value: Value, field: &str, other: Value) -> Value {
    value[field] = other;
    value
}

#[test]
fn list_and_buttons_of_the_official_client_are_read() {
    let media = json!({"mediaName": "x", "mediaUri": "https://a.example/x.png", "mimeType": "image/png"});
    let header = json!({"type": "image", "Media": media});
    let buttons = with(of_buttons(&[button("a"), button("b")]), "header", header.clone());
    let read_buttons = read(&with(buttons, "footer", json!({"text": "Open all day"}))).unwrap();
    assert_eq!((read_buttons.header, read_buttons.body.as_str()), (Some(header), "Come?"));
    assert_eq!(read_buttons.footer.as_deref(), Some("Open all day"));
    let InteractiveAction::Button { buttons } = read_buttons.action else { panic!("not buttons") };
    assert_eq!((buttons.len(), buttons[1].id.as_str()), (2, "b"));

    let header = json!({"type": "text", "text": "When?"});
    let list = read(&with(of_rows(&[row()]), "header", header.clone())).unwrap();
    assert_eq!(list.header, Some(header));
    let InteractiveAction::List { button, sections } = list.action else { panic!("not a list") };
    assert_eq!((button.as_str(), sections[0].title.as_deref()), ("Choose", Some("Times")));
    assert_eq!(sections[0].rows[0].description.as_deref(), Some("In the morning"));
}

#[test]
fn empty_optional_parts_count_as_missing() {
    let sections = json!([{"title": "", "rows": [{"title": "Ten", "id": "10", "description": ""}]}]);
    let bare = of_sections(&json!([{"rows": [{"title": "Ten", "id": "10"}]}]));
    let bare = read(&bare).unwrap();
    for header in [
        json!({"type": "", "text": ""}),
        json!({"type": "", "text": null}),
        json!({"type": "text", "text": ""}),
        json!({"type": null, "text": null}),
        json!({}),
        json!(null),
    ] {
        let message = with(with(of_sections(&sections), "header", header), "footer", json!({"text": ""}));
        assert!(read(&message).unwrap() == bare, "{message}");
    }
}

#[test]
fn limits_are_inclusive() {
    let row = |id: usize, title: usize, description: usize| {
        of_rows(&[json!({"id": "i".repeat(id), "title": "ü".repeat(title), "description": "d".repeat(description)})])
    };
    let sections = |rows: &[usize]| {
        of_sections(&rows.iter().map(|&rows| json!({"rows": vec![self::row(); rows]})).collect::<Value>())
    };
    let titled = |length: usize| of_sections(&json!([{"title": "t".repeat(length), "rows": [self::row()]}]));
    let buttons = |many: usize| of_buttons(&vec![button("a"); many]);
    for (taken, refused) in [
        (row(200, 24, 72), row(201, 1, 1)),
        (row(1, 24, 0), row(1, 25, 1)),
        (row(1, 1, 72), row(1, 1, 73)),
        (row(1, 1, 0), row(0, 1, 1)),
        (row(1, 1, 0), row(1, 0, 1)),
        (titled(24), titled(25)),
        (sections(&[4, 6]), sections(&[5, 6])),
        (sections(&[1]), sections(&[1, 0])),
        (sections(&[1]), sections(&[])),
        (buttons(3), buttons(4)),
        (buttons(1), buttons(0)),
    ] {
        assert!(read(&taken).is_ok(), "{taken}");
        assert!(read(&refused).is_err(), "{refused}");
    }
}

#[test]
fn incomplete_or_wrong_part_is_rejected() {
    let good = of_buttons(&[button("a")]);
    let media = json!({"mediaUri": "https://a.example/x.png"});
    assert!(read(&good).is_ok());
    for message in [
        json!("list"),
        json!({}),
        with(good.clone(), "type", json!("carousel")),
        with(good.clone(), "type", json!("list")),
        with(good.clone(), "type", json!(null)),
        with(good.clone(), "body", json!(null)),
        with(good.clone(), "body", json!("Come?")),
        with(good.clone(), "body", json!({"text": ""})),
        with(good.clone(), "footer", json!("We are open")),
        with(good.clone(), "action", json!({})),
        with(good.clone(), "header", json!("Hi")),
        with(good.clone(), "header", json!({"text": "Hi"})),
        with(good.clone(), "header", json!({"type": "image"})),
        with(good.clone(), "header", json!({"type": "text", "text": "Hi", "media": media})),
        with(good.clone(), "header", json!({"type": "audio", "media": media})),
        with(good.clone(), "header", json!({"type": "image", "media": {"mediaUri": "file:///etc/passwd"}})),
        with(of_rows(&[row()]), "header", json!({"type": "image", "media": media})),
        with(of_rows(&[row()]), "action", json!({"sections": [{"rows": [row()]}]})),
        of_rows(&[json!(7)]),
        of_buttons(&[json!({"type": "url", "reply": {"id": "a", "title": "Yes"}})]),
        of_buttons(&[json!({"type": "reply", "reply": {"title": "Yes"}})]),
        of_buttons(&[json!({"type": "reply"})]),
    ] {
        assert!(read(&message).is_err(), "{message}");
    }
}
