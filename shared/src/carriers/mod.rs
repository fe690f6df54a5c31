//! Carriers: the contract that each vendor's connector keeps.
//!
//! [`CarrierName`] hands each call to the vendor's folder: `submit.rs` submits a message, `receipt.rs` and `reply.rs`
//! parse what the carrier posts to `dlr-webhook` and `mo-webhook`, and `lookup.rs` asks for the outcome of a submit,
//! if the vendor has such a call. A submit ends in one of the four outcomes of [`crate::domain::Outcome`]; a
//! connector that is not sure says *unknown*.

pub mod carrier_id;
mod circuit_breaker;
mod submitter;

pub use submitter::Submitter;

use crate::{
    domain::{CarrierName, CarrierReceipt, CarrierReply, ParseError, ParsedItems},
    vendors::{cm::carrier as cm, loopback::carrier as loopback},
};

impl CarrierName {
    /// Whether it takes messages only of who shows it a key (`CarrierSecret::key`).
    #[must_use]
    pub fn wants_key(self) -> bool {
        match self {
            Self::Loopback => false,
            Self::Cm => true,
        }
    }

    /// Whether it can be asked what became of a submit, by our name for that.
    #[must_use]
    pub fn supports_lookup(self) -> bool {
        match self {
            Self::Loopback => true,
            // Its document has no such call.
            Self::Cm => false,
        }
    }

    /// Whether its receipts bear the id that it answers a submit with.
    #[must_use]
    pub fn reports_by_id(self) -> bool {
        match self {
            Self::Loopback => true,
            // It answers with none.
            Self::Cm => false,
        }
    }

    /// Reads the receipts of one request to `dlr-webhook`.
    ///
    /// # Errors
    /// When the body is not in this carrier's format.
    pub fn read_receipts(self, body: &[u8]) -> Result<ParsedItems<CarrierReceipt>, ParseError> {
        let read = match self {
            Self::Loopback => Ok(vec![loopback::receipt::read(body)]),
            Self::Cm => cm::receipt::read(body),
        };
        Ok(read?.into_iter().map(|receipt| receipt.map(CarrierReceipt::cleaned)).collect())
    }

    /// Reads the replies of one request to `mo-webhook`.
    ///
    /// # Errors
    /// When the body is not in this carrier's format.
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
