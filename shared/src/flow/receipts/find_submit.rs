//! Find submit: by our reference in the path or receipt, or by the carrier's own ID.
//!
//! Carriers spell an ID in several ways (`carriers/carrier_id.rs`). We do not guess: a receipt with an
//! ambiguous ID stays unmatched.

use futures_util::future::try_join_all;
use tracing::warn;

use crate::{
    carriers::carrier_id::{canonical, spellings, unique_match},
    domain::{Carrier, CarrierReceipt, SubmitReference},
    flow::Gateway,
    runtime::{Metric, error_chain},
    store::{SentIds, StoreError},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flow) enum SubmitLookup {
    Found(SubmitReference),
    /// The carrier's answer to the submit may not be recorded yet.
    NotYet,
    Never,
}

/// Finds a submit by the reference in the path or receipt, or by the carrier's ID.
pub(in crate::flow) async fn find_submit(
    gateway: &Gateway,
    carrier: &Carrier,
    in_path: Option<SubmitReference>,
    receipt: &CarrierReceipt,
) -> Result<SubmitLookup, StoreError> {
    if let Some(submit) = in_path.or(receipt.reference) {
        return Ok(SubmitLookup::Found(submit));
    }
    let Some(id) = &receipt.carrier_id else { return Ok(SubmitLookup::Never) };
    if !carrier.settings.receipts_by_id {
        return Ok(SubmitLookup::Never);
    }
    let (spellings, now) = (spellings(id), gateway.clock.now());
    if spellings.is_empty() {
        return Ok(SubmitLookup::Never);
    }
    let found = try_join_all(spellings.iter().map(|spelling| gateway.store.sent(carrier.name, spelling, now))).await?;
    let submits = found.into_iter().flatten().flat_map(|sent| {
        let id = sent.id;
        sent.submits.into_iter().map(move |submit| (id.clone(), submit))
    });
    Ok(match unique_match(id, submits) {
        Ok(Some(submit)) => SubmitLookup::Found(submit),
        Ok(None) => SubmitLookup::NotYet,
        Err(error) => {
            warn!(carrier = carrier.name.as_str(), %error, "could not match receipt by carrier ID");
            gateway.count(Metric::Ambiguous, None, Some(carrier.name), 1);
            SubmitLookup::Never
        }
    })
}

/// Records the carrier's ID of a submit, if receipts carry only that. Call it before recording the outcome,
/// so the receipt is matched even if this worker dies in between.
///
/// An error is only logged: the carrier has the message, so we must not resend it. Its receipts stay
/// unmatched.
pub(in crate::flow) async fn record_carrier_id(
    gateway: &Gateway,
    carrier: &Carrier,
    submit: SubmitReference,
    id: Option<&str>,
) {
    let Some(id) = id.filter(|_| carrier.settings.receipts_by_id) else { return };
    let (id, now) = (id.trim(), gateway.clock.now());
    let noted = match canonical(id) {
        Some(spelling) => {
            let recorded = gateway.store.record_sent_id(carrier.name, &spelling, id, submit, now).await;
            recorded.map_err(|error| error_chain(&error))
        }
        None => Err("not a valid ID".to_owned()),
    };
    if let Err(error) = noted {
        warn!(message.id = %submit.message, carrier = carrier.name.as_str(), error, "could not record carrier ID");
    }
}
