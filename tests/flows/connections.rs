//! Several carriers of one vendor: each has its own credentials, webhooks and circuit, and one takes over from
//! another. Also the settings that a vendor's carriers may have, through the simulated network, which has all
//! of them.

use std::collections::BTreeMap;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use shared::domain::Vendor;
use tests::{LookupAnswer, Phone, ScriptedCarrier, SubmitAnswer, System, TestConfig, webhook_path};

use crate::{
    cm,
    system::{DEMO, OWN_SENDER, answer, owned, with},
};

/// Phones whose SMS go through `cm`, and through `cm-uk` and then `cm`.
const OF_CM: &str = "447999200001";
const OF_CM_UK: &str = "447999290001";

/// Returns how many submits each carrier took.
async fn accepted(system: &System) -> BTreeMap<String, u64> {
    let listed = answer(system.request(Method::GET, "/carriers")).await.body;
    let carriers = listed["carriers"].as_array().unwrap();
    let of = |carrier: &Value| (carrier["name"].as_str().unwrap().to_owned(), carrier["accepted"].as_u64().unwrap());
    carriers.iter().map(of).collect()
}

async fn set_outage(system: &System, carrier: &str, is_down: bool) {
    let set = system.request(Method::PUT, &format!("/carriers/{carrier}/outage")).json(&json!({"down": is_down}));
    assert!(set.send().await.unwrap().status().is_success());
}

async fn send(system: &System, to: &str) -> String {
    system.send_one(DEMO, with(owned(to, "Hello"), "callback", system.sink("receipts"))).await.id
}

fn report(reference: &str, to: &str, code: &str) -> Value {
    let status = json!({"code": code, "errorCode": "", "errorDescription": ""});
    json!({"messages": {"msg": {"to": format!("00{to}"), "reference": reference, "status": status}}})
}

#[tokio::test]
async fn two_connections_send_and_receive_apart() {
    let system = System::start().await;
    for (to, carrier, count) in [(OF_CM, "cm", 1), (OF_CM_UK, "cm-uk", 2)] {
        let id = send(&system, to).await;
        let message = system.until_state(&id, "delivered").await;
        assert_eq!(message.carrier(), carrier);
        system.until_callbacks("receipts", count).await;
        system.reply_from(to, OWN_SENDER, &format!("to {carrier}")).await;
        system.until_callbacks("replies", count).await;
    }
    let accepted = accepted(&system).await;
    assert_eq!((accepted["cm"], accepted["cm-uk"], accepted["loopback"]), (1, 1, 0));
    let replies = system.callbacks("replies").await;
    let texts: Vec<_> = replies.iter().map(|reply| reply.json()["message"].as_str().unwrap()).collect();
    assert_eq!(texts, ["to cm", "to cm-uk"]);
    assert!(system.unmatched("receipt").await.is_empty() && system.unmatched("reply").await.is_empty());
}

#[tokio::test]
async fn other_connections_token_counts_for_nothing() {
    let system = System::start().await;
    system.set_channels(OF_CM, json!({"sms": "silent"})).await;
    let id = send(&system, OF_CM).await;
    let before = system.until_state(&id, "submitted").await;
    assert_eq!(before.carrier(), "cm");
    let delivered = report(&id, OF_CM, "2");
    // The other's token in this carrier's path, and this carrier's token in the other's.
    let [own, other] = ["cm", "cm-uk"].map(|name| webhook_path("dlr", name));
    let tokens = [&own, &other].map(|path| path.rsplit('/').next().unwrap());
    for path in [format!("/dlr/cm/{}", tokens[1]), format!("/dlr/cm-uk/{}", tokens[0])] {
        assert_eq!(system.post_webhook(&path, &delivered).await.status, StatusCode::NOT_FOUND);
    }
    // A receipt from the other connection about a message that it never had.
    for code in ["2", "3", "0"] {
        system.deliver_webhook(&other, &report(&id, OF_CM, code)).await;
    }
    system.until_idle().await;
    assert_eq!(system.message(&id).await, before);
    assert!(system.callbacks("receipts").await.is_empty());
    assert_eq!(system.unmatched("receipt").await.len(), 3);
    system.deliver_webhook(&own, &delivered).await;
    system.until_state(&id, "delivered").await;
}

#[tokio::test]
async fn connection_takes_over_while_another_is_down() {
    let system = System::start().await;
    set_outage(&system, "cm-uk", true).await;
    let id = send(&system, OF_CM_UK).await;
    let message = system.until_state(&id, "delivered").await;
    assert_eq!((message.carrier(), message.failed_attempts()), ("cm", vec!["sms cm-uk busy".to_owned()]));
    set_outage(&system, "cm-uk", false).await;
    let id = send(&system, OF_CM_UK).await;
    assert_eq!(system.until_state(&id, "delivered").await.carrier(), "cm-uk");
    assert_eq!(system.handset(OF_CM_UK).await.len(), 2);
}

