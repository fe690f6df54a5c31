//! JSON as a client writes it, read into a tree. A key that stands twice in an
//! object is refused: the tree could keep only one of the two, and the other, a
//! list of messages perhaps, would be lost without a word (RFC 8259, section 4).

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value, error::Category};

use crate::domain::{Fault, FaultCode};

/// Reads a request's body.
///
/// # Errors
/// A fault that says where the body stops being JSON, or where a key is
/// repeated.
pub(super) fn read(body: &[u8]) -> Result<Value, Fault> {
    serde_json::from_slice(body).map(|Tree(value)| value).map_err(|error| {
        let (code, what) = match error.classify() {
            Category::Data => (FaultCode::Duplicate, "names a key twice in one object"),
            Category::Io | Category::Syntax | Category::Eof => (FaultCode::Malformed, "is not JSON"),
        };
        Fault::new("(body)", code, format!("{what}: line {}, column {}", error.line(), error.column()))
    })
}

struct Tree(Value);

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor).map(Self)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
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
        while let Some(Tree(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(key) = object.next_key::<String>()? {
            if fields.contains_key(&key) {
                return Err(A::Error::custom("a key stands twice"));
            }
            let Tree(value) = object.next_value()?;
            fields.insert(key, value);
        }
        Ok(fields.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_fault_has_its_place() {
        for (body, code, message) in [
            ("", FaultCode::Malformed, "is not JSON: line 1, column 0"),
            ("{\n  \"a\": }", FaultCode::Malformed, "is not JSON: line 2, column 8"),
            ("{\"a\":1,\n\"a\":2}", FaultCode::Duplicate, "names a key twice in one object: line 2, column 3"),
            ("[{\"a\":{},\"\\u0061\":1}]", FaultCode::Duplicate, "names a key twice in one object: line 1, column 17"),
        ] {
            assert_eq!(read(body.as_bytes()), Err(Fault::new("(body)", code, message)), "{body}");
        }
    }

    #[test]
    fn one_key_may_stand_in_several_objects() {
        let body = r#"{"a":[{"a":1},{"a":-1}],"b":{"a":null,"c":[true,1.5,"x\n"]}}"#;
        assert_eq!(read(body.as_bytes()).unwrap(), serde_json::from_str::<Value>(body).unwrap());
    }

    proptest! {
        #[test]
        fn what_is_not_json_is_a_fault(body in "[\\[\\]{}:,\"a0e.-]{0,30}") {
            let plain = serde_json::from_str::<Value>(&body);
            match read(body.as_bytes()) {
                Ok(value) => prop_assert_eq!(plain.unwrap(), value),
                Err(fault) => prop_assert!(plain.is_err() || fault.code == FaultCode::Duplicate),
            }
        }
    }
}
