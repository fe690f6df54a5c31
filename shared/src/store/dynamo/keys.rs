//! Tables, items, keys, attributes and indexes.
//!
//! This file builds the keys and names the attributes for expressions. IDs are UUIDs, and accounts, senders
//! and numbers contain no `#`, so keys cannot collide. Times are in milliseconds unless stated otherwise.
//! `expires_at`, in seconds, is DynamoDB's time to live; an expired item may remain for days.
//!
//! # Table `Messages`, key `id`
//!
//! | `id` | item | shape |
//! |---|---|---|
//! | `UUID` | a message (has `state`) or a reply (has none) | `message_item`, `reply_item` |
//! | `batch#ACCOUNT#UUID` | a batch | `batches` |
//! | `unmatched#KIND#CARRIER#UUID` | an unmatched receipt or reply, 7 days | `unmatched` |
//! | `sent#CARRIER#SPELLING` | a carrier's IDs of one spelling, 7 days: `id#ID` = list of submits | `sent_ids` |
//! | `slots#SENDER` | a sender with a rate limit: when its next send slot begins, its dealer, the length of each line | `send_slots` |
//!
//! `log` and `line` project keys only; `wake` also the account and the lane, to choose a job's queue and group; `conversation`
//! the addresses, to filter by sender. Each index entry is billed as a write.
//!
//! | index | partition | sort key | items |
//! |---|---|---|---|
//! | `wake` | `wake_shard`, by the UUID's last byte | `wake_at` | messages and unmatched items with a wake time |
//! | `line` | `SENDER#LANE#ACCOUNT` | `line_at`, in microseconds | messages that wait for a send slot |
//! | `conversation` | `ACCOUNT#NUMBER` | `position` | messages and replies, if the sender ID can receive and the other party is a phone number |
//! | `log` | `ACCOUNT#YYYY-MM#SHARD` | `position` | messages and replies |
//! | `log` | `ACCOUNT#batches` | `position` | scheduled batches |
//!
//! A `position` is `MILLIS#o#ID` for a message, `MILLIS#i#ID` for a reply, and `MILLIS#b#ID` for a batch, by its send
//! time. `MILLIS` has 13 digits, so that positions sort by time.
//!
//! # Table `Recipients`, key `number`
//!
//! | attribute | value |
//! |---|---|
//! | `account#ACCOUNT` | the sender that this account is locked to |
//! | `sender#SENDER` | the account that this sender is locked to |
//! | `unused#SENDER` | until when this lock is reserved for its account; absent once the lock was used |
//! | `stop#SENDER` | time of the latest STOP; present while the recipient is opted out |
//! | `stop_by#SENDER` | the reply that set the opt-out |
//! | `start#SENDER` | time of the latest START |
//! | `start_by#SENDER` | the reply that lifted the opt-out |
//! | `out_of#ACCOUNT` | when the account's client opted the recipient out; a later START overrides it for its sender |
//! | `answered#KEYWORD#SENDER` | `MILLIS REPLY`: time of the latest automatic reply, and the reply answered |
//!
//! # Table `Directory`, key `id`
//!
//! | `id` | attributes |
//! |---|---|
//! | `account#ACCOUNT` | an account's name, URLs, encrypted secrets, texts and policy |
//! | `key#SHA-256` | an API key's `account`, its `lane`, and whether and when it was revoked |
//! | `sender#SENDER` | `account` = the owner; absent if the sender is or was shared |
//! | `senders#ACCOUNT` | the account's senders: an attribute `sender#SENDER` for each |
//! | `webhooks#ACCOUNT` | the account's webhooks: an attribute `webhook#NUMBER` for each, and `last_id` |
//! | `pool` | `senders` = list of shared sender IDs |
//! | `routes` | `rules` = list of routes |
//! | `rates` | `sender#SENDER` = messages a second |
//! | `lanes` | `sender#SENDER` = lane |
//! | `keywords` | `word#WORD` = keyword |
//! | `exempt` | `sender#SENDER` = account |
//! | `carrier#CARRIER` | a carrier's vendor and settings |
//! | `carriers` | the carriers: an attribute `carrier#CARRIER` for each |
//! | `endpoint#UUID` | a failing callback endpoint, or all of an account's at one origin; deleted when it works again |

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use uuid::Uuid;

use crate::{
    domain::{
        AccountId, ApiKeyHash, BatchId, CarrierName, EndpointId, Keyword, Line, MessageId, PhoneNumber, ReceiptStatus,
        ReplyId, SenderId, UnmatchedId, UnmatchedKind, WebhookId, Word,
    },
    store::{Position, ScheduledWork, WAKE_SHARDS},
};

