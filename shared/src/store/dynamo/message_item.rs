//! An outbound message's item. Attribute names are short because DynamoDB bills writes by item size: with a
//! single-segment text, a message stays within a kilobyte for its whole life.

use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_dynamo::aws_sdk_dynamodb_1::{to_attribute_value, to_item};
use strum::IntoEnumIterator;
use uuid::Uuid;

use super::{
    Item,
    details_item::DetailsItem,
    item::{from_attribute_value, from_item},
    keys,
};
use crate::{
    domain::{
        AccountId, ApiKeyId, Attempt, AttemptOutcome, BatchId, CallbackUrl, CarrierName, Channel, Content, Delivery,
        Dialect, Encoding, ExecutionId, Fingerprint, Groupings, Keyword, Lane, Line, Message, MessageId,
        MessageRequest, OnUnknown, PhoneNumber, Progress, Receipt, ReceiptStatus, Receipts, RecipientLabels, Reference,
        Refusals, RouteName, SenderId, SenderKind, SentFrom, State, StateChange, Tags, Text,
    },
    store::StoreError,
};

#[derive(Serialize, Deserialize)]
struct MessageItem {
    id: MessageId,
    account: AccountId,
    /// Absent if the batch is this message alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    batch: Option<BatchId>,
    dialect: Dialect,
    to: PhoneNumber,
    from: SenderId,
    kind: SenderKind,
    body: String,
    encoding: String,
    segments: u16,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    channels: Vec<Channel>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    callback: Option<CallbackUrl>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    more_callbacks: Vec<CallbackUrl>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    send_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<Reference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recipient_id: Option<Reference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email: Option<Reference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    route: Option<RouteName>,
    #[serde(default, skip_serializing_if = "Groupings::is_empty")]
    groups: Groupings,
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    tags: Tags,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    valid_until: Option<i64>,
    /// JSON, because clients' values may exceed DynamoDB's nesting and number limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keyword: Option<Keyword>,
    /// Absent if normal.
    #[serde(default, skip_serializing_if = "Lane::is_normal")]
    lane: Lane,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    on_unknown: Option<OnUnknown>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<ApiKeyId>,
    fingerprint: String,
    at: i64,
    state: Progress,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    execution_id: Option<ExecutionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lease: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    receipt_by: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    line: Option<String>,
    /// In microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    line_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_at: Option<i64>,
    attempts: u32,
    /// Absent if 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    channel_index: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    carrier: Option<CarrierName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    carrier_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    failed_attempts: Vec<AttemptItem>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refusals: Vec<RefusalsItem>,
    history: Vec<StateChangeItem>,
    position: String,
    log: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    conversation: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wake_shard: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wake_at: Option<i64>,
    /// In seconds, for DynamoDB's time to live.
    expires_at: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(channel_index: &u8) -> bool {
    *channel_index == 0
}

#[derive(Serialize, Deserialize)]
struct AttemptItem {
    over: Channel,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<CarrierName>,
    t: i64,
    o: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    d: Option<DetailsItem>,
}

#[derive(Serialize, Deserialize)]
struct RefusalsItem {
    over: Channel,
    by: CarrierName,
    n: u8,
    t: i64,
}

#[derive(Serialize, Deserialize)]
struct StateChangeItem {
    s: State,
    t: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct ReceiptItem {
    t: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    d: Option<DetailsItem>,
    #[serde(default, skip_serializing_if = "is_zero")]
    channel_index: u8,
    execution_id: ExecutionId,
}

pub(super) fn write(message: &Message, retention_days: u16) -> Result<Item, StoreError> {
    let alone = BatchId::of_single(message.id) == message.batch;
    let answered = message.request.from.id.can_receive();
    let item = MessageItem {
        id: message.id,
        account: message.account.clone(),
        batch: (!alone).then_some(message.batch),
        dialect: message.request.dialect,
        to: message.request.to.clone(),
        from: message.request.from.id.clone(),
        kind: message.request.from.kind,
        body: message.request.text.as_str().to_owned(),
        encoding: message.request.text.encoding().into_str().to_owned(),
        segments: message.request.text.segments(),
        channels: message.request.channels.clone(),
        callback: message.request.callbacks.first().cloned(),
        more_callbacks: message.request.callbacks.iter().skip(1).cloned().collect(),
        client_id: message.request.client_id,
        send_at: message.request.send_at.map(Timestamp::as_millisecond),
        reference: message.request.reference.clone(),
        recipient_id: message.request.recipient.id.clone(),
        email: message.request.recipient.email.clone(),
        route: message.request.route.clone(),
        groups: message.request.groupings.clone(),
        tags: message.request.tags.clone(),
        valid_until: message.request.expires_at.map(Timestamp::as_millisecond),
        content: message.request.content.as_deref().map(Content::to_json),
        keyword: message.request.keyword,
        lane: message.request.lane,
        on_unknown: message.request.on_unknown,
        key: message.request.key.clone(),
        fingerprint: URL_SAFE_NO_PAD.encode(message.request.fingerprint.as_bytes()),
        at: message.created_at.as_millisecond(),
        state: message.delivery.progress,
        execution_id: message.delivery.execution_id,
        lease: message.delivery.lease_until.map(Timestamp::as_millisecond),
        receipt_by: message.delivery.receipt_by.map(Timestamp::as_millisecond),
        line: message.delivery.line_at.map(|_| keys::line(&Line::of(message))),
        line_at: message.delivery.line_at.map(Timestamp::as_microsecond),
        retry_at: message.delivery.retry_at.map(Timestamp::as_millisecond),
        attempts: message.delivery.attempts,
        channel_index: message.delivery.channel_index,
        carrier: message.delivery.carrier,
        carrier_id: message.delivery.carrier_id.clone(),
        failed_attempts: message.delivery.failed_attempts.iter().map(AttemptItem::from).collect(),
        refusals: message.delivery.refusals.iter().map(RefusalsItem::from).collect(),
        history: message.delivery.history.iter().map(StateChangeItem::from).collect(),
        position: keys::message_position(message.created_at, message.id),
        log: keys::log(&message.account, keys::month(message.created_at), keys::log_shard(&message.id.uuid())),
        conversation: answered.then(|| keys::conversation(&message.account, &message.request.to)),
        wake_shard: message.delivery.wake_at.map(|_| keys::wake_shard(message.id.uuid())),
        wake_at: message.delivery.wake_at.map(Timestamp::as_millisecond),
        expires_at: expiry(message.due_since(), retention_days),
    };
    to_item(item).map_err(unreadable)
}

/// Returns whether the item is a message. Replies share the table.
pub(super) fn is_message(item: &Item) -> bool {
    item.contains_key(keys::STATE)
}

pub(super) fn read(mut item: Item) -> Result<Message, StoreError> {
    let mut receipts = Vec::new();
    for status in ReceiptStatus::iter() {
        if let Some(value) = item.remove(keys::receipt(status)) {
            receipts.push(read_receipt(status, value)?);
        }
    }
    let item: MessageItem = from_item(item).map_err(unreadable)?;
    let encoding = item.encoding.parse::<Encoding>().map_err(|_| unreadable("encoding"))?;
    let fingerprint = URL_SAFE_NO_PAD.decode(&item.fingerprint).map_err(unreadable)?;
    let request = MessageRequest {
        dialect: item.dialect,
        to: item.to,
        from: SentFrom { kind: item.kind, id: item.from },
        text: Text::stored(item.body, encoding, item.segments),
        channels: item.channels,
        callbacks: item.callback.into_iter().chain(item.more_callbacks).collect(),
        client_id: item.client_id,
        send_at: optional_time(item.send_at)?,
        reference: item.reference,
        recipient: RecipientLabels { id: item.recipient_id, email: item.email },
        route: item.route,
        groupings: item.groups,
        tags: item.tags,
        expires_at: optional_time(item.valid_until)?,
        content: item.content.as_deref().map(Content::of_json).transpose().map_err(unreadable)?.map(Arc::new),
        keyword: item.keyword,
        lane: item.lane,
        on_unknown: item.on_unknown,
        key: item.key,
        fingerprint: Fingerprint::from_bytes(fingerprint.try_into().map_err(|_| unreadable("fingerprint"))?),
    };
    let delivery = Delivery {
        progress: item.state,
        execution_id: item.execution_id,
        lease_until: optional_time(item.lease)?,
        receipt_by: optional_time(item.receipt_by)?,
        line_at: item.line_at.map(micros).transpose()?,
        retry_at: optional_time(item.retry_at)?,
        wake_at: optional_time(item.wake_at)?,
        attempts: item.attempts,
        channel_index: item.channel_index,
        carrier: item.carrier,
        carrier_id: item.carrier_id,
        failed_attempts: item.failed_attempts.into_iter().map(AttemptItem::read).collect::<Result<_, _>>()?,
        refusals: item.refusals.into_iter().map(RefusalsItem::read).collect::<Result<_, _>>()?,
        history: item.history.into_iter().map(StateChangeItem::read).collect::<Result<_, _>>()?,
        receipts: Receipts::new(receipts),
    };
    Ok(Message {
        id: item.id,
        account: item.account,
        batch: item.batch.unwrap_or_else(|| BatchId::of_single(item.id)),
        created_at: time(item.at)?,
        request,
        delivery,
    })
}

pub(super) fn write_state_change(state_change: &StateChange) -> Result<AttributeValue, StoreError> {
    to_attribute_value(StateChangeItem::from(state_change)).map_err(unreadable)
}

pub(super) fn write_attempts(attempts: &[Attempt]) -> Result<AttributeValue, StoreError> {
    let items: Vec<_> = attempts.iter().map(AttemptItem::from).collect();
    to_attribute_value(items).map_err(unreadable)
}

pub(super) fn write_refusals(refusals: &[Refusals]) -> Result<AttributeValue, StoreError> {
    let items: Vec<_> = refusals.iter().map(RefusalsItem::from).collect();
    to_attribute_value(items).map_err(unreadable)
}

pub(super) fn write_receipt(receipt: &Receipt) -> Result<AttributeValue, StoreError> {
    let item = ReceiptItem {
        t: receipt.at.as_millisecond(),
        code: receipt.code.clone(),
        text: receipt.description.clone(),
        d: DetailsItem::of(&receipt.details),
        channel_index: receipt.channel_index,
        execution_id: receipt.execution_id,
    };
    to_attribute_value(item).map_err(unreadable)
}

fn read_receipt(status: ReceiptStatus, value: AttributeValue) -> Result<Receipt, StoreError> {
    let item: ReceiptItem = from_attribute_value(value).map_err(unreadable)?;
    let ReceiptItem { t, code, text, d, channel_index, execution_id } = item;
    let details = d.map(DetailsItem::read).unwrap_or_default();
    Ok(Receipt { status, at: time(t)?, code, description: text, details, channel_index, execution_id })
}

impl From<&StateChange> for StateChangeItem {
    fn from(state_change: &StateChange) -> Self {
        Self { s: state_change.state, t: state_change.at.as_millisecond(), r: state_change.reason.clone() }
    }
}

impl StateChangeItem {
    fn read(self) -> Result<StateChange, StoreError> {
        Ok(StateChange { state: self.s, at: time(self.t)?, reason: self.r })
    }
}

impl From<&Attempt> for AttemptItem {
    fn from(attempt: &Attempt) -> Self {
        let Attempt { channel, carrier, at, outcome, reason, details } = attempt;
        Self {
            over: *channel,
            by: *carrier,
            t: at.as_millisecond(),
            o: outcome.into_str().to_owned(),
            r: reason.clone(),
            d: DetailsItem::of(details),
        }
    }
}

impl AttemptItem {
    fn read(self) -> Result<Attempt, StoreError> {
        let outcome = self.o.parse::<AttemptOutcome>().map_err(|_| unreadable("attempt"))?;
        let details = self.d.map(DetailsItem::read).unwrap_or_default();
        Ok(Attempt { channel: self.over, carrier: self.by, at: time(self.t)?, outcome, reason: self.r, details })
    }
}

impl From<&Refusals> for RefusalsItem {
    fn from(Refusals { carrier, channel, count, last_at }: &Refusals) -> Self {
        Self { over: *channel, by: *carrier, n: *count, t: last_at.as_millisecond() }
    }
}

impl RefusalsItem {
    fn read(self) -> Result<Refusals, StoreError> {
        Ok(Refusals { carrier: self.by, channel: self.over, count: self.n, last_at: time(self.t)? })
    }
}

/// Returns the earliest time at which DynamoDB may delete the item, in seconds.
pub(super) fn expiry(kept_from: Timestamp, retention_days: u16) -> i64 {
    let kept = SignedDuration::from_hours(24 * i64::from(retention_days));
    kept_from.saturating_add(kept).unwrap_or(Timestamp::MAX).as_second()
}

pub(super) fn time(millis: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(millis).map_err(|_| unreadable("a time is out of range"))
}

fn micros(micros: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(micros).map_err(|_| unreadable("a time is out of range"))
}

fn optional_time(millis: Option<i64>) -> Result<Option<Timestamp>, StoreError> {
    millis.map(time).transpose()
}

fn unreadable(reason: impl ToString) -> StoreError {
    StoreError::unreadable("message", reason)
}
