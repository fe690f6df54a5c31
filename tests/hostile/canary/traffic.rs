//! A bad day's traffic from clients, carriers and phones, with canaries as private data.

use std::{iter, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{Method, RequestBuilder, Url};
use serde_json::{Value, json};
use shared::runtime::{Environment, Random};
use tests::{
    Phone, System, TestConfig,
    clients::{ClientMessage, formats},
    system::{DEMO_ACCOUNT, OWN_SENDER, answer, invocation, owned, shared, with},
};

use super::spellings::Canary;

pub const KEY: &str = "canary-key-of-a-client";
pub const OTHER_KEY: &str = "canary-key-of-another";
const WRONG_KEY: &str = "canary-key-of-nobody";
const SECRET: &str = "canary-callback-secret";
/// Beginnings of the carriers' webhook tokens, credentials and signing secrets.
const TOKEN: &str = "canary-token-of-a-carrier";
pub const CREDENTIAL: &str = "canary-credential";
pub const SIGNING_SECRET: &str = "canary-signing-secret";
const WRONG_TOKEN: &str = "canary-token-of-nobody";
pub const CALLBACK_TOKEN: &str = "canary-in-a-callback";
const REPLY_TOKEN: &str = "canary-in-the-reply-url";
const STATUS_TOKEN: &str = "canary-in-the-status-url";
const NOTICE_TOKEN: &str = "canary-in-the-notice-url";
pub const HOOK_TOKEN: &str = "canary-in-a-webhook-url";
/// In the path of a URL, where some services have a token.
pub const PATH: &str = "canary-in-a-path";
/// As `local` generates it.
const ENCRYPTION_KEY: &str = "CallbackSecretsKeyCallbackSecretsKeyCallbackSecretsKeyCallbackSe";
const HOOK_SECRET: &str = "canary-secret-of-a-webhook";
const EMAIL: &str = "canary@alert.example";
const TEXT: &str = "Canary text: Grüße, 4711 & more";
const REPLY: &str = "Canary reply: naïve 0815?";
const REFERENCE: &str = "canary-reference";
const GROUPING: &str = "canary-grouping";
const NAME: &str = "canary-idempotency-key";

/// The phone with the most traffic.
pub const NUMBER: &str = "447700923571";
/// Phones whose messages fail, wait, have an unknown outcome, or are answered with STOP.
const SPECIAL_PHONES: [Phone; 5] = [
    Phone::fails().nth(71),
    Phone::rejects().nth(71),
    Phone::busy_twice().nth(71),
    Phone::unanswered().nth(35),
    Phone::replies_stop().nth(71),
];
/// Phones for clients' mistakes, for a reply that matches no account, and for messages over CM.com's
/// channels, in this order.
const OTHER_PHONES: [&str; 3] = ["447700923572", "447700923573", "447700923574"];

pub const FAILED_CALLBACKS: u64 = 2;

/// Returns the phones to which [`messages`] sends: the one with the most traffic, then the special ones.
fn phones() -> impl Iterator<Item = String> {
    iter::once(NUMBER.to_owned()).chain(SPECIAL_PHONES.map(|phone| phone.to_string()))
}

/// Returns all private values.
pub fn canaries() -> Vec<Canary> {
    let named = [
        ("key", KEY),
        ("key", OTHER_KEY),
        ("wrong key", WRONG_KEY),
        ("callback secret", SECRET),
        ("key of callback secrets", ENCRYPTION_KEY),
        ("webhook token", TOKEN),
        ("wrong webhook token", WRONG_TOKEN),
        ("carrier's credential", CREDENTIAL),
        ("carrier's signing secret", SIGNING_SECRET),
        ("callback's query", CALLBACK_TOKEN),
        ("reply URL's query", REPLY_TOKEN),
        ("status URL's query", STATUS_TOKEN),
        ("notice URL's query", NOTICE_TOKEN),
        ("webhook URL's query", HOOK_TOKEN),
        ("URL's path", PATH),
        ("webhook's secret", HOOK_SECRET),
        ("e-mail address", EMAIL),
        ("text", TEXT),
        ("reply's text", REPLY),
        ("reference", REFERENCE),
        ("grouping", GROUPING),
        ("idempotency key", NAME),
    ];
    let named = named.into_iter().map(|(what, value)| Canary::new(what, value));
    named.chain(phones().chain(OTHER_PHONES.map(str::to_owned)).map(|number| Canary::number(&number))).collect()
}

pub fn callback(system: &System) -> String {
    format!("{}?token={CALLBACK_TOKEN}", system.sink("receipts"))
}

pub fn config() -> TestConfig {
    TestConfig::new()
        .account(DEMO_ACCOUNT, |account| {
            account.keys = vec![KEY.to_owned()];
            account.secrets = vec![format!("whsec_{}", STANDARD.encode(SECRET)).parse().unwrap()];
            account.reply_url = Some(format!("/sinks/replies?token={REPLY_TOKEN}"));
            account.status_url = Some(format!("/sinks/status?token={STATUS_TOKEN}"));
            account.notice_url = Some(format!("/sinks/notices?token={NOTICE_TOKEN}"));
        })
        .account("other", |account| account.keys = vec![OTHER_KEY.to_owned()])
        .each_carrier(|name, carrier| {
            carrier.webhook_token = format!("{TOKEN}-{name}");
            for (part, credential) in [("key", &mut carrier.key), ("password", &mut carrier.password)] {
                *credential = credential.as_ref().map(|_| format!("{CREDENTIAL}-{part}-{name}"));
            }
            carrier.signing_secret = carrier.signing_secret.as_ref().map(|_| format!("{SIGNING_SECRET}-{name}"));
        })
        .carrier_timeout_ms(300)
        .keyword_answers()
}

/// Runs all traffic but that of [`fail`], and returns the ID of a delivered message.
pub async fn run(system: &System) -> String {
    let delivered = messages(system).await;
    replies(system).await;
    cm(system).await;
    account(system).await;
    every_format(system).await;
    mistakes(system).await;
    webhooks(system).await;
    // By then busy carriers and failed callbacks were retried.
    for _ in 0..3 {
        system.advance(900).await;
    }
    delivered
}

/// Sends to each phone, with callbacks that succeed and fail.
async fn messages(system: &System) -> String {
    let mut delivered = String::new();
    for (index, phone) in phones().enumerate() {
        let message = with(owned(&phone, TEXT), "callback", callback(system));
        let sent = system.send_one(KEY, message).await;
        if index == 0 {
            delivered = sent.id;
        }
    }
    let refused = format!("{}?status=500&token={CALLBACK_TOKEN}", system.sink("refusing"));
    for callback in [refused, format!("http://127.0.0.1:9/?token={CALLBACK_TOKEN}")] {
        system.send_one(KEY, with(shared(NUMBER, TEXT), "callback", callback)).await;
    }
    let scheduled = with(shared(NUMBER, TEXT), "send_at", (system.now().await + Duration::from_hours(1)).to_string());
    let scheduled = system.send_one(KEY, scheduled).await;
    let cancelled = system.delete(KEY, &format!("/messages/{}", scheduled.id)).await;
    assert_eq!(cancelled.status, 200);
    system.until_callbacks("receipts", SPECIAL_PHONES.len()).await;
    delivered
}

async fn replies(system: &System) {
    for text in [REPLY, "STOP", "START", "HELP"] {
        system.reply_from(NUMBER, OWN_SENDER, text).await;
    }
    system.until_callbacks("replies", 4).await;
}

/// Sends in CM.com's three formats, over its channels.
async fn cm(system: &System) {
    system.set_channels(OTHER_PHONES[2], json!({"whatsapp": "rejects", "rcs": "fails"})).await;
    let message = |to: &str| {
        json!({"from": "441234567890", "to": [{"number": format!("00{to}")}], "reference": REFERENCE,
            "allowedChannels": ["WhatsApp", "RCS", "Viber", "SMS"], "body": {"content": TEXT},
            "customGrouping": GROUPING, "richContent": {"conversation": [{"text": TEXT}]}})
    };
    let body = json!({"messages": {"authentication": {"productToken": KEY}, "msg": [
        message(OTHER_PHONES[2]), message("07700923572"), message(&SPECIAL_PHONES[1])]}});
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
    system.until_callbacks("status", 4).await;
}

/// Registers valid and invalid webhooks, asks about numbers, and searches for them.
async fn account(system: &System) {
    let post = |path: &str, body: Value| system.request(Method::POST, path).bearer_auth(KEY).json(&body);
    let hook = |event: &str, url: &str| json!({"event": event, "url": format!("{url}?token={HOOK_TOKEN}"), "secret": HOOK_SECRET, "alertEmail": EMAIL});
    let webhooks = "/v3/webhooks";
    for event in ["delivery-status", "message-reply"] {
        assert_eq!(post(webhooks, hook(event, &system.sink("hooks"))).send().await.unwrap().status(), 200);
    }
    let failing = hook("message-send", &format!("http://127.0.0.1:9/{PATH}"));
    let kept = answer(post(webhooks, failing)).await.body["data"]["id"].clone();
    let by_id = |method: Method, id: &Value| system.request(method, &format!("{webhooks}/{id}")).bearer_auth(KEY);
    let credentials = format!("http://{HOOK_TOKEN}:{HOOK_SECRET}@a.example");
    let wrong = json!({"event": TEXT, "url": credentials, "secret": HOOK_SECRET.repeat(20), "alertEmail": HOOK_TOKEN});
    let (number, national) = (OTHER_PHONES[0], format!("0{}", &OTHER_PHONES[0][2..]));
    let get = |path: &str| system.request(Method::GET, path).bearer_auth(KEY);
    for request in [
        post(webhooks, wrong.clone()),
        by_id(Method::PATCH, &kept).json(&wrong),
        by_id(Method::PATCH, &kept).json(&json!({"secret": HOOK_SECRET})),
        by_id(Method::DELETE, &json!(77)),
        system.request(Method::POST, webhooks).bearer_auth(WRONG_KEY).json(&hook("message-reply", "http://a.example")),
        system.request(Method::POST, webhooks).bearer_auth(KEY).body(format!("{{\"secret\":\"{HOOK_SECRET}")),
        post("/v3/unsubscribes", json!({"number": format!("+{number}")})),
        post("/v3/unsubscribes", json!({"number": national})),
        post("/v3/unsubscribes", json!({"number": EMAIL})),
        get(&format!("/v3/unsubscribes/+{number}")),
        get(&format!("/v3/unsubscribes/{national}")),
        post(
            "/v3/send/validate-recipients",
            json!({"recipients": [{"number": number}, {"number": national}, {"number": EMAIL}], "validateUnsubscribes": true}),
        ),
        get(&format!("/v3/deliveries?query={NUMBER}")),
        get(&format!("/v3/deliveries?query={REFERENCE}")),
        get(&format!("/v3/deliveries?status={REFERENCE}")),
        get(webhooks),
        get("/v3/scheduled"),
    ] {
        assert!(request.send().await.unwrap().status().as_u16() < 500);
    }
    // START lifts the opt-out, because the other formats send to the number.
    system.advance(1).await;
    system.reply_from(number, OWN_SENDER, "START").await;
}

/// Sends in each request format: a valid message, one to an invalid number, and one with a wrong key.
async fn every_format(system: &System) {
    let callback = callback(system);
    for format in formats() {
        for (key, to) in [(KEY, OTHER_PHONES[0]), (KEY, "0447700923572"), (WRONG_KEY, OTHER_PHONES[0])] {
            let message = ClientMessage { reference: REFERENCE, ..ClientMessage::new(OWN_SENDER, to, TEXT, &callback) };
            let request = (format.request)(key, &[message]);
            let (status, answer) = system.send_request(&request).await;
            assert!(status.as_u16() < 500, "{}: {status}", format.name);
            let is_accepted = status == 200 && (format.accepts)(&answer);
            assert_eq!(is_accepted, key == KEY && to == OTHER_PHONES[0], "{}: {status} {answer}", format.name);
        }
    }
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
    let mta = |body: Value| system.request(Method::POST, "/v3/send").bearer_auth(KEY).json(&body);
    let labelled = json!({"subscribers": [format!("+{number}")], "message": TEXT, "externalId": REFERENCE,
        "longcodeId": OWN_SENDER, "tags": {TEXT: TEXT}});
    let requests: [RequestBuilder; 18] = [
        mta(json!({"subscribers": [format!("{number}x"), TEXT], "message": format!("{TEXT}\u{1}"), "image": CALLBACK_TOKEN,
            "longcodeId": TEXT, "externalId": [TEXT], "tags": {TEXT: 1}, "scheduledDate": TEXT, "groups": [number]})),
        mta(labelled.clone()).header("X-Request-Id", format!("{NAME}-id")),
        mta(labelled.clone()).header("X-Request-Id", format!("{NAME}-id")),
        mta(with(labelled, "message", REPLY)).header("X-Request-Id", format!("{NAME}-id")),
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

/// Disables two endpoints of a client that wants no callbacks. Their paths begin with [`PATH`], and end with the
/// `round` and a letter.
pub async fn disable_endpoints(system: &System, client: &Url, round: usize) -> [String; 2] {
    let urls = ["a", "b"].map(|letter| format!("{client}{PATH}-{round}-{letter}?token={CALLBACK_TOKEN}"));
    for url in &urls {
        system.send_one(KEY, with(owned(NUMBER, TEXT), "callback", url.clone())).await;
    }
    let path = format!("{PATH}-{round}-");
    let is_disabled = |item: &&Value| item["disabled_since"].is_object() && item["url"].to_string().contains(&path);
    let disabled = async || system.scan("DirectoryTable").await.iter().filter(is_disabled).count();
    system.until("both endpoints are disabled", async || (disabled().await == urls.len()).then_some(())).await;
    urls
}

/// Posts webhooks, valid, malformed and with wrong tokens.
pub async fn webhooks(system: &System) {
    let number = OTHER_PHONES[1];
    let reply = json!({"id": "mo-1", "from": number, "to": "441110000001", "text": REPLY});
    let report = json!({"messages": {"msg": {"to": format!("00{number}"), "reference": REFERENCE,
        "status": {"code": "3", "errorCode": "5", "errorDescription": format!("no route to {number}")}}}});
    for (path, body) in [
        (format!("/mo/loopback/{TOKEN}-loopback"), reply.to_string()),
        (format!("/mo/loopback/{WRONG_TOKEN}"), reply.to_string()),
        (format!("/mo/nobody/{TOKEN}-loopback"), reply.to_string()),
        (
            format!("/mo/loopback/{TOKEN}-loopback"),
            json!({"id": "mo-2", "from": TEXT, "to": number, "text": REPLY}).to_string(),
        ),
        (format!("/mo/loopback/{TOKEN}-loopback"), format!("{number} wrote {REPLY}")),
        (
            format!("/mo/cm/{TOKEN}-cm"),
            json!({"from": {"number": format!("{number}x")}, "message": {"text": REPLY}}).to_string(),
        ),
        (format!("/dlr/cm/{TOKEN}-cm"), report.to_string()),
        (format!("/dlr/cm/{TOKEN}-cm"), json!({"messages": {"msg": {"status": {"code": number}}}}).to_string()),
        (format!("/dlr/cm/{TOKEN}-cm"), format!("id:{number} stat:{TEXT}")),
        (format!("/dlr/cm/{TOKEN}-cm"), format!("<MESSAGES><MSG>{number}&{TEXT};</MSG></MESSAGES>")),
        (format!("/dlr/loopback/{TOKEN}-loopback/{number}"), report.to_string()),
        (format!("/dlr/loopback/{TOKEN}-loopback"), json!({"reference": number, "status": TEXT}).to_string()),
    ] {
        let answered = system.request(Method::POST, &path).body(body).send().await.unwrap();
        assert!(answered.status().as_u16() < 500);
    }
}

/// Causes failures: malformed jobs, AWS unreachable, and callbacks given up after a week.
pub async fn fail(system: &System) {
    system.enqueue(&[format!("{NUMBER} {TEXT}"), json!({"to": NUMBER}).to_string()], 0).await;
    let nowhere = [("AWS_ENDPOINT_URL".to_owned(), "http://127.0.0.1:9/".to_owned())];
    let environment = system.environment();
    let variables = environment.variables.clone().with(nowhere);
    let environment = Environment { variables, random: Random::of_system(), ..environment };
    let send = send::Send::new(&environment).unwrap();
    let request = invocation(&format!("/message?key={KEY}"), &json!({"messages": [owned(NUMBER, TEXT)]}));
    assert_eq!(send.handle(request).await.status(), 503);
    let receipts = dlr_webhook::DlrWebhook::new(&environment).unwrap();
    let request = invocation(&format!("/dlr/loopback/{TOKEN}-loopback"), &json!({"to": NUMBER}));
    assert_eq!(receipts.handle(request).await.status(), 503);
    let account = account::Account::new(&environment).unwrap();
    let hook =
        json!({"event": "message-reply", "url": format!("http://a.example/?t={HOOK_TOKEN}"), "secret": HOOK_SECRET});
    assert_eq!(account.handle(invocation("/v3/webhooks", &hook)).await.status(), 503);
    system.until_dead_lettered(FAILED_CALLBACKS).await;
}
