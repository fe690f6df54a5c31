//! Isolation: a client cannot reach another account's data by a forged cursor, an ID, a key of the store
//! or a name that both chose. A carrier cannot report another carrier's messages.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    Phone, System,
    system::{Answer, CM_TOKEN, DEMO, OTHER, OTHER_SENDER, TOKEN, answer, custom, owned, with},
};

const PHONE: Phone = Phone::delivers();

fn message_of_other(text: &str) -> Value {
    custom(OTHER_SENDER, &PHONE, text)
}

fn ids(page: &Answer) -> Vec<&Value> {
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    page.body["messages"].as_array().unwrap().iter().map(|entry| &entry["id"]).collect()
}

#[tokio::test]
async fn cursor_of_another_account_shows_only_own_messages() {
    let system = System::start().await;
    let mine = system.send_one(DEMO, owned(&PHONE, "Mine")).await;
    for text in ["First", "Second", "Third"] {
        system.send_one(OTHER, message_of_other(text)).await;
    }
    let page = system.get(OTHER, "/messages?limit=1").await;
    let theirs = page.body["next"].as_str().unwrap();
    assert_eq!(ids(&system.get(DEMO, &format!("/messages?cursor={theirs}")).await), [&mine.id]);

    // A cursor encodes a time, a letter and an ID, but no account.
    let id = page.body["messages"][0]["id"].as_str().unwrap();
    for (forged, status) in [
        (format!("9999999999999#o#{id}"), 200),
        ("9999999999999#i#".to_owned(), 200),
        ("9999999999999".to_owned(), 200),
        ("-000000000001".to_owned(), 200),
        ("-999999999999#o#-".to_owned(), 200),
        (format!("other#2026-11#0#9999999999999#o#{id}"), 400),
        ("9999999999999#o#\u{0}".to_owned(), 400),
        ("9".repeat(100), 400),
        (String::new(), 400),
    ] {
        let cursor = URL_SAFE_NO_PAD.encode(&forged);
        for path in ["/messages?", &format!("/conversations/{PHONE}?sender={OTHER_SENDER}&")] {
            let page = system.get(DEMO, &format!("{path}cursor={cursor}")).await;
            assert_eq!(page.status, status, "{forged}: {}", page.body);
            assert!(status == 400 || ids(&page).iter().all(|id| *id == &mine.id), "{forged}: {}", page.body);
        }
    }
}

#[tokio::test]
async fn resources_of_other_accounts_look_not_found() {
    let system = System::start().await;
    let theirs = system.send_one(OTHER, message_of_other("Theirs")).await.id.clone();
    let nobodys = "b2693dfe-0813-427a-bc2f-62b0e9292403";
    for method in [Method::GET, Method::DELETE] {
        let ask = async |id: &str| {
            let parsed = system.request(method.clone(), &format!("/messages/{id}")).bearer_auth(DEMO);
            let answered = answer(parsed).await;
            assert_eq!(answered.status, StatusCode::NOT_FOUND, "{id}");
            answered.body
        };
        let expected = ask(nobodys).await;
        // Another account's message, keys of other kinds of items, and IDs that no item has.
        for id in
            [&theirs, "slots%23441111111110", "unmatched%23reply%23cm%23x", "account%23other", "..%2Fmessages", "%00"]
        {
            assert_eq!(ask(id).await, expected, "{id}");
        }
    }
    assert_eq!(system.get(OTHER, &format!("/messages/{theirs}")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn same_id_or_key_of_two_clients_makes_two_messages() {
    let system = System::start().await;
    let id = "b2693dfe-0813-427a-bc2f-62b0e9292403";
    let mine = system.send_one(DEMO, with(owned(&PHONE, "Mine"), "id", id)).await;
    let theirs = system.send_one(OTHER, with(message_of_other("Theirs"), "id", id)).await;
    assert_ne!(mine.id, theirs.id);
    let by_key = async |key: &str, message: Value| {
        let parsed = system.request(Method::POST, "/message").bearer_auth(key).header("Idempotency-Key", "order-1");
        let answered = answer(parsed.json(&json!({"messages": [message]}))).await;
        assert_eq!(answered.status, StatusCode::OK, "{}", answered.body);
        answered.body["messages"][0]["messageUuid"].clone()
    };
    assert_ne!(by_key(DEMO, owned(&PHONE, "Mine")).await, by_key(OTHER, message_of_other("Theirs")).await);
    assert_eq!(ids(&system.get(OTHER, "/messages").await).len(), 2);
}

#[tokio::test]
async fn client_names_cannot_form_keys_of_other_items() {
    let system = System::start().await;
    for name in ["slots#441111111110", "unmatched#reply", "a#b", "sender#demo", "\u{0}", "a/b", "..", "stop#2222"] {
        let message = custom(name, &PHONE, "Hello");
        let refused = system.post(DEMO, &json!({"messages": [message]})).await;
        // ".." is a valid sender ID that this account does not own.
        assert_eq!(refused.status, if name == ".." { 403 } else { 400 }, "{name}: {}", refused.body);
        for field in ["to", "id"] {
            let refused = system.post(DEMO, &json!({"messages": [with(owned(&PHONE, "Hello"), field, name)]})).await;
            assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{field} {name}");
        }
    }
    let stored = system.scan("MessagesTable").await;
    assert_eq!(stored.len(), 0);
}

#[tokio::test]
async fn carrier_reports_only_its_own_messages() {
    let system = System::start().await;
    // The message goes through the loopback carrier, to a phone that sends no receipt.
    let message = system.send_one(DEMO, owned(&Phone::delivers_without_receipt(), "Hello")).await;
    let id = &message.id;
    system.until_state(id, "submitted").await;
    let reference = id.replace('-', "");
    let receipt = json!({"messages": {"msg": {"reference": reference, "status": {"code": "2"}}}});
    assert_eq!(system.post_webhook(&format!("/dlr/cm/{CM_TOKEN}"), &receipt).await.status, StatusCode::OK);
    assert_eq!(system.message(id).await.state(), "submitted");
    // The receipt is unmatched. A carrier's token is rejected on another carrier's path.
    assert_eq!(system.unmatched("receipt").await.len(), 1);
    let receipt = json!({"reference": id, "status": "delivered"});
    let crossed = system.post_webhook(&format!("/dlr/loopback/{CM_TOKEN}"), &receipt).await;
    let unknown = system.post_webhook(&format!("/dlr/nobody/{TOKEN}"), &receipt).await;
    let wrong = system.post_webhook("/dlr/loopback/wrong", &receipt).await;
    assert_eq!(crossed.status, StatusCode::NOT_FOUND);
    assert!(
        crossed.body == unknown.body && unknown.body == wrong.body,
        "{} {} {}",
        crossed.body,
        unknown.body,
        wrong.body
    );
    assert_eq!(system.post_webhook(&format!("/dlr/loopback/{TOKEN}"), &receipt).await.status, StatusCode::OK);
    system.until_state(id, "delivered").await;
}
