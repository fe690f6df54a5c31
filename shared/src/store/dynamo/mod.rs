//! The ports on DynamoDB.
//!
//! `keys` documents the tables and builds the keys and attribute names. `message_item` and `reply_item`
//! define the largest items.

mod batch;
mod batches;
mod change;
mod details_item;
mod directory;
mod due_work;
mod endpoints;
mod exemptions;
mod item;
mod keys;
mod keywords;
mod lanes;
mod message_item;
mod message_list;
mod messages;
mod operator;
mod pages;
mod put;
mod rates;
mod recipients;
mod release;
mod reply_item;
mod requeue;
mod scan;
mod send_slots;
mod sent_ids;
mod unmatched;
mod webhooks;

pub use directory::DynamoDirectory;
pub use operator::{AccountChange, CarrierChange, KeyRecord, Removal};

use std::{collections::HashMap, error::Error};

use aws_sdk_dynamodb::{Client, types::AttributeValue};

use super::StoreError;

type Item = HashMap<String, AttributeValue>;

/// The tables' names; `None` for a table that the function may not use.
#[derive(Clone, Debug)]
pub struct TableNames {
    pub messages: String,
    pub recipients: Option<String>,
}

/// The tables `Messages` and `Recipients`. Implements [`super::Messages`], [`super::Recipients`],
/// [`super::Batches`], [`super::UnmatchedStore`] and [`super::SentIds`].
#[derive(Clone)]
pub struct DynamoStore {
    client: Client,
    tables: TableNames,
    retention_days: u16,
}

impl DynamoStore {
    #[must_use]
    pub fn new(client: Client, tables: TableNames, retention_days: u16) -> Self {
        Self { client, tables, retention_days }
    }
}

fn unavailable<E: Error + Send + Sync + 'static>(action: &'static str) -> impl FnOnce(E) -> StoreError {
    move |error| StoreError::Unavailable { action, source: Box::new(error) }
}

fn string(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
