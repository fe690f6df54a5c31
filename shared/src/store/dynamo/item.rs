//! Items and attributes as `serde` reads them. An attribute of a type that this SDK
//! does not know, as one from a later time may be, is a fault like any other; left to
//! itself, `serde_dynamo` panics at it.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::{DeserializeOwned, Error as _};
use serde_dynamo::{Error, aws_sdk_dynamodb_1};

use super::Item;

pub(super) fn from_item<T: DeserializeOwned>(item: Item) -> Result<T, Error> {
    item.values().try_for_each(check)?;
    aws_sdk_dynamodb_1::from_item(item)
}

pub(super) fn from_attribute_value<T: DeserializeOwned>(value: AttributeValue) -> Result<T, Error> {
    check(&value)?;
    aws_sdk_dynamodb_1::from_attribute_value(value)
}

fn check(value: &AttributeValue) -> Result<(), Error> {
    use AttributeValue::{B, Bool, Bs, L, M, N, Ns, Null, S, Ss};
    match value {
        L(values) => values.iter().try_for_each(check),
        M(values) => values.values().try_for_each(check),
        B(_) | Bool(_) | Bs(_) | N(_) | Ns(_) | Null(_) | S(_) | Ss(_) => Ok(()),
        _ => Err(Error::custom("an attribute is of an unknown type")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_of_an_unknown_type_is_a_fault_wherever_it_stands() {
        let unknown = || AttributeValue::Unknown;
        let nested = AttributeValue::M(Item::from([("a".to_owned(), AttributeValue::L(vec![unknown()]))]));
        for value in [unknown(), nested] {
            let item = Item::from([("a".to_owned(), value.clone())]);
            assert!(from_item::<serde_json::Value>(item).is_err());
            assert!(from_attribute_value::<serde_json::Value>(value).is_err());
        }
        let known = AttributeValue::L(vec![AttributeValue::S("a".to_owned())]);
        assert_eq!(from_attribute_value::<serde_json::Value>(known).unwrap(), serde_json::json!(["a"]));
    }
}
