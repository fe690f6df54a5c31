//! JSON from carriers, which may post a single value in place of a list.

use std::{ops::Deref, slice};

use serde_json::Value;

use super::caseless::Object;
use crate::domain::{ParseError, ParsedItems};

/// The most items of a list: as many messages as CM.com accepts per request. We handle them one by one, and have
/// 15 seconds for all.
const MOST_ITEMS: usize = 1000;

/// In bytes. A body up to this length fits into a DynamoDB item even if its numbers grow when written again.
const SHORT: usize = 64 << 10;

/// A parsed body.
pub(crate) struct Json {
    value: Value,
    /// In bytes.
    length: usize,
}

impl Deref for Json {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.value
    }
}

pub(crate) fn read(body: &[u8]) -> Result<Json, ParseError> {
    let value = serde_json::from_slice(body).map_err(|error| ParseError::of_json(&error))?;
    Ok(Json { value, length: body.len() })
}

/// Returns a list's elements, or the single value.
pub(crate) fn one_or_many(value: &Value) -> &[Value] {
    match value {
        Value::Array(listed) => listed,
        one => slice::from_ref(one),
    }
}

/// Parses the objects of a list, or the single object. An unreadable object is an `Err` item. `field` is the list's
/// name.
pub(crate) fn items<T>(json: &Json, field: &str, read: impl Fn(Object<'_>) -> Result<T, ParseError>) -> ParsedItems<T> {
    items_of(json, json, &[], field, read)
}

/// Parses the objects of a list below these keys, or the single object there, as [`items`]. Keys match in any case.
///
/// # Errors
/// If a key is missing.
pub(crate) fn items_below<T>(
    json: &Json,
    keys: &[&str],
    read: impl Fn(Object<'_>) -> Result<T, ParseError>,
) -> Result<ParsedItems<T>, ParseError> {
    let mut value: &Value = json;
    for (index, key) in keys.iter().enumerate() {
        let found = Object::of(value).and_then(|object| object.get(key));
        let missing = || ParseError::new(keys[..=index].join("."), "is missing or not an object");
        value = found.ok_or_else(missing)?;
    }
    Ok(items_of(json, value, keys, &keys.join("."), read))
}

fn items_of<T>(
    json: &Json,
    value: &Value,
    keys: &[&str],
    field: &str,
    read: impl Fn(Object<'_>) -> Result<T, ParseError>,
) -> ParsedItems<T> {
    let values = one_or_many(value);
    if values.is_empty() {
        return Vec::new().into();
    }
    if values.len() > MOST_ITEMS {
        return vec![Err(ParseError::new(field, format!("has more than {MOST_ITEMS} items")))].into();
    }
    let item = |value| read(Object::of(value).ok_or_else(|| ParseError::new(field, "is not an object"))?);
    let too_long = || Err(ParseError::new(field, "has numbers that are too long"));
    if let [value] = values {
        let fits = json.length <= SHORT || value.to_string().len() <= json.length;
        return vec![if fits { item(value) } else { too_long() }].into();
    }
    let bodies: Vec<_> = values.iter().map(|value| body_of(value, keys)).collect();
    let fits = |body: &String| body.len() <= json.length;
    let items = values.iter().zip(&bodies).map(|(value, body)| if fits(body) { item(value) } else { too_long() });
    ParsedItems::of_list(items.collect(), bodies)
}

/// Returns a body with this item alone. It is shorter than the list, unless a number is longer when written again:
/// `1e15` becomes `1000000000000000.0`.
fn body_of(item: &Value, keys: &[&str]) -> String {
    keys.iter().rev().fold(item.to_string(), |inner, key| format!("{{\"{key}\":{inner}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(body: &str, keys: &[&str]) -> ParsedItems<String> {
        let read = |object: Object<'_>| object.said("n").ok_or_else(|| ParseError::new("n", "is missing"));
        items_below(&super::read(body.as_bytes()).unwrap(), keys, read).unwrap()
    }

    #[test]
    fn item_of_a_list_has_a_body_of_its_own() {
        for (body, keys, expected) in [
            (r#"[{"n": 0.1}, 7 , {"N":"}"}]"#, [].as_slice(), [r#"{"n":0.1}"#, "7", r#"{"N":"}"}"#]),
            (
                r#"{"x":[],"A":{"\u0062":[{"n":1},{"n":[1,2]},{}]}}"#,
                &["a", "b"],
                [r#"{"a":{"b":{"n":1}}}"#, r#"{"a":{"b":{"n":[1,2]}}}"#, r#"{"a":{"b":{}}}"#],
            ),
        ] {
            let all = numbers(body, keys);
            for (index, expected) in expected.into_iter().enumerate() {
                let item = all.webhook_item(body, index);
                assert_eq!((item.payload, item.index), (expected, 0));
                let alone = numbers(expected, keys).into_iter().collect::<Vec<_>>();
                assert_eq!(alone, [all.iter().nth(index).unwrap().clone()], "{expected}");
            }
        }
    }

    #[test]
    fn item_that_outgrows_its_list_is_unreadable() {
        let body = format!(r#"[{{"n":1,"x":[{}1]}},{{"n":2}}]"#, "1e15,".repeat(20));
        let read: Vec<_> = numbers(&body, &[]).into_iter().collect();
        assert_eq!(read, [Err(ParseError::new("", "has numbers that are too long")), Ok("2".to_owned())]);
    }

    #[test]
    fn single_item_keeps_the_whole_body() {
        for body in [r#"[{"n":1}]"#, r#" {"n":1} "#, "[]"] {
            assert_eq!(numbers(body, &[]).webhook_item(body, 0).payload, body);
        }
    }

    #[test]
    fn too_long_a_list_is_unreadable() {
        let list = |count: usize| format!("[{}{{}}]", "{},".repeat(count - 1));
        assert_eq!(numbers(&list(1000), &[]).iter().len(), 1000);
        let read: Vec<_> = numbers(&list(1001), &[]).into_iter().collect();
        assert_eq!(read, [Err(ParseError::new("", "has more than 1000 items"))]);
    }
}
