//! Requests as real clients write them: what differs from the vendors' pages without a doubt is accepted, and what
//! is ambiguous or damaged is refused, before a message is sent.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use tests::{Phone, System};

use crate::{
    bad_input::assert_nothing_was_done,
    cm,
    system::{CM_TOKEN, DEMO, OWN_SENDER as OURS, answer, owned, with},
};

const PHONE: Phone = Phone::delivers().nth(41);
const BYTE_ORDER_MARK: &str = "\u{feff}";

async fn text(request: RequestBuilder) -> (u16, String) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

async fn get(system: &System, query: &str) -> String {
    let path = format!("/gateway.ashx?producttoken={DEMO}&{query}");
    let (status, line) = text(system.request(Method::GET, &path)).await;
    assert_eq!(status, 200, "{line}");
    line
}

fn xml(system: &System, fields: &str) -> RequestBuilder {
    let token = format!("<AUTHENTICATION><PRODUCTTOKEN>{DEMO}</PRODUCTTOKEN></AUTHENTICATION>");
    let msg = format!("<MSG><FROM>{OURS}</FROM><TO>00{PHONE}</TO><BODY>Fine</BODY>{fields}</MSG>");
    system.request(Method::POST, "/gateway.ashx").body(format!("<MESSAGES>{token}{msg}</MESSAGES>"))
}

fn mplus(message: &Value) -> String {
    json!({"messages": [message]}).to_string()
}

fn cm_json(message: &Value) -> String {
    json!({"messages": {"authentication": {"productToken": DEMO}, "msg": [message]}}).to_string()
}

fn post(system: &System, path: &str, body: String) -> RequestBuilder {
    system.request(Method::POST, path).bearer_auth(DEMO).body(body)
}

#[tokio::test]
async fn query_that_cannot_be_decoded_sends_nothing() {
    let system = System::start().await;
    let good = format!("from={OURS}&to=00{PHONE}");
    for value in ["caf%E9", "%80", "%C0%AF", "%ED%A0%BD%ED%B8%80"] {
        let line = get(&system, &format!("{good}&body={value}")).await;
        assert_eq!(line, "Error: ERROR Parameter 'body' is not UTF-8", "{value}");
        let line = get(&system, &format!("{good}&body=x&reference={value}")).await;
        assert_eq!(line, "Error: ERROR Parameter 'reference' is not UTF-8", "{value}");
    }
    for value in ["50%", "%zz", "caf%u00E9"] {
        let line = get(&system, &format!("{good}&body={value}")).await;
        assert!(line.starts_with("Error: ERROR Parameter 'body' has a '%'"), "{line}");
    }
    let line = get(&system, &format!("{good}&body=x&to=00{PHONE}")).await;
    assert_eq!(line, "Error: ERROR Parameter 'to' is there more than once");
    for (path, field) in [
        ("/messages?to=%E9", "to"),
        ("/messages?to=447700900001&to=447700900002", "to"),
        ("/messages?state=%E9", "state"),
        ("/messages?cursor=%zz", "cursor"),
        ("/messages?limit=%80", "limit"),
        ("/conversations/447700900001?sender=%E9", "sender"),
        ("/conversations/%E9", "number"),
    ] {
        let refused = system.get(DEMO, path).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(refused.body["errors"][0]["field"], field, "{path}: {}", refused.body);
    }
    for query in ["key=%E9", "key=demo-key&key=demo-key"] {
        let (status, _) = text(post(&system, &format!("/message?{query}"), mplus(&owned(&PHONE, "x")))).await;
        assert_eq!(status, 401, "{query}");
    }
    assert_nothing_was_done(&system).await;
}

#[tokio::test]
async fn number_may_be_written_as_clients_write_it() {
    let system = System::start().await;
    assert_eq!(get(&system, &format!("from=+{OURS}&to=+{PHONE}&body=1")).await, "");
    let number: u64 = PHONE.parse().unwrap();
    for to in [json!(number), json!(format!(" +{PHONE}\n"))] {
        let mut message = with(owned(&PHONE, "2"), "to", to);
        message["from"]["value"] = json!(format!(" +{OURS} "));
        system.send_one(DEMO, message).await;
    }
    let message = json!({"from": OURS.parse::<u64>().unwrap(), "to": [{"number": number}], "body": {"content": 4},
        "reference": 12345, "customGrouping": 7});
    let answered = cm::post(&system, &[message]).await;
    assert_eq!(answered.body["messages"][0]["reference"], "12345", "{}", answered.body);
    let mut texts: Vec<_> = system.until_handset(&PHONE, 4).await.iter().map(|sms| sms["text"].clone()).collect();
    texts.sort_by_key(Value::to_string);
    assert_eq!(texts, ["1", "2", "2", "4"]);

    let fraction = with(cm::message(&PHONE, "x"), "reference", 1.5);
    let prefix = with(cm::message(&PHONE, "x"), "from", format!("+00{OURS}"));
    let answered = cm::post(&system, &[fraction, prefix]).await;
    let codes = [0, 1].map(|index| answered.body["messages"][index]["messageErrorCode"].as_u64());
    assert_eq!(codes, [Some(305), Some(301)], "{}", answered.body);
}

