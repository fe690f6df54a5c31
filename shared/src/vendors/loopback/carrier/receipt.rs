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

pub(crate) fn read(body: &[u8]) -> Result<CarrierReceipt, ParseError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipt_is_read_and_an_error_names_its_field() {
        let body = br#"{"id":"c1","reference":"0197a3a0-0000-7000-8000-000000000001","status":"delivered","code":"00","at":"2026-01-01T00:00:00Z"}"#;
        let receipt = read(body).unwrap();
        assert_eq!(receipt.status, ReceiptStatus::Delivered);
        assert_eq!(receipt.code.as_deref(), Some("00"));

        let strange = read(br#"{"reference":"42","status":"delivered"}"#).unwrap_err();
        assert_eq!(strange.field, "reference");
        assert!(read(br#"{"status":"eaten"}"#).is_err());
        assert!(read(b"nonsense").is_err());
    }
}
