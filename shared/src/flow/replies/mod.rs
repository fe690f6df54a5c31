//! Replies: attribute a recipient's reply to an account, and notify the client.
//!
//! 1. Apply a keyword (STOP, START, HELP), even without an account (`keyword`).
//! 2. Find the account: the sender's owner, or for a shared sender the account locked to the recipient.
//!    Without an account, keep the reply as unmatched.
//! 3. Find the answered message, and take over its dialect.
//! 4. Answer the keyword (`keyword`).
//! 5. Enqueue the callback, then record the reply.
//!
//! - **Crash.** The carrier redelivers the reply. Each step recognises the reply's ID and is not repeated.
//! - **Duplicate.** A reply on record is ignored.
//! - **Race.** A retried reply is not attributed to an account that acquired the shared sender afterwards.
//!   The reply's arrival time decides its position in the conversation and which message it answers.

mod keyword;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tracing::info;

use self::keyword::{apply_keyword, parse_keyword, send_auto_reply};
use super::{
    Gateway, Unavailable,
    unmatched::{CLOCKS_DIFFER, keep_unmatched},
};
use crate::{
    domain::{
        AccountId, CarrierName, CarrierReply, Dialect, ExecutionId, Message, PhoneNumber, Reply, ReplyId, SenderId,
        SenderKind, SenderOwner, Unmatched, UnmatchedKind, WebhookItem,
    },
    queue::{CallbackJob, Queue, Subject},
    runtime::Metric,
    store::{Directory, Messages, Recipients, Record, StoreError},
};

/// Entries per page of a conversation or log.
const PAGE: u16 = 25;
/// How many pages of a conversation we search for the answered message.
const PAGES: usize = 8;
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

/// Applies a reply's keyword, finds the account, and records the reply.
pub(super) async fn attribute(
    gateway: &Gateway,
    directory: &Directory,
    carrier: CarrierName,
    reply: &CarrierReply,
    arrival: Arrival,
) -> Result<Attribution, Unavailable> {
    let now = gateway.clock.now();
    let (Arrival::Now(received_at) | Arrival::Earlier(received_at)) = arrival;
    let id = ReplyId::of_carrier_id(carrier.as_str(), &reply.id);
    let owner = directory.owner(&reply.to).await?;
    // The execution on record enqueued the callback before.
    if owner.is_some() && gateway.store.reply(id).await?.is_some() {
        info!(reply.id = %id, "reply repeated");
        return Ok(Attribution::Recorded);
    }
    let mut keyword_to_answer = None;
    if let Some(keyword) = parse_keyword(directory, &reply.text).await?
        && apply_keyword(gateway, id, reply, keyword, received_at).await?
    {
        keyword_to_answer = Some(keyword);
    }
    let kind = match owner {
        Some(SenderOwner::Pool) => SenderKind::Shared,
        Some(SenderOwner::Account(_)) | None => SenderKind::Custom,
    };
    let Some(account) = account_of(gateway, owner, reply).await? else {
        return Ok(Attribution::Unmatched);
    };
    let answered = find_answered_message(gateway, &account, &reply.to, &reply.from, received_at).await?;
    // Do not attribute the reply to an account that acquired this sender after the reply arrived.
    if matches!(arrival, Arrival::Earlier(_)) && kind == SenderKind::Shared && answered.is_none() {
        return Ok(Attribution::Unmatched);
    }
    let dialect = match &answered {
        Some(message) => message.request.dialect,
        None => last_dialect(gateway, &account, now).await?,
    };
    let recorded = Reply {
        id,
        replied_to: answered.as_deref().map(|message| Box::new(message.into())),
        dialect,
        account,
        from: reply.from.clone(),
        to: reply.to.clone(),
        body: reply.text.clone(),
        channel: reply.channel,
        received_at,
        execution_id: ExecutionId::random(&gateway.random),
    };
    if let Some(keyword) = keyword_to_answer {
        send_auto_reply(gateway, directory, &recorded, keyword, kind).await?;
    }
    enqueue_callback(gateway, directory, &recorded, now).await?;
    let new = gateway.store.insert_reply(&recorded, now).await?;
    if new {
        gateway.count(Metric::Replies, Some(&recorded.account), Some(carrier), 1);
    }
    let answered = recorded.replied_to.as_ref().map(|to| to.message.to_string());
    let words = if new { "reply" } else { "reply repeated" };
    info!(reply.id = %id, account.id = %recorded.account, message.id = answered.map(display), "{words}");
    Ok(Attribution::Recorded)
}

async fn account_of(
    gateway: &Gateway,
    owner: Option<SenderOwner>,
    reply: &CarrierReply,
) -> Result<Option<AccountId>, StoreError> {
    match owner {
        Some(SenderOwner::Account(account)) => Ok(Some(account)),
        Some(SenderOwner::Pool) => Ok(gateway.store.recipient(&reply.from).await?.account_of.remove(&reply.to)),
        None => Ok(None),
    }
}

/// Returns the client's message submitted last before the reply. Scheduled and blocked messages cannot have
/// been answered.
async fn find_answered_message(
    gateway: &Gateway,
    account: &AccountId,
    sender: &SenderId,
    number: &PhoneNumber,
    received_at: Timestamp,
) -> Result<Option<Box<Message>>, StoreError> {
    let before = received_at.saturating_add(CLOCKS_DIFFER).unwrap_or(received_at);
    let mut after = None;
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
    if account.is_none_or(|account| account.reply_url.is_none()) {
        return Ok(());
    }
    let job = CallbackJob::new(Subject::Reply { reply: reply.id }, reply.execution_id, at);
    gateway.queue.enqueue_callbacks(&[(job, Duration::ZERO)]).await?;
    Ok(())
}
