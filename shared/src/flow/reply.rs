//! Step 5: what a handset answers finds its account and its conversation.

use std::time::Duration;

use jiff::Timestamp;
use tracing::{info, warn};

use super::{Gateway, Unavailable};
use crate::{
    carriers::{CarrierName, CarrierReply},
    domain::{AccountId, Keyword, PhoneNumber, RepliedTo, Reply, ReplyId, SenderId, SenderOwner},
    queue::{CallbackJob, Queue, Subject},
    store::{Directory, DirectoryStore, Messages, Parked, Recipients, Record, StoreError},
};

/// How many entries of a conversation are looked through for the message that
/// a reply answers.
const LOOK_BACK: u16 = 25;

/// Records a reply and announces it to its account; `payload` is the body as it came.
///
/// # Errors
/// When the store or queue did not answer. The carrier should bring it again.
pub async fn reply(
    gateway: &Gateway<impl Messages + Recipients, impl Queue>,
    directory: &Directory<impl DirectoryStore>,
    carrier: CarrierName,
    reply: &CarrierReply,
    payload: &str,
) -> Result<(), Unavailable> {
    let now = gateway.clock.now();
    let id = ReplyId::of_carrier_id(carrier.as_str(), &reply.id);
    let Some(account) = account_of(gateway, directory, &reply.to, &reply.from).await? else {
        warn!(reply.id = %id, carrier = carrier.as_str(), "a reply belongs to no account and is parked");
        gateway.store.park(Parked { carrier, kind: "reply", payload, at: now }).await?;
        return Ok(());
    };
    // Whoever recorded it had announced it before.
    if gateway.store.reply(id).await?.is_some() {
        info!(reply.id = %id, account.id = %account, "reply repeated");
        return Ok(());
    }
    if let Some(keyword) = Keyword::of(&reply.text) {
        let opted_out = (keyword == Keyword::Stop).then_some(now);
        gateway.store.set_opt_out(&reply.from, &reply.to, opted_out).await?;
        info!(reply.id = %id, account.id = %account, opted_out = opted_out.is_some(), "opt-out");
    }
    let recorded = Reply {
        id,
        replied_to: replied_to(gateway, &account, &reply.to, &reply.from).await?,
        account,
        from: reply.from.clone(),
        to: reply.to.clone(),
        body: reply.text.clone(),
        received_at: now,
        stamp: gateway.random.stamp(),
    };
    announce(gateway, directory, &recorded, now).await?;
    let new = gateway.store.insert_reply(&recorded).await?;
    let answered = recorded.replied_to.map(|to| to.message.to_string());
    let words = if new { "reply" } else { "reply repeated" };
    info!(reply.id = %id, account.id = %recorded.account, message.id = answered, "{words}");
    Ok(())
}

/// Whose reply it is: the owner's of the number it went to, or, for a shared
/// one, the account's that the conversation is locked to.
async fn account_of(
    gateway: &Gateway<impl Recipients, impl Queue>,
    directory: &Directory<impl DirectoryStore>,
    to: &SenderId,
    from: &PhoneNumber,
) -> Result<Option<AccountId>, StoreError> {
    match directory.owner(to).await? {
        Some(SenderOwner::Account(account)) => Ok(Some(account)),
        Some(SenderOwner::Pool) => Ok(gateway.store.recipient(from).await?.account_of.remove(to)),
        None => Ok(None),
    }
}

/// The newest message of the conversation that has been handed over; one that
/// still waits for its time cannot have been answered.
async fn replied_to(
    gateway: &Gateway<impl Messages, impl Queue>,
    account: &AccountId,
    sender: &SenderId,
    number: &PhoneNumber,
) -> Result<Option<RepliedTo>, StoreError> {
    let page = gateway.store.conversation(account, sender, number, None, LOOK_BACK).await?;
    let handed_over = page.entries.into_iter().filter_map(|entry| match entry.record {
        Record::Out(message) => Some((message.handed_over_at()?, message)),
        Record::In(_) => None,
    });
    let newest = handed_over.max_by_key(|(at, _)| *at);
    Ok(newest.map(|(_, message)| RepliedTo { message: message.id, batch: message.batch }))
}

async fn announce<S>(
    gateway: &Gateway<S, impl Queue>,
    directory: &Directory<impl DirectoryStore>,
    reply: &Reply,
    at: Timestamp,
) -> Result<(), Unavailable> {
    let account = directory.account(&reply.account).await?;
    if account.is_none_or(|account| account.reply_url.is_none()) {
        return Ok(());
    }
    let job = CallbackJob::announcing(Subject::Reply { reply: reply.id }, reply.stamp, at);
    gateway.queue.enqueue_callbacks(&[(job, Duration::ZERO)]).await?;
    Ok(())
}
