//! Carriers: the contract that each vendor's connector keeps.
//!
//! [`Submitter`] and [`CarrierName`] hand each call to the vendor's folder: `submit.rs` submits a message,
//! `lookup.rs` asks for a submit's outcome, if the vendor has such a call, and `receipt.rs` and `reply.rs`
//! parse the carrier's posts to `dlr-webhook` and `mo-webhook`. A submit ends in an
//! [`Outcome`](crate::domain::Outcome); if unsure, a connector returns *unknown*.

pub mod carrier_id;
mod circuit_breaker;
mod submitter;

pub use submitter::Submitter;

use crate::{
    domain::{CarrierName, CarrierReceipt, CarrierReply, ParseError, ParsedItems},
    vendors::{cm::carrier as cm, loopback::carrier as loopback},
};

impl CarrierName {
    /// Returns whether the carrier requires a key (`CarrierSecret::key`).
    #[must_use]
    pub fn wants_key(self) -> bool {
        match self {
            Self::Loopback => false,
            Self::Cm => true,
        }
    }

    /// Returns whether we can ask for a submit's outcome, by our reference.
    #[must_use]
    pub fn supports_lookup(self) -> bool {
        match self {
            Self::Loopback => true,
            // CM.com documents no such call.
            Self::Cm => false,
        }
    }

    /// Returns whether receipts can bear the ID from the carrier's answer to the submit.
    #[must_use]
    pub fn reports_by_id(self) -> bool {
        match self {
            Self::Loopback => true,
            // CM.com answers with no ID.
            Self::Cm => false,
        }
    }

    /// Parses a request to `dlr-webhook`. A single unreadable receipt is an `Err` item.
    ///
    /// # Errors
    /// If the body is not in this carrier's format.
    pub fn read_receipts(self, body: &[u8]) -> Result<ParsedItems<CarrierReceipt>, ParseError> {
        let read = match self {
            Self::Loopback => Ok(vec![loopback::receipt::read(body)]),
            Self::Cm => cm::receipt::read(body),
        };
        Ok(read?.into_iter().map(|receipt| receipt.map(CarrierReceipt::cleaned)).collect())
    }

    /// Parses a request to `mo-webhook`. A single unreadable reply is an `Err` item.
    ///
    /// # Errors
    /// If the body is not in this carrier's format.
    pub fn read_replies(self, body: &[u8]) -> Result<ParsedItems<CarrierReply>, ParseError> {
        match self {
            Self::Loopback => Ok(vec![loopback::reply::read(body)]),
            Self::Cm => cm::reply::read(body),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn receipt_texts_are_short_and_contain_no_number() {
        let (code, description) = ("E-44 7911 123456", format!("to 00447911123456: {}", "x".repeat(200)));
        let of_cm = json!({"code": 3, "errorCode": code, "errorDescription": description});
        let of_loopback = json!({"id": "1", "status": "undelivered", "code": code, "description": description});
        for (carrier, body) in
            [(CarrierName::Cm, json!({"messages": {"msg": {"status": of_cm}}})), (CarrierName::Loopback, of_loopback)]
        {
            let receipt = carrier.read_receipts(body.to_string().as_bytes()).unwrap().remove(0).unwrap();
            assert_eq!(receipt.code.as_deref(), Some("E…"), "{carrier}");
            assert_eq!(receipt.description, Some(format!("to … {}", "x".repeat(95))), "{carrier}");
            let long = body.to_string().replace(code, &"é".repeat(21));
            let receipt = carrier.read_receipts(long.as_bytes()).unwrap().remove(0).unwrap();
            assert_eq!(receipt.code, Some("é".repeat(20)), "{carrier}");
        }
    }
}
