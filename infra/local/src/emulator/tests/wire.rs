//! The formats without an emulator agree with those of a running emulator.

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use strum::VariantArray as _;

use super::Tester;
use super::cm::{message, request};
use crate::emulator::wire::{self, Call, Credentials, Exchange, Status, Submit, Vendor};

const PHONE: &str = "447700900001";

impl Tester {
    /// Posts a submit, and returns the accepted submits by request and answer.
    async fn exchange(&self, path: &str, header: (&'static str, &str), body: &Value) -> Vec<Submit> {
        let (vendor, call) = wire::call(&Method::POST, path).unwrap();
        assert_eq!(call, Call::Submit);
        let mut headers = HeaderMap::new();
        headers.insert(header.0, header.1.parse().unwrap());
        let body = body.to_string();
        let posted = self.client.post(self.url(path)).headers(headers.clone()).body(body.clone());
        let answer = posted.send().await.unwrap();
        let status = answer.status();
        let answer = answer.bytes().await.unwrap();
        let exchange = Exchange { path, headers: &headers, request: body.as_bytes(), status, answer: &answer };
        wire::accepted(vendor, &exchange).unwrap()
    }
}

#[test]
fn path_tells_vendor_and_call() {
    for (method, path, expected) in [
        (Method::POST, "/loopback/messages", Some((Vendor::Loopback, Call::Submit))),
        (Method::GET, "/loopback/messages/ref-1", Some((Vendor::Loopback, Call::Lookup))),
        (Method::POST, "/cm/v1.0/message", Some((Vendor::Cm, Call::Submit))),
        (Method::POST, "/cm/v1.0/message?trace=1", Some((Vendor::Cm, Call::Submit))),
        (Method::POST, "/loopback/messages/ref-1", None),
        (Method::GET, "/loopback/messages/", None),
        (Method::GET, "/loopback/messages", None),
        (Method::POST, "/loopback/messagesandmore", None),
        (Method::PUT, "/loopback/receipts", None),
        (Method::GET, "/cm/v1.0/message", None),
        (Method::POST, "/v1.0/message", None),
        (Method::POST, "/pigeon/messages", None),
        (Method::POST, "/sinks/cm", None),
        (Method::POST, "/", None),
        (Method::POST, "", None),
    ] {
        assert_eq!(wire::call(&method, path), expected, "{method} {path}");
    }
}

#[tokio::test]
async fn accepted_submits_are_read_from_request_and_answer() {
    let tester = Tester::start().await;
    let key = json!({ "credentials": { "key": "key-1" }, "sender_ids": { "Acme": "id-1" } });
    tester.register("lo", "loopback", key.clone()).await;
    tester.register("cm", "cm", key).await;

    let authorization = ("authorization", "Bearer key-1");
    let mut submit = json!({ "reference": "r", "senderId": "id-1", "to": PHONE, "text": "x", "channel": "rcs" });
    let read = |submit: &Submit| (submit.reference().to_owned(), submit.from().to_owned(), submit.to().to_owned());
    let [accepted] = &tester.exchange("/loopback/messages", authorization, &submit).await[..] else { panic!() };
    assert_eq!(read(accepted), ("r".into(), "id-1".into(), PHONE.into()));
    assert_eq!(accepted.credentials(), Some(&Credentials::Key("key-1".into())));
    submit["to"] = json!("447700900200");
    assert!(tester.exchange("/loopback/messages", authorization, &submit).await.is_empty());

    let token = ("x-cm-producttoken", "key-1");
    let messages = [message("00447700900200"), message(&format!("00{PHONE}")), json!("nonsense")];
    let [accepted] = &tester.exchange("/cm/v1.0/message", token, &request(&messages)).await[..] else { panic!() };
    assert_eq!(accepted.vendor(), Vendor::Cm);
    assert_eq!(read(accepted), ("ref1".into(), "441234567890".into(), PHONE.into()));
    assert_eq!(accepted.credentials(), Some(&Credentials::Key("key-1".into())));
    assert_eq!(format!("{accepted:?}"), r#"Submit { vendor: Cm, reference: "ref1" }"#);
    let foreign = ("x-cm-producttoken", "key-2");
    assert!(tester.exchange("/cm/v1.0/message", foreign, &request(&messages)).await.is_empty());
}

#[test]
fn answer_that_does_not_fit_its_request_is_an_error() {
    let request = request(&[message(PHONE), message(PHONE)]).to_string();
    let mut headers = HeaderMap::new();
    headers.insert("x-cm-producttoken", "key".parse().unwrap());
    for answer in [json!({}), json!({ "messages": [{ "status": "Accepted" }] })] {
        let answer = answer.to_string();
        let (status, answer) = (StatusCode::OK, answer.as_bytes());
        let path = "/cm/v1.0/message";
        let exchange = Exchange { path, headers: &headers, request: request.as_bytes(), status, answer };
        assert!(wire::accepted(Vendor::Cm, &exchange).is_err());
    }
}

#[tokio::test]
async fn receipt_equals_that_of_a_running_emulator() {
    let tester = Tester::start().await;
    tester.register_loopback().await;
    tester.register_cm().await;
    let submit = json!({ "reference": "r", "from": "Acme", "to": PHONE, "text": "x", "channel": "sms" });
    let loopback = tester.exchange("/loopback/messages", ("accept", "*/*"), &submit).await;
    let token = ("x-cm-producttoken", "cm-product-token");
    let cm = tester.exchange("/cm/v1.0/message", token, &request(&[message(PHONE)])).await;
    let body = |submit: &Submit| {
        let receipt = submit.receipt(Status::Delivered, Timestamp::UNIX_EPOCH).unwrap();
        serde_json::from_slice::<Value>(&receipt.bytes).unwrap()
    };
    let (mut real, mut built) = (tester.sink_requests("receipts", 1).await.remove(0), body(&loopback[0]));
    assert!(real["at"].take().is_string() && built["at"].take().is_string());
    assert_eq!(built, real);
    let (mut real, mut built) = (tester.sink_requests("reports", 1).await.remove(0), body(&cm[0]));
    let received = |report: &mut Value| report["messages"]["msg"]["received"].take();
    assert!(received(&mut real).is_string() && received(&mut built).is_string());
    assert_eq!(built, real);
}

#[tokio::test]
async fn each_vendor_reports_each_status() {
    let tester = Tester::start().await;
    tester.register_cm().await;
    let submit = json!({ "reference": "r", "from": "Acme", "to": PHONE, "text": "x", "channel": "sms" });
    let loopback = tester.exchange("/loopback/messages", ("accept", "*/*"), &submit).await;
    let token = ("x-cm-producttoken", "cm-product-token");
    let cm = tester.exchange("/cm/v1.0/message", token, &request(&[message(PHONE)])).await;
    let at = Timestamp::UNIX_EPOCH;
    let body = |submit: &Submit, status: Status| {
        serde_json::from_slice::<Value>(&submit.receipt(status, at).unwrap().bytes).unwrap()
    };
    let mut codes = Vec::new();
    for status in Status::VARIANTS {
        assert_eq!(body(&loopback[0], *status)["status"], status.into_str());
        let report = body(&cm[0], *status)["messages"]["msg"]["status"].clone();
        codes.push((status.into_str(), report["code"].clone(), report["errorCode"].clone()));
    }
    let expected = [
        ("sent", "0", ""),
        ("delivered", "2", ""),
        ("undelivered", "3", "5"),
        ("rejected", "1", ""),
        ("expired", "3", "8"),
        ("read", "4", ""),
    ];
    assert_eq!(codes, expected.map(|(status, code, error)| (status, json!(code), json!(error))));
}
