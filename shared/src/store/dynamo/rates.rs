//! Senders' rate limits: a single directory item, with an attribute per sender. A sender keeps its limit
//! under a new owner, and operators who set different senders' limits do not overwrite each other.

use super::{
    DynamoDirectory, Item,
    change::UpdateResult,
    directory::{read_owner, unreadable},
    keys, number,
};
use crate::{
    domain::{Rate, Rates, SenderId, SenderOwner},
    store::StoreError,
};

impl DynamoDirectory {
    /// Replaces the rate limits.
    pub async fn put_rates<'a>(
        &self,
        rates: impl IntoIterator<Item = (&'a SenderId, &'a Rate)>,
    ) -> Result<(), StoreError> {
        let item: Item =
            rates.into_iter().map(|(sender, rate)| (keys::sender(sender), number(rate.per_second()))).collect();
        self.put(keys::RATES.to_owned(), item).await
    }

    /// Sets or removes a sender's rate limit. Returns all rate limits.
    pub async fn set_rate(&self, sender: &SenderId, rate: Option<Rate>) -> Result<Rates, StoreError> {
        let rate = rate.map(|rate| number(rate.per_second()));
        let update = self.update(keys::RATES.to_owned()).set_or_remove(&keys::sender(sender), rate);
        match update.send("set a rate").await? {
            UpdateResult::Applied(item) | UpdateResult::Conflict(item) => read_rates(&item),
            UpdateResult::NotFound => Err(unreadable("rates that were just written are missing")),
        }
    }

    /// Returns the rate limits.
    pub async fn latest_rates(&self) -> Result<Rates, StoreError> {
        self.latest(keys::RATES.to_owned()).await?.as_ref().map_or_else(|| Ok(Rates::default()), read_rates)
    }

    /// Returns a sender's owner.
    pub async fn latest_owner(&self, sender: &SenderId) -> Result<Option<SenderOwner>, StoreError> {
        self.latest(keys::sender(sender)).await?.as_ref().map(read_owner).transpose()
    }
}

pub(super) fn read_rates(item: &Item) -> Result<Rates, StoreError> {
    let rates = item.iter().filter_map(|(name, value)| Some((name.strip_prefix(keys::SENDER)?, value)));
    rates
        .map(|(sender, value)| {
            let rate = value.as_n().map_err(|_| unreadable("a rate is not a number"))?;
            Ok((sender.parse::<SenderId>().map_err(unreadable)?, rate.parse::<Rate>().map_err(unreadable)?))
        })
        .collect()
}
