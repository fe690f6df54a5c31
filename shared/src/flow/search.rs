//! Search: find an account's sent messages, and read one page by its number.
//!
//! A numbered page needs the total, so a search lists the IDs of all messages that may be on a page, from the index
//! alone. A filter on content needs the messages themselves: we read all on the list, a few at a time. So a search has
//! a limit, [`MOST_SEARCHED`].

use jiff::{SignedDuration, Timestamp};

use super::{Gateway, Unavailable, accept::FURTHEST};
use crate::{
    domain::{AccountId, BatchId, Message, MessageId, PhoneNumber, Reference, RequestNumber},
    store::{MessageList, Messages, Span},
};

/// The most messages that a search lists: the newest.
pub const MOST_SEARCHED: usize = 5_000;
/// How far a search without a start goes back from its end.
pub const SEARCHED: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Messages read at once. A message may have 256 KiB.
const READ_AT_ONCE: usize = 100;

/// A search for an account's messages.
pub struct Search<'a> {
    /// A request's number, a recipient, or a client's own reference, tried in this order.
    pub text: Option<&'a str>,
    /// The earliest time of acceptance. Without it, [`SEARCHED`] before the end.
    pub since: Option<Timestamp>,
    /// The latest time of acceptance.
    pub until: Option<Timestamp>,
    /// A filter on messages. Without one, we read only the page's messages.
    pub admits: Option<&'a (dyn Fn(&Message) -> bool + Sync)>,
    pub oldest_first: bool,
    /// Messages on earlier pages.
    pub skip: usize,
    /// The most messages on the page.
    pub limit: usize,
}

/// A page of a search.
#[derive(Debug, Default)]
pub struct Found {
    pub messages: Vec<Message>,
    /// How many messages all pages have.
    pub total: usize,
    /// Whether older messages in the span were not searched.
    pub omits_older: bool,
}

/// Returns a page of the account's messages. A request's number is found at any age, within `since` and `until` if they
/// are given. Messages to a recipient from sender IDs that are names are found only if there are none from numbers.
pub async fn search(gateway: &Gateway, account: &AccountId, search: &Search<'_>) -> Result<Found, Unavailable> {
    let Some(text) = search.text else {
        let list = gateway.store.list_messages(account, search.span(gateway), MOST_SEARCHED).await?;
        return read_page(gateway, search, list, search.admits).await;
    };
    let number = text.parse().ok().and_then(RequestNumber::new);
    if let Some(number) = number {
        let list = list_request(gateway, account, number, search).await?;
        if !list.ids.is_empty() {
            return read_page(gateway, search, list, search.admits).await;
        }
    }
    let recipient = text.parse::<PhoneNumber>().ok();
    if let Some(recipient) = &recipient {
        let span = search.span(gateway);
        let list = gateway.store.list_messages_to(account, recipient, span, MOST_SEARCHED).await?;
        if !list.ids.is_empty() {
            return read_page(gateway, search, list, search.admits).await;
        }
    }
    let list = gateway.store.list_messages(account, search.span(gateway), MOST_SEARCHED).await?;
    let is_named = |message: &Message| {
        message.request.reference.as_ref().map(Reference::as_str) == Some(text)
            || number.is_some_and(|number| message.batch.number() == number.get())
            || recipient.as_ref() == Some(&message.request.to)
    };
    let admits = |message: &Message| is_named(message) && search.admits.is_none_or(|admits| admits(message));
    read_page(gateway, search, list, Some(&admits)).await
}

impl Search<'_> {
    fn span(&self, gateway: &Gateway) -> Span {
        let now = gateway.clock.now();
        // The log lists messages by acceptance, but retention counts from the send time, up to `FURTHEST` later.
        let kept = SignedDuration::from_hours(24 * i64::from(gateway.settings.retention_days)) + FURTHEST;
        let before = |end: Timestamp, passed| end.saturating_sub(passed).unwrap_or_default().max(Timestamp::UNIX_EPOCH);
        let newest = self.until.unwrap_or(now).min(now);
        let oldest = self.since.unwrap_or_else(|| before(newest, SEARCHED)).max(before(now, kept));
        Span { oldest, newest }
    }

    fn is_in_time(&self, message: &Message) -> bool {
        self.since.is_none_or(|since| message.created_at >= since)
            && self.until.is_none_or(|until| message.created_at <= until)
    }
}

/// Lists a numbered request's messages in order. Most numbered requests have no stored batch, so we read messages until
/// one is missing.
async fn list_request(
    gateway: &Gateway,
    account: &AccountId,
    number: RequestNumber,
    search: &Search<'_>,
) -> Result<MessageList, Unavailable> {
    let batch = BatchId::of_number(account, number);
    let mut list = MessageList::default();
    // The first message alone tells whether the request exists.
    let (mut next, mut count) = (0, 1);
    while next < MOST_SEARCHED {
        let ids: Vec<_> = (next..next + count).map(|index| MessageId::of_batch(account, batch, index)).collect();
        let found = gateway.store.recent_messages(&ids).await?;
        let is_last = found.len() < ids.len();
        let is_wanted = |message: &&Message| message.batch == batch && search.is_in_time(message);
        list.ids.extend(found.iter().filter(is_wanted).map(|message| message.id));
        if is_last {
            break;
        }
        (next, count) = (next + count, READ_AT_ONCE);
    }
    Ok(list)
}

async fn read_page(
    gateway: &Gateway,
    search: &Search<'_>,
    list: MessageList,
    admits: Option<&(dyn Fn(&Message) -> bool + Sync)>,
) -> Result<Found, Unavailable> {
    let MessageList { mut ids, omits_older } = list;
    if search.oldest_first {
        ids.reverse();
    }
    let Some(admits) = admits else {
        let page: Vec<_> = ids.iter().copied().skip(search.skip).take(search.limit).collect();
        let messages = if page.is_empty() { Vec::new() } else { gateway.store.recent_messages(&page).await? };
        return Ok(Found { messages, total: ids.len(), omits_older });
    };
    let mut found = Found { omits_older, ..Found::default() };
    for ids in ids.chunks(READ_AT_ONCE) {
        for message in gateway.store.recent_messages(ids).await? {
            if !admits(&message) {
                continue;
            }
            if found.total >= search.skip && found.messages.len() < search.limit {
                found.messages.push(message);
            }
            found.total += 1;
        }
    }
    Ok(found)
}
