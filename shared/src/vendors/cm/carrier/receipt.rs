//! CM.com's status reports: JSON or XML, as the account has chosen (page "Incoming Status Reports"), or the
//! text of an SMPP receipt. The first byte tells them apart.
//!
//! A report with a foreign reference is valid, because another system may use the same account. An empty body
//! is valid and has no reports: CM.com tests an address with a call, of which the page says only that we must
//! answer with success.

use serde_json::Value;

use super::{
    receipt_xml,
    standard_errors::{self, STANDARD_ERRORS},
};
use crate::{
    domain::{CarrierReceipt, ParseError, ParsedItems, ReceiptStatus, SubmitReference},
    formats::{
        caseless::Object,
        codes::StatusCodes,
        smpp,
        webhook_json::{items, read as read_json},
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
}

pub(super) fn read(body: &[u8]) -> Result<ParsedItems<CarrierReceipt>, ParseError> {
    let body = body.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(body).trim_ascii();
    let reports = match body.first() {
        None => return Ok(Vec::new()),
        Some(b'<') => receipt_xml::read(body)?.into_iter().map(Ok).collect(),
        Some(b'{' | b'[' | b'"') => reports(&read_json(body)?)?,
        Some(_) => return Ok(vec![read_smpp(body)]),
    };
    Ok(reports.into_iter().map(|report| report.and_then(Report::read)).collect())
}

fn reports(value: &Value) -> Result<ParsedItems<Report>, ParseError> {
    let missing = |field: &str| ParseError::new(field, "is missing or not an object");
    let messages = Object::of(value).and_then(|root| root.object("messages")).ok_or_else(|| missing("messages"))?;
    let listed = messages.get("msg").ok_or_else(|| missing("messages.msg"))?;
    let report = |msg: Object<'_>| {
        let status = msg.object("status").ok_or_else(|| missing("status"))?;
        Ok(Report {
            reference: msg.said("reference"),
            code: status.said("code"),
            error_code: status.said("errorcode"),
            error_description: status.said("errordescription"),
        })
    };
    Ok(items(listed, "messages.msg", report))
}

impl Report {
    fn read(self) -> Result<CarrierReceipt, ParseError> {
        let code = self.code.ok_or_else(|| ParseError::new("status.code", "is missing"))?;
        let status = STATUSES.get(&code).ok_or_else(|| ParseError::new("status.code", "is not 0 to 4"))?;
        let expired = self.error_code.as_deref().is_some_and(standard_errors::is_expiry);
        let status = if expired && status == ReceiptStatus::Undelivered { ReceiptStatus::Expired } else { status };
        Ok(receipt(self.reference, status, self.error_code, self.error_description))
    }
}

fn read_smpp(body: &[u8]) -> Result<CarrierReceipt, ParseError> {
    let text = String::from_utf8_lossy(body);
    if !smpp::is_receipt(&text) {
        return Err(ParseError::new("(body)", "is neither JSON, nor XML, nor an SMPP receipt"));
    }
    let read = smpp::read(&text)?;
    Ok(receipt(read.id, read.status, read.error, None))
}

fn receipt(
    reference: Option<String>,
    status: ReceiptStatus,
    code: Option<String>,
    description: Option<String>,
) -> CarrierReceipt {
    let standard = || code.as_deref().and_then(|code| STANDARD_ERRORS.description(code)).map(str::to_owned);
    let description = description.or_else(standard);
    let reference = reference.as_deref().and_then(|text| text.parse::<SubmitReference>().ok());
    CarrierReceipt { reference, carrier_id: None, status, code, description }
}
