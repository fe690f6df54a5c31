//! CM.com's status reports: JSON or XML, as the account has chosen (page "Incoming Status Reports"), or the
//! text of an SMPP receipt. The first byte tells them apart.
//!
//! A report with a foreign reference is valid, because another system may use the same account. An empty body
//! is valid and has no reports: CM.com tests an address with a call, of which the page says only that we must
//! answer with success.
//!
//! The page does not say in which zone `received` and `done date` are. We read them as UTC, like `timeUtc` in
//! replies; a time that is ahead of our clock, or before the submit, does not count. `operator` is the recipient's
//! network: a code in the page's sample, but the page also allows a name.

use super::{
    receipt_xml,
    standard_errors::{self, STANDARD_ERRORS},
};
use crate::{
    domain::{
        CarrierReceipt, ParseError, ParsedItems, ReceiptDetails, ReceiptStatus, ReportedStatus, SubmitReference,
        parse_time,
    },
    formats::{
        caseless::Object,
        codes::{StatusCodes, reported},
        smpp,
        webhook_json::{items_below, read as read_json},
    },
};

const STATUSES: StatusCodes = StatusCodes(&[
    ("0", ReceiptStatus::Sent),
    ("1", ReceiptStatus::Rejected),
    ("2", ReceiptStatus::Delivered),
    ("3", ReceiptStatus::Undelivered),
    ("4", ReceiptStatus::Read),
]);

/// The fields of a report, from JSON or XML.
#[derive(Default)]
pub(super) struct Report {
    pub(super) reference: Option<String>,
    pub(super) code: Option<String>,
    pub(super) error_code: Option<String>,
    pub(super) error_description: Option<String>,
    pub(super) operator: Option<String>,
    pub(super) received: Option<String>,
}

pub(super) fn read(body: &[u8]) -> Result<ParsedItems<CarrierReceipt>, ParseError> {
    let body = body.trim_ascii();
    match body.first() {
        None => Ok(Vec::new().into()),
        Some(b'<') => receipt_xml::read(body),
        Some(b'{' | b'[' | b'"') => items_below(&read_json(body)?, &["messages", "msg"], read_report),
        Some(_) => Ok(vec![read_smpp(body)].into()),
    }
}

fn read_report(msg: Object<'_>) -> Result<CarrierReceipt, ParseError> {
    let status = msg.object("status").ok_or_else(|| ParseError::new("status", "is missing or not an object"))?;
    let report = Report {
        reference: msg.said("reference"),
        code: status.said("code"),
        error_code: status.said("errorcode"),
        error_description: status.said("errordescription"),
        operator: msg.said("operator"),
        received: msg.said("received"),
    };
    report.read()
}

impl Report {
    pub(super) fn read(self) -> Result<CarrierReceipt, ParseError> {
        let code = self.code.ok_or_else(|| ParseError::new("status.code", "is missing"))?;
        let expired = self.error_code.as_deref().is_some_and(standard_errors::is_expiry);
        let status = match STATUSES.get(&code) {
            Some(ReceiptStatus::Undelivered) if expired => Some(ReceiptStatus::Expired),
            status => status,
        };
        let status = reported(&code, status, "status.code", self.reference.is_some())?;
        Ok(CarrierReceipt {
            details: self.operator.as_deref().map(network).unwrap_or_default(),
            at: self.received.and_then(|received| parse_time(&received).ok()),
            ..receipt(self.reference, status, self.error_code, self.error_description)
        })
    }
}

fn read_smpp(body: &[u8]) -> Result<CarrierReceipt, ParseError> {
    let text = String::from_utf8_lossy(body);
    if !smpp::is_receipt(&text) {
        return Err(ParseError::new("(body)", "is neither JSON, nor XML, nor an SMPP receipt"));
    }
    let read = smpp::read(&text)?;
    Ok(CarrierReceipt { at: read.done_at, ..receipt(read.id, read.status, read.error, None) })
}

/// Returns the recipient's network from a code or a name.
fn network(operator: &str) -> ReceiptDetails {
    ReceiptDetails { network: operator.parse().ok(), operator: operator.parse().ok(), ..ReceiptDetails::default() }
}

fn receipt(
    reference: Option<String>,
    status: ReportedStatus,
    code: Option<String>,
    description: Option<String>,
) -> CarrierReceipt {
    let standard = || code.as_deref().and_then(|code| STANDARD_ERRORS.description(code)).map(str::to_owned);
    let description = description.or_else(standard);
    let reference = reference.as_deref().and_then(|text| text.parse::<SubmitReference>().ok());
    let details = ReceiptDetails::default();
    CarrierReceipt { reference, carrier_id: None, status, code, description, details, at: None }
}
