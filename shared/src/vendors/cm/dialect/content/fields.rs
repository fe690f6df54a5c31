//! Objects of rich content. Every field that is not blank must be known, because we would lose it otherwise.
//!
//! CM.com's clients write unused fields as `null` or blank, so these count as missing.

use serde_json::Value;

use crate::{
    formats::caseless::{Object, is_blank},
    vendors::cm::dialect::error::MessageError,
};

pub(super) type Read<T> = Result<T, MessageError>;

/// Longest field name to repeat in an answer, in characters.
const MOST_REPEATED: usize = 40;
/// As in `customGrouping2` or `oauth2`.
const MOST_DIGITS: usize = 2;

/// Returns the object, if each of its fields is among `known` or blank. `what` names it in errors; `known` is in
/// lower case.
pub(super) fn fields<'a>(value: &'a Value, what: &str, known: &[&str]) -> Read<Object<'a>> {
    let object = Object::of(value).ok_or_else(|| error(&format!("is wrong: {what} must be an object")))?;
    let mut seen = Vec::new();
    for (name, _) in object.entries().filter(|(_, value)| !is_blank(value)) {
        let key = name.to_ascii_lowercase();
        if !known.contains(&key.as_str()) {
            return Err(unsupported(name, what));
        }
        if seen.contains(&key) {
            return Err(error(&format!("has {} twice in {what}", quoted(name))));
        }
        seen.push(key);
    }
    Ok(object)
}

/// Like [`fields`], for a part of another object. A blank part counts as missing.
pub(super) fn part<'a>(of: Object<'a>, key: &str, what: &str, known: &[&str]) -> Read<Option<Object<'a>>> {
    present(of, key).map(|value| fields(value, what, known)).transpose()
}

fn unsupported(name: &str, what: &str) -> MessageError {
    let why = match name.to_ascii_lowercase().as_str() {
        "payment" => "payments need an agreement with CM.com",
        "calendarpicker" => "a timePicker shows time slots",
        "product_retailer_id" | "catalog_id" | "product_items" => "products need a catalogue of the client",
        _ => "it is not known there",
    };
    error(&format!("has {} in {what}, which is not supported: {why}", quoted(name)))
}

/// Repeats a name only if it looks like one, because a misplaced number or text must not come back in an answer.
fn quoted(name: &str) -> String {
    let is_word = name.chars().all(|c| c.is_ascii_alphanumeric() || "_$".contains(c));
    let digits = name.chars().filter(char::is_ascii_digit).count();
    let is_shown = is_word && name.len() <= MOST_REPEATED && digits <= MOST_DIGITS;
    if is_shown { format!("the field '{name}'") } else { "a field".to_owned() }
}

/// Returns the value under `key`, unless missing or blank.
pub(super) fn present<'a>(object: Object<'a>, key: &str) -> Option<&'a Value> {
    object.get(key).filter(|value| !is_blank(value))
}

pub(super) fn list<'a>(object: Object<'a>, key: &str) -> Read<Option<&'a [Value]>> {
    match object.get(key) {
        None => Ok(None),
        Some(Value::Array(listed)) => Ok(Some(listed)),
        Some(_) => Err(error(&format!("is wrong: {key} must be an array"))),
    }
}

pub(super) fn text(object: Object<'_>, key: &str) -> Read<Option<String>> {
    object.text(key).map_err(|_| error(&format!("is wrong: {key} must be a string")))
}

/// Returns the text under `key`, unless missing or empty.
pub(super) fn filled(object: Object<'_>, key: &str) -> Read<Option<String>> {
    Ok(text(object, key)?.filter(|written| !written.is_empty()))
}

pub(super) fn required(object: Object<'_>, key: &str, why: &str) -> Read<String> {
    filled(object, key)?.ok_or_else(|| error(&format!("is wrong: {why}")))
}

pub(in super::super) fn error(why: &str) -> MessageError {
    MessageError::Field("RICHCONTENT", why.to_owned())
}
