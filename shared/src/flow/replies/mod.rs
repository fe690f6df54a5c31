//! Replies: attribute a recipient's reply to an account, and notify the client.
//!
//! 1. Find the sender that was answered: the carrier names it, or a message that the reply answers. Without a sender,
//!    keep the reply as unmatched.
//! 2. Apply a keyword (STOP, START, HELP), even without an account (`keyword`).
//! 3. Find the account: the sender's owner, or for a shared sender the account that has written to the recipient over
//!    it. Without an account, keep the reply as unmatched.
//! 4. Find the answered message, and take over its dialect: the message named by the carrier, or else our last
//!    submit before the reply.
//! 5. Answer the keyword (`keyword`).
//! 6. Enqueue the callback, then record the reply.
//!
//! - **Crash.** The carrier redelivers the reply. Each step recognises the reply's ID and is not repeated.
//! - **Duplicate.** A reply on record is ignored.
//! - **Race.** A retried reply is not attributed to an account that acquired the shared sender afterwards.
//!   The reply's own time decides its position in the conversation and which message it answers.

mod keyword;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};

use self::keyword::{KeywordRequest, apply_keyword, keyword_time, parse_keyword, send_auto_reply};
use super::{
    Gateway, Unavailable,
    unmatched::{CLOCKS_DIFFER, keep_unmatched},
};
use crate::{
    domain::{
        AccountId, CallbackTarget, CarrierName, CarrierReply, Dialect, ExecutionId, Keyword, Message, PhoneNumber,
        Reply, ReplyId, SenderId, SenderKind, SenderOwner, Unmatched, UnmatchedKind, WebhookItem,
    },
    queue::{CallbackJob, Queue, Subject},
    runtime::Metric,
    store::{Directory, Freshness, KeywordOrder, Messages, Position, Recipients, Record, StoreError},
};

/// Entries per page of a conversation or log.
const PAGE: u16 = 25;
/// How many pages of a conversation we search for the answered message.
const PAGES: usize = 8;
/// Maximum age of a reply by its own time. CM.com redelivers a reply for a month, so an older time most likely comes
/// from a broken clock.
const OLDEST: SignedDuration = SignedDuration::from_hours(24 * 32);
/// How far back in a log we look for the account's dialect.
const DIALECT_LOOKBACK: SignedDuration = SignedDuration::from_hours(24 * 30);

