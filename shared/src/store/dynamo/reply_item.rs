//! A reply's item. Replies share the messages' table, so that a log or conversation is a single index.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_dynamo::aws_sdk_dynamodb_1::to_item;

use super::{Item, item::from_item, keys, message_item::time};
use crate::{
    domain::{
        AccountId, BatchId, Channel, Dialect, ExecutionId, Groupings, MessageId, PhoneNumber, Reference, RepliedTo,
        Reply, ReplyId, SenderId,
    },
    store::StoreError,
};

#[derive(Serialize, Deserialize)]
struct ReplyItem {
    id: ReplyId,
    account: AccountId,
    from: PhoneNumber,
    to: SenderId,
    body: String,
    /// Absent for SMS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channel: Option<Channel>,
    at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<MessageId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    batch: Option<BatchId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<Reference>,
    #[serde(default, skip_serializing_if = "Groupings::is_empty")]
    groups: Groupings,
    /// Absent for `mplus`, to keep its items small.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dialect: Option<Dialect>,
    execution_id: ExecutionId,
    position: String,
    log: String,
    conversation: String,
    expires_at: i64,
}

pub(super) fn write(reply: &Reply, expires_at: i64) -> Result<Item, StoreError> {
    let item = ReplyItem {
        id: reply.id,
        account: reply.account.clone(),
        from: reply.from.clone(),
        to: reply.to.clone(),
        body: reply.body.clone(),
        channel: (reply.channel != Channel::Sms).then_some(reply.channel),
        at: reply.received_at.as_millisecond(),
        message: reply.replied_to.as_ref().map(|to| to.message),
        batch: reply.replied_to.as_ref().map(|to| to.batch),
        reference: reply.replied_to.as_ref().and_then(|to| to.reference.clone()),
        groups: reply.replied_to.as_ref().map(|to| to.groupings.clone()).unwrap_or_default(),
        dialect: (reply.dialect != Dialect::Mplus).then_some(reply.dialect),
        execution_id: reply.execution_id,
        position: keys::reply_position(reply.received_at, reply.id),
        log: keys::log(&reply.account, keys::month(reply.received_at), keys::log_shard(&reply.id.uuid())),
        conversation: keys::conversation(&reply.account, &reply.to, &reply.from),
        expires_at,
    };
    to_item(item).map_err(unreadable)
}

pub(super) fn read(item: Item) -> Result<Reply, StoreError> {
    let item: ReplyItem = from_item(item).map_err(unreadable)?;
    let received_at: Timestamp = time(item.at)?;
    Ok(Reply {
        id: item.id,
        account: item.account,
        from: item.from,
        to: item.to,
        body: item.body,
        channel: item.channel.unwrap_or(Channel::Sms),
        received_at,
        replied_to: item.message.zip(item.batch).map(|(message, batch)| {
            Box::new(RepliedTo { message, batch, reference: item.reference, groupings: item.groups })
        }),
        dialect: item.dialect.unwrap_or(Dialect::Mplus),
        execution_id: item.execution_id,
    })
}

fn unreadable(reason: impl ToString) -> StoreError {
    StoreError::unreadable("reply", reason)
}
