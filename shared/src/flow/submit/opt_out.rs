//! Opt-out: check whether the recipient has blocked the sender, and record opt-outs reported by carriers.

use jiff::Timestamp;
use tracing::info;

use crate::{
    domain::{ExecutionId, Message, Recipient, ReplyId},
    flow::Gateway,
    store::{Directory, KeywordOrder, Recipients, StoreError},
};

/// Why a message is blocked.
pub(super) const OPTED_OUT: &str = "the recipient has opted out of this sender";

/// Returns whether the recipient's opt-out blocks the message. Reads the exempt senders only for recipients
/// who have opted out.
pub(super) async fn is_blocked(
    directory: &Directory,
    message: &Message,
    recipient: &Recipient,
) -> Result<bool, StoreError> {
    if message.passes_opt_outs() {
        return Ok(false);
    }
    let (account, sender) = (&message.account, &message.request.from.id);
    Ok(recipient.has_opted_out(account, sender) && !directory.exemptions().await?.cover(sender, account))
}

/// Records the opt-out for which a carrier refused the message. As with a STOP, a later START lifts it.
///
/// `begun` is a time before the submit, so that any START received since then counts as later.
pub(super) async fn record_opt_out(
    gateway: &Gateway,
    message: &Message,
    execution_id: ExecutionId,
    begun: Timestamp,
) -> Result<(), StoreError> {
    let (number, sender) = (&message.request.to, &message.request.from.id);
    let reply = ReplyId::of_refused_submit(message.id, execution_id);
    let is_new = gateway.store.opt_out(&KeywordOrder { number, sender, at: begun, reply }).await?;
    if is_new {
        info!(message.id = %message.id, "carrier reported an opt-out");
    }
    Ok(())
}
