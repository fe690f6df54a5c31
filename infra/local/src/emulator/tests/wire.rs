//! The formats without an emulator agree with those of a running emulator.

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use strum::VariantArray as _;
use url::Url;

use super::Tester;
use super::cm::{message, request};
use super::mta::mta_message;
use crate::emulator::wire::{self, Call, Credentials, Exchange, Status, Submit, Vendor};

const PHONE: &str = "447700900001";
/// A path and an `Authorization` that has the key instead.
const KEYLESS_CYMBA: (&str, &str) = ("/cymba/message", "Bearer cymba-key");

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
        (Method::POST, "/cymba/message?key=k", Some((Vendor::Cymba, Call::Submit))),
        (Method::POST, "/messangi/kingslanding/login", Some((Vendor::Messangi, Call::Login))),
        (Method::POST, "/messangi/raven/v2/messages", Some((Vendor::Messangi, Call::Submit))),
        (Method::POST, "/mta/v3/send", Some((Vendor::Mta, Call::Submit))),
        (Method::POST, "/mta/v3/webhooks", None),
        (Method::GET, "/mta/v3/send", None),
        (Method::GET, "/cymba/message", None),
        (Method::POST, "/cymba/messages", None),
        (Method::GET, "/messangi/kingslanding/login", None),
        (Method::POST, "/messangi/raven/v3/messages/batch", None),
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

