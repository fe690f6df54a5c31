//! The Mobile Text Alerts carrier's tables. The samples are in `tests/fixtures/carriers/mta`.

mod receipt;
mod reply;
mod submit;
mod webhook_setup;

use super::Mta;
use crate::{
    domain::{CredentialPart, Vendor},
    vendors::testing::{SignedRow, Tables, connector_tests},
};

connector_tests!(tables);

const KEY: &str = "an-api-key";
/// The HMAC-SHA256 of `SIGNED` under the key `Jefe`.
const SIGNATURE: &str = "41990d20c87f086d7c6c6b6f30078c6e77cf0654692fac2e829ad65a1c2853c0";
const SIGNED: &[u8] = br#"{"type":"delivery-status"}"#;

fn tables() -> Tables<Mta> {
    Tables {
        submits: submit::rows(),
        answers: submit::answers(),
        receipts: receipt::rows(),
        replies: reply::rows(),
        webhook_setups: webhook_setup::rows(),
        signed: vec![SignedRow { secret: "Jefe", header: ("x-signature", SIGNATURE), beside: None, body: SIGNED }],
        ..Tables::of(Vendor::Mta, &[(CredentialPart::Key, KEY)])
    }
}
