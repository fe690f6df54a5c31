//! The CM.com carrier's tables. The samples of CM.com's pages are in `tests/fixtures/carriers/cm`.

mod answer;
mod content;
mod receipt;
mod reply;
mod submit;

use super::Cm;
use crate::{
    domain::{Channel, ChannelCapability, Content, CredentialPart, Vendor},
    vendors::{
        Connector,
        testing::{Tables, connector_tests},
    },
};

connector_tests!(tables);

fn tables() -> Tables<Cm> {
    Tables {
        submits: submit::rows(),
        answers: answer::rows(),
        receipts: receipt::rows(),
        replies: reply::rows(),
        ..Tables::of(Vendor::Cm, &[(CredentialPart::Key, "token")])
    }
}

#[test]
fn connector_has_cm_rules_besides_the_channels() {
    let content = r#"{"conversation":[{"text":"Hi","media":{"uri":"https://a.example/x"}}]}"#;
    let content = Content::of_json(content).unwrap();
    assert_eq!(content.capability(Channel::Viber), ChannelCapability::Full);
    assert!(matches!(Cm::capability(&content, Channel::Viber), ChannelCapability::Unsupported(_)));
}
