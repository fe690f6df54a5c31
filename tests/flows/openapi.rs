//! The `OpenAPI` document matches the code: its routes are the template's, its enums the code's, and answers
//! and callbacks fit its schemas.

mod batches;
mod messangi;
mod mta;
mod mta_account;

use std::collections::BTreeSet;

use local::{gateway, template::Event};
use reqwest::Method;
use serde_json::{Value, json};
use shared::{
    domain::{AttemptOutcome, Channel, Dialect, Keyword, OnUnknown, State},
    vendors::cymba::dialect as mplus,
};
use strum::IntoEnumIterator;

use tests::{
    Phone, System, TestConfig,
    clients::{ClientMessage, client, main_format},
    webhook_path,
};

use crate::{
    cm,
    system::{Answer, DEMO, DEMO_ACCOUNT, OWN_SENDER, answer, custom, owned, shared, with},
};

const PHONE: Phone = Phone::delivers();

fn document() -> Value {
    serde_json::from_str(messages::OPENAPI).unwrap()
}

/// Fails unless a value fits a schema in the document.
fn fits(value: &Value, component: &str) {
    let errors = errors(value, component);
    assert!(errors.is_empty(), "{component}: {errors:#?}\n{value:#}");
}

fn errors(value: &Value, component: &str) -> Vec<String> {
    let mut schema = document();
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["$ref"] = json!(format!("#/components/schemas/{component}"));
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
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
async fn described_requests_are_those_that_are_accepted() {
    let system = System::start().await;
    let full = owned(&PHONE, "Hi");
    let without = |field: &str| with(full.clone(), field, Value::Null);
    let absent = |field: &str| {
        let mut message = full.clone();
        message.as_object_mut().unwrap().remove(field);
        message
    };
    let shared = json!({"type": "shared"});
    let no_value = with(full.clone(), "from", json!({"type": "custom"}));
    let number = json!(PHONE.parse::<u64>().unwrap());
    let from = |value: &str| with(full.clone(), "from", json!({"type": "custom", "value": value}));
    for (defaults, messages, is_valid) in [
        (json!(null), json!([full]), true),
        (json!(null), json!([with(full.clone(), "from", shared.clone())]), true),
        (json!(null), json!([full, absent("to")]), false),
        (json!(null), json!([no_value]), false),
        (json!({"to": PHONE}), json!([absent("to")]), true),
        (json!({"to": PHONE}), json!([without("to")]), false),
        (json!({"to": null}), json!([absent("to")]), false),
        (json!(null), json!([with(full.clone(), "to", number.clone())]), true),
        (json!(null), json!([with(full.clone(), "to", json!(999_999))]), false),
        (json!(null), json!([with(full.clone(), "to", format!(" +{PHONE}\t"))]), true),
        (json!({"to": number}), json!([absent("to"), full]), true),
        (json!({"to": format!(" {PHONE} ")}), json!([absent("to")]), true),
        (json!({"to": 999_999}), json!([absent("to")]), false),
        (json!({"body": "Hi"}), json!([absent("body"), full]), true),
        (json!({"body": "Hi"}), json!([absent("from")]), false),
        (json!({"from": shared}), json!([absent("from"), full]), true),
        (json!({"from": {"value": OWN_SENDER}}), json!([no_value]), true),
        (json!({"from": {"type": "custom"}}), json!([absent("from")]), false),
        (json!(null), json!([with(full.clone(), "body", json!(" \t"))]), false),
        (json!(null), json!([with(full.clone(), "body", json!("a\u{1}"))]), false),
        (json!(null), json!([from("000")]), false),
        (json!(null), json!([from("  000")]), false),
        (json!(null), json!([from("+0123")]), false),
        (json!(null), json!([from("000123")]), false),
        (json!(null), json!([from(&format!(" +{OWN_SENDER} "))]), true),
        (json!({"from": {"type": "custom", "value": "+0123"}}), json!([absent("from")]), false),
        (json!({"from": {"type": "custom", "value": format!(" {OWN_SENDER} ")}}), json!([absent("from")]), true),
        (json!({"callback": "", "id": "", "send_at": ""}), json!([full]), true),
        (json!(null), json!([]), false),
    ] {
        let request = json!({"defaults": defaults, "messages": messages});
        let answer = answer(system.request(Method::POST, "/message?isDryrun=1").bearer_auth(DEMO).json(&request)).await;
        assert_eq!(answer.status, if is_valid { 200 } else { 400 }, "{request}: {}", answer.body);
        assert_eq!(errors(&request, "SendRequest").is_empty(), is_valid, "{request}");
    }
}

#[tokio::test]
async fn described_cm_messages_are_those_that_are_accepted() {
    let system = System::start().await;
    let full = cm::message(&PHONE, "Hi");
    let rich = json!({"conversation": [{"text": "Hi"}]});
    let textless = with(with(full.clone(), "body", json!({})), "richContent", rich);
    for (message, is_valid) in [
        (full.clone(), true),
        (with(full.clone(), "from", OWN_SENDER.parse::<u64>().unwrap()), true),
        (with(full.clone(), "from", "+0123"), false),
        (with(full.clone(), "to", json!([{"number": PHONE.parse::<u64>().unwrap()}])), true),
        (with(full.clone(), "to", json!([])), false),
        (with(full.clone(), "body", json!({"content": " "})), false),
        (with(full.clone(), "richContent", ""), true),
        (with(full.clone(), "richContent", json!({})), true),
        (with(full.clone(), "richContent", json!({"conversation": []})), false),
        (with(full.clone(), "allowedChannels", ""), true),
        (with(full.clone(), "allowedChannels", json!(["", "SMS"])), true),
        (with(full.clone(), "allowedChannels", json!(["Fax"])), false),
        (with(full.clone(), "reference", Value::Null), true),
        (with(full.clone(), "reference", "r".repeat(33)), false),
        (with(full.clone(), "customGrouping", 7.5), false),
        (with(full.clone(), "dcs", 5), true),
        (with(with(full.clone(), "body", json!({"content": "Hi"})), "dcs", 5), false),
        (with(full.clone(), "maximumNumberOfMessageParts", "0"), false),
        (with(textless.clone(), "allowedChannels", json!(["SMS", "WhatsApp"])), true),
        (with(textless.clone(), "allowedChannels", json!(["SMS"])), false),
        (textless, false),
    ] {
        let request = json!({"messages": {"msg": [message]}});
        let posted = system.request(Method::POST, "/v1.0/message?isDryrun=1").header("X-CM-PRODUCTTOKEN", DEMO);
        let answer = answer(posted.json(&request)).await;
        assert_eq!(answer.status, if is_valid { 200 } else { 400 }, "{request}: {}", answer.body);
        assert_eq!(errors(&request, "CmRequest").is_empty(), is_valid, "{request}");
    }
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
async fn replies_with_files_and_from_short_codes_fit_their_schema() {
    let replies = [
        (Dialect::Mplus, "MobileOriginated"),
        (Dialect::Cm, "CmReply"),
        (Dialect::Messangi, "MessangiReply"),
        (Dialect::Mta, "MtaReply"),
    ];
    for (dialect, component) in replies {
        let system = System::start().await;
        let callback = system.sink("status");
        let message = ClientMessage::new(OWN_SENDER, &PHONE, "Hello", &callback);
        assert_eq!(system.send_request(&(main_format(dialect).request)(DEMO, &[message])).await.0, 200);
        system.until_handset(&PHONE, 1).await;

        let at = system.now().await.strftime("%Y-%m-%dT%H:%M:%S").to_string();
        let media = json!({"mediaUri": "https://media.example/1.jpg", "contentType": "image/jpeg", "title": "p1"});
        let custom = json!({"location": {"latitude": 51.6, "longitude": 4.77}});
        let from = json!({"number": PHONE.with_00(), "name": "Ann"});
        let rich = json!({"from": from, "to": {"number": format!("00{OWN_SENDER}")},
            "message": {"text": "Here", "media": media, "custom": custom}, "timeUtc": at, "channel": "WhatsApp"});
        system.deliver_webhook(&webhook_path("mo", "cm"), &rich).await;
        let first = system.until_callback("replies").await;
        assert_eq!((client(dialect).files)(first.json()), ["https://media.example/1.jpg"]);
        fits(first.json(), component);
        let short = json!({"id": "r1", "from": "72404", "to": OWN_SENDER, "text": "Hi", "channel": "rcs"});
        fits(&short, "CarrierReply");
        system.deliver_reply(&short).await;
        fits(system.until_callbacks("replies", 2).await[1].json(), component);

        let page = system.get(DEMO, "/messages").await.body;
        let replies: Vec<_> =
            page["messages"].as_array().unwrap().iter().filter(|entry| entry["direction"] == "in").collect();
        assert_eq!(
            (&replies[0]["from"], &replies[1]["custom"], &replies[1]["from_name"]),
            (&json!("72404"), &custom, &json!("Ann"))
        );
        fits(&page, "Page");
        fits(&system.get(DEMO, &format!("/conversations/{PHONE}?sender={OWN_SENDER}")).await.body, "Page");
    }
}

#[tokio::test]
async fn warnings_unicode_and_search_fit_their_schema() {
    let system = System::start().await;
    let request = json!({"messages": [owned(&PHONE, "Ж")]});
    let misspelt = system.request(Method::POST, "/message?dryRum=1").bearer_auth(DEMO).json(&request);
    let Answer { body: accepted, .. } = answer(misspelt).await;
    assert_eq!(
        (&accepted["warnings"][0]["field"], &accepted["messages"][0]["unicode"]),
        (&json!("dryRum"), &json!(["Ж"]))
    );
    fits(&accepted, "SendAnswer");
    fits(&system.until_state(&accepted["messages"][0]["messageUuid"], "delivered").await.into_json(), "Message");
    let page = system.get(DEMO, &format!("/messages?to={PHONE}")).await.body;
    assert_eq!((page["messages"].as_array().unwrap().len(), &page["omits"]), (1, &json!(["messages_from_names"])));
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
