//! Status reports, and the receipts in them: JSON, XML, and SMPP receipts.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Cm, standard_errors::STANDARD_ERRORS};
use crate::{
    domain::{CarrierReceipt, ReceiptDetails, ReceiptStatus, ReportedStatus, Timestamp},
    vendors::{
        Connector,
        testing::{REFERENCE, Read, WebhookRow, bad_item, one, receipt, text, webhook},
    },
};

const JSON: &[u8] = include_bytes!("../../../../../../tests/fixtures/carriers/cm/receipt.json");
const XML: &[u8] = include_bytes!("../../../../../../tests/fixtures/carriers/cm/receipt.xml");
const SMPP: &[u8] = include_bytes!("../../../../../../tests/fixtures/carriers/cm/receipt-smpp.txt");
const ABSENT: &str = "Message not delivered because the recipient was unreachable";
const EXPIRED: &str = "Message expired at third party";

pub(super) fn rows() -> Vec<WebhookRow<CarrierReceipt>> {
    let mut rows = samples();
    rows.extend(codes());
    rows.extend(details());
    rows.extend(unknown_statuses());
    rows.extend(lists());
    rows.extend(errors());
    rows.extend(documents());
    rows.extend(hostile_documents());
    rows
}

fn referenced(receipt: CarrierReceipt) -> CarrierReceipt {
    CarrierReceipt { reference: REFERENCE.parse().ok(), ..receipt }
}

/// The same receipt in each format. An SMPP receipt has no description, so we add CM.com's.
fn samples() -> Vec<WebhookRow<CarrierReceipt>> {
    let absent = CarrierReceipt {
        code: text("24"),
        description: text("Absent subscriber"),
        ..referenced(receipt(ReceiptStatus::Undelivered))
    };
    let by_smpp = CarrierReceipt {
        code: text("024"),
        description: text(ABSENT),
        at: "2027-02-21T09:30:02Z".parse().ok(),
        ..absent.clone()
    };
    let details = of_operator("23410");
    let absent = CarrierReceipt { details, at: "2027-02-21T09:30:00Z".parse().ok(), ..absent };
    vec![
        webhook(JSON, one(absent.clone())),
        webhook(XML, one(absent)),
        webhook(SMPP, one(by_smpp.clone())),
        webhook([b"\r\n ", SMPP].concat(), one(by_smpp)),
    ]
}

fn of_operator(code: &str) -> ReceiptDetails {
    ReceiptDetails { network: code.parse().ok(), ..ReceiptDetails::default() }
}

/// The operator may be a code or a name. A malformed operator or time is dropped.
fn details() -> Vec<WebhookRow<CarrierReceipt>> {
    let named = ReceiptDetails { operator: "KPN".parse().ok(), ..ReceiptDetails::default() };
    let rows: [(Value, Value, ReceiptDetails, Option<&str>); 6] = [
        (json!("20408"), json!("2027-02-21 09:30:00"), of_operator("20408"), Some("2027-02-21T09:30:00Z")),
        (json!(310_410), json!("2027-02-21T09:30:00+01:00"), of_operator("310410"), Some("2027-02-21T08:30:00Z")),
        (json!(" KPN "), json!("2027-02-21T09:30:00.5Z"), named, Some("2027-02-21T09:30:00.500Z")),
        (json!(""), json!(""), ReceiptDetails::default(), None),
        (json!("447911123456"), json!("21-02-2027 09:30"), ReceiptDetails::default(), None),
        (json!({"mcc": 204}), json!(7), ReceiptDetails::default(), None),
    ];
    let row = |(operator, received, details, at): (Value, Value, ReceiptDetails, Option<&str>)| {
        let msg = json!({"status": {"code": 2}, "OPERATOR": operator, "Received": received});
        let at = at.map(|at| at.parse::<Timestamp>().unwrap());
        let expected = CarrierReceipt { details, at, ..receipt(ReceiptStatus::Delivered) };
        webhook(json!({"messages": {"msg": msg}}).to_string(), one(expected))
    };
    rows.map(row).into()
}

/// A status that we do not know is no error, if the receipt names a message, be it another system's.
fn unknown_statuses() -> Vec<WebhookRow<CarrierReceipt>> {
    let unknown = |status: &str| receipt(ReportedStatus::Unknown(status.to_owned()));
    let listed =
        json!([{"reference": REFERENCE, "status": {"code": 9}}, {"reference": "another's", "status": {"code": "02"}}]);
    vec![
        webhook(report(&json!({"code": 5})), one(referenced(unknown("5")))),
        webhook(
            json!({"messages": {"msg": listed}}).to_string(),
            Ok(vec![Ok(referenced(unknown("9"))), Ok(unknown("02"))]),
        ),
        webhook(
            format!(
                "<MESSAGES><MSG><REFERENCE>{REFERENCE}</REFERENCE><STATUS><CODE>x</CODE></STATUS></MSG></MESSAGES>"
            ),
            one(referenced(unknown("x"))),
        ),
        webhook(format!("id:{REFERENCE} stat:SKIPPED"), one(referenced(unknown("SKIPPED")))),
    ]
}

