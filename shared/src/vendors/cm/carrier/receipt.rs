//! CM.com's status reports: JSON or XML, as the account has chosen (page "Incoming Status Reports"), or the
//! text of an SMPP receipt. The first byte tells them apart.
//!
//! A report with a foreign reference is valid, because another system may use the same account. An empty body
//! is valid and has no reports: CM.com tests an address with a call, of which the page says only that we must
//! answer with success.

use serde_json::Value;

use super::{receipt_xml, standard_errors};
use crate::{
    domain::{CarrierReceipt, ParseError, ParsedItems, ReceiptStatus, SubmitReference},
    formats::{
        smpp,
        webhook_json::{one_or_many, read as read_json},
    },
    vendors::cm::caseless::Object,
};

/// The fields of a report, from JSON or XML.
#[derive(Default)]
pub(super) struct Report {
    pub(super) reference: Option<String>,
    pub(super) code: Option<String>,
    pub(super) error_code: Option<String>,
    pub(super) error_description: Option<String>,
}

pub(crate) fn read(body: &[u8]) -> Result<ParsedItems<CarrierReceipt>, ParseError> {
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
    let report = |msg: &Value| {
        let msg = Object::of(msg).ok_or_else(|| missing("messages.msg"))?;
        let status = msg.object("status").ok_or_else(|| missing("status"))?;
        Ok(Report {
            reference: msg.said("reference"),
            code: status.said("code"),
            error_code: status.said("errorcode"),
            error_description: status.said("errordescription"),
        })
    };
    Ok(one_or_many(listed).iter().map(report).collect())
}