#[tokio::test]
async fn empty_optional_field_counts_as_absent() {
    let system = System::start().await;
    let mut message = cm::message(&PHONE, "1");
    for field in ["reference", "customGrouping", "dcs", "validity", "allowedChannels", "richContent"] {
        message[field] = json!("");
    }
    assert_eq!(cm::post(&system, &[message]).await.status, StatusCode::OK);
    let fields = "<VALIDITY/><DCS></DCS><REFERENCE/><ALLOWEDCHANNELS/><MAXIMUMNUMBEROFMESSAGEPARTS/>";
    assert_eq!(text(xml(&system, fields)).await, (200, String::new()));
    assert_eq!(get(&system, &format!("from={OURS}&to=00{PHONE}&body=3&reference=")).await, "");
    let message = with(with(with(owned(&PHONE, "4"), "callback", ""), "id", ""), "send_at", "");
    let answered = answer(post(&system, "/message", mplus(&message))).await;
    let ignored = |field| json!({"index": 0, "field": field, "message": "is empty and was ignored"});
    assert_eq!(answered.body["warnings"], json!(["callback", "id", "send_at"].map(ignored)));
    system.until_handset(&PHONE, 4).await;
    // In the header the token is missing from the body only.
    let empty = json!({"messages": {"authentication": {"productToken": ""}, "msg": [cm::message(&PHONE, "5")]}});
    let request = post(&system, "/v1.0/message", empty.to_string()).header("X-CM-PRODUCTTOKEN", DEMO);
    assert_eq!(answer(request).await.status, StatusCode::OK);
}

#[tokio::test]
async fn byte_order_mark_before_a_body_is_ignored() {
    let system = System::start().await;
    let marked = |body: String| format!("{BYTE_ORDER_MARK}{body}");
    assert_eq!(text(post(&system, "/message", marked(mplus(&owned(&PHONE, "1"))))).await.0, 200);
    assert_eq!(text(post(&system, "/v1.0/message", marked(cm_json(&cm::message(&PHONE, "2"))))).await.0, 200);
    system.until_handset(&PHONE, 2).await;
    let path = format!("/handsets/{PHONE}/channels");
    let own = system.request(Method::PUT, &path).body(marked(json!({"whatsapp": "rejects"}).to_string()));
    assert!(own.send().await.unwrap().status().is_success());
    let reply = marked(json!({"to": OURS, "text": "Hi"}).to_string());
    let own = system.request(Method::POST, &format!("/handsets/{PHONE}/replies")).body(reply);
    assert!(own.send().await.unwrap().status().is_success());
}

#[tokio::test]
async fn compressed_body_is_a_415_in_every_function() {
    let system = System::start().await;
    let line = "Error: ERROR A Content-Encoding other than identity is not supported";
    for (request, words) in [
        (post(&system, "/message", mplus(&owned(&PHONE, "x"))), "urn:problem:content-encoding"),
        (post(&system, "/v1.0/message", cm_json(&cm::message(&PHONE, "x"))), "other than identity"),
        (xml(&system, ""), line),
        (post(&system, &format!("/mo/cm/{CM_TOKEN}"), "{}".to_owned()), "urn:problem:content-encoding"),
        (post(&system, &format!("/dlr/cm/{CM_TOKEN}"), "{}".to_owned()), "urn:problem:content-encoding"),
    ] {
        for encoding in ["gzip", "br", "identity, gzip"] {
            let (status, body) = text(request.try_clone().unwrap().header("content-encoding", encoding)).await;
            assert!(status == 415 && body.contains(words), "{status} {body}");
        }
    }
    assert_nothing_was_done(&system).await;
    let plain = post(&system, "/message", mplus(&owned(&PHONE, "x"))).header("content-encoding", "Identity");
    assert_eq!(text(plain).await.0, 200);
}

#[tokio::test]
async fn every_spelling_of_a_dry_run_sends_nothing() {
    let system = System::start().await;
    for query in ["isDryrun=true", "dryRun", "dry_run=1", "dryrun=TRUE", "isDryRun=true", "IS_DRY_RUN=true", "dry-run="]
    {
        let path = format!("/message?{query}");
        let answered = answer(post(&system, &path, mplus(&owned(&PHONE, "x")))).await;
        assert_eq!((answered.status, &answered.body["warnings"]), (StatusCode::OK, &Value::Null), "{query}");
        let path = format!("/v1.0/message?{query}");
        let answered = answer(post(&system, &path, cm_json(&cm::message(&PHONE, "x")))).await;
        assert_eq!(answered.body["messages"][0]["parts"], 1, "{query}");
        assert_eq!(get(&system, &format!("from={OURS}&to=00{PHONE}&body=x&{query}")).await, "", "{query}");
    }
    let answered = answer(post(&system, "/v1.0/message?dryRun=maybe", cm_json(&cm::message(&PHONE, "x")))).await;
    assert_eq!((answered.status.as_u16(), &answered.body["errorCode"]), (400, &202.into()));
    assert_nothing_was_done(&system).await;
}

