//! Keywords: set or clear the opt-out, and send the account's automatic reply.
//!
//! - **Crash.** Every write names the recipient's reply, and the answer's ID is derived from the reply's ID.
//!   So a redelivery completes the work and repeats none.
//! - **Loop.** A STOP or START without effect gets no answer, and each keyword gets one answer a day at most.
//!   So two machines cannot answer each other for ever.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};

use crate::{
    domain::{
        CarrierReply, Channel, Draft, Keyword, Keywords, Message, MessageId, PhoneNumber, Progress, Reply,
        SenderChoice, SenderKind, SentFrom, Text, Validity, Word,
    },
    flow::{Gateway, Unavailable, accept},
    queue::{Queue, QueuedJob},
    store::{Directory, Insertion, KeywordOrder, Messages, Recipients, StoreError},
};

/// How long the same keyword gets no second answer.
const ONCE_IN: SignedDuration = SignedDuration::from_hours(24);
/// How long after its arrival a keyword is answered. A later confirmation would not be understood.
const ANSWERED_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// Parses a keyword. Reads the operator's keywords only for a possible word that is not built in.
pub(super) async fn parse_keyword(directory: &Directory, text: &str) -> Result<Option<Keyword>, StoreError> {
    let built_in = Keywords::default().meaning_of(text);
    if built_in.is_some() || text.parse::<Word>().is_err() {
        return Ok(built_in);
    }
    Ok(directory.keywords().await?.meaning_of(text))
}

/// Returns when the keyword was written. The carrier's time counts only up to the arrival, because its clock may be
/// ahead.
pub(super) fn keyword_time(reply: &CarrierReply, received_at: Timestamp) -> Timestamp {
    reply.at.map_or(received_at, |at| at.min(received_at))
}

/// Sets or clears the opt-out. Returns whether the keyword calls for an answer.
///
/// The most recent of STOP and START wins, however often and in whichever order they are delivered.
pub(super) async fn apply_keyword(
    gateway: &Gateway,
    keyword: Keyword,
    order: &KeywordOrder<'_>,
) -> Result<bool, StoreError> {
    let calls_for_answer = match keyword {
        Keyword::Stop => gateway.store.opt_out(order).await?,
        Keyword::Start => gateway.store.opt_in(order).await?,
        Keyword::Help => true,
    };
    info!(reply.id = %order.reply, keyword = keyword.into_str(), "keyword");
    Ok(calls_for_answer)
}

/// A keyword to answer.
#[derive(Clone, Copy)]
pub(super) struct KeywordRequest<'a> {
    pub(super) reply: &'a Reply,
    pub(super) number: &'a PhoneNumber,
    pub(super) keyword: Keyword,
    pub(super) received_at: Timestamp,
}

/// Sends the account's answer, once, from the sender of the conversation.
pub(super) async fn send_auto_reply(
    gateway: &Gateway,
    directory: &Directory,
    request: &KeywordRequest<'_>,
    kind: SenderKind,
) -> Result<(), Unavailable> {
    let KeywordRequest { reply, number, keyword, received_at } = *request;
    let now = gateway.clock.now();
    let until = received_at.saturating_add(ANSWERED_WITHIN).unwrap_or(now);
    if now >= until {
        info!(reply.id = %reply.id, keyword = keyword.into_str(), "keyword too old for an automatic reply");
        return Ok(());
    }
    let Some(text) = auto_reply_text(directory, reply, keyword).await? else { return Ok(()) };
    let order = KeywordOrder { number, sender: &reply.to, at: now, reply: reply.id };
    let since = now.saturating_sub(ONCE_IN).unwrap_or(Timestamp::MIN);
    if !gateway.store.claim_auto_reply(&order, keyword, since).await? {
        info!(reply.id = %reply.id, keyword = keyword.into_str(), "keyword was answered within a day");
        return Ok(());
    }
    let message = build_auto_reply(request, kind, text, (now, until));
    let message = match gateway.store.insert_once(&message).await? {
        Insertion::New => message,
        Insertion::Existing(found) => *found,
    };
    if message.delivery.progress == Progress::Queued {
        // If the sender has a rate limit, `dispatch` puts the message on its line.
        gateway.queue.enqueue(&[QueuedJob::submit(&message, Duration::ZERO)]).await?;
    }
    info!(
        reply.id = %reply.id, message.id = %message.id, account.id = %message.account,
        keyword = keyword.into_str(), "keyword answered"
    );
    Ok(())
}

/// Returns the account's answer. Exempt senders confirm no STOP or START, because opt-outs do not block
/// them.
async fn auto_reply_text(directory: &Directory, reply: &Reply, keyword: Keyword) -> Result<Option<Text>, StoreError> {
    if keyword != Keyword::Help && directory.exemptions().await?.cover(&reply.to, &reply.account) {
        return Ok(None);
    }
    let Some(account) = directory.account(&reply.account).await? else { return Ok(None) };
    Ok(account.answer_to(keyword).unwrap_or_else(|error| {
        warn!(account.id = %account.id, keyword = keyword.into_str(), %error, "automatic reply cannot be sent");
        None
    }))
}

/// Builds the answer on the keyword's channel, without callbacks, because no client posted the message.
fn build_auto_reply(
    request: &KeywordRequest<'_>,
    kind: SenderKind,
    text: Text,
    (now, until): (Timestamp, Timestamp),
) -> Message {
    let KeywordRequest { reply, number, keyword, .. } = *request;
    let from = SentFrom { kind, id: reply.to.clone() };
    let over = Some(reply.channel).filter(|channel| *channel != Channel::Sms);
    let draft = Draft {
        channels: over.into_iter().collect(),
        validity: Some(Validity::Until(until)),
        ..Draft::new(number.clone(), SenderChoice::Custom(reply.to.clone()), text)
    };
    let id = MessageId::of_answer_to(reply.id);
    let mut message = accept::auto_reply(id, &reply.account, reply.dialect, &draft, from, now);
    message.request.keyword = Some(keyword);
    message
}
