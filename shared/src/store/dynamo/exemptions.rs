//! The senders that opt-outs do not block: one item of the directory, read at
//! once, and each an attribute, as with the rates.

use super::{DynamoDirectory, Item, directory::unreadable, keys, string};
use crate::{
    domain::{AccountId, Exemptions, SenderId},
    store::StoreError,
};

impl DynamoDirectory {
    /// Exempts a sender for what that account sends from it; with none, no longer.
    ///
    /// # Errors
    /// When the store did not answer.
    pub async fn set_exempt(&self, sender: &SenderId, account: Option<&AccountId>) -> Result<(), StoreError> {
        let update = self.update(keys::EXEMPT.to_owned());
        let update = match account {
            Some(account) => update.set(&keys::sender(sender), string(account.as_str())),
            None => update.remove(&keys::sender(sender)),
        };
        update.send("exempt a sender").await.map(drop)
    }

    /// Every exempt sender.
    ///
    /// # Errors
    /// When the store did not answer.
    pub async fn latest_exemptions(&self) -> Result<Exemptions, StoreError> {
        let item = self.latest(keys::EXEMPT.to_owned()).await?;
        item.as_ref().map_or_else(|| Ok(Exemptions::default()), read_exemptions)
    }
}

pub(super) fn read_exemptions(item: &Item) -> Result<Exemptions, StoreError> {
    let senders = item.iter().filter_map(|(name, value)| Some((name.strip_prefix(keys::SENDER)?, value)));
    senders
        .map(|(sender, value)| {
            let account = value.as_s().map_err(|_| unreadable("the account of an exempt sender"))?;
            Ok((SenderId::parse(sender).map_err(unreadable)?, AccountId::parse(account).map_err(unreadable)?))
        })
        .collect()
}