// Attributes of messages; other items share some. `message_item` and `reply_item` name the rest.
pub(super) const ID: &str = "id";
pub(super) const ACCOUNT: &str = "account";
/// A message's sender ID, or a reply's number.
pub(super) const FROM: &str = "from";
/// A message's recipient, or the sender ID answered by a reply.
pub(super) const TO: &str = "to";
pub(super) const STATE: &str = "state";
pub(super) const EXECUTION_ID: &str = "execution_id";
pub(super) const LEASE: &str = "lease";
pub(super) const SEND_AT: &str = "send_at";
pub(super) const ATTEMPTS: &str = "attempts";
pub(super) const CARRIER: &str = "carrier";
pub(super) const CARRIER_ID: &str = "carrier_id";
pub(super) const RECEIPT_BY: &str = "receipt_by";
pub(super) const CHANNEL_INDEX: &str = "channel_index";
pub(super) const FAILED_ATTEMPTS: &str = "failed_attempts";
pub(super) const REFUSALS: &str = "refusals";
pub(super) const RETRY_AT: &str = "retry_at";
/// In seconds.
pub(super) const EXPIRES_AT: &str = "expires_at";
pub(super) const HISTORY: &str = "history";
/// Also of API keys.
pub(super) const LANE: &str = "lane";

// Index `wake`: name, partition, sort key.
pub(super) const WAKE_INDEX: &str = "wake";
pub(super) const WAKE_SHARD: &str = "wake_shard";
pub(super) const WAKE_AT: &str = "wake_at";
// Indexes `conversation` and `log`: name and partition, then the common sort key.
pub(super) const CONVERSATION: &str = "conversation";
pub(super) const LOG: &str = "log";
pub(super) const POSITION: &str = "position";

// Index `line`: name, partition, sort key.
pub(super) const LINE_INDEX: &str = "line";
pub(super) const LINE: &str = "line";
/// In microseconds.
pub(super) const LINE_AT: &str = "line_at";

// Send slots. `lease` is when the dealer's lease ends.
/// In microseconds.
pub(super) const FREE_AT: &str = "free_at";
pub(super) const JOINS: &str = "joins";
pub(super) const DEALER: &str = "dealer";
pub(super) const DEALERS: &str = "dealers";
pub(super) const JOB: &str = "job";
const WAITING: &str = "waiting#";

pub(super) const TRIES: &str = "tries";
pub(super) const UNMATCHED: &str = "unmatched#";
const SENT_ID: &str = "id#";

pub(super) const CANCELLED_AT: &str = "cancelled_at";
const BATCH: &str = "batch#";

pub(super) const NUMBER: &str = "number";

/// Partitions per account and month.
pub(super) const LOG_SHARDS: u8 = 4;

pub(super) fn wake_shard(id: Uuid) -> u8 {
    id.as_bytes()[15] % WAKE_SHARDS
}

pub(super) fn unmatched(id: UnmatchedId) -> String {
    format!("{UNMATCHED}{}#{}#{}", id.kind.into_str(), id.carrier, id.uuid)
}

pub(super) fn parse_unmatched(text: &str) -> Option<UnmatchedId> {
    let mut parts = text.strip_prefix(UNMATCHED)?.splitn(3, '#');
    let (kind, carrier) = (parts.next()?.parse::<UnmatchedKind>().ok()?, parts.next()?.parse::<CarrierName>().ok()?);
    Some(UnmatchedId { kind, carrier, uuid: Uuid::try_parse(parts.next()?).ok()? })
}

pub(super) fn batch(account: &AccountId, id: BatchId) -> String {
    format!("{BATCH}{account}#{id}")
}

pub(super) fn parse_batch(text: &str) -> Option<(AccountId, BatchId)> {
    let (account, id) = text.strip_prefix(BATCH)?.split_once('#')?;
    Some((account.parse().ok()?, id.parse().ok()?))
}

/// Builds the partition of an account's scheduled batches.
pub(super) fn batches(account: &AccountId) -> String {
    format!("{account}#batches")
}

pub(super) fn batch_position(send_at: Timestamp, id: BatchId) -> String {
    format!("{}#b#{id}", Position::before(send_at).as_str())
}

pub(super) fn sent(carrier: CarrierName, spelling: &str) -> String {
    format!("sent#{carrier}#{spelling}")
}

pub(super) fn sent_id(id: &str) -> String {
    format!("{SENT_ID}{id}")
}

pub(super) fn parse_sent_id(attribute: &str) -> Option<&str> {
    attribute.strip_prefix(SENT_ID)
}