fn report(status: &Value) -> Vec<u8> {
    json!({"messages": {"msg": {"reference": REFERENCE, "status": status}}}).to_string().into_bytes()
}

/// CM.com's codes, and the standard errors, which may be padded.
fn codes() -> Vec<WebhookRow<CarrierReceipt>> {
    use ReceiptStatus as S;
    let said = |status, code: Option<&str>, description: Option<&str>| {
        let (code, description) = (code.map(str::to_owned), description.map(str::to_owned));
        CarrierReceipt { code, description, ..referenced(receipt(status)) }
    };
    let (rejected, at_third_party, at_operator, handset) = (
        "Message not delivered because content is not permitted",
        "Message not delivered at third party",
        "Message expired at operator",
        "Message not delivered because of a temporary handset issue (sim card full/memory exceeded/SME busy)",
    );
    let mut rows: Vec<_> = [
        (json!({"code": "0", "errorCode": ""}), said(S::Sent, None, None)),
        (json!({"code": 1, "errorCode": 29}), said(S::Rejected, Some("29"), Some(rejected))),
        (json!({"code": "2", "errorCode": null}), said(S::Delivered, None, None)),
        (json!({"code": 2, "errorCode": ""}), said(S::Delivered, None, None)),
        (json!({"code": 3, "errorCode": "5"}), said(S::Undelivered, Some("5"), Some(at_third_party))),
        (json!({"code": "3", "errorCode": 8}), said(S::Expired, Some("8"), Some(EXPIRED))),
        (json!({"code": "3", "errorCode": "08"}), said(S::Expired, Some("08"), Some(EXPIRED))),
        (json!({"code": "3", "errorCode": "008"}), said(S::Expired, Some("008"), Some(EXPIRED))),
        (json!({"code": "3", "errorCode": "21"}), said(S::Expired, Some("21"), Some(at_operator))),
        (json!({"code": "4", "errorCode": "0"}), said(S::Read, Some("0"), None)),
        (json!({"code": 3, "errorCode": 26, "errorDescription": " "}), said(S::Undelivered, Some("26"), Some(handset))),
    ]
    .map(|(status, expected)| webhook(report(&status), one(expected)))
    .into();
    rows.extend(["0", "32", "44", "x", "99999999"].map(|code| {
        webhook(report(&json!({"code": 3, "errorCode": code})), one(said(S::Undelivered, Some(code), None)))
    }));
    rows
}

/// A single report and a list, in any case. A foreign reference is valid, as is an empty body.
fn lists() -> Vec<WebhookRow<CarrierReceipt>> {
    use ReceiptStatus as S;
    let msg = json!({"REFERENCE": REFERENCE.to_uppercase(), "Status": {"CODE": 2}});
    let listed = json!({"Messages": {"MSG": [msg, {"reference": "another's", "status": {"code": "0"}}]}});
    let damaged = json!({"messages": {"msg": [7, {"status": {"code": 4}}]}});
    let both = Ok(vec![Ok(referenced(receipt(S::Delivered))), Ok(receipt(S::Sent))]);
    vec![
        webhook(listed.to_string(), both),
        webhook(
            "<messages><Msg><Status><code>2</code></Status></Msg><MSG><STATUS><CODE>4</CODE></STATUS></MSG></messages>",
            Ok(vec![Ok(receipt(S::Delivered)), Ok(receipt(S::Read))]),
        ),
        webhook(damaged.to_string(), Ok(vec![Err("messages.msg"), Ok(receipt(S::Read))])),
        webhook("", Ok(Vec::new())),
        webhook(" \r\n", Ok(Vec::new())),
    ]
}