#[tokio::test]
async fn only_the_connection_that_may_have_the_message_is_asked() {
    let first = ScriptedCarrier::with_lookups([SubmitAnswer::NoAnswer], LookupAnswer::Knows("c-1")).await;
    let second = ScriptedCarrier::with_lookups([SubmitAnswer::Accepts("c-2")], LookupAnswer::Denies).await;
    let config = TestConfig::new()
        .carrier_lookup()
        .another_carrier("loopback-2", "loopback", |carrier| {
            carrier.webhook_token = "second-token".to_owned();
            carrier.key = Some("second-key".to_owned());
        })
        .carrier_endpoint("loopback", first.url())
        .carrier_endpoint("loopback-2", second.url())
        .route_all_to(&["loopback", "loopback-2"]);
    let system = System::with_config(config).await;
    let id = send(&system, &Phone::delivers()).await;
    system.until_state(&id, "unknown").await;
    system.advance(125).await;
    let message = system.until_state(&id, "submitted").await;
    assert_eq!((message.carrier(), message.carrier_id()), ("loopback", "c-1"));
    assert_eq!((first.methods(), second.methods()), (vec!["POST".to_owned(), "GET".to_owned()], vec![]));
}

/// A carrier of the simulated network with every setting.
fn with_every_setting() -> TestConfig {
    TestConfig::new()
        .another_carrier("sim-uk", "loopback", |carrier| {
            carrier.webhook_token = "sim-uk-token".to_owned();
            carrier.login = Some("acme".to_owned());
            carrier.password = Some("sesame".to_owned());
            carrier.signing_secret = Some("signing-secret".to_owned());
            carrier.country_code = Some("44".parse().unwrap());
            carrier.sender_ids = [(OWN_SENDER.parse().unwrap(), "5521".to_owned())].into();
            carrier.lookup = true;
        })
        .route_all_to(&["sim-uk"])
}

#[tokio::test]
async fn carriers_settings_shape_submits_and_webhooks() {
    let system = System::with_config(with_every_setting()).await;
    let phone = Phone::delivers();
    let id = send(&system, &phone).await;
    // The receipt is signed.
    assert_eq!(system.until_state(&id, "delivered").await.carrier(), "sim-uk");
    // The phone shows our sender, for which the submit bore the carrier's own ID.
    assert_eq!(system.handset(&phone).await[0]["from"], OWN_SENDER);
    // The reply comes from a national number.
    system.reply_from(&phone, OWN_SENDER, "Hi").await;
    let reply = system.until_callback("replies").await;
    assert_eq!((&reply.json()["message"], reply.json()["message_uuid"].as_str()), (&json!("Hi"), Some(id.as_str())));
    assert_eq!(accepted(&system).await["sim-uk"], 1);

    let receipt = json!({"reference": id, "status": "undelivered"});
    for signature in [None, Some("00"), Some("not hex")] {
        let post = system.request(Method::POST, "/dlr/sim-uk/sim-uk-token").json(&receipt);
        let post = signature.into_iter().fold(post, |post, value| post.header("x-loopback-signature", value));
        assert_eq!(post.send().await.unwrap().status(), StatusCode::UNAUTHORIZED, "{signature:?}");
    }
    assert_eq!(system.message(&id).await.state(), "delivered");
}

#[tokio::test]
async fn carrier_with_wrong_password_is_busy_until_it_is_right() {
    let config = with_every_setting().another_carrier("sim-us", "loopback", |carrier| {
        carrier.webhook_token = "sim-us-token".to_owned();
        carrier.login = Some("acme-us".to_owned());
        carrier.password = Some("us-password".to_owned());
    });
    let system = System::with_config(config.route_all_to(&["sim-us", "sim-uk"])).await;
    // The simulated network changes the password.
    let webhooks = json!({"vendor": "loopback", "receipts": system.url("dlr/sim-us/sim-us-token"),
        "replies": system.url("mo/sim-us/sim-us-token"), "credentials": {"login": "acme-us", "password": "new"}});
    let set = system.request(Method::PUT, "/carriers/sim-us").json(&webhooks).send().await.unwrap();
    assert!(set.status().is_success());
    let id = send(&system, &Phone::delivers()).await;
    let message = system.until_state(&id, "delivered").await;
    assert_eq!((message.carrier(), message.failed_attempts()), ("sim-uk", vec!["sms sim-us busy".to_owned()]));
}

