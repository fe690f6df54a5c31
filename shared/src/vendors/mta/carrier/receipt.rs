//! `delivery-status`: `{"destinationNumber","messageId","externalId","status","tags","senderName","type"}`, one receipt
//! per request. We also read a list. `externalId` is our reference, and `messageId` the ID from the answer to the
//! submit. Any field may be missing or `null`. The page documents no time; we read `timestamp`, as in replies.
//!
//! A foreign `externalId` is valid, because another system may use the same account.

use super::event::{Event, MESSAGE_REPLY, event};
use crate::{
    domain::{CarrierReceipt, ParseError, ParsedItems, ReceiptDetails, ReceiptStatus, parse_time},
    formats::{
        caseless::Object,
        codes::{StatusCodes, reported},
        webhook_json::{items, read as read_json},
    },
};

/// `unknown` is not in the table, because it says nothing about the message.
const STATUSES: StatusCodes = StatusCodes(&[
    ("sent", ReceiptStatus::Sent),
    ("delivered", ReceiptStatus::Delivered),
    ("undelivered", ReceiptStatus::Undelivered),
    ("undeliverable", ReceiptStatus::Undelivered),
    ("rejected", ReceiptStatus::Rejected),
]);

pub(super) fn read(body: &[u8]) -> Result<ParsedItems<CarrierReceipt>, ParseError> {
    Ok(items(&read_json(body)?, "(body)", read_one).some())
}

fn read_one(receipt: Object<'_>) -> Result<Option<CarrierReceipt>, ParseError> {
    match event(receipt) {
        Some(Event::MessageReply) => {
            return Err(ParseError::new(
                "type",
                format!("is {MESSAGE_REPLY}, which belongs to the address of replies"),
            ));
        }
        Some(Event::Other) => return Ok(None),
        Some(Event::DeliveryStatus) | None => {}
    }
    let word = receipt.said("status").ok_or_else(|| ParseError::new("status", "is missing"))?;
    let (reference, carrier_id) = (receipt.said("externalid"), receipt.said("messageid"));
    let status = reported(&word, STATUSES.get(&word), "status", reference.is_some() || carrier_id.is_some())?;
    Ok(Some(CarrierReceipt {
        reference: reference.and_then(|reference| reference.parse().ok()),
        carrier_id,
        status,
        code: Some(word),
        description: None,
        details: ReceiptDetails::default(),
        at: receipt.said("timestamp").and_then(|time| parse_time(&time).ok()),
    }))
}
