//! A bad day's traffic from clients, carriers, phones and an operator, with canaries as private data.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use local::config::Config;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use shared::runtime::{Environment, Random};
use tests::system::{System, answer, invocation, owned, shared, with};

use super::spellings::Canary;

const KEY: &str = "canary-key-of-a-client";
pub const OTHER_KEY: &str = "canary-key-of-another";
const WRONG_KEY: &str = "canary-key-of-nobody";
const SECRET: &str = "canary-callback-secret";
const LOOPBACK_TOKEN: &str = "canary-token-of-loopback";
const CM_TOKEN: &str = "canary-token-of-cm";
const WRONG_TOKEN: &str = "canary-token-of-nobody";
/// The simulated CM.com's key.
const CARRIER_KEY: &str = "cm-product-token";
const CALLBACK_TOKEN: &str = "canary-in-a-callback";
const REPLY_TOKEN: &str = "canary-in-the-reply-url";
const STATUS_TOKEN: &str = "canary-in-the-status-url";
const TEXT: &str = "Canary text: Grüße, 4711 & more";
const REPLY: &str = "Canary reply: naïve 0815?";
const REFERENCE: &str = "canary-reference";
const GROUPING: &str = "canary-grouping";
const NAME: &str = "canary-idempotency-key";

/// The phone with the most traffic.
pub const NUMBER: &str = "447700923571";
/// In order: delivered, undelivered, rejected, busy at first, answered too late, replies STOP. All
/// replies come from the first.
const PHONES: [&str; 6] = [NUMBER, "447700900171", "447700900271", "447700900771", "447700900871", "447700900971"];
/// For clients' mistakes, a reply that matches no account, and CM.com's channels.
const OTHER_PHONES: [&str; 3] = ["447700923572", "447700923573", "447700923574"];

pub const FAILED_CALLBACKS: u64 = 2;

/// Returns all private values.
pub fn canaries() -> Vec<Canary> {
    let named = [
        ("key", KEY),
        ("key", OTHER_KEY),
        ("wrong key", WRONG_KEY),
        ("callback secret", SECRET),
        ("webhook token", LOOPBACK_TOKEN),
        ("webhook token", CM_TOKEN),
        ("wrong webhook token", WRONG_TOKEN),
        ("carrier key", CARRIER_KEY),
        ("callback's query", CALLBACK_TOKEN),
        ("reply URL's query", REPLY_TOKEN),
        ("status URL's query", STATUS_TOKEN),
        ("text", TEXT),
        ("reply's text", REPLY),
        ("reference", REFERENCE),
        ("grouping", GROUPING),
        ("idempotency key", NAME),
    ];
    let named = named.into_iter().map(|(what, value)| Canary::new(what, value));
    named.chain(PHONES.iter().chain(&OTHER_PHONES).map(|number| Canary::number(number))).collect()
}

pub fn callback(system: &System) -> String {
    format!("{}?token={CALLBACK_TOKEN}", system.sink("receipts"))
}