impl Report {
    fn read(self) -> Result<CarrierReceipt, ParseError> {
        let code = self.code.ok_or_else(|| ParseError::new("status.code", "is missing"))?;
        let expired = self.error_code.as_deref().is_some_and(standard_errors::is_expiry);
        let status = match code.as_str() {
            "0" => ReceiptStatus::Sent,
            "1" => ReceiptStatus::Rejected,
            "2" => ReceiptStatus::Delivered,
            "3" if expired => ReceiptStatus::Expired,
            "3" => ReceiptStatus::Undelivered,
            "4" => ReceiptStatus::Read,
            _ => return Err(ParseError::new("status.code", "is not 0 to 4")),
        };
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
    let standard = || code.as_deref().and_then(standard_errors::description).map(str::to_owned);
    let description = description.or_else(standard);
    let reference = reference.as_deref().and_then(|text| text.parse::<SubmitReference>().ok());
    CarrierReceipt { reference, carrier_id: None, status, code, description }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const JSON: &[u8] = include_bytes!("../../../../../tests/fixtures/carriers/cm/status-report.json");
    const XML: &[u8] = include_bytes!("../../../../../tests/fixtures/carriers/cm/status-report.xml");
    const SMPP: &[u8] = include_bytes!("../../../../../tests/fixtures/carriers/cm/smpp-receipt.txt");
    const REFERENCE: &str = "0197a3a0000070008000000000000001";

    fn read(body: &[u8]) -> Result<Vec<CarrierReceipt>, ParseError> {
        super::read(body)?.into_iter().collect()
    }

    fn one(body: &[u8]) -> CarrierReceipt {
        let mut receipts = read(body).unwrap();
        assert_eq!(receipts.len(), 1);
        receipts.remove(0)
    }

    fn report(status: Value) -> Vec<u8> {
        json!({"messages": {"msg": {"reference": REFERENCE, "status": status}}}).to_string().into_bytes()
    }

    #[test]
    fn json_xml_and_smpp_give_the_same_receipt() {
        let expected = CarrierReceipt {
            reference: REFERENCE.parse().ok(),
            carrier_id: None,
            status: ReceiptStatus::Undelivered,
            code: Some("24".to_owned()),
            description: Some("Absent subscriber".to_owned()),
        };
        assert_eq!(one(JSON), expected);
        assert_eq!(one(XML), expected);
        let standard = "Message not delivered because the recipient was unreachable";
        let by_smpp =
            CarrierReceipt { code: Some("024".to_owned()), description: Some(standard.to_owned()), ..expected };
        assert_eq!(one(SMPP), by_smpp);
        assert_eq!(one(&[b"\xEF\xBB\xBF\r\n ", SMPP].concat()), by_smpp);
    }

    #[test]
    fn each_code_has_its_status() {
        use ReceiptStatus as S;
        for (code, error, status) in [
            (json!("0"), json!(""), S::Sent),
            (json!(1), json!(29), S::Rejected),
            (json!("2"), json!(null), S::Delivered),
            (json!(3), json!("5"), S::Undelivered),
            (json!("3"), json!(8), S::Expired),
            (json!("3"), json!("21"), S::Expired),
            (json!("4"), json!("0"), S::Read),
        ] {
            let read = one(&report(json!({"code": code, "errorCode": error})));
            assert_eq!(read.status, status, "{code} {error}");
        }
        let described = one(&report(json!({"code": 3, "errorCode": 26, "errorDescription": " "})));
        assert!(described.description.unwrap().starts_with("Message not delivered because of a temporary handset"));
        let plain = one(&report(json!({"code": 2, "errorCode": ""})));
        assert_eq!((plain.code, plain.description), (None, None));
    }

    #[test]
    fn single_and_listed_reports_are_read_in_any_case() {
        let msg = json!({"REFERENCE": REFERENCE.to_uppercase(), "Status": {"CODE": 2}});
        let body = json!({"Messages": {"MSG": [msg, {"reference": "another's", "status": {"code": "0"}}]}}).to_string();
        let receipts = read(body.as_bytes()).unwrap();
        assert_eq!(receipts[0].reference, REFERENCE.parse::<SubmitReference>().ok());
        assert_eq!((receipts[1].reference, receipts[1].status), (None, ReceiptStatus::Sent));
        let body =
            "<messages><Msg><Status><code>2</code></Status></Msg><MSG><STATUS><CODE>4</CODE></STATUS></MSG></messages>";
        let statuses: Vec<_> = read(body.as_bytes()).unwrap().iter().map(|receipt| receipt.status).collect();
        assert_eq!(statuses, [ReceiptStatus::Delivered, ReceiptStatus::Read]);
    }

    #[test]
    fn empty_body_has_no_reports() {
        for body in ["", " \r\n"] {
            assert_eq!(read(body.as_bytes()).unwrap(), []);
        }
    }

    #[test]
    fn parse_error_names_the_field_without_its_value() {
        for (body, field) in [
            ("447911123456", "(body)"),
            ("hello 447911123456", "(body)"),
            ("\"447911123456\"", "messages"),
            ("{\"447911123456\"", "(body)"),
            ("{}", "messages"),
            (r#"{"messages":{}}"#, "messages.msg"),
            (r#"{"messages":{"msg":["447911123456"]}}"#, "messages.msg"),
            (r#"{"messages":{"msg":{"to":"447911123456"}}}"#, "status"),
            (r#"{"messages":{"msg":{"status":{}}}}"#, "status.code"),
            (r#"{"messages":{"msg":{"status":{"code":"447911123456"}}}}"#, "status.code"),
            (r#"{"messages":{"msg":{"status":{"code":5}}}}"#, "status.code"),
            ("<MESSAGES><MSG><STATUS/></MSG></MESSAGES>", "status.code"),
            ("id:1 stat:447911123456", "stat"),
        ] {
            let error = read(body.as_bytes()).unwrap_err();
            assert_eq!(error.field, field, "{body}");
            assert!(!error.to_string().contains("447911123456"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&body);
        }

        #[test]
        fn arbitrary_text_does_not_panic(text in "[<{\\[]?\\PC{0,100}") {
            let _ = read(text.as_bytes());
        }

        #[test]
        fn arbitrary_value_does_not_panic(
            key in "reference|status|to|received|operator",
            value in "\"\\PC{0,20}\"|-?[0-9]{1,7}|null|\\[\\]|\\{\\}|true|\\{\"code\":(null|\"\\PC{0,3}\"|[0-9]),\"errorCode\":(\"\\PC{0,3}\"|[0-9])\\}",
        ) {
            let _ = read(format!(r#"{{"messages":{{"msg":{{"{key}":{value}}}}}}}"#).as_bytes());
        }
    }
}
