//! JSON from clients, parsed into a tree, and JSON to clients.
//!
//! A tree keeps only one value per key (RFC 8259, section 4), so we reject repeated keys. For a vendor whose
//! own samples repeat keys, the last value wins. But if the earlier value contains a list, we reject the body,
//! because the list may hold messages, which would be lost silently. We limit the numbers of objects and lists and of
//! values, because a tree is larger than its text, above all for small objects.

use std::{cell::Cell, collections::HashMap, fmt};

use serde::{
    Deserializer, Serialize,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value, error::Category};

use super::bom::without_bom;
use crate::domain::{FieldError, FieldErrorCode};

/// Limit on the objects and lists in a body. An object takes about 700 bytes in memory, a list 160. The limit rejects
/// no real request: a body of 1 MiB, the most that we read, would have 47 bytes per object, and templates with
/// parameters, the densest messages, have 50.
const MOST_CONTAINERS: usize = 22_000;
/// Limit on all values in a body. A value takes 32 bytes in memory, and thrice that while its list grows.
const MOST_VALUES: usize = 100_000;

/// Parses a request's body, and rejects repeated keys.
///
/// # Errors
/// A field error with the position where the body is not JSON, repeats a key, or has too many objects.
pub(crate) fn read(body: &[u8]) -> Result<Value, FieldError> {
    read_by(body, Repeats::Refused)
}

/// Parses a request's body. The last value of a repeated key wins, and keys are compared without case.
///
/// # Errors
/// As [`read`], but a repeated key is an error only if its earlier value contains a list.
pub(crate) fn read_last(body: &[u8]) -> Result<Value, FieldError> {
    read_by(body, Repeats::LastCounts)
}

/// Serializes an answer or callback. Maps, strings and numbers always serialize.
pub(crate) fn write(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeats {
    Refused,
    LastCounts,
}

fn read_by(body: &[u8], repeats: Repeats) -> Result<Value, FieldError> {
    let (containers, values) = (Cell::new(0), Cell::new(0));
    let mut deserializer = serde_json::Deserializer::from_slice(without_bom(body));
    let reading = Reading { repeats, containers: &containers, values: &values };
    let read = reading.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    read.map_err(|error| {
        let (code, what) = match error.classify() {
            Category::Data if containers.get() > MOST_CONTAINERS => {
                (FieldErrorCode::TooMany, "holds too many objects and lists")
            }
            Category::Data if values.get() > MOST_VALUES => (FieldErrorCode::TooMany, "holds too many values"),
            Category::Data => (FieldErrorCode::Duplicate, "names a key twice in one object"),
            Category::Io | Category::Syntax | Category::Eof => (FieldErrorCode::Malformed, "is not JSON"),
        };
        FieldError::new("(body)", code, format!("{what}: line {}, column {}", error.line(), error.column()))
    })
}

/// A tree under construction, and its size.
#[derive(Clone, Copy)]
struct Reading<'a> {
    repeats: Repeats,
    containers: &'a Cell<usize>,
    values: &'a Cell<usize>,
}

impl Reading<'_> {
    fn count<E: Error>(counter: &Cell<usize>, most: usize) -> Result<(), E> {
        counter.set(counter.get() + 1);
        if counter.get() > most { Err(E::custom("too large")) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for Reading<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Self::count(self.values, MOST_VALUES)?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reading<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        Self::count(self.containers, MOST_CONTAINERS)?;
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(self)? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        Self::count(self.containers, MOST_CONTAINERS)?;
        let mut fields = Map::new();
        // The latest spelling of each key, by the key in lower case.
        let mut spellings = HashMap::new();
        while let Some(key) = object.next_key::<String>()? {
            let earlier = match self.repeats {
                Repeats::Refused => fields.remove(&key),
                Repeats::LastCounts => {
                    let earlier = spellings.insert(key.to_ascii_lowercase(), key.clone());
                    earlier.and_then(|spelling| fields.remove(&spelling))
                }
            };
            if earlier.is_some_and(|value| self.repeats == Repeats::Refused || holds_list(&value)) {
                return Err(A::Error::custom("repeated key"));
            }
            fields.insert(key, object.next_value_seed(self)?);
        }
        Ok(fields.into())
    }
}

