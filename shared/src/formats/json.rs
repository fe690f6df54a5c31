//! JSON as a client writes it, read into a tree, and as it is answered. A tree can keep only one of two
//! values of a key (RFC 8259, section 4). So a key that stands twice is refused;
//! or, for a vendor whose own samples have that, the later one counts unless the
//! earlier one is a list, of messages perhaps, that would be lost without a word. A
//! tree is larger than its text, most of all for small objects, so they are counted.

use std::{cell::Cell, collections::HashMap, fmt};

use serde::{
    Deserializer, Serialize,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value, error::Category};

use crate::domain::{FieldError, FieldErrorCode};

/// The most objects of a body. One takes about 700 bytes of a tree, and 21 of the
/// largest body at this number, in which no message can be told.
const MOST_OBJECTS: usize = 50_000;

/// Reads a request's body.
///
/// # Errors
/// A fault that says where the body stops being JSON, where a key is repeated, or
/// where it has too many objects.
pub(crate) fn read(body: &[u8]) -> Result<Value, FieldError> {
    read_by(body, Repeats::Refused)
}

/// The same, where the later of two values of a key counts, in whatever case the
/// key is written.
///
/// # Errors
/// As [`read`]; a key is repeated in the sense of this if it stands under a list.
pub(crate) fn read_last(body: &[u8]) -> Result<Value, FieldError> {
    read_by(body, Repeats::LastCounts)
}

/// What this is given are maps of strings and numbers, which JSON always takes.
pub(crate) fn write(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// What becomes of a key that stands twice.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeats {
    Refused,
    LastCounts,
}

fn read_by(body: &[u8], repeats: Repeats) -> Result<Value, FieldError> {
    let objects = Cell::new(0);
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let reading = Reading { repeats, objects: &objects };
    let read = reading.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    read.map_err(|error| {
        let (code, what) = match error.classify() {
            Category::Data if objects.get() > MOST_OBJECTS => (FieldErrorCode::TooMany, "holds too many objects"),
            Category::Data => (FieldErrorCode::Duplicate, "names a key twice in one object"),
            Category::Io | Category::Syntax | Category::Eof => (FieldErrorCode::Malformed, "is not JSON"),
        };
        FieldError::new("(body)", code, format!("{what}: line {}, column {}", error.line(), error.column()))
    })
}

/// A tree on its way, and how many objects it has.
#[derive(Clone, Copy)]
struct Reading<'a> {
    repeats: Repeats,
    objects: &'a Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for Reading<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
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
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(self)? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        self.objects.set(self.objects.get() + 1);
        if self.objects.get() > MOST_OBJECTS {
            return Err(A::Error::custom("too many objects"));
        }
        let mut fields = Map::new();
        // The spelling that each key was met in last.
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
                return Err(A::Error::custom("a key stands twice"));
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
    fn one_key_may_stand_in_several_objects() {
        let body = r#"{"a":[{"a":1},{"a":-1}],"b":{"a":null,"c":[true,1.5,"x\n"]}}"#;
        assert_eq!(read(body.as_bytes()).unwrap(), serde_json::from_str::<Value>(body).unwrap());
    }

    #[test]
    fn small_objects_are_so_many_and_no_more() {
        let many = |count: usize| format!("[{}{{}}]", r#"{"":0},"#.repeat(count - 1));
        assert!(read(many(MOST_OBJECTS).as_bytes()).is_ok());
        for read in [read, read_last] {
            let error = read(many(MOST_OBJECTS + 1).as_bytes()).unwrap_err();
            assert_eq!((error.field.as_str(), error.code), ("(body)", FieldErrorCode::TooMany));
        }
    }

    #[test]
    fn the_last_can_count_unless_a_list_is_lost() {
        let read = |body: &str| read_last(body.as_bytes());
        assert_eq!(read(r#"{"a":1,"A":2,"b":{"c":1,"c":[1]}}"#).unwrap(), serde_json::json!({"A": 2, "b": {"c": [1]}}));
        assert_eq!(read(r#"{"a":[1],"A":2}"#).unwrap_err().code, FieldErrorCode::Duplicate);
        assert_eq!(read(r#"{"a":{"b":[1]},"A":{"b":[2]}}"#).unwrap_err().code, FieldErrorCode::Duplicate);
        assert_eq!(read(r#"{"a":1} x"#).unwrap_err().code, FieldErrorCode::Malformed);
    }

    proptest! {
        #[test]
        fn what_is_not_json_is_a_fault(body in "[\\[\\]{}:,\"a0e.-]{0,30}") {
            let plain = serde_json::from_str::<Value>(&body);
            match read(body.as_bytes()) {
                Ok(value) => prop_assert_eq!(plain.unwrap(), value),
                Err(error) => prop_assert!(plain.is_err() || error.code == FieldErrorCode::Duplicate),
            }
        }
    }
}