/// Records a reply and enqueues its callback, or keeps the reply as unmatched.
pub async fn reply(
    gateway: &Gateway,
    directory: &Directory,
    carrier: CarrierName,
    reply: &CarrierReply,
    item: WebhookItem<'_>,
) -> Result<(), Unavailable> {
    let now = gateway.clock.now();
    if attribute(gateway, directory, carrier, reply, Arrival::Now(now)).await? == Attribution::Unmatched {
        keep_unmatched(gateway, Unmatched::new(UnmatchedKind::Reply, carrier, item, now).with_retry()).await?;
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attribution {
    Recorded,
    Unmatched,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Arrival {
    Now(Timestamp),
    /// Kept as unmatched since then.
    Earlier(Timestamp),
}

impl Arrival {
    fn time(self) -> Timestamp {
        let (Self::Now(at) | Self::Earlier(at)) = self;
        at
    }

    /// Returns when the recipient wrote the reply: its own time, if that is credible, or else its arrival.
    fn time_of(self, reply: &CarrierReply) -> Timestamp {
        let arrived_at = self.time();
        let is_credible = |at: &Timestamp| *at <= arrived_at && arrived_at.duration_since(*at) <= OLDEST;
        reply.at.filter(is_credible).unwrap_or(arrived_at)
    }
}

/// Applies a reply's keyword, finds the account, and records the reply.
pub(super) async fn attribute(
    gateway: &Gateway,
    directory: &Directory,
    carrier: CarrierName,
    reply: &CarrierReply,
    arrival: Arrival,
) -> Result<Attribution, Unavailable> {
    let (now, received_at, at) = (gateway.clock.now(), arrival.time(), arrival.time_of(reply));
    let id = ReplyId::of_carrier_id(carrier.as_str(), &reply.id);
    let Some((sender, owner)) = find_sender(gateway, directory, reply).await? else {
        return Ok(Attribution::Unmatched);
    };
    // The execution on record enqueued the callback before.
    if owner.is_some() && gateway.store.reply(id).await?.is_some() {
        gateway.count(Metric::Repeated, None, Some(carrier), 1);
        info!(reply.id = %id, "reply repeated");
        return Ok(Attribution::Recorded);
    }
    let keyword = find_keyword(gateway, directory, (id, &sender), reply, received_at).await?;
    let kind = match owner {
        Some(SenderOwner::Pool) => SenderKind::Shared,
        Some(SenderOwner::Account(_)) | None => SenderKind::Custom,
    };
    let Some(account) = account_of(gateway, owner, &sender, reply).await? else {
        return Ok(Attribution::Unmatched);
    };
    let answered = find_answered_message(gateway, &account, &sender, reply, at).await?;
    // Do not attribute the reply to an account that acquired this sender after the reply arrived.
    if matches!(arrival, Arrival::Earlier(_))
        && kind == SenderKind::Shared
        && answered.is_none()
        && !has_written(gateway, &account, &sender, reply, received_at).await?
    {
        return Ok(Attribution::Unmatched);
    }
    let dialect = match &answered {
        Some(message) => message.request.dialect,
        None => last_dialect(gateway, &account, now).await?,
    };
    let recorded = Reply {
        id,
        replied_to: answered.as_deref().map(|message| Box::new(message.into())),
        opts_in: keyword.as_ref().is_some_and(|found| found.keyword == Keyword::Start),
        dialect,
        account,
        from: reply.from.clone(),
        from_name: reply.from_name.clone(),
        to: sender,
        content: reply.content.clone(),
        channel: reply.channel,
        at,
        received_at,
        execution_id: ExecutionId::random(&gateway.random),
    };
    if let Some(FoundKeyword { keyword, number, .. }) = keyword.filter(|found| found.calls_for_answer) {
        let request = KeywordRequest { reply: &recorded, number, keyword, received_at };
        send_auto_reply(gateway, directory, &request, kind).await?;
    }
    enqueue_callback(gateway, directory, &recorded, now).await?;
    let new = gateway.store.insert_reply(&recorded, now).await?;
    if new {
        gateway.count(Metric::Replies, Some(&recorded.account), Some(carrier), 1);
    } else {
        gateway.count(Metric::Repeated, None, Some(carrier), 1);
    }
    let answered = recorded.replied_to.as_ref().map(|to| to.message.to_string());
    let words = if new { "reply" } else { "reply repeated" };
    info!(reply.id = %id, account.id = %recorded.account, message.id = answered.map(display), "{words}");
    Ok(Attribution::Recorded)
}

/// Returns the sender that was answered, and its owner: the sender that the carrier names, unless nobody owns it. A
/// vendor may name none, or a number of its own from which it sent our message. Then the sender is that of the message
/// which the reply answers, if that message went to the originator.
async fn find_sender(
    gateway: &Gateway,
    directory: &Directory,
    reply: &CarrierReply,
) -> Result<Option<(SenderId, Option<SenderOwner>)>, StoreError> {
    if let Some(named) = &reply.to
        && let Some(owner) = directory.owner(named).await?
    {
        return Ok(Some((named.clone(), Some(owner))));
    }
    if let Some(answers) = reply.answers
        && let Some(number) = reply.from.number()
        && let Some(message) = gateway.store.message(answers.message, Freshness::Recent).await?
        && message.request.to == *number
    {
        let sender = message.request.from.id;
        let owner = directory.owner(&sender).await?;
        return Ok(Some((sender, owner)));
    }
    Ok(reply.to.clone().map(|named| (named, None)))
}

/// A reply's keyword, which has been applied.
struct FoundKeyword<'a> {
    keyword: Keyword,
    /// The originator's.
    number: &'a PhoneNumber,
    calls_for_answer: bool,
}

/// Finds and applies the reply's keyword.
async fn find_keyword<'a>(
    gateway: &Gateway,
    directory: &Directory,
    (id, sender): (ReplyId, &SenderId),
    reply: &'a CarrierReply,
    received_at: Timestamp,
) -> Result<Option<FoundKeyword<'a>>, StoreError> {
    let Some(keyword) = parse_keyword(directory, &reply.content.text).await? else { return Ok(None) };
    let Some(number) = reply.from.number() else {
        warn!(reply.id = %id, keyword = keyword.into_str(), "keyword ignored: the originator is no phone number");
        return Ok(None);
    };
    let order = KeywordOrder { number, sender, at: keyword_time(reply, received_at), reply: id };
    let calls_for_answer = apply_keyword(gateway, keyword, &order).await?;
    Ok(Some(FoundKeyword { keyword, number, calls_for_answer }))
}

