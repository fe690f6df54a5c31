//! Facts besides the status in a carrier's receipt: network, operator, country, parts and price.
//!
//! We trust no carrier. A malformed value is dropped, and a name is shortened and loses phone
//! numbers.

use std::{num::NonZeroU16, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::redact::{clean, without_controls};

/// The most characters we keep of an operator's name.
const LONGEST_NAME: usize = 40;
/// The most digits of a price before the decimal point. A longer number may be a phone number.
const MOST_WHOLE_DIGITS: usize = 5;
const MOST_DECIMALS: usize = 8;
/// Longest price to parse, in bytes.
const LONGEST_PRICE: usize = 40;

/// Details in a carrier's receipts, each of them optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReceiptDetails {
    /// The recipient's network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<CountryCode>,
    /// How many messages the carrier made of the text, as it bills them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parts: Option<NonZeroU16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
}

impl ReceiptDetails {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns these details, and those of `other` that are missing here.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self {
            network: self.network.or_else(|| other.network.clone()),
            operator: self.operator.or_else(|| other.operator.clone()),
            country: self.country.or_else(|| other.country.clone()),
            parts: self.parts.or(other.parts),
            price: self.price.or_else(|| other.price.clone()),
        }
    }

    /// Returns the details that are not the same in `known`.
    #[must_use]
    pub fn without(self, known: &Self) -> Self {
        Self {
            network: self.network.filter(|network| known.network.as_ref() != Some(network)),
            operator: self.operator.filter(|operator| known.operator.as_ref() != Some(operator)),
            country: self.country.filter(|country| known.country.as_ref() != Some(country)),
            parts: self.parts.filter(|parts| known.parts != Some(*parts)),
            price: self.price.filter(|price| known.price.as_ref() != Some(price)),
        }
    }
}

/// The text is malformed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("is not in the form of this detail")]
pub struct DetailError;

/// Gives a text type its conversions. `FromStr` makes the type valid.
macro_rules! text_detail {
    ($name:ident) => {
        impl $name {
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = DetailError;

            fn try_from(text: String) -> Result<Self, DetailError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(detail: $name) -> Self {
                detail.0
            }
        }
    };
}

/// A mobile network: the country code (MCC) and network code (MNC) of ITU-T E.212, such as 20408.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NetworkCode(String);

text_detail!(NetworkCode);

impl FromStr for NetworkCode {
    type Err = DetailError;

    /// Parses three digits of MCC and two or three of MNC, with a `-` or blank between them or without.
    fn from_str(text: &str) -> Result<Self, DetailError> {
        let (country, rest) = text.trim().split_at_checked(3).ok_or(DetailError)?;
        let network = rest.strip_prefix(['-', ' ']).unwrap_or(rest);
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if is_digits(country) && is_digits(network) && (2..=3).contains(&network.len()) {
            Ok(Self(format!("{country}{network}")))
        } else {
            Err(DetailError)
        }
    }
}

/// A mobile operator's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OperatorName(String);

text_detail!(OperatorName);

impl FromStr for OperatorName {
    type Err = DetailError;

    /// Shortens the name, and removes control characters and phone numbers. A name has at least one letter.
    fn from_str(text: &str) -> Result<Self, DetailError> {
        let name = clean(without_controls(text).trim(), LONGEST_NAME);
        if name.contains(char::is_alphabetic) { Ok(Self(name.trim_end().to_owned())) } else { Err(DetailError) }
    }
}

/// A country in the form of ISO 3166-1 alpha-2, such as GB. We do not check whether the country exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CountryCode(String);

text_detail!(CountryCode);

impl FromStr for CountryCode {
    type Err = DetailError;

    fn from_str(text: &str) -> Result<Self, DetailError> {
        letters(text, 2).map(Self).ok_or(DetailError)
    }
}

/// The carrier's price for a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawPrice")]
pub struct Price {
    /// A decimal number without sign and exponent.
    amount: String,
    /// ISO 4217, in upper case. We do not check that the currency exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
}

#[derive(Deserialize)]
struct RawPrice {
    amount: String,
    currency: Option<String>,
}

impl Price {
    /// Returns the price, or `None` if the amount is no number of 0 or more, or too large. A currency that is not
    /// in the form of ISO 4217 is dropped. An amount of more decimals than we keep is rounded, because a sum of
    /// binary fractions has many, such as 0.012900000000000002.
    #[must_use]
    pub fn new(amount: &str, currency: Option<&str>) -> Option<Self> {
        let amount = amount.trim();
        let amount = if is_plain(amount) { amount.to_owned() } else { rounded(amount)? };
        Some(Self { amount, currency: currency.and_then(|currency| letters(currency, 3)) })
    }

    #[must_use]
    pub fn amount(&self) -> &str {
        &self.amount
    }

    #[must_use]
    pub fn currency(&self) -> Option<&str> {
        self.currency.as_deref()
    }
}

impl TryFrom<RawPrice> for Price {
    type Error = DetailError;

