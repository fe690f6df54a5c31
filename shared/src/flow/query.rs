//! What an account can read of its own messages and conversations.

use jiff::{SignedDuration, Timestamp};

use super::{Gateway, Unavailable, accept::FURTHEST};
use crate::{
    domain::{AccountId, Message, MessageId, PhoneNumber, SenderId, State},
    store::{Entry, Freshness, Messages, Page, Position, Recipients, Record},
};

/// How many entries one request looks at while it filters.
const LOOKED_AT: usize = 1000;
/// How many it reads at once when it filters.
const READ_AT_ONCE: u16 = 100;

/// Which entries of a log are wanted.
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

/// The account's message of that id, if it has one.
///
/// # Errors
/// When the store did not answer.
pub async fn message(gateway: &Gateway, account: &AccountId, id: MessageId) -> Result<Option<Message>, Unavailable> {
    Ok(gateway.store.message(id, Freshness::Latest).await?.filter(|message| message.account == *account))
}

/// Up to `limit` entries of the account's log, the newest first. With a filter
/// a page may be short, even empty, and still have a next one: a request looks
/// only so far.
///
/// # Errors
/// When the store did not answer.
pub async fn log(
    gateway: &Gateway,
    account: &AccountId,
    filter: &Filter,
    after: Option<Position>,
    limit: u16,
) -> Result<Page, Unavailable> {
    let newest = gateway.clock.now();
    // A message is kept from its time on, which may be long after it was accepted.
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

/// What went between the account and a number, the newest first: on `sender`,
/// or else on the shared sender that the conversation is locked to.
///
/// # Errors
/// When the store did not answer.
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
