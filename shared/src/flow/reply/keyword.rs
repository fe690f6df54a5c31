//! What a reply that is a keyword brings about: the opt-out is set or lifted, and
//! the recipient is told so, or helped, by a message of the account.
//!
//! An order that changes nothing is not answered, and no keyword is answered twice
//! a day, so that two machines cannot go on answering each other. The answer's id
//! is that of the reply, and all that leads to it recognises the reply, so that a
//! run after a crash sends what the first one owed, and no second one.

use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};

use crate::{
    carriers::CarrierReply,
    dialects::{Draft, SenderChoice},
    domain::{Channel, Keyword, Message, MessageId, Progress, Reply, ReplyId, SenderKind, SentFrom, Text},
    flow::{Gateway, Unavailable, accept, pace},
    queue::Queue,
    store::{Directory, DirectoryStore, Insertion, Messages, Order, Recipients, StoreError},
};

/// How long after an answer the same keyword gets none.
const ONCE_IN: SignedDuration = SignedDuration::from_hours(24);

/// Does what the keyword orders. Says whether it calls for an answer.
///
/// A START that is older than the STOP on record, because it was brought again
/// late, clears nothing.
pub(super) async fn obey(
    gateway: &Gateway<impl Recipients, impl Queue>,
    id: ReplyId,
    reply: &CarrierReply,
    keyword: Keyword,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let order = Order { number: &reply.from, sender: &reply.to, at: reply.at.unwrap_or(now), reply: id };
    let calls_for_answer = match keyword {
        Keyword::Stop => gateway.store.opt_out(&order).await?,
        Keyword::Start => gateway.store.opt_in(&order).await?,
        Keyword::Help => true,
    };
    info!(reply.id = %id, keyword = keyword.as_str(), "keyword");
    Ok(calls_for_answer)
}

/// Sends the account's answer, once, from the sender that the keyword was said to.
pub(super) async fn answer(
    gateway: &Gateway<impl Messages + Recipients, impl Queue>,
    directory: &Directory<impl DirectoryStore>,
    reply: &Reply,
    keyword: Keyword,
    kind: SenderKind,
) -> Result<(), Unavailable> {
    let now = gateway.clock.now();
    let Some(text) = words(directory, reply, keyword).await? else { return Ok(()) };
    let order = Order { number: &reply.from, sender: &reply.to, at: now, reply: reply.id };
    let since = now.saturating_sub(ONCE_IN).unwrap_or(Timestamp::MIN);
    if !gateway.store.begin_answer(&order, keyword, since).await? {
        info!(reply.id = %reply.id, keyword = keyword.as_str(), "was answered within a day, and is not again");
        return Ok(());
    }
    let mut message = message(reply, keyword, kind, text, now);
    let rates = directory.rates().await?;
    pace::give_turns(gateway, &rates, std::iter::once(&mut message), now).await?;
    let message = match gateway.store.insert_once(&message).await? {
        Insertion::New => message,
        Insertion::Existing(found) => *found,
    };
    if message.progress == Progress::Queued {
        pace::enqueue(gateway, &message, now).await?;
    }
    info!(
        reply.id = %reply.id, message.id = %message.id, account.id = %message.account,
        keyword = keyword.as_str(), "keyword answered"
    );
    Ok(())
}

/// What the account says to the keyword. That a sender writes no more, or again, is
/// not said where opt-outs do not keep it from writing.
async fn words(
    directory: &Directory<impl DirectoryStore>,
    reply: &Reply,
    keyword: Keyword,
) -> Result<Option<Text>, StoreError> {
    if keyword != Keyword::Help && directory.exemptions().await?.cover(&reply.to, &reply.account) {
        return Ok(None);
    }
    let Some(account) = directory.account(&reply.account).await? else { return Ok(None) };
    Ok(account.answer_to(keyword).unwrap_or_else(|error| {
        warn!(account.id = %account.id, keyword = keyword.as_str(), %error, "the answer to a keyword cannot be sent");
        None
    }))
}

/// Over the channel that the keyword came by. Its client did not post it, and so is
/// not called back about it.
fn message(reply: &Reply, keyword: Keyword, kind: SenderKind, text: Text, now: Timestamp) -> Message {
    let from = SentFrom { kind, id: reply.to.clone() };
    let over = Some(reply.channel).filter(|channel| *channel != Channel::Sms);
    let draft = Draft {
        channels: over.into_iter().collect(),
        ..Draft::new(reply.from.clone(), SenderChoice::Custom(reply.to.clone()), text)
    };
    let id = MessageId::of_answer_to(reply.id);
    Message { keyword: Some(keyword), ..accept::unasked(id, &reply.account, reply.dialect, &draft, from, now) }
}
