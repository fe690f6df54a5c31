//! Connections: registration, outages, and which connection gets a submit, a receipt or a reply.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::cm::{message, request};
use super::{Tester, answer};

const NL_TOKEN: &str = "token-of-nl";
const UK_TOKEN: &str = "token-of-uk";
const PHONE: &str = "447700900001";

fn key(key: &str) -> Value {
    json!({ "credentials": { "key": key } })
}

impl Tester {
    async fn with_two_cm() -> Self {
        let tester = Self::start().await;
        tester.register("cm-nl", "cm", key(NL_TOKEN)).await;
        tester.register("cm-uk", "cm", key(UK_TOKEN)).await;
        tester
    }

    async fn post_cm_with(&self, token: &str, to: &str) -> (StatusCode, Value) {
        let posted = self.client.post(self.url("/cm/v1.0/message")).header("X-CM-PRODUCTTOKEN", token);
        answer(posted.body(request(&[message(to)]).to_string())).await
    }

    async fn reply_from(&self, phone: &str, text: &str) {
        let reply = json!({ "to": "441234567890", "text": text });
        let (status, problem) = self.post(&format!("/handsets/{phone}/replies"), reply).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{problem}");
    }

    pub(super) async fn count(&self, sink: &str) -> usize {
        self.get(&format!("/sinks/{sink}")).await["requests"].as_array().unwrap().len()
    }
}

#[tokio::test]
async fn token_tells_two_connections_apart() {
    let tester = Tester::with_two_cm().await;
    for (token, own, other) in [(UK_TOKEN, "cm-uk", "cm-nl"), (NL_TOKEN, "cm-nl", "cm-uk")] {
        let others =
            [tester.count(&format!("{other}-receipts")).await, tester.count(&format!("{other}-replies")).await];
        assert_eq!(tester.post_cm_with(token, PHONE).await.0, StatusCode::OK);
        tester.sink_requests(&format!("{own}-receipts"), 1).await;
        tester.reply_from(PHONE, "Hi").await;
        assert_eq!(tester.sink_requests(&format!("{own}-replies"), 1).await[0]["message"]["text"], "Hi");
        let after = [tester.count(&format!("{other}-receipts")).await, tester.count(&format!("{other}-replies")).await];
        assert_eq!(after, others, "{other}");
    }
    let in_body = json!({ "messages": { "authentication": { "producttoken": UK_TOKEN }, "msg": [message(PHONE)] } });
    assert_eq!(tester.post("/cm/v1.0/message", in_body).await.0, StatusCode::OK);
    tester.sink_requests("cm-uk-receipts", 2).await;
}

#[tokio::test]
async fn token_of_no_connection_is_rejected() {
    let tester = Tester::with_two_cm().await;
    tester.register("loopback", "loopback", key("token-of-loopback")).await;
    for foreign in ["cm-product-token", "token-of-loopback", "token-of-n"] {
        let (status, refusal) = tester.post_cm_with(foreign, PHONE).await;
        assert_eq!((status, &refusal["errorCode"]), (StatusCode::BAD_REQUEST, &json!(101)), "{foreign}");
    }
    assert!(tester.texts(PHONE).await.is_empty());
}

#[tokio::test]
async fn connection_that_is_down_is_unavailable_until_it_is_up() {
    let tester = Tester::with_two_cm().await;
    tester.register("loopback", "loopback", json!({})).await;
    tester.submit(PHONE).await;
    tester.set_outage("cm-nl", true).await;
    tester.set_outage("loopback", true).await;
    // A restarted gateway does not end the vendor's outage.
    tester.register("cm-nl", "cm", key(NL_TOKEN)).await;
    assert_eq!(tester.post_cm_with(NL_TOKEN, PHONE).await, (StatusCode::SERVICE_UNAVAILABLE, Value::Null));
    assert_eq!(tester.post_cm_with(UK_TOKEN, PHONE).await.0, StatusCode::OK);
    let (status, unavailable) = tester.submit(PHONE).await;
    assert_eq!((status, &unavailable["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable")));
    let lookup = || answer(tester.client.get(tester.url("/loopback/messages/ref-1")));
    assert_eq!(lookup().await.0, StatusCode::SERVICE_UNAVAILABLE);

    tester.set_outage("cm-nl", false).await;
    tester.set_outage("loopback", false).await;
    assert_eq!(tester.post_cm_with(NL_TOKEN, PHONE).await.0, StatusCode::OK);
    assert_eq!(tester.submit(PHONE).await.0, StatusCode::ACCEPTED);
    assert_eq!(lookup().await.0, StatusCode::OK);
    assert_eq!(tester.texts(PHONE).await.len(), 4);
}

