//! The loopback carrier's receipts and replies, and their signature.

use axum::http::{HeaderMap, HeaderValue};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::id_format::IdFormat;
use super::{Connection, Receipt, Reply, Status};
use crate::emulator::clock;
use crate::emulator::phone::Phone;

const SIGNATURE_HEADER: &str = "x-loopback-signature";
/// The calling code of North America, whose national numbers have no leading 0.
const NORTH_AMERICA: &str = "1";
const NORTH_AMERICAN_DIGITS: usize = 10;
/// The price of a part, in hundredths of a cent.
const PART_PRICE: usize = 400;

pub(super) fn receipt(receipt: &Receipt<'_>, id_format: IdFormat) -> Value {
    let (code, description) = match receipt.status {
        Status::Sent => ("00", "Sent to the network"),
        Status::Delivered => ("00", "Delivered to the handset"),
        Status::Undelivered => ("22", "The handset could not be reached"),
        Status::Rejected => ("21", "The network refused the message"),
        Status::Expired => ("23", "The handset was not reached in time"),
        Status::Read => ("00", "Read on the handset"),
    };
    let parts = parts(&receipt.accepted.submit.text);
    let price = PART_PRICE * parts;
    json!({
        "id": id_format.in_receipt(&receipt.accepted.id),
        "reference": id_format.has_reference().then_some(&receipt.accepted.submit.reference),
        "status": receipt.status.into_str(),
        "code": code,
        "description": description,
        "network": "23410",
        "operator": "Loop Mobile",
        "country": "GB",
        "parts": parts,
        "price": { "amount": format!("{}.{:04}", price / 10_000, price % 10_000), "currency": "EUR" },
        "at": clock::text(receipt.at),
    })
}

/// Returns the number of SMS that carry the text, as ASCII or UTF-16.
fn parts(text: &str) -> usize {
    let (alone, joined) = if text.is_ascii() { (160, 153) } else { (70, 67) };
    let length = text.encode_utf16().count();
    if length <= alone { 1 } else { length.div_ceil(joined) }
}

pub(super) fn reply(reply: &Reply, connection: &Connection) -> Value {
    json!({
        "id": reply.id,
        "from": written(&reply.from, connection.country_code.as_deref()),
        "to": reply.to,
        "text": reply.text,
        "media": reply.media,
        "at": clock::text(reply.at),
        "channel": reply.channel(),
    })
}

/// Writes a number of the connection's country as a national number, and any other number with `+`. A
/// connection without a country gets digits only.
fn written(phone: &Phone, country_code: Option<&str>) -> String {
    let digits = phone.digits();
    let Some(country_code) = country_code else { return digits.to_owned() };
    match digits.strip_prefix(country_code) {
        Some(national) if country_code != NORTH_AMERICA => format!("0{national}"),
        Some(national) if national.len() == NORTH_AMERICAN_DIGITS => national.to_owned(),
        _ => format!("+{digits}"),
    }
}

/// Returns the header with the HMAC-SHA256 of the body, or none if the connection has no secret.
pub(super) fn signature(connection: &Connection, body: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Some(secret) = &connection.signing_secret else { return headers };
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(body);
    #[expect(clippy::expect_used, reason = "hexadecimal digits are valid in a header")]
    let signature = HeaderValue::try_from(hex::encode(mac.finalize().into_bytes())).expect("hexadecimal digits");
    headers.insert(SIGNATURE_HEADER, signature);
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_has_several_parts() {
        let lengths = [("", 0), ("a", 160), ("a", 161), ("ж", 70), ("ж", 71), ("😀", 36)];
        let counted = lengths.map(|(character, count)| parts(&character.repeat(count)));
        assert_eq!(counted, [1, 1, 2, 1, 2, 2]);
    }

    #[test]
    fn number_is_national_in_its_country_only() {
        for (number, country_code, expected) in [
            ("31612345678", None, "31612345678"),
            ("31612345678", Some("31"), "0612345678"),
            ("447700900001", Some("31"), "+447700900001"),
            ("12025550123", Some("1"), "2025550123"),
            // No number of North America has nine digits.
            ("1202555012", Some("1"), "+1202555012"),
            ("447700900001", Some("1"), "+447700900001"),
        ] {
            let phone = Phone::parse(number).unwrap();
            assert_eq!(written(&phone, country_code), expected, "{number} for {country_code:?}");
        }
    }
}
