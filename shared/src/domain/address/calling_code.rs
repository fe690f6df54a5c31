//! Country calling codes, and national numbers.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::domain::{NumberError, PhoneNumber};

/// The calling code of the North American Numbering Plan. A national number there has ten digits.
const NORTH_AMERICA: u16 = 1;
const NORTH_AMERICAN_DIGITS: usize = 10;
/// Countries in which a national number begins with 0, and the international number has the code instead. Other
/// countries have another prefix, none, or keep the 0 (ITU, "Dialling procedures").
const WITH_TRUNK_ZERO: [u16; 43] = [
    20, 27, 31, 32, 33, 40, 41, 43, 44, 46, 49, 60, 61, 62, 63, 64, 66, 81, 82, 84, 86, 90, 91, 92, 94, 212, 213, 233,
    234, 254, 353, 355, 358, 359, 380, 381, 385, 386, 421, 962, 966, 971, 972,
];

/// The calling code of a country whose national numbers we can read, such as 31.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CallingCode(u16);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CallingCodeError {
    #[error("is not a country calling code: 1 to 3 digits, such as 31, optionally after + or 00")]
    Malformed,
    #[error(
        "is the code of a country whose national numbers the gateway cannot read; supported are 1, {}",
        supported()
    )]
    Unsupported,
}

/// A carrier's number that we cannot read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CarrierNumberError {
    #[error(transparent)]
    Number(#[from] NumberError),
    #[error("needs a '+' before its country code: it is no national number of the carrier's country")]
    UnknownCountry,
}

impl CallingCode {
    /// Parses a number that may be national, in a country with this code.
    ///
    /// A number after `+` or `00`, or after the country's own code, is international. We reject any other number
    /// that is not national: without its `+`, we would take it for a number of a wrong country.
    ///
    /// # Errors
    /// If the number is malformed, or of an unknown country.
    pub fn parse_number(self, text: &str) -> Result<PhoneNumber, CarrierNumberError> {
        let code = self.to_string();
        if text.is_empty() || text.starts_with('+') || text.starts_with("00") {
            return Ok(text.parse()?);
        }
        let national = match self.0 {
            NORTH_AMERICA => Some(text).filter(|text| text.len() == NORTH_AMERICAN_DIGITS),
            _ => text.strip_prefix('0'),
        };
        match national {
            Some(national) => Ok(format!("{code}{national}").parse()?),
            None if text.starts_with(&code) => Ok(text.parse()?),
            None => Err(CarrierNumberError::UnknownCountry),
        }
    }
}

fn supported() -> String {
    WITH_TRUNK_ZERO.map(|code| code.to_string()).join(", ")
}

impl FromStr for CallingCode {
    type Err = CallingCodeError;

    fn from_str(text: &str) -> Result<Self, CallingCodeError> {
        let digits = text.strip_prefix('+').or_else(|| text.strip_prefix("00")).unwrap_or(text);
        let fits =
            (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
        let code = digits.parse().ok().filter(|_| fits).ok_or(CallingCodeError::Malformed)?;
        let is_known = code == NORTH_AMERICA || WITH_TRUNK_ZERO.contains(&code);
        if is_known { Ok(Self(code)) } else { Err(CallingCodeError::Unsupported) }
    }
}

impl TryFrom<String> for CallingCode {
    type Error = CallingCodeError;

    fn try_from(text: String) -> Result<Self, CallingCodeError> {
        text.parse()
    }
}

impl From<CallingCode> for String {
    fn from(code: CallingCode) -> Self {
        code.to_string()
    }
}

impl fmt::Display for CallingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn national_number_gets_the_country_code() {
        for (code, written, digits) in [
            ("31", "0612345678", "31612345678"),
            ("31", "31612345678", "31612345678"),
            ("31", "+31612345678", "31612345678"),
            ("31", "0031612345678", "31612345678"),
            ("44", "07700900001", "447700900001"),
            ("44", "+31612345678", "31612345678"),
            ("1", "2025550123", "12025550123"),
            ("1", "12025550123", "12025550123"),
            ("1", "+447700900001", "447700900001"),
        ] {
            let code: CallingCode = code.parse().unwrap();
            assert_eq!(code.parse_number(written).unwrap().digits(), digits, "{code} {written}");
        }
    }

    #[test]
    fn number_of_unknown_country_is_rejected() {
        let error = |code: &str, text: &str| code.parse::<CallingCode>().unwrap().parse_number(text).unwrap_err();
        for (code, text) in
            [("31", "447700900001"), ("31", "612345678"), ("1", "447700900001"), ("1", "01144770090000"), ("31", "me")]
        {
            assert_eq!(error(code, text), CarrierNumberError::UnknownCountry, "{code} {text}");
        }
        for (text, expected) in
            [("", NumberError::Empty), ("06-12345678", NumberError::NotDigits), ("01234", NumberError::Length(6))]
        {
            assert_eq!(error("31", text), expected.into(), "{text}");
        }
    }

    #[test]
    fn code_is_that_of_a_country_whose_numbers_we_can_read() {
        for (text, written) in [("1", "1"), ("31", "31"), ("+421", "421"), ("0044", "44")] {
            assert_eq!(text.parse::<CallingCode>().unwrap().to_string(), written);
        }
        for text in ["", "+", "0", "00", "031", "1234", "NL", "-1", "3 1"] {
            assert_eq!(text.parse::<CallingCode>(), Err(CallingCodeError::Malformed), "{text}");
        }
        // Italy keeps the 0, Poland has none, and Hungary and Russia have other prefixes.
        for text in ["39", "48", "36", "7"] {
            assert_eq!(text.parse::<CallingCode>(), Err(CallingCodeError::Unsupported), "{text}");
        }
        assert!(WITH_TRUNK_ZERO.is_sorted());
    }
}
