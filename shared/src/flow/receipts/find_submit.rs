//! Which submit a receipt is about, where it does not bear our name for it: that which
//! its carrier gave the id that it bears.
//!
//! A carrier may write one id in several ways (`carriers/carrier_id.rs`). An id that may
//! be that of two messages is that of none: the receipt is kept, and nobody guesses.

use futures_util::future::try_join_all;
use tracing::warn;

use crate::{
    carriers::carrier_id::{canonical, spellings, unique_match},
    domain::{CarrierName, CarrierReceipt, CarrierSettings, SubmitReference},
    flow::Gateway,
    runtime::{Metric, error_chain},
    store::{Directory, SentIds, StoreError},
};

/// What is known of the submit that a receipt is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flow) enum SubmitLookup {
    Found(SubmitReference),
    /// Its carrier's answer to the submit may not be on record yet.
    NotYet,
    Never,
}

/// By the name in the webhook's path, in the receipt, or under its carrier's id.
pub(in crate::flow) async fn find_submit(
    gateway: &Gateway,
    directory: &Directory,
    carrier: CarrierName,
    in_path: Option<SubmitReference>,
    receipt: &CarrierReceipt,
) -> Result<SubmitLookup, StoreError> {
    if let Some(submit) = in_path.or(receipt.reference) {
        return Ok(SubmitLookup::Found(submit));
    }
    let Some(id) = &receipt.carrier_id else { return Ok(SubmitLookup::Never) };
    if !directory.carrier(carrier).await?.is_some_and(|settings| settings.receipts_by_id) {
        return Ok(SubmitLookup::Never);
    }
    let (spellings, now) = (spellings(id), gateway.clock.now());
    if spellings.is_empty() {
        return Ok(SubmitLookup::Never);
    }
    let found = try_join_all(spellings.iter().map(|spelling| gateway.store.sent(carrier, spelling, now))).await?;
    let submits = found.into_iter().flatten().flat_map(|sent| {
        let id = sent.id;
        sent.submits.into_iter().map(move |submit| (id.clone(), submit))
    });
    Ok(match unique_match(id, submits) {
        Ok(Some(submit)) => SubmitLookup::Found(submit),
        Ok(None) => SubmitLookup::NotYet,
        Err(error) => {
            warn!(carrier = carrier.into_str(), %error, "a receipt is refused");
            gateway.count(Metric::Ambiguous, None, Some(carrier), 1);
            SubmitLookup::Never
        }
    })
}

/// Notes the id that a carrier gave a submit, if its receipts are found by that. What
/// fails here must not undo that the carrier has the message: its receipts will be kept.
pub(in crate::flow) async fn record_carrier_id(
    gateway: &Gateway,
    carrier: CarrierName,
    settings: &CarrierSettings,
    submit: SubmitReference,
    id: Option<&str>,
) {
    let Some(id) = id.filter(|_| settings.receipts_by_id) else { return };
    let (id, now) = (id.trim(), gateway.clock.now());
    let noted = match canonical(id) {
        Some(spelling) => {
            gateway.store.record_sent_id(carrier, &spelling, id, submit, now).await.map_err(|error| error_chain(&error))
        }
        None => Err("it is no id".to_owned()),
    };
    if let Err(error) = noted {
        warn!(message.id = %submit.message, carrier = carrier.into_str(), error, "a carrier's id is not on record");
    }
}
