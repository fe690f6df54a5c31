//! Phone numbers in requests: E.164 with `+` or `00`, its digits alone, or a national number.
//!
//! The vendor's clients write national numbers with ten digits, as strings or JSON numbers (page "Send a message"). The
//! account's default country decides how we read a number without `+`. Our choice: without a default country we refuse
//! a number without `+` if it has up to ten digits. It may be national, and would then go to another country.

use serde_json::Value;

use crate::{
    domain::{CallingCode, CarrierNumberError, FieldError, FieldErrorCode as Code, NumberError, PhoneNumber},
    formats::field::required_text,
};

/// The most digits in a number that may be national.
const LONGEST_NATIONAL: usize = 10;
/// The longest text to be parsed, in bytes.
const LONGEST_WRITTEN: usize = 255;

/// Reads a number. `country` is the account's default country.
///
/// # Errors
/// Names the field and the rule, and does not quote the number.
pub fn read_number(
    value: Option<&Value>,
    field: &str,
    country: Option<CallingCode>,
) -> Result<PhoneNumber, FieldError> {
    let digits = value.and_then(Value::as_u64).map(|digits| digits.to_string());
    let text = match (&digits, value) {
        (Some(digits), _) => digits,
        (None, Some(Value::Number(_))) => return Err(error(field, Code::Malformed, "must be a whole number")),
        (None, value) => required_text(value, field).map_err(|found| match found.code {
            Code::WrongType => error(field, Code::WrongType, "must be a string or a number"),
            _ => found,
        })?,
    };
    parse_number(text, field, country)
}

/// Parses a number from a text. `country` is the account's default country.
///
/// # Errors
/// As [`read_number`].
pub fn parse_number(text: &str, field: &str, country: Option<CallingCode>) -> Result<PhoneNumber, FieldError> {
    if text.len() > LONGEST_WRITTEN {
        return Err(error(field, Code::TooLong, NumberError::TooLong.to_string()));
    }
    let text = text.trim();
    if text.contains('@') {
        let words = "is an e-mail address; the gateway has no contact base, and sends to phone numbers only";
        return Err(error(field, Code::UnknownValue, words));
    }
    if let Some(country) = country {
        return country.parse_number(text).map_err(|found| match found {
            CarrierNumberError::Number(found) => malformed(field, &found),
            CarrierNumberError::UnknownCountry => {
                let words = format!(
                    "is neither an international number with a '+' nor a number of the account's country, +{country}"
                );
                error(field, Code::Malformed, words)
            }
        });
    }
    let is_international = text.starts_with('+') || text.starts_with("00");
    let is_short = text.len() <= LONGEST_NATIONAL && !is_international && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<PhoneNumber>() {
        Ok(_) if is_short => Err(no_country(field)),
        Err(NumberError::National) if !is_international => Err(no_country(field)),
        parsed => parsed.map_err(|found| malformed(field, &found)),
    }
}

fn no_country(field: &str) -> FieldError {
    let words = "needs a '+' and its country code, because the account has no default country";
    error(field, Code::Malformed, words)
}

fn malformed(field: &str, found: &NumberError) -> FieldError {
    let code = if *found == NumberError::Empty { Code::Empty } else { Code::Malformed };
    error(field, code, found.to_string())
}

fn error(field: &str, code: Code, words: impl Into<String>) -> FieldError {
    FieldError::new(field, code, words)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value, country: &str) -> Result<String, (Code, String)> {
        let read = read_number(Some(value), "number", country.parse().ok());
        read.map(|number| number.digits().to_owned()).map_err(|error| {
            assert_eq!((error.field.as_str(), error.index), ("number", None));
            (error.code, error.message)
        })
    }

    #[test]
    fn number_is_international_or_of_the_accounts_country() {
        for (value, country, digits) in [
            (json!("+12025550123"), "", "12025550123"),
            (json!("0012025550123"), "", "12025550123"),
            (json!("12025550123"), "", "12025550123"),
            (json!(12_025_550_123_u64), "", "12025550123"),
            (json!("+4512345678"), "", "4512345678"),
            (json!(" +4512345678 "), "", "4512345678"),
            (json!("2025550123"), "1", "12025550123"),
            (json!(2_025_550_123_u64), "1", "12025550123"),
            (json!(12_025_550_123_u64), "1", "12025550123"),
            (json!(" 2025550123 "), "1", "12025550123"),
            (json!("+447700900001"), "1", "447700900001"),
            (json!("07700900001"), "44", "447700900001"),
            (json!(447_700_900_001_u64), "44", "447700900001"),
        ] {
            assert_eq!(read(&value, country), Ok(digits.to_owned()), "{value} {country}");
        }
    }

    #[test]
    fn each_invalid_number_has_its_own_error() {
        let no_country = "needs a '+' and its country code, because the account has no default country";
        let foreign = "is neither an international number with a '+' nor a number of the account's country, +1";
        let email = "is an e-mail address; the gateway has no contact base, and sends to phone numbers only";
        for (value, country, code, words) in [
            (Value::Null, "", Code::Missing, "is required"),
            (json!(true), "", Code::WrongType, "must be a string or a number"),
            (json!(["+12025550123"]), "", Code::WrongType, "must be a string or a number"),
            (json!(-1), "", Code::Malformed, "must be a whole number"),
            (json!(1.5), "", Code::Malformed, "must be a whole number"),
            (json!(""), "", Code::Empty, "is empty"),
            (json!(" "), "1", Code::Empty, "is empty"),
            (json!("2025550123"), "", Code::Malformed, no_country),
            (json!(2_025_550_123_u64), "", Code::Malformed, no_country),
            (json!("07700900001"), "", Code::Malformed, no_country),
            (json!("447700900001"), "1", Code::Malformed, foreign),
            (json!("(202) 555-0123"), "1", Code::Malformed, foreign),
            (json!("+1 202 555 0123"), "1", Code::Malformed, "may hold only digits after an optional '+' or '00'"),
            (json!("me"), "", Code::Malformed, "may hold only digits after an optional '+' or '00'"),
            (json!(123), "", Code::Malformed, "needs 7 to 15 digits, but has 3"),
            (json!("me@example.com"), "", Code::UnknownValue, email),
            (json!("me@example.com"), "1", Code::UnknownValue, email),
            (json!("1".repeat(65)), "", Code::Malformed, "is longer than any phone number"),
            (json!("1".repeat(256)), "1", Code::TooLong, "is longer than any phone number"),
        ] {
            assert_eq!(read(&value, country), Err((code, words.to_owned())), "{value} {country}");
        }
        let error = read_number(None, "number", None).unwrap_err();
        assert_eq!(error.code, Code::Missing);
    }
}
