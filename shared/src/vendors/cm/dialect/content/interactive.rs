//! Parses `interactive` in a conversation item: WhatsApp's lists and reply buttons, by CM.com's page
//! "Interactive messages" (WhatsApp) and the comments in its official Python client. WhatsApp itself checks
//! the limits that neither names. We reject other kinds.
//!
//! The official client writes every optional part, and leaves unused parts empty. So empty counts as missing.

use serde_json::Value;

use super::{error, fields, fields::Read, filled, list, part, parts::read_media, present, required};
use crate::{
    domain::{Interactive, InteractiveAction, ListRow, ListSection, ReplyButton},
    formats::caseless::Object,
};

const MOST_BUTTONS: usize = 3;
/// In all sections together.
const MOST_ROWS: usize = 10;
/// Limits on a list's texts and IDs, in characters.
const LONGEST_TITLE: usize = 24;
const LONGEST_ID: usize = 200;
const LONGEST_DESCRIPTION: usize = 72;

pub(in super::super) fn read(value: &Value) -> Read<Interactive> {
    let message = fields(value, "an interactive message", &["type", "header", "body", "footer", "action"])?;
    let missing = |what: &str| error(&format!("has an interactive message without {what}"));
    let body = part(message, "body", "the body", &["text"])?.ok_or_else(|| missing("a body"))?;
    let action = message.get("action").ok_or_else(|| missing("an action"))?;
    let kind = required(message, "type", "an interactive message needs its type")?.to_ascii_lowercase();
    let action = match kind.as_str() {
        "list" => read_list(action)?,
        "button" => read_buttons(action)?,
        _ => return Err(error("has an interactive message that is neither a list nor a button")),
    };
    let header = present(message, "header").map(|header| read_header(header, &action)).transpose()?.flatten();
    let footer = part(message, "footer", "a footer", &["text"])?;
    let footer = footer.map(|footer| filled(footer, "text")).transpose()?.flatten();
    let body = required(body, "text", "the body of an interactive message needs its text")?;
    Ok(Interactive { header, body, footer, action })
}

fn read_list(value: &Value) -> Read<InteractiveAction> {
    let action = fields(value, "the action of an interactive list", &["button", "sections"])?;
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
    let section = fields(value, "a section of an interactive list", &["title", "rows"])?;
    let rows = list(section, "rows")?.filter(|rows| !rows.is_empty());
    let rows = rows.ok_or_else(|| error("has a section of an interactive list without rows"))?;
    Ok(ListSection {
        title: filled(section, "title")?.map(|title| within(title, "title", LONGEST_TITLE)).transpose()?,
        rows: rows.iter().map(read_row).collect::<Read<_>>()?,
    })
}

fn read_row(value: &Value) -> Read<ListRow> {
    let row = fields(value, "a row of an interactive list", &["id", "title", "description"])?;
    let id = required(row, "id", "a row of an interactive list needs its id")?;
    let title = required(row, "title", "a row of an interactive list needs its title")?;
    let description = filled(row, "description")?;
    Ok(ListRow {
        id: within(id, "id", LONGEST_ID)?,
        title: within(title, "title", LONGEST_TITLE)?,
        description: description.map(|words| within(words, "description", LONGEST_DESCRIPTION)).transpose()?,
    })
}

fn read_buttons(value: &Value) -> Read<InteractiveAction> {
    let action = fields(value, "the action of interactive buttons", &["buttons"])?;
    let buttons = list(action, "buttons")?.unwrap_or_default();
    if !(1..=MOST_BUTTONS).contains(&buttons.len()) {
        return Err(error(&format!("has an interactive message without 1 to {MOST_BUTTONS} buttons")));
    }
    Ok(InteractiveAction::Button { buttons: buttons.iter().map(read_button).collect::<Read<_>>()? })
}

fn read_button(value: &Value) -> Read<ReplyButton> {
    let button = fields(value, "a button of an interactive message", &["type", "reply"])?;
    let reply = part(button, "reply", "a button's reply", &["id", "title"])?;
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
    let header = Object::of(value).ok_or_else(|| error("is wrong: a header must be an object"))?;
    let (kind, words) = (filled(header, "type")?, filled(header, "text")?);
    match (kind.as_deref(), header.get("media")) {
        (None | Some("text"), None) if words.is_none() => return Ok(None),
        (Some("text"), None) => {}
        (Some("image" | "video" | "document"), Some(media)) if matches!(action, InteractiveAction::Button { .. }) => {
            read_media(media)?;
        }
        _ => return Err(error("has an interactive message with an invalid header")),
    }
    Ok(Some(value.clone()))
}

fn within(written: String, key: &str, most: usize) -> Read<String> {
    if written.chars().count() > most {
        return Err(error(&format!("has an interactive list with a {key} of more than {most} characters")));
    }
    Ok(written)
}
