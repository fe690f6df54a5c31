//! What belonged to nothing is tried again: a receipt whose message was not there,
//! a reply to a sender that nobody had.
//!
//! It is kept with its wake in one write, so that whoever has parked it has also
//! seen to its next try; and it is taken away only after it is on record
//! elsewhere, so that a run that is cut off is run again, and finds a repeat.

use jiff::{SignedDuration, Timestamp};
use tracing::{debug, error, info, warn};

use super::{
    Gateway, Unavailable,
    receipt::{Matched, Named, apply, name},
    reply::{Attributed, Came, attribute},
};
use crate::{
    carriers::{Each, UnreadableError},
    domain::{Parked, ParkedId, ParkedKind},
    queue::{Job, Queue},
    runtime::{About, Metric},
    store::{Bookmark, Directory, DirectoryStore, Messages, Parking, Recipients, SentIds, StoreError},
};

/// By how much one machine's clock may be ahead of another's. What happened later than
/// this after a receipt or reply had come is not what that is about.
pub(super) const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(1);

/// Whether something may be about what happened at `at`, if it came at `came_at`.
pub(super) fn may_be_about(at: Timestamp, came_at: Timestamp) -> bool {
    at.duration_since(came_at) <= CLOCKS_DIFFER
}

/// Keeps what belongs to nothing.
pub(super) async fn park(gateway: &Gateway<impl Parking, impl Queue>, parked: Parked) -> Result<(), StoreError> {
    let id = parked.id;
    let is_new = gateway.store.park(&parked).await?;
    if is_new {
        gateway.metrics.count(Metric::Parked, About::new(None, Some(id.carrier)), 1);
    }
    let words = if is_new { "parked" } else { "parked already" };
    warn!(parked.id = %id.uuid, carrier = id.carrier.as_str(), parked.kind = id.kind.as_str(), "matches nothing and is {words}");
    Ok(())
}

/// Tries again what is parked under that id.
///
/// # Errors
/// When the store or queue did not answer. Run it again.
pub async fn try_again(
    gateway: &Gateway<impl Messages + Recipients + Parking + SentIds, impl Queue>,
    directory: &Directory<impl DirectoryStore>,
    id: ParkedId,
) -> Result<(), Unavailable> {
    let Some(parked) = gateway.store.parked(id).await? else {
        debug!(parked.id = %id.uuid, "was matched");
        return Ok(());
    };
    if parked.kept_until() <= gateway.clock.now() {
        info!(parked.id = %id.uuid, carrier = id.carrier.as_str(), parked.kind = id.kind.as_str(), tries = parked.tries, "never matched");
        gateway.store.unpark(id).await?;
        return Ok(());
    }
    let tried = match id.kind {
        ParkedKind::Receipt => receipt_again(gateway, directory, &parked).await,
        ParkedKind::Reply => reply_again(gateway, directory, &parked).await,
    };
    let is_matched = tried.or_else(|error| match error {
        // It does not get better by itself, and must not fill the dead letters.
        Unavailable::Store(error @ StoreError::Unreadable { .. }) => {
            error!(parked.id = %id.uuid, %error, "what it may be about cannot be read");
            Ok(false)
        }
        error => Err(error),
    })?;
    if is_matched {
        gateway.store.unpark(id).await?;
        info!(parked.id = %id.uuid, carrier = id.carrier.as_str(), parked.kind = id.kind.as_str(), tries = parked.tries + 1, "matched at last");
        return Ok(());
    }
    let tried = parked.tried_in_vain(gateway.clock.now());
    gateway.store.park_again(&tried).await?;
    let again_at = tried.again_at.map(|at| at.to_string());
    info!(parked.id = %id.uuid, carrier = id.carrier.as_str(), parked.kind = id.kind.as_str(), tries = tried.tries, again_at, "still matches nothing");
    Ok(())
}

async fn receipt_again(
    gateway: &Gateway<impl Messages + SentIds, impl Queue>,
    directory: &Directory<impl DirectoryStore>,
    parked: &Parked,
) -> Result<bool, Unavailable> {
    let carrier = parked.id.carrier;
    let Some(receipt) = the_one(parked, carrier.read_receipts(parked.payload.as_bytes())) else { return Ok(false) };
    match name(gateway, directory, carrier, parked.submit, &receipt).await? {
        Named::As(submit) => Ok(apply(gateway, carrier, submit, &receipt, parked.came_at).await? == Matched::Yes),
        Named::NotYet | Named::Never => Ok(false),
    }
}

async fn reply_again(
    gateway: &Gateway<impl Messages + Recipients, impl Queue>,
    directory: &Directory<impl DirectoryStore>,
    parked: &Parked,
) -> Result<bool, Unavailable> {
    let carrier = parked.id.carrier;
    let Some(reply) = the_one(parked, carrier.read_replies(parked.payload.as_bytes())) else { return Ok(false) };
    let attributed = attribute(gateway, directory, carrier, &reply, Came::Before(parked.came_at)).await?;
    Ok(attributed == Attributed::Recorded)
}

/// The one that is parked, of those in the body. A release may read otherwise than
/// the one that parked it.
fn the_one<T>(parked: &Parked, read: Result<Each<T>, UnreadableError>) -> Option<T> {
    let found = match read.and_then(|all| all.into_iter().nth(parked.index).transpose()) {
        Ok(found) => found,
        Err(error) => {
            warn!(parked.id = %parked.id.uuid, %error, "what is parked cannot be read");
            return None;
        }
    };
    if found.is_none() {
        warn!(parked.id = %parked.id.uuid, "what is parked is not in its body");
    }
    found
}

/// Enqueues everything that is parked, to be tried now: for an operator. It reads the
/// whole table of messages. Says how many.
///
/// # Errors
/// When the store or queue did not answer. Running it again is safe.
pub async fn replay(gateway: &Gateway<impl Parking, impl Queue>) -> Result<usize, Unavailable> {
    let (mut enqueued, mut after): (usize, Option<Bookmark>) = (0, None);
    loop {
        let (found, next) = gateway.store.all_parked(after).await?;
        let jobs: Vec<_> = found.iter().map(|parked| (Job::Parked(parked.id), std::time::Duration::ZERO)).collect();
        if !jobs.is_empty() {
            gateway.queue.enqueue(&jobs).await?;
            enqueued += jobs.len();
        }
        after = next;
        if after.is_none() {
            return Ok(enqueued);
        }
    }
}