    fn try_from(RawPrice { amount, currency }: RawPrice) -> Result<Self, DetailError> {
        Self::new(&amount, currency.as_deref()).ok_or(DetailError)
    }
}

fn rounded(amount: &str) -> Option<String> {
    let number = Some(amount).filter(|amount| amount.len() <= LONGEST_PRICE)?.parse::<f64>().ok()?;
    let decimals = format!("{number:.MOST_DECIMALS$}");
    let rounded = decimals.trim_end_matches('0').trim_end_matches('.');
    is_plain(rounded).then(|| rounded.to_owned())
}

fn is_plain(amount: &str) -> bool {
    let (whole, decimals) = amount.split_once('.').unwrap_or((amount, "0"));
    let is_number = |digits: &str, most: usize| {
        (1..=most).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    is_number(whole, MOST_WHOLE_DIGITS)
        && is_number(decimals, MOST_DECIMALS)
        && (whole == "0" || !whole.starts_with('0'))
}

/// Returns a code of so many letters in upper case.
fn letters(text: &str, count: usize) -> Option<String> {
    let text = text.trim();
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_alphabetic())).then(|| text.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn network_is_five_or_six_digits() {
        for (text, code) in
            [("20408", "20408"), ("310410", "310410"), ("204-08", "20408"), ("310 410", "310410"), (" 20408 ", "20408")]
        {
            assert_eq!(text.parse::<NetworkCode>().unwrap().as_str(), code, "{text}");
        }
        for text in ["", "0", "2040", "2040-8", "20408-", "20408123", "447911123456", "KPN", "２０４０８", "20 408"]
        {
            assert_eq!(text.parse::<NetworkCode>(), Err(DetailError), "{text}");
        }
    }

    #[test]
    fn operator_is_a_short_name_without_numbers() {
        let long = "é".repeat(50);
        for (text, name) in [
            (" KPN ", "KPN"),
            ("T-Mobile 4G", "T-Mobile 4G"),
            ("Ann +44 7911 123456", "Ann …"),
            ("O2\u{1b}[31m\n\u{9b}", "O2[31m"),
            (&long, &"é".repeat(40)),
        ] {
            assert_eq!(text.parse::<OperatorName>().unwrap().as_str(), name);
        }
        for text in ["", " ", "20408", "447911123456", "-"] {
            assert_eq!(text.parse::<OperatorName>(), Err(DetailError), "{text}");
        }
    }

    #[test]
    fn country_is_two_letters() {
        assert_eq!("gb".parse::<CountryCode>().unwrap().as_str(), "GB");
        for text in ["", "G", "GBR", "44", "É"] {
            assert_eq!(text.parse::<CountryCode>(), Err(DetailError), "{text}");
        }
    }

    #[test]
    fn price_is_a_short_decimal_number() {
        for (amount, kept) in [
            ("0.0400", "0.0400"),
            ("7", "7"),
            ("99999.12345678", "99999.12345678"),
            ("1e-5", "0.00001"),
            ("+0.5", "0.5"),
            (".5", "0.5"),
            ("007", "7"),
            ("0.012900000000000002", "0.0129"),
            ("0", "0"),
        ] {
            assert_eq!(Price::new(amount, None).unwrap().amount(), kept, "{amount}");
        }
        let long = format!("0.{}", "1".repeat(50));
        for amount in ["", "-0.0075", "NaN", "inf", "1e400", "0,04", "447911123456", "free", "1.2.3", &long] {
            assert_eq!(Price::new(amount, Some("EUR")), None, "{amount}");
        }
        let currency = |currency| Price::new("1", Some(currency)).unwrap().currency().map(str::to_owned);
        assert_eq!(currency("eur").as_deref(), Some("EUR"));
        assert_eq!(["", "EURO", "€", "978"].map(currency), [const { None }; 4]);
    }

    #[test]
    fn details_are_merged_and_told_apart_one_by_one() {
        let of = |network: Option<&str>, amount: Option<&str>| ReceiptDetails {
            network: network.map(|network| network.parse().unwrap()),
            price: amount.and_then(|amount| Price::new(amount, None)),
            ..ReceiptDetails::default()
        };
        let (known, new) = (of(Some("20408"), Some("1")), of(Some("20408"), Some("2")));
        assert_eq!(new.clone().or(&known), new);
        assert_eq!(of(None, Some("2")).or(&known), new);
        assert_eq!(new.without(&known), of(None, Some("2")));
        assert!(known.clone().without(&known).is_empty() && !known.is_empty());
    }

    proptest! {
        #[test]
        fn details_survive_their_json(text in "\\PC{0,50}|[0-9. e+-]{0,20}", other in "\\PC{0,5}|[a-z]{2,3}") {
            let details = ReceiptDetails {
                network: text.parse().ok(),
                operator: text.parse().ok(),
                country: other.parse().ok(),
                parts: text.parse().ok(),
                price: Price::new(&text, Some(&other)),
            };
            let json = serde_json::to_string(&details).unwrap();
            prop_assert_eq!(serde_json::from_str::<ReceiptDetails>(&json).unwrap(), details, "{}", json);
        }
    }
}
