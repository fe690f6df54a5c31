//! Items and attributes as `serde` reads them. An attribute of a type that this SDK
//! does not know, as one from a later time may be, is a fault like any other; left to
//! itself, `serde_dynamo` panics at it. (The SDK lets nobody make one, so that its
//! test is in `tests/properties`, by an answer of DynamoDB's.)

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
