//! Receipts. Their texts are at most three times as long as the input, plus our standard texts. A parsed
//! receipt is parsed alike when rendered again, CM.com's both in JSON and in XML. An item of a list is parsed
//! alike by itself, and is not longer than the list. Errors name the unreadable field, but no phone number.

use serde_json::json;
use shared::{
    domain::{
        CarrierReceipt, NetworkCode, OperatorName, ParseError, ParsedItems, ReceiptStatus, ReportedStatus, Vendor,
    },
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
/// The size of XML's root element, which an item of a list gets in our spelling.
const ROOT: usize = "<MESSAGES></MESSAGES>".len();

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
    if let Ok(items) = vendor.read_receipts(body) {
        assert_items(vendor, body, &items);
    }
    match read {
        Ok(receipts) => {
            let size = |words: &Option<String>| words.as_ref().map_or(0, String::len);
            let sum: usize = receipts.iter().map(|receipt| size(&receipt.code) + size(&receipt.description)).sum();
            // Each invalid byte becomes a replacement character of 3 bytes.
            assert!(sum <= 3 * body.len() + STANDARD_WORDS * receipts.len(), "{sum} bytes of {}", body.len());
            for receipt in &receipts {
                let operator = receipt.details.operator.as_ref().map(OperatorName::as_str);
                let unknown = match &receipt.status {
                    ReportedStatus::Unknown(status) => Some(status.as_str()),
                    ReportedStatus::Known(_) => None,
                };
                let texts = [receipt.code.as_deref(), receipt.description.as_deref(), operator, unknown];
                texts.into_iter().flatten().for_each(assert_names_no_number);
                // A status of digits that look like a phone number is kept as `…`, which is no word.
                if unknown.is_some_and(|status| !status.contains(char::is_alphanumeric)) {
                    continue;
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
    assert!(again.is_ok_and(|again| again.into_iter().eq([Ok(receipt.clone())])), "read differently: {written}");
}

/// Checks that each readable item is the same by itself.
fn assert_items(vendor: Vendor, body: &[u8], items: &ParsedItems<CarrierReceipt>) {
    let text = String::from_utf8_lossy(body);
    for (index, item) in items.iter().enumerate().filter(|(_, item)| item.is_ok()) {
        let kept = items.webhook_item(&text, index);
        assert!(kept.payload.len() <= text.len() + ROOT, "{} bytes of {}", kept.payload.len(), text.len());
        let alone = vendor.read_receipts(kept.payload.as_bytes()).ok();
        let alone = alone.and_then(|alone| alone.into_iter().nth(kept.index));
        assert!(alone.as_ref() == Some(item), "read differently: {}", kept.payload);
    }
}

fn loopback(receipt: &CarrierReceipt) -> String {
    let CarrierReceipt { reference, carrier_id, status, code, description, details, at } = receipt;
    let status = match status {
        ReportedStatus::Known(status) => status.into_str(),
        ReportedStatus::Unknown(status) => status,
    };
    let mut written = json!(details);
    written["id"] = json!(carrier_id);
    written["reference"] = json!(reference.map(|reference| reference.to_string()));
    written["status"] = status.into();
    written["code"] = json!(code);
    written["description"] = json!(description);
    written["at"] = json!(at.map(|at| at.to_string()));
    written.to_string()
}

/// Checks that a receipt is parsed alike from JSON and from XML.
fn assert_cm(receipt: &CarrierReceipt) {
    // We skip texts that were cut at a blank, because both formats trim. We also skip codes that do not fit
    // the status, because an SMPP receipt may report an expiry without CM.com's code for it, or name an unknown
    // state by a code of CM.com's.
    let is_bare = |words: &str| words.trim() == words && !words.is_empty();
    let are_bare = |words: &Option<String>| words.as_deref().is_none_or(is_bare);
    let expired = |code: &Option<String>| code.as_deref().and_then(|code| code.parse::<u16>().ok());
    let is_expiry = expired(&receipt.code).is_some_and(|code| [8, 21].contains(&code));
    let code = match &receipt.status {
        ReportedStatus::Known(ReceiptStatus::Sent) => "0",
        ReportedStatus::Known(ReceiptStatus::Rejected) => "1",
        ReportedStatus::Known(ReceiptStatus::Delivered) => "2",
        ReportedStatus::Known(ReceiptStatus::Undelivered) if !is_expiry => "3",
        ReportedStatus::Known(ReceiptStatus::Expired) if is_expiry => "3",
        ReportedStatus::Known(ReceiptStatus::Read) => "4",
        ReportedStatus::Unknown(status) if is_bare(status) && !["0", "1", "2", "3", "4"].contains(&status.as_str()) => {
            status
        }
        ReportedStatus::Known(_) | ReportedStatus::Unknown(_) => return,
    };
    if !are_bare(&receipt.code) || !are_bare(&receipt.description) {
        return;
    }
    // Another system's reference, so that an unknown status counts.
    let reference = receipt.reference.map_or_else(|| "x".to_owned(), |reference| reference.to_string());
    let operator = receipt.details.network.as_ref().map(NetworkCode::as_str);
    let operator = operator.or(receipt.details.operator.as_ref().map(OperatorName::as_str));
    let received = receipt.at.map(|at| at.to_string());
    let status = json!({"code": code, "errorCode": receipt.code, "errorDescription": receipt.description});
    let msg = json!({"reference": reference, "status": status, "operator": operator, "received": received});
    assert_read_alike(Vendor::Cm, receipt, &json!({"messages": {"msg": [msg]}}).to_string());
    let element = |name: &str, words: Option<&str>| {
        words.map(|words| format!("<{name}>{}</{name}>", escaped(words))).unwrap_or_default()
    };
    let received = received.map(|received| format!(" RECEIVED='{received}'")).unwrap_or_default();
    let xml = format!(
        "<MESSAGES><MSG{received}>{}<STATUS>{}{}{}</STATUS>{}</MSG></MESSAGES>",
        element("REFERENCE", Some(&reference)),
        element("CODE", Some(code)),
        element("ERRORCODE", receipt.code.as_deref()),
        element("ERRORDESCRIPTION", receipt.description.as_deref()),
        element("OPERATOR", operator),
    );
    assert_read_alike(Vendor::Cm, receipt, &xml);
}