#[tokio::test]
async fn outage_needs_a_known_name_and_a_flag() {
    let tester = Tester::with_two_cm().await;
    let set = async |name: &str, body: Value| {
        let (status, problem) = tester.request(Method::PUT, &format!("/carriers/{name}/outage"), body).await;
        (status.as_u16(), problem["errors"][0]["field"].clone())
    };
    assert_eq!(set("cm-be", json!({ "down": true })).await, (404, Value::Null));
    assert_eq!(set("cm-nl", json!({})).await, (400, json!("down")));
    assert_eq!(set("cm-nl", json!({ "down": "yes" })).await, (400, json!("down")));
}

#[tokio::test]
async fn busy_answers_are_counted_for_each_connection() {
    let tester = Tester::with_two_cm().await;
    let mut seen = Vec::new();
    for token in [NL_TOKEN, UK_TOKEN, NL_TOKEN, UK_TOKEN, NL_TOKEN, UK_TOKEN] {
        seen.push(tester.post_cm_with(token, "447700900700").await.0.as_u16());
    }
    assert_eq!(seen, [429, 429, 503, 503, 200, 200]);
}

#[tokio::test]
async fn list_shows_state_but_no_secret() {
    let tester = Tester::with_two_cm().await;
    let secrets = json!({
        "credentials": { "login": "secret-login", "password": "secret-password" }, "signing_secret": "secret-secret",
        "sender_ids": { "441234567890": "secret-id" }, "country_code": "44",
    });
    tester.register("lo", "loopback", secrets).await;
    tester.post_cm_with(UK_TOKEN, PHONE).await;
    tester.post_cm_with(UK_TOKEN, "447700900200").await;
    tester.set_outage("cm-nl", true).await;
    tester.register("cm-uk", "cm", key(UK_TOKEN)).await;

    let listed = tester.get("/carriers").await;
    let expected = json!({ "carriers": [
        { "name": "cm-nl", "vendor": "cm", "down": true, "accepted": 0 },
        { "name": "cm-uk", "vendor": "cm", "down": false, "accepted": 1 },
        { "name": "lo", "vendor": "loopback", "down": false, "accepted": 0 },
    ] });
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn invalid_registration_names_the_field_and_changes_nothing() {
    let tester = Tester::start().await;
    let with = |field: &str, value: Value| {
        let mut body = json!({ "vendor": "loopback", "receipts": "http://a.example/", "replies": "http://a.example/" });
        body[field] = value;
        body
    };
    for (name, body, field) in [
        ("a--b", with("vendor", json!("cm")), "name"),
        ("a", with("vendor", json!("pigeon")), "vendor"),
        ("a", with("vendor", Value::Null), "vendor"),
        ("a", with("receipts", Value::Null), "receipts"),
        ("a", with("receipts", json!("ftp://a.example/")), "receipts"),
        ("a", with("replies", json!("somewhere")), "replies"),
        ("a", with("credentials", json!("key")), "credentials"),
        ("a", with("credentials", json!({})), "credentials.login"),
        ("a", with("credentials", json!({ "key": "" })), "credentials.key"),
        ("a", with("credentials", json!({ "key": "k", "login": "l" })), "credentials.key"),
        ("a", with("credentials", json!({ "login": "a:b", "password": "p" })), "credentials.login"),
        ("a", with("credentials", json!({ "login": "l" })), "credentials.password"),
        ("a", with("credentials", json!({ "token": "t" })), "credentials.token"),
        ("a", with("signing_secret", json!("")), "signing_secret"),
        ("a", with("country_code", json!(31)), "country_code"),
        ("a", with("country_code", json!("+31")), "country_code"),
        ("a", with("country_code", json!("0031")), "country_code"),
        ("a", with("sender_ids", json!(["id"])), "sender_ids"),
        ("a", with("sender_ids", json!({ "Sender": 5 })), "sender_ids"),
        ("a", with("sender_ids", json!({ "Sender": "id", "Another": "id" })), "sender_ids"),
        ("a", with("webhook", json!("")), "webhook"),
    ] {
        let (status, problem) = tester.request(Method::PUT, &format!("/carriers/{name}"), body.clone()).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (StatusCode::BAD_REQUEST, &json!(field)), "{body}");
    }
    assert_eq!(tester.get("/carriers").await, json!({ "carriers": [] }));
}