fn errors() -> Vec<WebhookRow<CarrierReceipt>> {
    let rows: [(&str, Read<CarrierReceipt>); 13] = [
        ("447911123456", bad_item("(body)")),
        ("hello 447911123456", bad_item("(body)")),
        ("\"447911123456\"", Err("messages")),
        ("{\"447911123456\"", Err("(body)")),
        ("{}", Err("messages")),
        (r#"{"messages":{}}"#, Err("messages.msg")),
        (r#"{"messages":{"msg":["447911123456"]}}"#, bad_item("messages.msg")),
        (r#"{"messages":{"msg":{"to":"447911123456"}}}"#, bad_item("status")),
        (r#"{"messages":{"msg":{"status":{}}}}"#, bad_item("status.code")),
        (r#"{"messages":{"msg":{"status":{"code":"447911123456"}}}}"#, bad_item("status.code")),
        (r#"{"messages":{"msg":{"status":{"code":5}}}}"#, bad_item("status.code")),
        ("<MESSAGES><MSG><STATUS/></MSG></MESSAGES>", bad_item("status.code")),
        ("stat:447911123456", bad_item("stat")),
    ];
    rows.map(|(body, expected)| webhook(body, expected)).into()
}

/// Escaped text, and an element with children, whose text is lost.
fn documents() -> Vec<WebhookRow<CarrierReceipt>> {
    let escaped = CarrierReceipt { description: text("<a> A"), ..referenced(receipt(ReceiptStatus::Undelivered)) };
    vec![
        webhook(
            "<?xml version='1.0'?><!-- no --><MESSAGES SENT='x'><MSG RECEIVED='y'><TO>1</TO>\
            <REFERENCE> 019<![CDATA[7a3a000007000]]>8&#48;00000000000001 </REFERENCE>\
            <STATUS><ERRORDESCRIPTION><![CDATA[<a>]]> &#65;</ERRORDESCRIPTION><CODE>3</CODE><ERRORCODE/></STATUS>\
            <OTHER><CODE>9</CODE></OTHER></MSG></MESSAGES>",
            one(escaped),
        ),
        webhook(
            "<MESSAGES><MSG><STATUS><CODE>1<b/>2</CODE></STATUS></MSG></MESSAGES>",
            bad_item("field 'status.code' is missing"),
        ),
    ]
}

fn hostile_documents() -> Vec<WebhookRow<CarrierReceipt>> {
    let bomb = "<!DOCTYPE m [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><MESSAGES><MSG>&b;</MSG></MESSAGES>";
    let outside = "<!DOCTYPE m [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><MESSAGES>&x;</MESSAGES>";
    let deep = format!("{}{}", "<MESSAGES>".repeat(20), "</MESSAGES>".repeat(20));
    let many = format!("<MESSAGES>{}</MESSAGES>", "<MSG/>".repeat(1001));
    let rows = [
        (bomb, "field '(body)' has a document type"),
        (outside, "field '(body)' has a document type"),
        (&deep, "field '(body)' is nested too deeply"),
        (&many, "field '(body)' has too many reports"),
        ("<MESSAGES><MSG>", "field '(body)' ends too early"),
        ("<MESSAGES/><MESSAGES/>", "field '(body)' has more than one root element"),
        ("<MESSAGES><MSG/></MESSAGES>more", "field '(body)' has text outside the root element"),
        ("<?xml version='1.0'?>more<MESSAGES><MSG/></MESSAGES>", "field '(body)' has text outside the root element"),
        ("<MESSAGES><MSG>&copy;</MSG></MESSAGES>", "field '(body)' uses a custom entity"),
        ("<MESSAGES></MSG>", "field '(body)' is not XML"),
        ("<MESSAGES/>", "field 'MSG' is missing"),
    ];
    let mut rows: Vec<_> = rows.map(|(body, error)| webhook(body, Err(error))).into();
    rows.push(webhook(b"<MESSAGES>\xFF</MESSAGES>".to_vec(), Err("field '(body)' is not UTF-8")));
    rows
}

#[test]
fn report_of_a_list_has_a_body_of_its_own() {
    let list = "<messages SENT='x'> <Msg received='2027-02-21T09:30:00'><Status><code>2</code></Status></Msg><MSG/></messages>";
    let listed = json!({"Messages": {"MSG": [{"status": {"code": 2}}, {"status": {}}]}}).to_string();
    for (body, first) in [
        (list, "<MESSAGES><Msg received='2027-02-21T09:30:00'><Status><code>2</code></Status></Msg></MESSAGES>"),
        (&listed, r#"{"messages":{"msg":{"status":{"code":2}}}}"#),
    ] {
        let reports = Cm::read_receipts(body.as_bytes()).unwrap();
        assert_eq!(reports.webhook_item(body, 0).payload, first);
        for (index, report) in reports.iter().enumerate() {
            let alone = reports.webhook_item(body, index);
            let read = Cm::read_receipts(alone.payload.as_bytes()).unwrap();
            assert!(read.into_iter().eq([report.clone()]) && alone.index == 0, "{}", alone.payload);
        }
    }
}

#[test]
fn standard_errors_are_sorted_sentences() {
    let errors = STANDARD_ERRORS.0;
    assert!(errors.is_sorted() && errors.iter().all(|(_, words)| words.starts_with("Message ")));
}

proptest! {
    #[test]
    fn arbitrary_value_does_not_panic(
        key in "reference|status|to|received|operator",
        value in "\"\\PC{0,20}\"|-?[0-9]{1,7}|null|\\[\\]|\\{\\}|true|\\{\"code\":(null|\"\\PC{0,3}\"|[0-9]),\"errorCode\":(\"\\PC{0,3}\"|[0-9])\\}",
    ) {
        let _ = Cm::read_receipts(format!(r#"{{"messages":{{"msg":{{"{key}":{value}}}}}}}"#).as_bytes());
    }

    #[test]
    fn arbitrary_markup_does_not_panic(parts in prop::collection::vec("</?(MESSAGES|MSG|STATUS|CODE|!DOCTYPE|!\\[CDATA\\[|!--|\\?xml)( SENT='A')?/?>|&[a-z#x0-9]{0,9};?|\\PC{0,5}|\\]\\]>|-->", 0..30)) {
        let _ = Cm::read_receipts(format!("<{}", parts.concat()).as_bytes());
        let _ = Cm::read_receipts(parts.concat().as_bytes());
    }
}
