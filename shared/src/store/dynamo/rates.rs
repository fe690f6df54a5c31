//! The rates of senders: one item of the directory, so that a function reads
//! all of them at once, and a sender keeps its own whoever owns or shares it.
//! Each is an attribute, so that two operators do not overwrite each other's.

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
    /// Makes these the rates.
    ///
    /// # Errors
    /// When the store did not answer.
    pub async fn put_rates<'a>(
        &self,
        rates: impl IntoIterator<Item = (&'a SenderId, &'a Rate)>,
    ) -> Result<(), StoreError> {
        let item: Item =
            rates.into_iter().map(|(sender, rate)| (keys::sender(sender), number(rate.per_second()))).collect();
        self.put(keys::RATES.to_owned(), item).await
    }

    /// Says how much a sender carries; with none, as much as there is.
    ///
    /// # Errors
    /// When the store did not answer.
    pub async fn set_rate(&self, sender: &SenderId, rate: Option<Rate>) -> Result<Rates, StoreError> {
        let update = self.update(keys::RATES.to_owned());
        let update = match rate {
            Some(rate) => update.set(&keys::sender(sender), number(rate.per_second())),
            None => update.remove(&keys::sender(sender)),
        };
        match update.send("set a rate").await? {
            UpdateResult::Applied(item) | UpdateResult::Conflict(item) => read_rates(&item),
            UpdateResult::NotFound => Err(unreadable("rates that were just written are not there")),
        }
    }

    /// Every rate.
    ///
    /// # Errors
    /// When the store did not answer.
    pub async fn latest_rates(&self) -> Result<Rates, StoreError> {
        self.latest(keys::RATES.to_owned()).await?.as_ref().map_or_else(|| Ok(Rates::default()), read_rates)
    }

    /// Whose a sender is.
    ///
    /// # Errors
    /// When the store did not answer.
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
