//! The domain: types and their rules, without HTTP, DynamoDB or SQS.
//!
//! Raw strings stop in the vendors' folders ([`crate::vendors`]). Every value in `domain` is valid: a number
//! is a [`PhoneNumber`], a text is a [`Text`] with its encoding and segments. A [`Message`] holds them.
//! [`Progress::follows`] says which changes of a message are allowed; the store turns it into the conditions
//! of its writes.

mod account;
mod address;
mod consent;
mod content;
mod endpoint;
mod message;
mod routing;

pub use account::*;
pub use address::*;
pub use consent::*;
pub use content::*;
pub use endpoint::*;
pub use message::*;
pub use routing::*;

pub use jiff::{SignedDuration, Timestamp};

#[cfg(test)]
mod tests {
    use std::{fmt::Debug, str::FromStr};

    use serde::Serialize;
    use strum::IntoEnumIterator;

    use super::*;

    fn assert_read_back<E>()
    where
        E: IntoEnumIterator + Into<&'static str> + FromStr + Copy + PartialEq + Debug,
    {
        for variant in E::iter() {
            let name: &str = variant.into();
            assert_eq!(name.parse().ok(), Some(variant));
        }
    }

    /// Checks serde too: its names come from a separate attribute (`rename_all`).
    fn assert_one_name<E>()
    where
        E: IntoEnumIterator + Into<&'static str> + FromStr + Serialize + Copy + PartialEq + Debug,
    {
        assert_read_back::<E>();
        for variant in E::iter() {
            let name: &str = variant.into();
            assert_eq!(serde_json::to_value(variant).unwrap(), name);
        }
    }

    #[test]
    fn variant_has_one_name_and_parses_again() {
        assert_one_name::<Channel>();
        assert_one_name::<CredentialPart>();
        assert_one_name::<Dialect>();
        assert_one_name::<Keyword>();
        assert_one_name::<Lane>();
        assert_one_name::<OnUnknown>();
        assert_one_name::<Progress>();
        assert_one_name::<ReceiptStatus>();
        assert_one_name::<SenderKind>();
        assert_one_name::<State>();
        assert_one_name::<UnmatchedKind>();
        assert_one_name::<Vendor>();
        assert_one_name::<WebhookEvent>();
        assert_read_back::<AttemptOutcome>();
        assert_read_back::<Encoding>();
    }
}
