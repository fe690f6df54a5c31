//! Conditional puts.

use aws_sdk_dynamodb::{
    Client, error::SdkError, operation::put_item::PutItemError, types::ReturnValuesOnConditionCheckFailure,
};

use super::{Item, keys, unavailable};
use crate::store::StoreError;

/// Puts an item unless its ID is taken; returns the existing item, if any.
pub(super) async fn if_absent(
    client: &Client,
    table: &str,
    item: Item,
    action: &'static str,
) -> Result<Option<Item>, StoreError> {
    let key = item.get(keys::ID).cloned();
    let request = client
        .put_item()
        .table_name(table)
        .set_item(Some(item))
        .condition_expression("attribute_not_exists(#id)")
        .expression_attribute_names("#id", keys::ID)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let found = match request.send().await {
        Ok(_) => return Ok(None),
        Err(SdkError::ServiceError(failure)) if failure.err().is_conditional_check_failed_exception() => {
            match failure.into_err() {
                PutItemError::ConditionalCheckFailedException(failed) => failed.item,
                other => return Err(unavailable(action)(other)),
            }
        }
        Err(error) => return Err(unavailable(action)(error)),
    };
    if found.is_some() {
        return Ok(found);
    }
    // Some engines refuse without returning the existing item.
    let request = client.get_item().table_name(table).set_key(key.map(|id| Item::from([(keys::ID.to_owned(), id)])));
    let there = request.consistent_read(true).send().await.map_err(unavailable(action))?;
    Ok(Some(there.item.unwrap_or_default()))
}