fn holds_list(value: &Value) -> bool {
    match value {
        Value::Array(_) => true,
        Value::Object(fields) => fields.values().any(holds_list),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn error_names_its_position() {
        for (body, code, message) in [
            ("", FieldErrorCode::Malformed, "is not JSON: line 1, column 0"),
            ("{\n  \"a\": }", FieldErrorCode::Malformed, "is not JSON: line 2, column 8"),
            ("{\"a\":1,\n\"a\":2}", FieldErrorCode::Duplicate, "names a key twice in one object: line 2, column 3"),
            (
                "[{\"a\":{},\"\\u0061\":1}]",
                FieldErrorCode::Duplicate,
                "names a key twice in one object: line 1, column 17",
            ),
        ] {
            assert_eq!(read(body.as_bytes()), Err(FieldError::new("(body)", code, message)), "{body}");
        }
    }

    #[test]
    fn byte_order_mark_is_ignored_once() {
        for read in [read, read_last] {
            assert_eq!(read("\u{feff}{\"a\":\"\u{feff}\"}".as_bytes()).unwrap(), serde_json::json!({"a": "\u{feff}"}));
            assert_eq!(read("\u{feff}\u{feff}{}".as_bytes()).unwrap_err().code, FieldErrorCode::Malformed);
            assert_eq!(read(b"\xff\xfe{\x00}\x00").unwrap_err().code, FieldErrorCode::Malformed);
        }
    }

    #[test]
    fn same_key_may_appear_in_different_objects() {
        let body = r#"{"a":[{"a":1},{"a":-1}],"b":{"a":null,"c":[true,1.5,"x\n"]}}"#;
        assert_eq!(read(body.as_bytes()).unwrap(), serde_json::from_str::<Value>(body).unwrap());
    }

    #[test]
    fn size_of_the_tree_is_limited() {
        // The list around them counts, too.
        for (one, most) in [(r#"{"":0}"#, MOST_CONTAINERS - 1), ("[]", MOST_CONTAINERS - 1), ("0", MOST_VALUES - 1)] {
            let many = |count: usize| format!("[{}]", vec![one; count].join(","));
            for read in [read, read_last] {
                assert!(read(many(most).as_bytes()).is_ok(), "{one}");
                let error = read(many(most + 1).as_bytes()).unwrap_err();
                assert_eq!((error.field.as_str(), error.code), ("(body)", FieldErrorCode::TooMany), "{one}");
            }
        }
    }

    #[test]
    fn last_value_wins_unless_a_list_would_be_lost() {
        let read = |body: &str| read_last(body.as_bytes());
        assert_eq!(read(r#"{"a":1,"A":2,"b":{"c":1,"c":[1]}}"#).unwrap(), serde_json::json!({"A": 2, "b": {"c": [1]}}));
        assert_eq!(read(r#"{"a":[1],"A":2}"#).unwrap_err().code, FieldErrorCode::Duplicate);
        assert_eq!(read(r#"{"a":{"b":[1]},"A":{"b":[2]}}"#).unwrap_err().code, FieldErrorCode::Duplicate);
        assert_eq!(read(r#"{"a":1} x"#).unwrap_err().code, FieldErrorCode::Malformed);
    }

    proptest! {
        #[test]
        fn only_invalid_json_and_repeated_keys_are_rejected(body in "[\\[\\]{}:,\"a0e.-]{0,30}") {
            let plain = serde_json::from_str::<Value>(&body);
            match read(body.as_bytes()) {
                Ok(value) => prop_assert_eq!(plain.unwrap(), value),
                Err(error) => prop_assert!(plain.is_err() || error.code == FieldErrorCode::Duplicate),
            }
        }
    }
}
