//! Batch reads and writes. We retry the items that DynamoDB leaves unprocessed, with backoff.
//!
//! A batch write has no conditions. After a retry, an earlier request whose answer was lost might still
//! arrive, and undo later changes to its messages. So we retry only requests that were answered, or never sent
//! because no connection could be opened. Otherwise the write fails, and the caller enqueues none of the
//! messages.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    config::Config,
    types::{KeysAndAttributes, PutRequest, WriteRequest},
};
use aws_smithy_runtime_api::client::{
    interceptors::context::InterceptorContext,
    orchestrator::OrchestratorError,
    retries::classifiers::{ClassifyRetry, RetryAction},
};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Item, string, unavailable};
use crate::{
    runtime::found_no_connection,
    store::{Freshness, StoreError},
};

const MOST_WRITES: usize = 25;
const MOST_READS: usize = 100;
/// Concurrent requests per call.
const CONCURRENCY: usize = 8;
/// Attempts for items that DynamoDB leaves unprocessed.
const OFFERS: u32 = 6;

/// Writes the items. Takes them only as they are written, because items take much more memory than messages.
pub(super) async fn put(
    client: &Client,
    table: &str,
    items: impl Iterator<Item = Result<Item, StoreError>>,
) -> Result<(), StoreError> {
    let mut writes = items.map(|item| {
        let put = PutRequest::builder().set_item(Some(item?)).build().map_err(unavailable("write messages"))?;
        Ok(WriteRequest::builder().put_request(put).build())
    });
    let chunks = std::iter::from_fn(|| {
        let chunk: Result<Vec<_>, StoreError> = writes.by_ref().take(MOST_WRITES).collect();
        chunk.map(|chunk| (!chunk.is_empty()).then_some(chunk)).transpose()
    });
    let written = stream::iter(chunks).map_ok(|chunk| put_chunk(client, table, chunk));
    written.try_buffer_unordered(CONCURRENCY).try_collect().await
}

async fn put_chunk(client: &Client, table: &str, chunk: Vec<WriteRequest>) -> Result<(), StoreError> {
    let mut waiting = HashMap::from([(table.to_owned(), chunk)]);
    for offer in 0..OFFERS {
        pause(offer).await;
        let request = client.batch_write_item().set_request_items(Some(waiting)).customize();
        let request = request.config_override(Config::builder().retry_classifier(RetryUnlessUnknown));
        let answer = request.send().await.map_err(unavailable("write messages"))?;
        waiting = answer.unprocessed_items.unwrap_or_default();
        if waiting.is_empty() {
            return Ok(());
        }
    }
    Err(left_over("write messages"))
}

/// Forbids an SDK retry if the request was sent and got no answer.
#[derive(Debug)]
struct RetryUnlessUnknown;

impl ClassifyRetry for RetryUnlessUnknown {
    fn classify_retry(&self, tried: &InterceptorContext) -> RetryAction {
        let error = tried.output_or_error().and_then(Result::err).and_then(OrchestratorError::as_connector_error);
        if tried.response().is_some() || error.is_some_and(found_no_connection) {
            RetryAction::NoActionIndicated
        } else {
            RetryAction::RetryForbidden
        }
    }

    fn name(&self) -> &'static str {
        "unless the outcome is unknown"
    }
}

/// Returns the existing items, in no particular order.
pub(super) async fn get(
    client: &Client,
    table: &str,
    key: &str,
    values: Vec<String>,
    freshness: Freshness,
) -> Result<Vec<Item>, StoreError> {
    let chunks: Vec<Vec<String>> = values.chunks(MOST_READS).map(<[_]>::to_vec).collect();
    let found: Vec<Vec<Item>> = stream::iter(chunks)
        .map(|chunk| get_chunk(client, table, key, chunk, freshness))
        .buffer_unordered(CONCURRENCY)
        .try_collect()
        .await?;
    Ok(found.into_iter().flatten().collect())
}

async fn get_chunk(
    client: &Client,
    table: &str,
    key: &str,
    values: Vec<String>,
    freshness: Freshness,
) -> Result<Vec<Item>, StoreError> {
    let keys = values.into_iter().map(|value| Item::from([(key.to_owned(), string(value))])).collect();
    let wanted = KeysAndAttributes::builder()
        .set_keys(Some(keys))
        .consistent_read(freshness == Freshness::Latest)
        .build()
        .map_err(unavailable("read items"))?;
    let mut waiting = HashMap::from([(table.to_owned(), wanted)]);
    let mut found = Vec::new();
    for offer in 0..OFFERS {
        pause(offer).await;
        let request = client.batch_get_item().set_request_items(Some(waiting));
        let answer = request.send().await.map_err(unavailable("read items"))?;
        found.extend(answer.responses.unwrap_or_default().into_values().flatten());
        waiting = answer.unprocessed_keys.unwrap_or_default();
        if waiting.is_empty() {
            return Ok(found);
        }
    }
    Err(left_over("read items"))
}

async fn pause(offer: u32) {
    if offer > 0 {
        tokio::time::sleep(Duration::from_millis(25 << offer)).await;
    }
}

fn left_over(action: &'static str) -> StoreError {
    StoreError::Unavailable { action, source: "DynamoDB left items unprocessed on every attempt".into() }
}
