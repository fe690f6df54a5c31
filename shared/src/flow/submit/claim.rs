//! Claim: take and release the right to submit a message.

use jiff::SignedDuration;
use tracing::{debug, warn};

use crate::{
    domain::{ExecutionId, MessageId, Progress},
    flow::Gateway,
    runtime::error_chain,
    store::{Change, Lease, Messages, OutcomeUpdate, StoreError},
};

/// The lease is longer than any carrier's timeout and shorter than the queue's visibility timeout. It is no
/// shorter than the function's timeout, which starts earlier, so no worker outlives its lease.
pub(in crate::flow) const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// Claims a due message that no worker holds.
pub(super) async fn claim(gateway: &Gateway, id: MessageId, lease: Lease) -> Result<Change, StoreError> {
    let claimed = gateway.store.claim(id, lease).await;
    match &claimed {
        Ok(Change::Applied(message)) => {
            debug!(message.id = %id, attempts = message.delivery.attempts, "claimed");
        }
        Ok(Change::Conflict(_) | Change::NotFound) => {}
        // The claim may have been written, and only the store's answer lost.
        Err(_) => release(gateway, id, lease.execution_id).await,
    }
    claimed
}

/// Sets a message that this execution holds back to queued. Otherwise its outcome would become unknown when
/// the lease expires. Enqueues no job: the caller returns an error, and the queue redelivers its job.
pub(super) async fn release(gateway: &Gateway, id: MessageId, execution_id: ExecutionId) {
    let back = OutcomeUpdate::new(execution_id, Progress::Queued, gateway.clock.now());
    if let Err(error) = gateway.store.record_outcome(id, &back).await {
        warn!(message.id = %id, error = error_chain(&error), "could not release claim");
    }
}
