//! The MT callback: `{"date","externalId","callback","from","id","to","message","username","timestamp","status",
//! "clientId"}`, one receipt per request. We also read a list. `externalId` is our reference, and `id` the ID in the
//! answer to the submit.
//!
//! A callback with the status `QUEUE` or `DEQUEUED` is valid and has no receipt. A foreign `externalId` is valid,
//! because another system may use the same account.

use super::{
    status::status,
    time::{date, milliseconds},
};
use crate::{
    domain::{CarrierReceipt, ParseError, ParsedItems, ReceiptDetails, ReportedStatus},
    formats::{
        caseless::Object,
        codes::reported,
        webhook_json::{items, read as read_json},
    },
};

pub(super) fn read(body: &[u8]) -> Result<ParsedItems<CarrierReceipt>, ParseError> {
    Ok(items(&read_json(body)?, "(body)", read_one).some())
}

fn read_one(receipt: Object<'_>) -> Result<Option<CarrierReceipt>, ParseError> {
    let word = receipt.said("status").ok_or_else(|| ParseError::new("status", "is missing"))?;
    let (reference, carrier_id) = (receipt.said("externalid"), receipt.said("id"));
    let known = status(&word);
    let status: ReportedStatus = match known.map(|known| known.in_receipt) {
        Some(None) => return Ok(None),
        Some(Some(status)) => status.into(),
        None => reported(&word, None, "status", reference.is_some() || carrier_id.is_some())?,
    };
    Ok(Some(CarrierReceipt {
        reference: reference.and_then(|reference| reference.parse().ok()),
        carrier_id,
        status,
        code: Some(word),
        description: known.map(|known| known.words.to_owned()),
        details: ReceiptDetails::default(),
        at: receipt.said("date").and_then(|text| date(&text)).or_else(|| milliseconds(&receipt.said("timestamp")?)),
    }))
}