pub(super) fn scheduled_work(work: &ScheduledWork) -> String {
    match work {
        ScheduledWork::Message(id) => id.to_string(),
        ScheduledWork::Unmatched(id) => unmatched(*id),
        ScheduledWork::Unknown(id) => id.clone(),
    }
}

pub(super) fn parse_scheduled_work(text: &str) -> ScheduledWork {
    let known = text
        .parse::<MessageId>()
        .ok()
        .map(ScheduledWork::Message)
        .or_else(|| parse_unmatched(text).map(ScheduledWork::Unmatched));
    known.unwrap_or_else(|| ScheduledWork::Unknown(text.to_owned()))
}

pub(super) fn message_position(at: Timestamp, id: MessageId) -> String {
    format!("{}#o#{id}", Position::before(at).as_str())
}

pub(super) fn reply_position(at: Timestamp, id: ReplyId) -> String {
    format!("{}#i#{id}", Position::before(at).as_str())
}

pub(super) fn is_reply(position: &str) -> bool {
    position.contains("#i#")
}

/// Builds a conversation's partition. It has all senders of the account, so that a search by number is one
/// query.
pub(super) fn conversation(account: &AccountId, number: &PhoneNumber) -> String {
    format!("{account}#{}", number.digits())
}

/// Builds a log's partition. Months let a quiet account's log be read with few queries; shards keep a busy
/// account from a hot partition.
pub(super) fn log(account: &AccountId, month: Date, shard: u8) -> String {
    format!("{account}#{:04}-{:02}#{shard}", month.year(), month.month())
}

pub(super) fn month(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date().first_of_month()
}

pub(super) fn log_shard(id: &Uuid) -> u8 {
    id.as_bytes()[14] % LOG_SHARDS
}

/// Lists the months from `newest` back to `oldest`, by their first days.
pub(super) fn months(newest: Timestamp, oldest: Timestamp) -> Vec<Date> {
    let last = month(oldest);
    let back = std::iter::successors(Some(month(newest)), |month| month.checked_sub(1.month()).ok());
    back.take_while(|month| *month >= last).collect()
}

/// Names a receipt's attribute. Each status has its own, so receipts with different statuses never
/// conflict.
pub(super) fn receipt(status: ReceiptStatus) -> &'static str {
    match status {
        ReceiptStatus::Sent => "receipt_sent",
        ReceiptStatus::Undelivered => "receipt_undelivered",
        ReceiptStatus::Expired => "receipt_expired",
        ReceiptStatus::Rejected => "receipt_rejected",
        ReceiptStatus::Delivered => "receipt_delivered",
        ReceiptStatus::Read => "receipt_read",
    }
}

// `Recipients`.
pub(super) const SENDER_OF: &str = "account#";
pub(super) const ACCOUNT_OF: &str = "sender#";
pub(super) const UNUSED: &str = "unused#";
pub(super) const OPT_OUT: &str = "stop#";
pub(super) const OPT_IN: &str = "start#";
pub(super) const OUT_OF_ACCOUNT: &str = "out_of#";
const ANSWERED: &str = "answered#";

/// Names a sender's four opt-out attributes: `stop#`, `stop_by#`, `start#`, `start_by#`.
pub(super) fn opt_out(sender: &SenderId) -> [String; 4] {
    [OPT_OUT, "stop_by#", OPT_IN, "start_by#"].map(|kind| format!("{kind}{sender}"))
}

// `Directory`: keys.
pub(super) const API_KEY: &str = "key#";
pub(super) const DIRECTORY_ACCOUNT: &str = "account#";
pub(super) const SENDER: &str = "sender#";
/// template.yaml lets `account` write only directory items with this prefix.
const WEBHOOKS_ITEM: &str = "webhooks#";
const WEBHOOK: &str = "webhook#";
pub(super) const LAST_ID: &str = "last_id";
const CARRIER_ITEM: &str = "carrier#";
/// template.yaml lets `callback` write only directory items with this prefix.
pub(super) const ENDPOINT_ITEM: &str = "endpoint#";
pub(super) const POOL: &str = "pool";
pub(super) const ROUTES: &str = "routes";
pub(super) const RATES: &str = "rates";
pub(super) const LANES: &str = "lanes";
pub(super) const CARRIERS: &str = "carriers";

pub(super) const KEYWORDS: &str = "keywords";
pub(super) const WORD: &str = "word#";
pub(super) const EXEMPT: &str = "exempt";

