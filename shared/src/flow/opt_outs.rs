//! Sets and reads a client's opt-outs for its account. `replies` records recipients' own opt-outs.
//!
//! A client opts a recipient out of all messages from its account, and no other account sees this. A recipient's later
//! START to one of the account's senders overrides the opt-out for that sender.

use std::collections::BTreeSet;

use tracing::info;

use super::{Gateway, Unavailable};
use crate::{
    domain::{AccountId, PhoneNumber},
    store::{Directory, Recipients},
};

/// Opts a recipient out of all messages from the account. A repeat is a new opt-out, and overrides any START so far.
pub async fn opt_out(gateway: &Gateway, account: &AccountId, number: &PhoneNumber) -> Result<(), Unavailable> {
    gateway.store.opt_out_of_account(number, account, gateway.clock.now()).await?;
    info!(account.id = %account, "recipient opted out by the client");
    Ok(())
}

/// Returns whether an opt-out of the recipient concerns the account. Sees every earlier opt-out.
pub async fn has_opted_out(
    gateway: &Gateway,
    directory: &Directory,
    account: &AccountId,
    number: &PhoneNumber,
) -> Result<bool, Unavailable> {
    let senders = directory.senders(account).await?;
    Ok(gateway.store.recipient(number).await?.is_out_of(account, &senders))
}

/// Returns the recipients with an opt-out that concerns the account. May miss opt-outs from the last second.
pub async fn opted_out(
    gateway: &Gateway,
    directory: &Directory,
    account: &AccountId,
    numbers: &BTreeSet<PhoneNumber>,
) -> Result<BTreeSet<PhoneNumber>, Unavailable> {
    if numbers.is_empty() {
        return Ok(BTreeSet::new());
    }
    let senders = directory.senders(account).await?;
    let numbers: Vec<_> = numbers.iter().cloned().collect();
    let found = gateway.store.recipients(&numbers).await?.into_iter();
    Ok(found.filter(|(_, recipient)| recipient.is_out_of(account, &senders)).map(|(number, _)| number).collect())
}
