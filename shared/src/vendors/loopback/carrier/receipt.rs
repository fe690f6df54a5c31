//! `{"id","reference","status","code","description","network","operator","country","parts","price":{"amount",
//! "currency"},"at"}`, one receipt per request. `reference` is our name for the submit, and `id` the carrier's.
//! Only `status` is required. A malformed detail or time is dropped.

use serde::Deserialize;
use serde_json::Value;

use crate::{
    domain::{CarrierReceipt, ParseError, Price, ReceiptDetails, SubmitReference, parse_time},
    formats::{
        caseless::{Object, said},
        codes::reported,
    },
};

#[derive(Deserialize)]
struct Body {
    id: Option<String>,
    reference: Option<String>,
    status: String,
    code: Option<String>,
    description: Option<String>,
    #[serde(default)]
    network: Value,
    #[serde(default)]
    operator: Value,
    #[serde(default)]
    country: Value,
    #[serde(default)]
    parts: Value,
    #[serde(default)]
    price: Value,
    #[serde(default)]
    at: Value,
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
    let names_message = reference.is_some() || body.id.is_some();
    let status = reported(&body.status, body.status.parse().ok(), "status", names_message)?;
    let (details, at) = (details(&body), said(&body.at).and_then(|at| parse_time(&at).ok()));
    let Body { id: carrier_id, code, description, .. } = body;
    Ok(CarrierReceipt { reference, carrier_id, status, code, description, details, at })
}

fn details(body: &Body) -> ReceiptDetails {
    let price = Object::of(&body.price);
    let price = price.and_then(|price| Price::new(&price.said("amount")?, price.said("currency").as_deref()));
    ReceiptDetails {
        network: said(&body.network).and_then(|network| network.parse().ok()),
        operator: said(&body.operator).and_then(|operator| operator.parse().ok()),
        country: said(&body.country).and_then(|country| country.parse().ok()),
        parts: said(&body.parts).and_then(|parts| parts.parse().ok()),
        price,
    }
}
