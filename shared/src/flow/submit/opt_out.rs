//! Opt-out: check whether the recipient has blocked the sender.

use crate::{
    domain::Message,
    flow::Gateway,
    store::{Directory, Recipients, StoreError},
};

/// Returns whether the recipient's opt-out blocks the message. Reads the exempt senders only for recipients
/// who have opted out.
pub(super) async fn is_blocked(
    gateway: &Gateway,
    directory: &Directory,
    message: &Message,
) -> Result<bool, StoreError> {
    if message.passes_opt_outs() {
        return Ok(false);
    }
    let recipient = gateway.store.recipient(&message.request.to).await?;
    let (account, sender) = (&message.account, &message.request.from.id);
    Ok(recipient.has_opted_out(account, sender) && !directory.exemptions().await?.cover(sender, account))
}