async fn account_of(
    gateway: &Gateway,
    owner: Option<SenderOwner>,
    sender: &SenderId,
    reply: &CarrierReply,
) -> Result<Option<AccountId>, StoreError> {
    match owner {
        Some(SenderOwner::Account(account)) => Ok(Some(account)),
        // A shared sender is locked to phone numbers only.
        Some(SenderOwner::Pool) => match reply.from.number() {
            Some(number) => Ok(gateway.store.recipient(number).await?.conversation_of(sender).cloned()),
            None => Ok(None),
        },
        None => Ok(None),
    }
}

/// Returns the answered message. This is the message named by the carrier, if the account sent it to the originator;
/// otherwise the last message submitted before `at`.
async fn find_answered_message(
    gateway: &Gateway,
    account: &AccountId,
    sender: &SenderId,
    reply: &CarrierReply,
    at: Timestamp,
) -> Result<Option<Box<Message>>, StoreError> {
    let Some(number) = reply.from.number() else { return Ok(None) };
    if let Some(named) = reply.answers
        && let Some(message) = gateway.store.message(named.message, Freshness::Recent).await?
        && message.account == *account
        && message.request.to == *number
        && message.request.keyword.is_none()
    {
        return Ok(Some(Box::new(message)));
    }
    find_last_submitted(gateway, account, sender, number, at).await
}

/// Returns whether the account had written to the originator from this sender by `at`, if the originator is a number.
async fn has_written(
    gateway: &Gateway,
    account: &AccountId,
    sender: &SenderId,
    reply: &CarrierReply,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let Some(number) = reply.from.number() else { return Ok(false) };
    Ok(find_last_submitted(gateway, account, sender, number, at).await?.is_some())
}

/// Returns the client's message submitted last before `at`. Scheduled and blocked messages cannot have been answered.
async fn find_last_submitted(
    gateway: &Gateway,
    account: &AccountId,
    sender: &SenderId,
    number: &PhoneNumber,
    at: Timestamp,
) -> Result<Option<Box<Message>>, StoreError> {
    let before = at.saturating_add(CLOCKS_DIFFER).unwrap_or(at);
    // A message is accepted before it is submitted, and the index sorts by acceptance.
    let mut after = Some(Position::before(before));
    for _ in 0..PAGES {
        let page = gateway.store.conversation(account, sender, number, after.as_ref(), PAGE).await?;
        let submitted = page.entries.into_iter().filter_map(|entry| match entry.record {
            Record::Out(message) if message.request.keyword.is_none() => Some((message.submitted_at(before)?, message)),
            Record::Out(_) | Record::In(_) => None,
        });
        if let Some((_, newest)) = submitted.max_by_key(|(at, _)| *at) {
            return Ok(Some(newest));
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(None)
}

/// Returns the dialect of the account's newest log entry, or else `mplus`.
async fn last_dialect(gateway: &Gateway, account: &AccountId, now: Timestamp) -> Result<Dialect, StoreError> {
    let oldest = now.saturating_sub(DIALECT_LOOKBACK).unwrap_or(Timestamp::MIN);
    let page = gateway.store.log(account, oldest, now, None, PAGE).await?;
    let newest = page.entries.into_iter().next().map(|entry| match entry.record {
        Record::Out(message) => message.request.dialect,
        Record::In(reply) => reply.dialect,
    });
    Ok(newest.unwrap_or(Dialect::Mplus))
}

async fn enqueue_callback(
    gateway: &Gateway,
    directory: &Directory,
    reply: &Reply,
    at: Timestamp,
) -> Result<(), Unavailable> {
    let account = directory.account(&reply.account).await?;
    let has_url = account.is_some_and(|account| account.reply_url.is_some());
    if !has_url && reply.dialect.callback_target() != CallbackTarget::Webhooks {
        return Ok(());
    }
    let job = CallbackJob::new(Subject::Reply { reply: reply.id }, &reply.account, reply.execution_id, at);
    gateway.queue.enqueue_callbacks(&[(job, Duration::ZERO)]).await?;
    Ok(())
}
