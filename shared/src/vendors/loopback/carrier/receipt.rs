//! `{"id","reference","status","code","description","at"}`, one receipt per request. `reference` is our name
//! for the submit, and `id` the carrier's. Only `status` is required. We ignore `at`.

use serde::Deserialize;

use crate::domain::{CarrierReceipt, ParseError, ReceiptStatus, SubmitReference};

#[derive(Deserialize)]
struct Body {
    id: Option<String>,
    reference: Option<String>,
    status: ReceiptStatus,
    code: Option<String>,
    description: Option<String>,
}

pub(super) fn read(body: &[u8]) -> Result<CarrierReceipt, ParseError> {
    let body: Body = serde_json::from_slice(body).map_err(|error| ParseError::of_json(&error))?;
    let reference = match &body.reference {
        None => None,
        Some(text) => Some(
            text.parse::<SubmitReference>()
                .map_err(|_| ParseError::new("reference", "is not one of our references"))?,
        ),
    };
    let Body { id: carrier_id, status, code, description, .. } = body;
    Ok(CarrierReceipt { reference, carrier_id, status, code, description })
}