// `Directory`: accounts.
pub(super) const NAME: &str = "name";
pub(super) const REPLY_URL: &str = "reply_url";
pub(super) const STATUS_URL: &str = "status_url";
pub(super) const NOTICE_URL: &str = "notice_url";
pub(super) const SECRETS: &str = "secrets";
pub(super) const STOP_TEXT: &str = "stop_text";
pub(super) const START_TEXT: &str = "start_text";
pub(super) const HELP_TEXT: &str = "help_text";
pub(super) const ON_UNKNOWN: &str = "on_unknown";
pub(super) const DEFAULT_SENDER: &str = "default_sender";
// `Directory`: API keys.
pub(super) const REVOKED: &str = "revoked";
pub(super) const CREATED_AT: &str = "created_at";
pub(super) const REVOKED_AT: &str = "revoked_at";
// `Directory`: the pool, the routes, failing endpoints, carriers. Accounts also have a country code.
pub(super) const SENDERS: &str = "senders";
pub(super) const RULES: &str = "rules";
pub(super) const URL: &str = "url";
pub(super) const SINCE: &str = "since";
pub(super) const LAST_AT: &str = "last_at";
pub(super) const FAILURES: &str = "failures";
pub(super) const REASON: &str = "reason";
pub(super) const TIMES_OPENED: &str = "times_opened";
pub(super) const PAUSED_UNTIL: &str = "paused_until";
pub(super) const PROBED_BY: &str = "probed_by";
pub(super) const DISABLED_SINCE: &str = "disabled_since";
pub(super) const IS_ORIGIN: &str = "is_origin";
pub(super) const FAILED_ENDPOINT: &str = "failed_endpoint";
pub(super) const VENDOR: &str = "vendor";
pub(super) const ENDPOINT: &str = "endpoint";
pub(super) const TIMEOUT_MS: &str = "timeout_ms";
pub(super) const LOOKUP: &str = "lookup";
pub(super) const RECEIPTS_BY_ID: &str = "receipts_by_id";
pub(super) const SUSPENDED_AT: &str = "suspended_at";
pub(super) const COUNTRY_CODE: &str = "country_code";
pub(super) const WEBHOOK_URL: &str = "webhook_url";
pub(super) const SENDER_IDS: &str = "sender_ids";

pub(super) fn account(id: &AccountId) -> String {
    format!("{DIRECTORY_ACCOUNT}{id}")
}

pub(super) fn api_key(key: &ApiKeyHash) -> String {
    format!("{API_KEY}{}", key.as_str())
}

pub(super) fn send_slots(sender: &SenderId) -> String {
    format!("slots#{sender}")
}

pub(super) fn line(line: &Line) -> String {
    format!("{}#{}#{}", line.sender, line.lane.into_str(), line.account)
}

pub(super) fn parse_line(text: &str) -> Option<Line> {
    let mut parts = text.splitn(3, '#');
    let (sender, lane, account) = (parts.next()?, parts.next()?, parts.next()?);
    Some(Line { sender: sender.parse().ok()?, lane: lane.parse().ok()?, account: account.parse().ok()? })
}

/// Names the attribute of a sender's item with the length of a line.
pub(super) fn waiting(line: &Line) -> String {
    format!("{WAITING}{}#{}", line.lane.into_str(), line.account)
}

pub(super) fn parse_waiting(sender: &SenderId, attribute: &str) -> Option<Line> {
    let (lane, account) = attribute.strip_prefix(WAITING)?.split_once('#')?;
    Some(Line { sender: sender.clone(), lane: lane.parse().ok()?, account: account.parse().ok()? })
}

pub(super) fn sender(sender: &SenderId) -> String {
    format!("{SENDER}{sender}")
}

pub(super) fn senders(account: &AccountId) -> String {
    format!("senders#{account}")
}

pub(super) fn webhooks(account: &AccountId) -> String {
    format!("{WEBHOOKS_ITEM}{account}")
}

pub(super) fn webhook(id: WebhookId) -> String {
    format!("{WEBHOOK}{id}")
}

pub(super) fn parse_webhook(attribute: &str) -> Option<WebhookId> {
    attribute.strip_prefix(WEBHOOK)?.parse().ok()
}

pub(super) fn out_of_account(account: &AccountId) -> String {
    format!("{OUT_OF_ACCOUNT}{account}")
}

pub(super) fn word(word: &Word) -> String {
    format!("{WORD}{word}")
}

pub(super) fn answered(keyword: Keyword, sender: &SenderId) -> String {
    format!("{ANSWERED}{}#{sender}", keyword.into_str())
}

pub(super) fn endpoint(id: EndpointId) -> String {
    format!("{ENDPOINT_ITEM}{id}")
}

pub(super) fn carrier(name: CarrierName) -> String {
    format!("{CARRIER_ITEM}{name}")
}

/// Returns the carrier in a key or attribute name.
pub(super) fn carrier_in(key: &str) -> Option<CarrierName> {
    key.strip_prefix(CARRIER_ITEM)?.parse().ok()
}