pub fn config() -> String {
    let secret = format!("whsec_{}", STANDARD.encode(SECRET));
    let changes = [
        (r#""demo-key""#, format!(r#""{KEY}""#)),
        (r#""other-key""#, format!(r#""{OTHER_KEY}""#)),
        ("whsec_ZGVtby1zZWNyZXQtZGVtby1zZWNyZXQtMDAwMQ==", secret),
        ("loopback-webhook-token", LOOPBACK_TOKEN.to_owned()),
        ("cm-webhook-token", CM_TOKEN.to_owned()),
        (r#""/sinks/replies""#, format!(r#""/sinks/replies?token={REPLY_TOKEN}""#)),
        (r#""/sinks/status""#, format!(r#""/sinks/status?token={STATUS_TOKEN}""#)),
        ("timeout_ms = 3000", "timeout_ms = 300".to_owned()),
        ("stop_text = \"\"\n", String::new()),
        ("start_text = \"\"\n", String::new()),
        ("help_text = \"\"\n", String::new()),
    ];
    changes.into_iter().fold(Config::DEFAULT.to_owned(), |config, (from, to)| {
        assert!(config.contains(from), "{from}");
        config.replace(from, &to)
    })
}

/// Runs all traffic and returns the ID of a delivered message.
pub async fn run(system: &System) -> String {
    let delivered = messages(system).await;
    replies(system).await;
    cm(system).await;
    mistakes(system).await;
    webhooks(system).await;
    // Past the retries after busy carriers and failed callbacks.
    for _ in 0..3 {
        system.advance(900).await;
    }
    delivered
}

/// Sends to each phone, with callbacks that succeed and fail.
async fn messages(system: &System) -> String {
    let mut delivered = String::new();
    for (index, phone) in PHONES.iter().enumerate() {
        let message = with(owned(phone, TEXT), "callback", callback(system));
        let sent = system.send_one(KEY, message).await;
        if index == 0 {
            delivered = sent["messageUuid"].as_str().unwrap().to_owned();
        }
    }
    let refused = format!("{}?status=500&token={CALLBACK_TOKEN}", system.sink("refusing"));
    for callback in [refused, format!("http://127.0.0.1:9/?token={CALLBACK_TOKEN}")] {
        system.send_one(KEY, with(shared(PHONES[0], TEXT), "callback", callback)).await;
    }
    let scheduled =
        with(shared(PHONES[0], TEXT), "send_at", (system.now().await + Duration::from_hours(1)).to_string());
    let scheduled = system.send_one(KEY, scheduled).await;
    let cancelled = system.delete(KEY, &format!("/messages/{}", scheduled["messageUuid"].as_str().unwrap())).await;
    assert_eq!(cancelled.status, 200);
    system.until_sink_requests("receipts", PHONES.len() - 1).await;
    delivered
}

async fn replies(system: &System) {
    for text in [REPLY, "STOP", "START", "HELP"] {
        system.reply(PHONES[0], &json!("441234567890"), text).await;
    }
    system.until_sink_requests("replies", 4).await;
}

/// Sends in CM.com's three formats, over its channels.
async fn cm(system: &System) {
    let channels = json!({"whatsapp": "rejects", "rcs": "fails"});
    let set = system.request(Method::PUT, &format!("/handsets/{}/channels", OTHER_PHONES[2])).json(&channels);
    assert!(set.send().await.unwrap().status().is_success());
    let message = |to: &str| {
        json!({"from": "441234567890", "to": [{"number": format!("00{to}")}], "reference": REFERENCE,
            "allowedChannels": ["WhatsApp", "RCS", "Viber", "SMS"], "body": {"content": TEXT},
            "customGrouping": GROUPING, "richContent": {"conversation": [{"text": TEXT}]}})
    };
    let body = json!({"messages": {"authentication": {"productToken": KEY}, "msg": [
        message(OTHER_PHONES[2]), message("07700923572"), message(PHONES[2])]}});
    let answered = answer(system.request(Method::POST, "/v1.0/message").json(&body)).await;
    assert_eq!(answered.body["errorCode"], 201, "one number is invalid: {}", answered.body);
    let xml = |to: &str| {
        format!(
            "<MESSAGES><AUTHENTICATION><PRODUCTTOKEN>{KEY}</PRODUCTTOKEN></AUTHENTICATION><MSG><FROM>441234567890</FROM>\
            <TO>{to}</TO><BODY>{}</BODY></MSG></MESSAGES>",
            TEXT.replace('&', "&amp;")
        )
    };
    let get = |key: &str, to: &str| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs([("producttoken", key), ("to", to), ("body", TEXT), ("from", "441234567890")]);
        system.request(Method::GET, &format!("/gateway.ashx?{}", query.finish()))
    };
    let post = |body: String| system.request(Method::POST, "/gateway.ashx").body(body);
    for asked in [
        post(xml(OTHER_PHONES[2])),
        post(xml("07700923572")),
        post(xml(OTHER_PHONES[2]) + TEXT),
        get(KEY, OTHER_PHONES[2]),
        get(KEY, "07700923572"),
        get(WRONG_KEY, OTHER_PHONES[2]),
    ] {
        assert_eq!(asked.send().await.unwrap().status(), 200);
    }
    system.until_sink_requests("status", 4).await;
}

/// Sends a client's invalid requests.
async fn mistakes(system: &System) {
    let number = OTHER_PHONES[0];
    let post = |body: String| system.request(Method::POST, "/message").body(body);
    let get = |path: &str| system.request(Method::GET, path);
    let wrong = json!({"to": format!("+44 (0){}", &number[2..]), "from": {"type": TEXT, "value": TEXT},
        "body": format!("{TEXT}\u{1}"), "callback": CALLBACK_TOKEN, "channels": [TEXT], "id": TEXT, "send_at": TEXT});
    let named = |text: &str| {
        post(json!({"messages": [owned(number, text)]}).to_string()).bearer_auth(KEY).header("Idempotency-Key", NAME)
    };
    let requests: [RequestBuilder; 14] = [
        post(json!({"messages": [wrong]}).to_string()).bearer_auth(KEY),
        post(format!("{{\"messages\":[{{\"to\":\"{number}\",\"body\":\"{TEXT}")).bearer_auth(KEY),
        post(json!({"messages": [with(owned(number, TEXT), "from", json!({"type": "custom", "value": "449999999999"}))]}).to_string())
            .bearer_auth(KEY),
        post(json!({"messages": [owned(number, &TEXT.repeat(200))]}).to_string()).bearer_auth(KEY),
        post(json!({"messages": [owned(number, TEXT)]}).to_string()).bearer_auth(WRONG_KEY),
        system.request(Method::POST, &format!("/message?key={WRONG_KEY}")).body(TEXT),
        named(TEXT),
        named(TEXT),
        named(REPLY),
        get(&format!("/messages/{number}")).bearer_auth(KEY),
        get(&format!("/messages?to={number}&state={TEXT}&cursor={TEXT}")).bearer_auth(KEY),
        get(&format!("/conversations/{number}?sender={TEXT}")).bearer_auth(KEY),
        get(&format!("/conversations/{TEXT}?key={KEY}")),
        get(&format!("/nothing/{number}?key={KEY}")),
    ];
    for request in requests {
        assert!(request.send().await.unwrap().status().as_u16() < 500);
    }
}

/// Posts webhooks, valid, malformed and with wrong tokens.
async fn webhooks(system: &System) {
    let number = OTHER_PHONES[1];
    let reply = json!({"id": "mo-1", "from": number, "to": "441110000001", "text": REPLY});
    let report = json!({"messages": {"msg": {"to": format!("00{number}"), "reference": REFERENCE,
        "status": {"code": "3", "errorCode": "5", "errorDescription": format!("no route to {number}")}}}});
    for (path, body) in [
        (format!("/mo/loopback/{LOOPBACK_TOKEN}"), reply.to_string()),
        (format!("/mo/loopback/{WRONG_TOKEN}"), reply.to_string()),
        (format!("/mo/nobody/{LOOPBACK_TOKEN}"), reply.to_string()),
        (
            format!("/mo/loopback/{LOOPBACK_TOKEN}"),
            json!({"id": "mo-2", "from": TEXT, "to": number, "text": REPLY}).to_string(),
        ),
        (format!("/mo/loopback/{LOOPBACK_TOKEN}"), format!("{number} wrote {REPLY}")),
        (
            format!("/mo/cm/{CM_TOKEN}"),
            json!({"from": {"number": format!("{number}x")}, "message": {"text": REPLY}}).to_string(),
        ),
        (format!("/dlr/cm/{CM_TOKEN}"), report.to_string()),
        (format!("/dlr/cm/{CM_TOKEN}"), json!({"messages": {"msg": {"status": {"code": number}}}}).to_string()),
        (format!("/dlr/cm/{CM_TOKEN}"), format!("id:{number} stat:{TEXT}")),
        (format!("/dlr/cm/{CM_TOKEN}"), format!("<MESSAGES><MSG>{number}&{TEXT};</MSG></MESSAGES>")),
        (format!("/dlr/loopback/{LOOPBACK_TOKEN}/{number}"), report.to_string()),
        (format!("/dlr/loopback/{LOOPBACK_TOKEN}"), json!({"reference": number, "status": TEXT}).to_string()),
    ] {
        let answered = system.request(Method::POST, &path).body(body).send().await.unwrap();
        assert!(answered.status().as_u16() < 500);
    }
}

/// Causes failures: malformed jobs, and AWS unreachable.
pub async fn fail(system: &System) {
    system.enqueue(&[format!("{} {TEXT}", PHONES[0]), json!({"to": PHONES[0]}).to_string()], 0).await;
    let nowhere = [("AWS_ENDPOINT_URL".to_owned(), "http://127.0.0.1:9/".to_owned())];
    let environment = system.environment();
    let variables = environment.variables.clone().with(nowhere);
    let environment = Environment { variables, random: Random::of_system(), ..environment };
    let send = send::Send::new(&environment).unwrap();
    let request = invocation(&format!("/message?key={KEY}"), &json!({"messages": [owned(PHONES[0], TEXT)]}));
    assert_eq!(send.handle(request).await.status(), 503);
    let receipts = dlr_webhook::DlrWebhook::new(&environment).unwrap();
    let request = invocation(&format!("/dlr/loopback/{LOOPBACK_TOKEN}"), &json!({"to": PHONES[0]}));
    assert_eq!(receipts.handle(request).await.status(), 503);
    system.until_dead_lettered(FAILED_CALLBACKS).await;
}
