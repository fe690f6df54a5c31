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
    let has_opted_out = recipient.opt_outs.contains(&message.request.from.id);
    Ok(has_opted_out && !directory.exemptions().await?.cover(&message.request.from.id, &message.account))
}
