//! Query: read an account's own messages and conversations.

use jiff::{SignedDuration, Timestamp};

use super::{Gateway, Unavailable, accept::FURTHEST};
use crate::{
    domain::{AccountId, Message, MessageId, PhoneNumber, SenderId, State},
    store::{Entry, Freshness, Messages, Page, Position, Recipients, Record},
};

/// Entries read at most per filtered request.
const LOOKED_AT: usize = 1000;
/// Entries per page of a filtered request.
const READ_AT_ONCE: u16 = 100;

/// Selects entries of a log.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub state: Option<State>,
    /// Messages to this number, and replies from it.
    pub number: Option<PhoneNumber>,
}

impl Filter {
    fn admits_all(&self) -> bool {
        self.state.is_none() && self.number.is_none()
    }

    fn admits(&self, entry: &Entry) -> bool {
        let (state, number) = match &entry.record {
            Record::Out(message) => (Some(message.state()), &message.request.to),
            Record::In(reply) => (None, &reply.from),
        };
        self.state.is_none_or(|wanted| state == Some(wanted))
            && self.number.as_ref().is_none_or(|wanted| number == wanted)
    }
}

/// Returns the account's message with this ID.
pub async fn message(gateway: &Gateway, account: &AccountId, id: MessageId) -> Result<Option<Message>, Unavailable> {
    Ok(gateway.store.message(id, Freshness::Latest).await?.filter(|message| message.account == *account))
}

/// Returns up to `limit` entries of the account's log, newest first.
///
/// A filtered request reads 1,000 entries at most, so its page may be short or empty and still have a next
/// page.
pub async fn log(
    gateway: &Gateway,
    account: &AccountId,
    filter: &Filter,
    after: Option<Position>,
    limit: u16,
) -> Result<Page, Unavailable> {
    let newest = gateway.clock.now();
    // The log lists messages by acceptance, but retention counts from the send time, up to `FURTHEST` later.
    let kept = SignedDuration::from_hours(24 * i64::from(gateway.settings.retention_days)) + FURTHEST;
    let oldest = newest.saturating_sub(kept).unwrap_or(Timestamp::MIN);
    let at_once = if filter.admits_all() { limit } else { READ_AT_ONCE };
    let mut entries = Vec::new();
    let mut after = after;
    let mut looked_at = 0;
    loop {
        let page = gateway.store.log(account, oldest, newest, after.as_ref(), at_once).await?;
        looked_at += page.entries.len();
        for entry in page.entries.into_iter().filter(|entry| filter.admits(entry)) {
            entries.push(entry);
            if entries.len() == usize::from(limit) {
                let next = entries.last().map(|entry| entry.position.clone());
                return Ok(Page { entries, next });
            }
        }
        if page.next.is_none() || looked_at >= LOOKED_AT {
            return Ok(Page { entries, next: page.next });
        }
        after = page.next;
    }
}

/// Returns a page of an account's conversation with a number, newest first. Without a `sender`, the shared
/// sender locked to the account for this number.
pub async fn conversation(
    gateway: &Gateway,
    account: &AccountId,
    number: &PhoneNumber,
    sender: Option<SenderId>,
    after: Option<Position>,
    limit: u16,
) -> Result<Page, Unavailable> {
    let sender = match sender {
        Some(sender) => Some(sender),
        None => gateway.store.recipient(number).await?.sender_of.remove(account),
    };
    match sender {
        Some(sender) => Ok(gateway.store.conversation(account, &sender, number, after.as_ref(), limit).await?),
        None => Ok(Page::default()),
    }
}
