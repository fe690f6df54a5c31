//! Parses `interactive` in a conversation item: WhatsApp's lists and reply buttons, by CM.com's page
//! "Interactive messages" (WhatsApp) and the comments in its official Python client. WhatsApp itself checks
//! the limits that neither names. We reject other kinds.
//!
//! The official client writes every optional part, and leaves unused parts empty. So empty counts as missing.

use serde_json::Value;

use super::content::{self, Read, error, list, object, required, text};
use crate::{
    domain::{Interactive, InteractiveAction, ListRow, ListSection, ReplyButton},
    vendors::cm::caseless::Object,
};

const MOST_BUTTONS: usize = 3;
/// In all sections together.
const MOST_ROWS: usize = 10;
/// Limits on a list's texts and IDs, in characters.
const LONGEST_TITLE: usize = 24;
const LONGEST_ID: usize = 200;
const LONGEST_DESCRIPTION: usize = 72;

pub(super) fn read(value: &Value) -> Read<Interactive> {
    let message = object(value, "an interactive message")?;
    let part = |key: &str, why: &str| message.get(key).and_then(Object::of).ok_or_else(|| error(why));
    let body = part("body", "has an interactive message without a body")?;
    let action = part("action", "has an interactive message without an action")?;
    let kind = required(message, "type", "an interactive message needs its type")?.to_ascii_lowercase();
    let action = match kind.as_str() {
        "list" => read_list(action)?,
        "button" => read_buttons(action)?,
        _ => return Err(error("has an interactive message that is neither a list nor a button")),
    };
    let header = message.get("header").map(|header| read_header(header, &action)).transpose()?.flatten();
    let footer = message.get("footer").map(|footer| filled(object(footer, "a footer")?, "text")).transpose()?;
    let body = required(body, "text", "the body of an interactive message needs its text")?;
    Ok(Interactive { header, body, footer: footer.flatten(), action })
}

fn read_list(action: Object<'_>) -> Read<InteractiveAction> {
    let button = required(action, "button", "an interactive list needs its button")?;
    let sections = list(action, "sections")?.filter(|sections| !sections.is_empty());
    let sections = sections.ok_or_else(|| error("has an interactive list without sections"))?;
    let sections = sections.iter().map(read_section).collect::<Read<Vec<_>>>()?;
    if sections.iter().map(|section| section.rows.len()).sum::<usize>() > MOST_ROWS {
        return Err(error(&format!("has an interactive list of more than {MOST_ROWS} rows")));
    }
    Ok(InteractiveAction::List { button, sections })
}

fn read_section(value: &Value) -> Read<ListSection> {
    let section = object(value, "a section of an interactive list")?;
    let rows = list(section, "rows")?.filter(|rows| !rows.is_empty());
    let rows = rows.ok_or_else(|| error("has a section of an interactive list without rows"))?;
    Ok(ListSection {
        title: filled(section, "title")?.map(|title| within(title, "title", LONGEST_TITLE)).transpose()?,
        rows: rows.iter().map(read_row).collect::<Read<_>>()?,
    })
}

fn read_row(value: &Value) -> Read<ListRow> {
    let row = object(value, "a row of an interactive list")?;
    let id = required(row, "id", "a row of an interactive list needs its id")?;
    let title = required(row, "title", "a row of an interactive list needs its title")?;
    let description = filled(row, "description")?;
    Ok(ListRow {
        id: within(id, "id", LONGEST_ID)?,
        title: within(title, "title", LONGEST_TITLE)?,
        description: description.map(|words| within(words, "description", LONGEST_DESCRIPTION)).transpose()?,
    })
}

fn read_buttons(action: Object<'_>) -> Read<InteractiveAction> {
    let buttons = list(action, "buttons")?.unwrap_or_default();
    if !(1..=MOST_BUTTONS).contains(&buttons.len()) {
        return Err(error(&format!("has an interactive message without 1 to {MOST_BUTTONS} buttons")));
    }
    Ok(InteractiveAction::Button { buttons: buttons.iter().map(read_button).collect::<Read<_>>()? })
}

fn read_button(value: &Value) -> Read<ReplyButton> {
    let button = object(value, "a button of an interactive message")?;
    let reply = button.get("reply").and_then(Object::of);
    let reply = reply.filter(|_| button.get("type").and_then(Value::as_str) == Some("reply"));
    let reply = reply.ok_or_else(|| error("has a button of an interactive message that is not a reply"))?;
    Ok(ReplyButton {
        id: required(reply, "id", "a button of an interactive message needs its id")?,
        title: required(reply, "title", "a button of an interactive message needs its title")?,
    })
}

/// Accepts a header of text or, above buttons, of media, and returns it verbatim. Returns `None` if it is
/// empty.
fn read_header(value: &Value, action: &InteractiveAction) -> Read<Option<Value>> {
    let header = object(value, "a header")?;
    let (kind, words) = (filled(header, "type")?, filled(header, "text")?);
    match (kind.as_deref(), header.get("media")) {
        (None | Some("text"), None) if words.is_none() => return Ok(None),
        (Some("text"), None) => {}
        (Some("image" | "video" | "document"), Some(media)) if matches!(action, InteractiveAction::Button { .. }) => {
            content::read_media(media)?;
        }
        _ => return Err(error("has an interactive message with an invalid header")),
    }
    Ok(Some(value.clone()))
}

fn filled(object: Object<'_>, key: &str) -> Read<Option<String>> {
    Ok(text(object, key)?.filter(|written| !written.is_empty()))
}

fn within(written: String, key: &str, most: usize) -> Read<String> {
    if written.chars().count() > most {
        return Err(error(&format!("has an interactive list with a {key} of more than {most} characters")));
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
            of_rows(&[
                json!({"id": "i".repeat(id), "title": "ü".repeat(title), "description": "d".repeat(description)}),
            ])
        };
        let sections = |rows: &[usize]| {
            of_sections(&rows.iter().map(|&rows| json!({"rows": vec![super::tests::row(); rows]})).collect::<Value>())
        };
        let titled =
            |length: usize| of_sections(&json!([{"title": "t".repeat(length), "rows": [super::tests::row()]}]));
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
}
