//! Query: read an account's own messages and conversations.

use jiff::{SignedDuration, Timestamp};

use super::{Gateway, Unavailable, accept::FURTHEST};
use crate::{
    domain::{AccountId, Message, MessageId, PhoneNumber, SenderId, State},
    store::{Entry, Freshness, Messages, Page, Position, Recipients, Record, StoreError},
};

/// Pages read at most for a request of which a filter may leave out entries.
const PAGES: usize = 10;
/// Entries in such a page.
const READ_AT_ONCE: u16 = 100;
/// Limit on the content in an answer, in bytes. Lambda answers 6 MB at most. JSON may turn a byte into six, and the
/// last entry may exceed the limit by 256 KiB.
const MOST_BYTES: usize = 512 << 10;

/// Selects messages and replies of an account.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only messages, and only in this state.
    pub state: Option<State>,
    /// Messages to this number, and replies from it.
    pub number: Option<PhoneNumber>,
    /// Messages from this sender ID, and replies to it.
    pub sender: Option<SenderId>,
}

impl Filter {
    /// Returns whether a list leaves out messages from names: none can be answered, so they are in no
    /// conversation, and an index entry for each costs a write. With the name as sender, the log is searched.
    #[must_use]
    pub fn omits_names(&self) -> bool {
        self.number.is_some() && self.sender.is_none()
    }

    fn source(&self) -> Source<'_> {
        match (&self.number, &self.sender) {
            (Some(number), None) => Source::Number(number),
            (Some(number), Some(sender)) if sender.can_receive() => Source::Conversation(number, sender),
            (Some(_) | None, _) => Source::Log,
        }
    }

    /// Returns whether every entry of the source matches.
    fn admits_all_of(&self, source: Source<'_>) -> bool {
        self.state.is_none() && (source != Source::Log || (self.number.is_none() && self.sender.is_none()))
    }

    fn admits(&self, entry: &Entry) -> bool {
        let (state, number, sender) = match &entry.record {
            Record::Out(message) => (Some(message.state()), Some(&message.request.to), &message.request.from.id),
            Record::In(reply) => (None, reply.from.number(), &reply.to),
        };
        self.state.is_none_or(|wanted| state == Some(wanted))
            && self.number.as_ref().is_none_or(|wanted| number == Some(wanted))
            && self.sender.as_ref().is_none_or(|wanted| sender == wanted)
    }
}

/// Returns how many bytes of content an entry has.
fn size(entry: &Entry) -> usize {
    match &entry.record {
        Record::Out(message) => {
            let content = message.request.content.as_ref().map_or(0, |content| content.to_json().len());
            message.request.text.as_str().len() + content
        }
        Record::In(reply) if reply.content.extras.is_empty() => reply.content.text.len(),
        Record::In(reply) => reply.content.text.len() + reply.content.extras.to_json().len(),
    }
}

/// The smallest list with all entries of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source<'a> {
    Log,
    Number(&'a PhoneNumber),
    Conversation(&'a PhoneNumber, &'a SenderId),
}

/// Returns the account's message with this ID.
pub async fn message(gateway: &Gateway, account: &AccountId, id: MessageId) -> Result<Option<Message>, Unavailable> {
    Ok(gateway.store.message(id, Freshness::Latest).await?.filter(|message| message.account == *account))
}

/// Returns up to `limit` of the account's matching entries, newest first.
///
/// With a number, the work does not depend on the account's other entries, unless the sender is a name. A
/// request of which a filter may leave out entries reads 1,000 at most, so its page may be short or empty and
/// still have a next page. A page is also short if its entries have much content.
pub async fn list(
    gateway: &Gateway,
    account: &AccountId,
    filter: &Filter,
    after: Option<Position>,
    limit: u16,
) -> Result<Page, Unavailable> {
    let source = filter.source();
    let (at_once, pages) = if filter.admits_all_of(source) { (limit, 1) } else { (READ_AT_ONCE, PAGES) };
    let (mut entries, mut next, mut bytes) = (Vec::new(), after, 0);
    for _ in 0..pages {
        let page = read(gateway, account, source, next.as_ref(), at_once).await?;
        for entry in page.entries.into_iter().filter(|entry| filter.admits(entry)) {
            bytes += size(&entry);
            entries.push(entry);
            if entries.len() == usize::from(limit) || bytes > MOST_BYTES {
                let next = entries.last().map(|entry| entry.position.clone());
                return Ok(Page { entries, next });
            }
        }
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    Ok(Page { entries, next })
}

async fn read(
    gateway: &Gateway,
    account: &AccountId,
    source: Source<'_>,
    after: Option<&Position>,
    limit: u16,
) -> Result<Page, StoreError> {
    match source {
        Source::Number(number) => gateway.store.with_number(account, number, after, limit).await,
        Source::Conversation(number, sender) => gateway.store.conversation(account, sender, number, after, limit).await,
        Source::Log => {
            let newest = gateway.clock.now();
            // The log lists messages by acceptance, but retention counts from the send time, up to `FURTHEST`
            // later.
            let kept = SignedDuration::from_hours(24 * i64::from(gateway.settings.retention_days)) + FURTHEST;
            let oldest = newest.saturating_sub(kept).unwrap_or(Timestamp::MIN);
            gateway.store.log(account, oldest, newest, after, limit).await
        }
    }
}

/// Returns a page of an account's conversation with a number, newest first. Without a `sender`, the shared
/// sender locked to the account for this number.
pub async fn conversation(
    gateway: &Gateway,
    account: &AccountId,
    number: PhoneNumber,
    sender: Option<SenderId>,
    after: Option<Position>,
    limit: u16,
) -> Result<Page, Unavailable> {
    let sender = match sender {
        Some(sender) => Some(sender),
        None => gateway.store.recipient(&number).await?.sender_of.remove(account),
    };
    if sender.is_none() {
        return Ok(Page::default());
    }
    let filter = Filter { state: None, number: Some(number), sender };
    list(gateway, account, &filter, after, limit).await
}
