//! Parsing items and attributes with `serde`.
//!
//! DynamoDB may return an attribute type unknown to this SDK version. `serde_dynamo` panics at such a
//! value; we return an error. The SDK cannot construct such a value, so its test is in `tests/properties`,
//! with a raw response.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::{DeserializeOwned, Error as _};
use serde_dynamo::{Error, aws_sdk_dynamodb_1};

use super::Item;

#[expect(clippy::disallowed_methods, reason = "checked first")]
pub(super) fn from_item<T: DeserializeOwned>(item: Item) -> Result<T, Error> {
    item.values().try_for_each(check)?;
    aws_sdk_dynamodb_1::from_item(item)
}

#[expect(clippy::disallowed_methods, reason = "checked first")]
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
