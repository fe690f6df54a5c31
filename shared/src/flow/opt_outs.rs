//! Opt-outs as an account's client sets and reads them. `replies` records those of recipients.
//!
//! A client opts a recipient out of all messages of its account, and no other account learns of it. The recipient's
//! START to a sender of the account overrides that.

use std::collections::BTreeSet;

use tracing::info;

use super::{Gateway, Unavailable};
use crate::{
    domain::{AccountId, PhoneNumber},
    store::{Directory, Recipients},
};

/// Opts a recipient out of all messages of the account. A repeat counts as a new opt-out, after any START so far.
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

/// Returns the recipients of whom an opt-out concerns the account. May miss opt-outs of the last second.
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
