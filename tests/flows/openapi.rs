//! The `OpenAPI` document matches the code: its routes are the template's, its enums the code's, and answers
//! and callbacks fit its schemas.

use std::collections::BTreeSet;

use local::{gateway, template::Event};
use reqwest::Method;
use serde_json::{Value, json};
use shared::{
    domain::{AttemptOutcome, Channel, Keyword, OnUnknown, State},
    vendors::cymba::dialect as mplus,
};
use strum::IntoEnumIterator;

use tests::{Phone, System, TestConfig};

use crate::system::{Answer, DEMO, DEMO_ACCOUNT, OWN_SENDER, answer, custom, owned, shared, with};

const PHONE: Phone = Phone::delivers();

fn document() -> Value {
    serde_json::from_str(messages::OPENAPI).unwrap()
}

/// Fails unless a value fits a schema in the document.
fn fits(value: &Value, component: &str) {
    let mut schema = document();
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["$ref"] = json!(format!("#/components/schemas/{component}"));
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{component}: {errors:#?}\n{value:#}");
}

fn names(schema: &str) -> BTreeSet<String> {
    let names = document()["components"]["schemas"][schema]["enum"].clone();
    serde_json::from_value(names).unwrap()
}

fn names_of<E: IntoEnumIterator + Into<&'static str>>() -> BTreeSet<String> {
    E::iter().map(|variant| variant.into().to_owned()).collect()
}

#[test]
fn documented_routes_match_the_template() {
    let document = document();
    let described: BTreeSet<_> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
        })
        .collect();
    let deployed: BTreeSet<_> = gateway::functions(&"http://127.0.0.1:3000/".parse().unwrap())
        .unwrap()
        .into_iter()
        .flat_map(|function| function.events)
        .filter_map(|event| match event {
            Event::Http { method, path } => Some((method, path)),
            Event::Queue { .. } | Event::Schedule { .. } => None,
        })
        .collect();
    assert_eq!(described, deployed);
}

#[test]
fn documented_enums_match_the_code() {
    assert_eq!(names("State"), names_of::<State>());
    assert_eq!(names("Channel"), mplus::request::CHANNELS.map(|channel| channel.into_str().to_owned()).into());
    assert_eq!(names("MessageChannel"), names_of::<Channel>());
    assert_eq!(names("OnUnknown"), names_of::<OnUnknown>());
    let outcome = document()["components"]["schemas"]["Attempt"]["properties"]["outcome"]["enum"].clone();
    assert_eq!(outcome, json!(AttemptOutcome::iter().map(<&str>::from).collect::<Vec<_>>()));
    assert_eq!(names("Keyword"), names_of::<Keyword>());
    let codes = document()["components"]["schemas"]["ReceiptCode"]["enum"].clone();
    let known = mplus::event::CODES.map(|(code, _, _)| code);
    assert_eq!(codes, json!(known));
}

#[tokio::test]
async fn keyword_answers_fit_their_schema() {
    let system = System::with_config(TestConfig::new().account(DEMO_ACCOUNT, |account| account.help_text = None)).await;
    system.reply_from(&PHONE, OWN_SENDER, "HELP").await;
    system.until_handset(&PHONE, 1).await;
    let page = system.get(DEMO, &format!("/conversations/{PHONE}?sender={OWN_SENDER}")).await.body;
    let messages = page["messages"].as_array().unwrap();
    assert!(messages.iter().any(|message| message["keyword"] == "help"), "{page}");
    fits(&page, "Page");
}

#[tokio::test]
async fn responses_and_callbacks_fit_their_schema() {
    let system = System::start().await;
    let served = answer(system.request(Method::GET, "/openapi.json")).await;
    assert_eq!(served.body, document());

    let message = with(with(shared(&PHONE, "Hello"), "callback", system.sink("receipts")), "note", 1);
    let full = json!({"id": "b2693dfe-0813-427a-bc2f-62b0e9292403", "channels": ["sms"], "send_at": "2026-01-01T09:00:00Z",
        "from": {"type": "custom", "value": "sender-id"}, "to": PHONE.nth(1), "body": "Full"});
    let request = json!({"messages": [message, full]});
    fits(&request, "SendRequest");
    let Answer { body: accepted, .. } = system.post(DEMO, &request).await;
    fits(&accepted, "SendAnswer");
    let (id, sender) = (&accepted["messages"][0]["messageUuid"], &accepted["messages"][0]["from"]["value"]);

    fits(system.until_callback("receipts").await.json(), "DeliveryReceipt");
    system.reply_from(&PHONE, sender.as_str().unwrap(), "Hi").await;
    fits(system.until_callback("replies").await.json(), "MobileOriginated");
    fits(&system.until_state(id, "delivered").await.into_json(), "Message");
    fits(&system.get(DEMO, "/messages?limit=2").await.body, "Page");
    fits(&system.get(DEMO, &format!("/conversations/{PHONE}")).await.body, "Page");
    fits(&system.get(DEMO, "/dr-responses").await.body, "ReceiptCodes");

    let labels = json!({"from": OWN_SENDER, "to": [{"number": PHONE.nth(2).with_00()}], "body": {"content": "Hi"}, "reference": "r",
        "customGrouping": "g", "richContent": {"conversation": [{"text": "Hi"}]}});
    let row = json!({"id": "10", "title": "Ten"});
    let list = json!({"type": "list", "body": {"text": "When?"}, "action": {"button": "Choose", "sections": [{"rows": [row]}]}});
    let textless = json!({"from": OWN_SENDER, "to": [{"number": PHONE.nth(3).with_00()}], "body": {"content": ""},
        "allowedChannels": ["WhatsApp"], "richContent": {"conversation": [{"interactive": list}]}});
    let request = json!({"messages": {"authentication": {"productToken": DEMO}, "msg": [labels, textless]}});
    fits(&request, "CmRequest");
    fits(&answer(system.request(Method::POST, "/v1.0/message").json(&request)).await.body, "CmAnswer");
    fits(&answer(system.request(Method::POST, "/v1.0/message").json(&json!({}))).await.body, "CmAnswer");
    fits(system.until_callback("status").await.json(), "CmStatusReport");
    system.reply_from(&PHONE.nth(2), OWN_SENDER, "Hi").await;
    fits(system.until_callbacks("replies", 2).await[1].json(), "CmReply");
    fits(&system.get(DEMO, "/messages").await.body, "Page");

    system.send_one(DEMO, with(owned(&PHONE.nth(4), "Gone"), "callback", system.failing_sink("gone", 410))).await;
    fits(system.until_callback("notices").await.json(), "EndpointDisabled");

    let cancelled = format!("/messages/{}", id.as_str().unwrap());
    for problem in [
        system.post("no-key", &json!({})).await,
        system.post(DEMO, &json!({"messages": [{}, owned("7", "")]})).await,
        system.post(DEMO, &json!({"messages": [custom("Nobody", &PHONE, "x")]})).await,
        system.get(DEMO, "/messages/7").await,
        system.get(DEMO, "/messages?state=odd").await,
        system.delete(DEMO, &cancelled).await,
    ] {
        assert!(problem.status.is_client_error());
        assert_eq!(problem.body["status"], problem.status.as_u16());
        fits(&problem.body, "Problem");
    }
}
