//! `{"destination","delivered","batchuuid","messageuuid","receiptInfo":{"code","description"}}`, one receipt per
//! request; `GET /batch/{uuid}` has `info` in place of `receiptInfo`. Cymba reports only final states.
//!
//! The submit's reference is in the path of the request. `messageuuid` is the ID in the answer to the submit. The codes
//! are in hex; the pages explain only `00`, success, and `22`. So `delivered` decides, and the code only if
//! `delivered` is missing. A receipt has no time.

use serde_json::Value;

use crate::{
    domain::{CarrierReceipt, ParseError, ParsedItems, ReceiptDetails, ReceiptStatus},
    formats::{
        caseless::Object,
        codes::reported,
        webhook_json::{items, read as read_json},
    },
};

/// The handset did not respond.
const NO_RESPONSE: &str = "22";

pub(super) fn read(body: &[u8]) -> Result<ParsedItems<CarrierReceipt>, ParseError> {
    Ok(items(&read_json(body)?, "(body)", read_one))
}

fn read_one(receipt: Object<'_>) -> Result<CarrierReceipt, ParseError> {
    let info = receipt.object("receiptinfo").or_else(|| receipt.object("info"));
    let said = |key| info.and_then(|info| info.said(key));
    let code = said("code");
    let known = match (receipt.get("delivered"), &code) {
        (Some(Value::Bool(true)), _) => Some(ReceiptStatus::Delivered),
        (Some(Value::Bool(false)), _) => Some(ReceiptStatus::Undelivered),
        (Some(_), _) => return Err(ParseError::new("delivered", "is neither true nor false")),
        (None, Some(code)) if is_success(code) => Some(ReceiptStatus::Delivered),
        (None, Some(code)) if code == NO_RESPONSE => Some(ReceiptStatus::Undelivered),
        (None, Some(_)) => None,
        (None, None) => return Err(ParseError::new("delivered", "is missing")),
    };
    let status = reported(code.as_deref().unwrap_or_default(), known, "receiptInfo.code", true)?;
    Ok(CarrierReceipt {
        reference: None,
        carrier_id: receipt.said("messageuuid"),
        status,
        code,
        description: said("description"),
        details: ReceiptDetails::default(),
        at: None,
    })
}

/// A JSON number loses the zeros.
fn is_success(code: &str) -> bool {
    code.bytes().all(|digit| digit == b'0')
}