#[tokio::test]
async fn accepted_submits_of_cymba_have_key_callback_and_reference() {
    let tester = Tester::start().await;
    tester.register_cymba().await;
    let callback = tester.url("/dlr/cymba/token/ref1");
    let mut with_callback = tester.cymba_message(PHONE);
    with_callback["callback"] = json!(callback);
    let mut without = tester.cymba_message(PHONE);
    without["callback"] = Value::Null;
    let request = json!({ "messages": [with_callback, without] });
    let key = Credentials::Key("cymba-key".into());
    for (path, authorization) in [("/cymba/message?key=cymba-key", "Bearer another"), KEYLESS_CYMBA] {
        let accepted = tester.exchange(path, ("authorization", authorization), &request).await;
        let [first, second] = &accepted[..] else { panic!("{accepted:?}") };
        assert_eq!((first.reference(), first.from(), first.to()), ("ref1", "441234567890", PHONE));
        assert_eq!(first.callbacks().iter().map(Url::as_str).collect::<Vec<_>>(), [&callback]);
        assert_eq!((second.reference(), second.callbacks()), ("", &[][..]));
        assert_eq!(second.credentials(), Some(&key));
        assert!(first.is_authorized_by(Some(&key)) && !first.is_authorized_by(None));
        assert_eq!(format!("{first:?}"), r#"Submit { vendor: Cymba, reference: "ref1" }"#);
    }
    let (path, bearer) = KEYLESS_CYMBA;
    let dry_run = format!("{path}?isDryrun=true");
    assert!(tester.exchange(&dry_run, ("authorization", bearer), &request).await.is_empty());
    assert!(tester.exchange(path, ("authorization", "Bearer another"), &request).await.is_empty());
}

#[tokio::test]
async fn accepted_submit_of_messangi_belongs_to_its_login() {
    let tester = Tester::start().await;
    tester.register_messangi().await;
    tester.register_messangi_login("pass").await;
    let login = |password: &str| Credentials::Login { login: "me@client.example".into(), password: password.into() };
    let key = Credentials::Key("messangi-key".into());
    let path = "/messangi/raven/v2/messages";
    let mut message = tester.messangi_message(PHONE);
    let callbacks = [tester.url("/sinks/one"), tester.url("/sinks/two")];
    message["callbacks"] = json!(callbacks.join(","));

    let authorization = tester.log_in("pass").await.unwrap();
    let accepted = tester.exchange(path, ("authorization", &authorization), &message).await;
    assert_eq!((accepted[0].reference(), accepted[0].from(), accepted[0].to()), ("ref1", "12345", PHONE));
    assert_eq!(accepted[0].callbacks().iter().map(Url::as_str).collect::<Vec<_>>(), callbacks);
    let is_of =
        |submit: &Submit| [login("pass"), login("word"), key.clone()].map(|it| submit.is_authorized_by(Some(&it)));
    assert_eq!(is_of(&accepted[0]), [true, false, false]);
    message["requestDR"] = json!(false);
    let accepted = tester.exchange(path, ("authorization", "Bearer messangi-key"), &message).await;
    assert_eq!((is_of(&accepted[0]), accepted[0].callbacks()), ([false, false, true], &[][..]));
    assert!(tester.exchange(path, ("authorization", "Bearer another"), &message).await.is_empty());
}

#[tokio::test]
async fn accepted_submit_of_mta_names_the_longcode() {
    let tester = Tester::start().await;
    tester.register_mta().await;
    let key = ("authorization", "Bearer mta-key");
    let mut message = mta_message(PHONE);
    let [accepted] = &tester.exchange("/mta/v3/send", key, &message).await[..] else { panic!() };
    assert_eq!((accepted.reference(), accepted.from(), accepted.to()), ("ref1", "4711", PHONE));
    assert_eq!(accepted.credentials(), Some(&Credentials::Key("mta-key".into())));
    let built = accepted.receipt(Status::Delivered, Timestamp::UNIX_EPOCH).unwrap();
    let real = tester.sink_requests("mta-receipts", 1).await.remove(0);
    assert_eq!(serde_json::from_slice::<Value>(&built.bytes).unwrap(), real);
    assert!(
        [Status::Expired, Status::Read].iter().all(|status| accepted.receipt(*status, Timestamp::UNIX_EPOCH).is_none())
    );
    message["longcodeId"] = Value::Null;
    let [accepted] = &tester.exchange("/mta/v3/send", key, &message).await[..] else { panic!() };
    assert_eq!(accepted.from(), "447999399999");
    message["subscribers"] = json!(["447700900200"]);
    assert!(tester.exchange("/mta/v3/send", key, &message).await.is_empty());
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
    let message = json!({ "from": { "type": "custom", "value": "Acme" }, "to": PHONE, "body": "x" });
    let cymba = json!({ "messages": [message] });
    let messangi = json!({ "from": "Acme", "to": PHONE, "text": "x" });
    let mta = json!({ "subscribers": [PHONE], "message": "x" });
    for (vendor, path, request, answer) in [
        (Vendor::Mta, "/mta/v3/send", &mta, json!({ "success": true, "data": {} })),
        (Vendor::Cymba, "/cymba/message", &cymba, json!({})),
        (Vendor::Cymba, "/cymba/message", &cymba, json!({ "messages": [] })),
        (Vendor::Cymba, "/cymba/message", &cymba, json!({ "messages": [{ "messageUuid": "1" }] })),
        (Vendor::Messangi, "/messangi/raven/v2/messages", &messangi, json!({ "id": "1", "status": "QUEUE" })),
        (
            Vendor::Messangi,
            "/messangi/raven/v2/messages",
            &messangi,
            json!({ "data": { "id": "1", "status": "ERROR" } }),
        ),
    ] {
        let (request, answer) = (request.to_string(), answer.to_string());
        let (status, answer) = (StatusCode::OK, answer.as_bytes());
        let exchange = Exchange { path, headers: &headers, request: request.as_bytes(), status, answer };
        assert!(wire::accepted(vendor, &exchange).is_err(), "{vendor:?}");
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

    tester.register_cymba().await;
    tester.register_messangi().await;
    let cymba = json!({ "messages": [tester.cymba_message(PHONE)] });
    let cymba = tester.exchange("/cymba/message?key=cymba-key", ("accept", "*/*"), &cymba).await;
    assert_eq!(body(&cymba[0]), tester.sink_requests("at-callback", 1).await[0]);
    let (path, key) = ("/messangi/raven/v2/messages", ("authorization", "Bearer messangi-key"));
    let messangi = tester.exchange(path, key, &tester.messangi_message(PHONE)).await;
    let (mut real, mut built) = (tester.sink_requests("mt", 1).await.remove(0), body(&messangi[0]));
    for name in ["date", "timestamp"] {
        assert!(!real[name].take().is_null() && !built[name].take().is_null(), "{name}");
    }
    assert_eq!(built, real);
}

#[tokio::test]
async fn loopback_and_cm_report_each_status() {
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

#[tokio::test]
async fn status_that_a_vendor_does_not_report_has_no_receipt() {
    let tester = Tester::start().await;
    tester.register_cymba().await;
    tester.register_messangi().await;
    let cymba = json!({ "messages": [tester.cymba_message(PHONE)] });
    let cymba = tester.exchange("/cymba/message?key=cymba-key", ("accept", "*/*"), &cymba).await;
    let (path, key) = ("/messangi/raven/v2/messages", ("authorization", "Bearer messangi-key"));
    let messangi = tester.exchange(path, key, &tester.messangi_message(PHONE)).await;
    let field = |submit: &Submit, status: Status, pointer: &str| {
        let receipt = submit.receipt(status, Timestamp::UNIX_EPOCH)?;
        serde_json::from_slice::<Value>(&receipt.bytes).unwrap().pointer(pointer).cloned()
    };
    let found = Status::VARIANTS.iter().map(|status| {
        let code = field(&cymba[0], *status, "/receiptInfo/code").unwrap_or_default();
        (status.into_str(), code, field(&messangi[0], *status, "/status").unwrap_or_default())
    });
    let expected = [
        ("sent", Value::Null, json!("SENT")),
        ("delivered", json!("00"), json!("DELIVRD")),
        ("undelivered", json!("22"), json!("UNDELIV")),
        ("rejected", Value::Null, json!("REJECTD")),
        ("expired", Value::Null, json!("EXPIRED")),
        ("read", Value::Null, Value::Null),
    ];
    assert_eq!(found.collect::<Vec<_>>(), expected);
}
