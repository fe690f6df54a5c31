//! Senders exempt from opt-outs: a single directory item, with an attribute per sender.

use tracing::error;

use super::{DynamoDirectory, Item, keys, string};
use crate::{
    domain::{AccountId, Exemptions, SenderId},
    store::StoreError,
};

impl DynamoDirectory {
    /// Exempts an account's messages from this sender, or ends the exemption.
    pub async fn set_exempt(&self, sender: &SenderId, account: Option<&AccountId>) -> Result<(), StoreError> {
        let update = self.update(keys::EXEMPT.to_owned());
        let update = match account {
            Some(account) => update.set(&keys::sender(sender), string(account.as_str())),
            None => update.remove(&keys::sender(sender)),
        };
        update.send("exempt a sender").await.map(drop)
    }

    /// Returns the exempt senders.
    pub async fn latest_exemptions(&self) -> Result<Exemptions, StoreError> {
        Ok(self.latest(keys::EXEMPT.to_owned()).await?.as_ref().map(read_exemptions).unwrap_or_default())
    }
}

/// Skips entries that do not parse: those senders are not exempt.
pub(super) fn read_exemptions(item: &Item) -> Exemptions {
    let senders = item.iter().filter_map(|(name, value)| Some((name.strip_prefix(keys::SENDER)?, value)));
    senders
        .filter_map(|(sender, value)| {
            let account = value.as_s().ok().and_then(|account| account.parse::<AccountId>().ok());
            let read = sender.parse::<SenderId>().ok().zip(account);
            if read.is_none() {
                error!("ignored an unreadable exempt sender in the directory");
            }
            read
        })
        .collect()
}