/// Makes a message look as if a worker had died while it called a carrier, before the carrier was on record.
async fn forget_the_carrier(system: &System, id: &str) {
    let update = json!({"TableName": "MessagesTable", "Key": {"id": {"S": id}},
        "UpdateExpression": "SET #s = :s, #l = :l REMOVE #c",
        "ExpressionAttributeNames": {"#s": "state", "#l": "lease", "#c": "carrier"},
        "ExpressionAttributeValues": {":s": {"S": "submitting"}, ":l": {"N": "1"}}});
    system.aws("DynamoDB_20120810.UpdateItem", &update).await;
    system.enqueue(&[json!({"v": 1, "type": "submit", "message": id}).to_string()], 0).await;
}

/// Returns three carriers of the simulated network, in the order of the route, with these answers to lookups.
/// `None` is a carrier without lookups.
async fn with_lookups(answers: [Option<LookupAnswer>; 3]) -> (System, Vec<ScriptedCarrier>) {
    let names = ["loopback", "loopback-2", "loopback-3"];
    let mut config = TestConfig::new().route_all_to(&names);
    let mut carriers = Vec::new();
    for (name, answer) in names.into_iter().zip(answers) {
        let lookup = answer.unwrap_or(LookupAnswer::NoAnswer);
        let carrier = ScriptedCarrier::with_lookups([SubmitAnswer::Accepts("c-1")], lookup).await;
        if name != "loopback" {
            config = config.another_carrier(name, "loopback", |carrier| {
                carrier.webhook_token = format!("{name}-token");
                carrier.key = Some(format!("{name}-key"));
            });
        }
        config =
            config.carrier(name, |carrier| carrier.lookup = answer.is_some()).carrier_endpoint(name, carrier.url());
        carriers.push(carrier);
    }
    // A carrier without lookups would leave every answer open.
    let config = config.only_carriers_of(Vendor::Loopback);
    (System::with_config(config).await, carriers)
}

#[tokio::test]
async fn all_carriers_are_asked_if_the_carrier_is_not_recorded() {
    use LookupAnswer::{Denies, Knows};
    for (answers, state, carrier) in [
        ([Some(Denies), Some(Knows("c-2")), Some(Denies)], "submitted", "loopback-2"),
        // All deny the message, so it is sent again.
        ([Some(Denies), Some(Denies), Some(Denies)], "submitted", "loopback"),
        // One cannot be asked, so it may have the message.
        ([Some(Denies), Some(Denies), None], "unknown", ""),
    ] {
        let (system, carriers) = with_lookups(answers).await;
        let id = send(&system, &Phone::delivers()).await;
        system.until_state(&id, "submitted").await;
        forget_the_carrier(&system, &id).await;
        system.until_state(&id, "unknown").await;
        system.advance(125).await;
        system.until_only_delayed().await;
        let message = system.until_state(&id, state).await;
        assert_eq!(message.carrier(), carrier, "{answers:?}");
        let asked = carriers.iter().zip(answers).filter(|(_, answer)| answer.is_some());
        assert!(asked.clone().all(|(carrier, _)| carrier.methods().contains(&"GET".to_owned())), "{answers:?}");
    }
}

#[tokio::test]
async fn missing_carrier_in_a_route_is_busy_and_the_next_takes_over() {
    let system = System::start().await;
    let delete = json!({"TableName": "DirectoryTable", "Key": {"id": {"S": "carrier#cm-uk"}}});
    system.aws("DynamoDB_20120810.DeleteItem", &delete).await;
    let id = send(&system, OF_CM_UK).await;
    let message = system.until_state(&id, "delivered").await;
    assert_eq!((message.carrier(), message.failed_attempts()), ("cm", vec!["sms cm-uk busy".to_owned()]));
}

#[tokio::test]
async fn channel_on_which_no_carrier_shows_the_message_is_skipped() {
    // Viber shows both, but CM.com needs two items for them there. So WhatsApp is the last channel.
    let system = System::start().await;
    system.set_channels(&Phone::delivers(), json!({"whatsapp": "silent"})).await;
    let bubble = json!({"text": "Hi", "media": {"mediaName": "x", "mediaUri": "https://a.example/x.png", "mimeType": "image/png"}});
    let message = with(cm::message(&Phone::delivers(), "Hi"), "richContent", json!({"conversation": [bubble]}));
    let message = with(with(message, "body", json!({"content": ""})), "allowedChannels", json!(["WhatsApp", "Viber"]));
    let answered = cm::post(&system, &[message]).await;
    assert_eq!(answered.body["errorCode"], 0, "{}", answered.body);
    let id = system.newest().await.id().to_owned();
    system.until_state(&id, "submitted").await;
    system.advance_and_settle(2 * 300).await;
    let message = system.message(&id).await;
    assert_eq!((message.state(), message.channel(), message.get("failed_attempts")), ("submitted", "whatsapp", None));
}
