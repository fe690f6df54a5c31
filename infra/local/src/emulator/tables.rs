//! The embedded DynamoDB: the operations of its JSON protocol, on the tables of dynoxide.
//!
//! dynoxide has a server for this protocol, but only on a TCP port of its own, and it allows every web page to call
//! there. So we call the tables in this process. Its server words some errors of malformed calls closer to AWS.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use dynoxide::auth_material::{self, AuthMaterial};
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use tracing::error;

use super::upstream::Answer;

/// Runs an operation, in a thread that it may block.
pub(super) async fn answer(tables: &Database, operation: &str, headers: &HeaderMap, body: Bytes) -> Answer {
    if let Some(error) = signature_error(headers) {
        return json(StatusCode::BAD_REQUEST, error);
    }
    let (tables, operation) = (tables.clone(), operation.to_owned());
    let ran = tokio::task::spawn_blocking(move || run(&tables, &operation, &body)).await;
    let result = ran.unwrap_or_else(|failure| {
        // The failure's own text may quote an item.
        error!(panicked = failure.is_panic(), "DynamoDB operation did not end");
        Err(DynoxideError::InternalServerError("The operation did not end.".into()))
    });
    match result {
        Ok(Some(answer)) => json(StatusCode::OK, answer),
        Ok(None) => Answer::error(StatusCode::BAD_REQUEST, "UnknownOperationException", "There is no such operation."),
        Err(error) => {
            let status = StatusCode::from_u16(error.status_code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            json(status, error.to_json())
        }
    }
}

/// Returns DynamoDB's error if the call has no signature. The signature itself counts for nothing.
fn signature_error(headers: &HeaderMap) -> Option<String> {
    auth_material::validate(AuthMaterial {
        authorization: headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()),
        query: "",
        has_date_header: headers.contains_key("x-amz-date") || headers.contains_key(header::DATE),
    })
}

fn json(status: StatusCode, body: String) -> Answer {
    let content_type = HeaderValue::from_static("application/x-amz-json-1.0");
    Answer { status, headers: HeaderMap::from_iter([(header::CONTENT_TYPE, content_type)]), body: body.into() }
}

/// Takes the operations: the name in the protocol, and the function of [`Database`].
macro_rules! operations {
    ($($name:literal => $function:ident,)+) => {
        /// Returns the answer, or `None` if there is no such operation.
        fn run(tables: &Database, operation: &str, body: &[u8]) -> Result<Option<String>, DynoxideError> {
            match operation {
                $($name => write(&tables.$function(read(body)?)?).map(Some),)+
                _ => Ok(None),
            }
        }
    };
}

operations! {
    "BatchExecuteStatement" => batch_execute_statement,
    "BatchGetItem" => batch_get_item,
    "BatchWriteItem" => batch_write_item,
    "CreateTable" => create_table,
    "DeleteItem" => delete_item,
    "DeleteTable" => delete_table,
    "DescribeStream" => describe_stream,
    "DescribeTable" => describe_table,
    "DescribeTimeToLive" => describe_time_to_live,
    "ExecuteStatement" => execute_statement,
    "ExecuteTransaction" => execute_transaction,
    "GetItem" => get_item,
    "GetRecords" => get_records,
    "GetShardIterator" => get_shard_iterator,
    "ListStreams" => list_streams,
    "ListTables" => list_tables,
    "ListTagsOfResource" => list_tags_of_resource,
    "PutItem" => put_item,
    "Query" => query,
    "Scan" => scan,
    "SearchVectors" => search_vectors,
    "TagResource" => tag_resource,
    "TransactGetItems" => transact_get_items,
    "TransactWriteItems" => transact_write_items,
    "UntagResource" => untag_resource,
    "UpdateItem" => update_item,
    "UpdateTable" => update_table,
    "UpdateTimeToLive" => update_time_to_live,
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, DynoxideError> {
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        Category::Data => DynoxideError::ValidationException(error.to_string()),
        Category::Io | Category::Syntax | Category::Eof => DynoxideError::SerializationException(error.to_string()),
    })
}

fn write(answer: &impl Serialize) -> Result<String, DynoxideError> {
    serde_json::to_string(answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}