#[tokio::test]
async fn unknown_query_parameter_is_named_in_warnings() {
    let system = System::start().await;
    let long = "x".repeat(100);
    let path = format!("/message?key={DEMO}&dryRum=true&{long}=secret&%E9=1&dryRum=2");
    let answered = answer(system.request(Method::POST, &path).body(mplus(&owned(&PHONE, "x")))).await;
    let ignored = |field: &str| json!({"field": field, "message": "is an unknown query parameter and was ignored"});
    assert_eq!(answered.body["warnings"], json!([ignored("dryRum"), ignored(&long[..40]), ignored("%E9")]));
    assert!(!answered.body.to_string().contains("secret"));
}

#[tokio::test]
async fn two_idempotency_keys_are_refused() {
    let system = System::start().await;
    for keys in [&["a", "b"][..], &["a", "a"], &["a,b"]] {
        let twice =
            |request: RequestBuilder| keys.iter().fold(request, |request, key| request.header("Idempotency-Key", *key));
        let refused = answer(twice(post(&system, "/message", mplus(&owned(&PHONE, "x"))))).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{keys:?}");
        assert_eq!(refused.body["errors"][0]["field"], "Idempotency-Key", "{}", refused.body);
        let refused = answer(twice(post(&system, "/v1.0/message", cm_json(&cm::message(&PHONE, "x"))))).await;
        assert_eq!((refused.status.as_u16(), &refused.body["errorCode"]), (400, &202.into()), "{keys:?}");
        let (_, refused) = text(twice(xml(&system, ""))).await;
        assert!(refused.starts_with("Error: ERROR Idempotency-Key "), "{refused}");
    }
    assert_nothing_was_done(&system).await;
}

#[tokio::test]
async fn repeated_xml_element_is_refused_by_name() {
    let system = System::start().await;
    for (fields, name) in [
        ("<BODY>Other</BODY>", "BODY"),
        ("<from>Other</from>", "FROM"),
        ("<VALIDITY>1H</VALIDITY><VALIDITY>2H</VALIDITY>", "VALIDITY"),
        ("<REFERENCE/><REFERENCE>r</REFERENCE>", "REFERENCE"),
    ] {
        let expected = format!("Error: ERROR The {name} field is there more than once.");
        assert_eq!(text(xml(&system, fields)).await, (200, expected));
    }
    assert_nothing_was_done(&system).await;
}

#[tokio::test]
async fn segments_are_shown_before_they_cost() {
    let system = System::start().await;
    for (body, segments, encoding, unicode) in [
        ("Hello".to_owned(), 1, "gsm7", Value::Null),
        ("€".repeat(81), 2, "gsm7", Value::Null),
        ("ç`".repeat(40), 2, "ucs2", json!(["ç", "`"])),
        ("e\u{301}😀".to_owned(), 1, "ucs2", json!(["\u{301}", "😀"])),
    ] {
        let message = with(owned(&PHONE, &body), "channels", json!(["rcs", "sms"]));
        let dry = answer(post(&system, "/message?dryRun=true", mplus(&message))).await.body["messages"][0].clone();
        let sent = answer(post(&system, "/message", mplus(&message))).await.body["messages"][0].clone();
        let seen = system.get(DEMO, &format!("/messages/{}", sent["messageUuid"].as_str().unwrap())).await.body;
        for shown in [&dry, &sent, &seen] {
            assert_eq!((&shown["segments"], &shown["encoding"]), (&segments.into(), &encoding.into()), "{shown}");
        }
        assert_eq!((&dry["unicode"], &sent["unicode"]), (&unicode, &unicode));
        let parts = answer(post(&system, "/v1.0/message?dryRun=1", cm_json(&cm::message(&PHONE, &body)))).await.body;
        let dry = &parts["messages"][0];
        let cost = ["parts", "segments", "encoding", "unicode"].map(|field| dry[field].clone());
        assert_eq!(cost, [json!(segments), json!(segments), json!(encoding), unicode]);
        let sent = answer(post(&system, "/v1.0/message", cm_json(&cm::message(&PHONE, &body)))).await.body;
        assert!(sent["messages"][0].get("encoding").is_none(), "CM.com's clients know no such field: {sent}");
    }
}
