//! A reply's item. Replies share the messages' table, so that a log or conversation is a single index.

use serde::{Deserialize, Serialize};
use serde_dynamo::aws_sdk_dynamodb_1::to_item;

use super::{Item, item::from_item, keys, message_item::time};
use crate::{
    domain::{
        AccountId, BatchId, Channel, Dialect, ExecutionId, Groupings, MessageId, Originator, PhoneNumber, Reference,
        RepliedTo, Reply, ReplyContent, ReplyExtras, ReplyId, SenderId, Tags,
    },
    store::StoreError,
};

#[derive(Serialize, Deserialize)]
struct ReplyItem {
    id: ReplyId,
    account: AccountId,
    /// Absent if the originator is no phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<PhoneNumber>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from_other: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from_name: Option<String>,
    to: SenderId,
    body: String,
    /// JSON. Absent if there is nothing besides the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    extras: Option<String>,
    /// Absent for SMS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channel: Option<Channel>,
    at: i64,
    /// Absent if the same as `at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    received_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<MessageId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    batch: Option<BatchId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<Reference>,
    #[serde(default, skip_serializing_if = "Groupings::is_empty")]
    groups: Groupings,
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    tags: Tags,
    /// Absent if false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    opts_in: bool,
    /// Absent for `mplus`, to keep its items small.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dialect: Option<Dialect>,
    execution_id: ExecutionId,
    position: String,
    log: String,
    /// Absent if the originator is no phone number, which alone has conversations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    conversation: Option<String>,
    expires_at: i64,
}

pub(super) fn write(reply: &Reply, expires_at: i64) -> Result<Item, StoreError> {
    let extras = &reply.content.extras;
    let item = ReplyItem {
        id: reply.id,
        account: reply.account.clone(),
        from: reply.from.number().cloned(),
        from_other: reply.from.number().is_none().then(|| reply.from.as_str().to_owned()),
        from_name: reply.from_name.clone(),
        to: reply.to.clone(),
        body: reply.content.text.clone(),
        extras: (!extras.is_empty()).then(|| extras.to_json()),
        channel: (reply.channel != Channel::Sms).then_some(reply.channel),
        at: reply.at.as_millisecond(),
        received_at: (reply.received_at != reply.at).then(|| reply.received_at.as_millisecond()),
        message: reply.replied_to.as_ref().map(|to| to.message),
        batch: reply.replied_to.as_ref().map(|to| to.batch),
        reference: reply.replied_to.as_ref().and_then(|to| to.reference.clone()),
        groups: reply.replied_to.as_ref().map(|to| to.groupings.clone()).unwrap_or_default(),
        tags: reply.replied_to.as_ref().map(|to| to.tags.clone()).unwrap_or_default(),
        opts_in: reply.opts_in,
        dialect: (reply.dialect != Dialect::Mplus).then_some(reply.dialect),
        execution_id: reply.execution_id,
        position: keys::reply_position(reply.sorted_by(), reply.id),
        log: keys::log(&reply.account, keys::month(reply.sorted_by()), keys::log_shard(&reply.id.uuid())),
        conversation: reply.from.number().map(|number| keys::conversation(&reply.account, number)),
        expires_at,
    };
    to_item(item).map_err(unreadable)
}

pub(super) fn read(item: Item) -> Result<Reply, StoreError> {
    let item: ReplyItem = from_item(item).map_err(unreadable)?;
    let from = match (item.from, item.from_other) {
        (Some(number), _) => Originator::Number(number),
        (None, Some(text)) => Originator::Other(text),
        (None, None) => return Err(unreadable("no originator")),
    };
    let extras = item.extras.as_deref().map(ReplyExtras::of_json).transpose().map_err(unreadable)?;
    Ok(Reply {
        id: item.id,
        account: item.account,
        from,
        from_name: item.from_name,
        to: item.to,
        content: ReplyContent { text: item.body, extras: extras.unwrap_or_default() },
        channel: item.channel.unwrap_or(Channel::Sms),
        at: time(item.at)?,
        received_at: time(item.received_at.unwrap_or(item.at))?,
        replied_to: item.message.zip(item.batch).map(|(message, batch)| {
            Box::new(RepliedTo { message, batch, reference: item.reference, groupings: item.groups, tags: item.tags })
        }),
        opts_in: item.opts_in,
        dialect: item.dialect.unwrap_or(Dialect::Mplus),
        execution_id: item.execution_id,
    })
}

fn unreadable(reason: impl ToString) -> StoreError {
    StoreError::unreadable("reply", reason)
}
