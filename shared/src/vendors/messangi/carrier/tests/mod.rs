//! The Messangi carrier's tables. The pages' samples are in `tests/fixtures/carriers/messangi`.

mod login;
mod receipt;
mod reply;
mod submit;

use super::Messangi;
use crate::{
    domain::{CredentialPart, Vendor},
    vendors::testing::{Tables, connector_tests},
};

connector_tests!(tables);

fn tables() -> Tables<Messangi> {
    Tables {
        submits: submit::rows(),
        answers: submit::answers(),
        login: Some(login::login()),
        receipts: receipt::rows(),
        replies: reply::rows(),
        ..Tables::of(Vendor::Messangi, &[(CredentialPart::Key, "permanent")])
    }
}
