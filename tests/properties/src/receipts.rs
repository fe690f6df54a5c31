//! Receipts. Their texts are at most three times as long as the input, plus our standard texts. A parsed
//! receipt is parsed alike when rendered again, CM.com's both in JSON and in XML. Errors name the unreadable
//! field, but no phone number.

use serde_json::json;
use shared::{
    domain::{CarrierReceipt, ParseError, ReceiptStatus, Vendor},
    edge::MOST_WEBHOOK_BYTES,
};
use strum::IntoEnumIterator;

use crate::{
    mutate::Choices,
    render::escaped,
    samples,
    words::{assert_bounded, assert_names_no_number},
};

/// Maximum size of our own text in a receipt, in bytes.
const STANDARD_WORDS: usize = 200;

/// Parses the bytes, and a mutation of a sample, as receipts of every vendor.
pub fn receipts(bytes: &[u8]) {
    for vendor in Vendor::iter() {
        reads(vendor, bytes);
        let mut choices = Choices::of(bytes);
        let sample = choices.pick(samples::of_carrier(vendor, "receipt"));
        reads(vendor, sample.mutated(&mut choices).as_bytes());
    }
}

fn reads(vendor: Vendor, body: &[u8]) {
    // The webhook rejects larger bodies.
    if body.len() > MOST_WEBHOOK_BYTES {
        return;
    }
    let read = || vendor.read_receipts(body)?.into_iter().collect::<Result<Vec<_>, ParseError>>();
    let (read, again) = (read(), read());
    match (&read, again) {
        (Ok(first), Ok(second)) => assert_eq!(first, &second),
        (Err(first), Err(second)) => assert_eq!(first.to_string(), second.to_string()),
        _ => panic!("the same body was read and rejected"),
    }
    match read {
        Ok(receipts) => {
            let size = |words: &Option<String>| words.as_ref().map_or(0, String::len);
            let sum: usize = receipts.iter().map(|receipt| size(&receipt.code) + size(&receipt.description)).sum();
            // Each invalid byte becomes a replacement character of 3 bytes.
            assert!(sum <= 3 * body.len() + STANDARD_WORDS * receipts.len(), "{sum} bytes of {}", body.len());
            for receipt in &receipts {
                for words in [&receipt.code, &receipt.description].into_iter().flatten() {
                    assert_names_no_number(words);
                }
                if vendor == Vendor::Loopback {
                    assert_read_alike(vendor, receipt, &loopback(receipt));
                }
                if vendor == Vendor::Cm {
                    assert_cm(receipt);
                }
            }
        }
        Err(error) => {
            assert!(!error.field.is_empty());
            assert_bounded(&error.to_string());
            assert_names_no_number(&error.to_string());
        }
    }
}

fn assert_read_alike(vendor: Vendor, receipt: &CarrierReceipt, written: &str) {
    let again = vendor.read_receipts(written.as_bytes());
    assert!(again.is_ok_and(|again| again == [Ok(receipt.clone())]), "read differently: {written}");
}

fn loopback(receipt: &CarrierReceipt) -> String {
    let CarrierReceipt { reference, carrier_id, status, code, description } = receipt;
    let reference = reference.map(|reference| reference.to_string());
    let status = status.into_str();
    json!({"id": carrier_id, "reference": reference, "status": status, "code": code, "description": description})
        .to_string()
}

/// Checks that a receipt is parsed alike from JSON and from XML.
fn assert_cm(receipt: &CarrierReceipt) {
    // We skip texts that were cut at a blank, because both formats trim. We also skip codes that do not fit
    // the status, because an SMPP receipt may report an expiry without CM.com's code for it.
    let is_bare = |words: &Option<String>| words.as_ref().is_none_or(|words| words.trim() == words);
    let expired = |code: &Option<String>| code.as_deref().and_then(|code| code.parse::<u16>().ok());
    let explained = (receipt.status == ReceiptStatus::Expired)
        == expired(&receipt.code).is_some_and(|code| [8, 21].contains(&code));
    let fails = matches!(receipt.status, ReceiptStatus::Expired | ReceiptStatus::Undelivered);
    if !is_bare(&receipt.code) || !is_bare(&receipt.description) || (fails && !explained) {
        return;
    }
    let code = match receipt.status {
        ReceiptStatus::Sent => 0,
        ReceiptStatus::Rejected => 1,
        ReceiptStatus::Delivered => 2,
        ReceiptStatus::Undelivered | ReceiptStatus::Expired => 3,
        ReceiptStatus::Read => 4,
    };
    let reference = receipt.reference.map(|reference| reference.to_string());
    let status = json!({"code": code, "errorCode": receipt.code, "errorDescription": receipt.description});
    let json = json!({"messages": {"msg": [{"reference": reference, "status": status}]}});
    assert_read_alike(Vendor::Cm, receipt, &json.to_string());
    let element = |name: &str, words: Option<&str>| {
        words.map(|words| format!("<{name}>{}</{name}>", escaped(words))).unwrap_or_default()
    };
    let xml = format!(
        "<MESSAGES><MSG>{}<STATUS><CODE>{code}</CODE>{}{}</STATUS></MSG></MESSAGES>",
        element("REFERENCE", reference.as_deref()),
        element("ERRORCODE", receipt.code.as_deref()),
        element("ERRORDESCRIPTION", receipt.description.as_deref()),
    );
    assert_read_alike(Vendor::Cm, receipt, &xml);
}
