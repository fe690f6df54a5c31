//! Every key, and every attribute that an expression names.

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use uuid::Uuid;

use crate::{
    domain::{
        AccountId, ApiKeyHash, CarrierName, EndpointId, Keyword, MessageId, PhoneNumber, ReceiptStatus, ReplyId,
        SenderId, UnmatchedId, UnmatchedKind, Word,
    },
    store::{Position, ScheduledWork, WAKE_SHARDS},
};

pub(super) const ID: &str = "id";
pub(super) const ACCOUNT: &str = "account";
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
pub(super) const NOT_BEFORE: &str = "not_before";
pub(super) const RETRY_AT: &str = "retry_at";
/// When DynamoDB may delete it, in seconds.
pub(super) const EXPIRES_AT: &str = "expires_at";
pub(super) const HISTORY: &str = "history";

/// Index `wake`: scheduled work, by its time.
pub(super) const WAKE_INDEX: &str = "wake";
pub(super) const WAKE_SHARD: &str = "wake_shard";
pub(super) const WAKE_AT: &str = "wake_at";
/// Indexes `conversation` and `log`, both in the order of `position`.
pub(super) const CONVERSATION: &str = "conversation";
pub(super) const LOG: &str = "log";
pub(super) const POSITION: &str = "position";

/// Of a sender's send slots: when the next one is free, in microseconds.
pub(super) const FREE_AT: &str = "free_at";

/// Of an unmatched item.
pub(super) const TRIES: &str = "tries";
/// How its id begins. No message has an id like this.
pub(super) const UNMATCHED: &str = "unmatched#";
const SENT_ID: &str = "id#";

/// Table `Recipients`.
pub(super) const NUMBER: &str = "number";

/// Over how many partitions one month of one account is spread.
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

/// In `Messages`, beside them: which submits a carrier gave an id of that spelling.
pub(super) fn sent(carrier: CarrierName, spelling: &str) -> String {
    format!("sent#{carrier}#{spelling}")
}

/// In such an item: an id as the carrier gave it.
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

/// Where an entry stands in its conversation and log: by time, then by id.
pub(super) fn message_position(at: Timestamp, id: MessageId) -> String {
    format!("{}#o#{id}", Position::before(at).as_str())
}

pub(super) fn reply_position(at: Timestamp, id: ReplyId) -> String {
    format!("{}#i#{id}", Position::before(at).as_str())
}

pub(super) fn is_reply(position: &str) -> bool {
    position.contains("#i#")
}

pub(super) fn conversation(account: &AccountId, sender: &SenderId, number: &PhoneNumber) -> String {
    format!("{account}#{sender}#{}", number.digits())
}

/// The log of an account is cut by months, so that one that has little in it is
/// read with few queries, and by shards, so that a busy one is not one hot partition.
pub(super) fn log(account: &AccountId, month: Date, shard: u8) -> String {
    format!("{account}#{:04}-{:02}#{shard}", month.year(), month.month())
}

/// The first day of the UTC month of `at`.
pub(super) fn month(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date().first_of_month()
}

pub(super) fn log_shard(id: &Uuid) -> u8 {
    id.as_bytes()[14] % LOG_SHARDS
}

/// The months from that of `newest` back to that of `oldest`.
pub(super) fn months(newest: Timestamp, oldest: Timestamp) -> Vec<Date> {
    let last = month(oldest);
    let back = std::iter::successors(Some(month(newest)), |month| month.checked_sub(1.month()).ok());
    back.take_while(|month| *month >= last).collect()
}

/// Each status has an attribute of its own, so that recording one is a write
/// that no other status can be in the way of.
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

/// In `Recipients`: the sender that this account is locked to.
pub(super) const SENDER_OF: &str = "account#";
/// In `Recipients`: the account that this sender is locked to.
pub(super) const ACCOUNT_OF: &str = "sender#";
/// In `Recipients`: since when this sender may not write.
pub(super) const OPT_OUT: &str = "stop#";
/// In `Recipients`, with the keyword: when it was last answered, and which reply.
const ANSWERED: &str = "answered#";

/// In `Recipients`, of a sender: since when it may not write, the reply that said so
/// last, when it was last allowed to, and the reply that said that.
pub(super) fn opt_out(sender: &SenderId) -> [String; 4] {
    [OPT_OUT, "stop_by#", "start#", "start_by#"].map(|kind| format!("{kind}{sender}"))
}

/// In `Directory`, by kind of item.
pub(super) const API_KEY: &str = "key#";
pub(super) const DIRECTORY_ACCOUNT: &str = "account#";
pub(super) const SENDER: &str = "sender#";
const CARRIER_ITEM: &str = "carrier#";
/// What `callback` may write of the directory begins so: template.yaml says it, too.
pub(super) const ENDPOINT_ITEM: &str = "endpoint#";
pub(super) const POOL: &str = "pool";
pub(super) const ROUTES: &str = "routes";
/// One item of all rates, each an attribute that is named as the sender's own item.
pub(super) const RATES: &str = "rates";

/// One item of all words that were added, each an attribute.
pub(super) const KEYWORDS: &str = "keywords";
pub(super) const WORD: &str = "word#";
/// One item of all exempt senders, named as in the rates.
pub(super) const EXEMPT: &str = "exempt";

/// Of an account.
pub(super) const NAME: &str = "name";
pub(super) const REPLY_URL: &str = "reply_url";
pub(super) const STATUS_URL: &str = "status_url";
pub(super) const NOTICE_URL: &str = "notice_url";
pub(super) const SECRETS: &str = "secrets";
pub(super) const STOP_TEXT: &str = "stop_text";
pub(super) const START_TEXT: &str = "start_text";
pub(super) const HELP_TEXT: &str = "help_text";
pub(super) const ON_UNKNOWN: &str = "on_unknown";
/// Of a key; times in milliseconds.
pub(super) const REVOKED: &str = "revoked";
pub(super) const CREATED_AT: &str = "created_at";
pub(super) const REVOKED_AT: &str = "revoked_at";
/// Of the pool.
pub(super) const SENDERS: &str = "senders";
/// Of the routes.
pub(super) const RULES: &str = "rules";
/// Of an endpoint that fails; times in milliseconds.
pub(super) const URL: &str = "url";
pub(super) const SINCE: &str = "since";
pub(super) const LAST_AT: &str = "last_at";
pub(super) const FAILURES: &str = "failures";
pub(super) const REASON: &str = "reason";
pub(super) const TIMES_OPENED: &str = "times_opened";
pub(super) const PAUSED_UNTIL: &str = "paused_until";
pub(super) const PROBED_BY: &str = "probed_by";
pub(super) const DISABLED_SINCE: &str = "disabled_since";
/// Of a carrier.
pub(super) const ENDPOINT: &str = "endpoint";
pub(super) const TIMEOUT_MS: &str = "timeout_ms";
pub(super) const LOOKUP: &str = "lookup";
pub(super) const RECEIPTS_BY_ID: &str = "receipts_by_id";

pub(super) fn account(id: &AccountId) -> String {
    format!("{DIRECTORY_ACCOUNT}{id}")
}

pub(super) fn api_key(key: &ApiKeyHash) -> String {
    format!("{API_KEY}{}", key.as_str())
}

/// In `Messages`, beside them: no message has an id like this.
pub(super) fn send_slots(sender: &SenderId) -> String {
    format!("slots#{sender}")
}

pub(super) fn sender(sender: &SenderId) -> String {
    format!("{SENDER}{sender}")
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
