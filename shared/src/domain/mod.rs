//! What the gateway talks about, as types.
//!
//! Raw strings stop at [`crate::dialects`] and [`crate::carriers`]; behind them
//! a number is a [`PhoneNumber`] and a text is a [`Text`] with its encoding and
//! segments, each valid since it exists. A [`Message`] is a record of these: what
//! may become of it is guarded by the conditions of the store's writes, which follow
//! from [`Progress::follows`]. Nothing here knows HTTP, DynamoDB or SQS.

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

    /// Fails unless serde, which has an attribute of its own, writes the same names.
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
    fn a_variant_has_one_name() {
        assert_one_name::<CarrierName>();
        assert_one_name::<Channel>();
        assert_one_name::<Dialect>();
        assert_one_name::<Keyword>();
        assert_one_name::<OnUnknown>();
        assert_one_name::<Progress>();
        assert_one_name::<ReceiptStatus>();
        assert_one_name::<SenderKind>();
        assert_one_name::<State>();
        assert_one_name::<UnmatchedKind>();
        assert_read_back::<AttemptOutcome>();
        assert_read_back::<Encoding>();
    }
}