#[tokio::test]
async fn waiting_events_go_to_the_new_address_of_their_connection() {
    let tester = Tester::with_two_cm().await;
    let down = "/sinks/down?status=503";
    tester.register_at("cm-nl", "cm", [down, down], key(NL_TOKEN)).await;
    tester.post_cm_with(NL_TOKEN, PHONE).await;
    tester.reply_from(PHONE, "Hi").await;
    tester.sink_requests("down", 2).await;

    tester.register("cm-uk", "cm", key(UK_TOKEN)).await;
    tester.register_at("cm-nl", "cm", ["/sinks/new-receipts", "/sinks/new-replies"], key("new-token")).await;
    tester.sink_requests("new-receipts", 1).await;
    tester.sink_requests("new-replies", 1).await;
    assert_eq!((tester.count("cm-uk-receipts").await, tester.count("cm-uk-replies").await), (0, 0));
}

#[tokio::test]
async fn waiting_event_goes_to_no_other_vendor_or_connection() {
    let tester = Tester::start().await;
    let down = "/sinks/down?status=503";
    tester.register_at("first", "loopback", [down, down], json!({})).await;
    tester.reply_from("447999200001", "Hi").await;
    tester.submit(PHONE).await;
    tester.sink_requests("down", 2).await;
    // The reply would have gone to this connection of its phone's vendor, but the first may have got it.
    tester.register("cm-uk", "cm", key(UK_TOKEN)).await;
    tester.register("first", "cm", key(NL_TOKEN)).await;
    // Each registration wakes the waiting events, so they would be delivered before this later submit.
    tester.post_cm_with(NL_TOKEN, PHONE).await;
    tester.sink_requests("first-receipts", 1).await;
    let counts = [tester.count("first-receipts").await, tester.count("first-replies").await];
    assert_eq!((counts, tester.count("cm-uk-replies").await), ([1, 0], 0));

    tester.register("first", "loopback", json!({})).await;
    assert_eq!(tester.sink_requests("first-replies", 1).await[0]["text"], "Hi");
    assert_eq!(tester.sink_requests("first-receipts", 2).await[1]["reference"], "ref-1");
}

#[tokio::test]
async fn reply_to_no_message_goes_to_the_phones_vendor() {
    let tester = Tester::start().await;
    tester.reply_from("447999200001", "early").await;
    tester.register("lo-b", "loopback", key("b")).await;
    let early = tester.sink_requests("lo-b-replies", 1).await;
    assert_eq!((&early[0]["text"], &early[0]["from"]), (&json!("early"), &json!("447999200001")), "in its format");

    tester.register("lo-a", "loopback", key("a")).await;
    tester.register("cm-uk", "cm", key(UK_TOKEN)).await;
    tester.register("cm-nl", "cm", key(NL_TOKEN)).await;
    // A connection keeps its place.
    tester.register("lo-b", "loopback", key("b")).await;
    tester.register("cm-uk", "cm", key(UK_TOKEN)).await;
    tester.reply_from("447999200002", "of CM.com").await;
    assert_eq!(tester.sink_requests("cm-uk-replies", 1).await[0]["message"]["text"], "of CM.com");
    tester.reply_from("447999100002", "of another").await;
    assert_eq!(tester.sink_requests("lo-b-replies", 2).await[1]["text"], "of another");
    assert_eq!((tester.count("lo-a-replies").await, tester.count("cm-nl-replies").await), (0, 0));
}

#[tokio::test]
async fn loopback_connection_registered_last_has_shared_credentials() {
    let tester = Tester::start().await;
    for name in ["old", "new", "old", "new"] {
        tester.register(name, "loopback", json!({})).await;
    }
    tester.submit(PHONE).await;
    tester.sink_requests("new-receipts", 1).await;
    assert_eq!(tester.count("old-receipts").await, 0);
}

#[tokio::test]
async fn removed_connection_takes_no_submits() {
    let tester = Tester::with_two_cm().await;
    let remove = async || tester.client.delete(tester.url("/carriers/cm-uk")).send().await.unwrap().status();
    assert_eq!(remove().await, StatusCode::NO_CONTENT);
    assert_eq!(tester.post_cm_with(UK_TOKEN, PHONE).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(tester.post_cm_with(NL_TOKEN, PHONE).await.0, StatusCode::OK);
    assert_eq!(remove().await, StatusCode::NOT_FOUND);
}
