//! Senders and numbers: `longcodeId`, the account's default sender and country, shared senders and `threadId`.

use serde_json::{Value, json};
use shared::domain::SenderId;
use tests::{System, TestConfig};

use super::{PHONE, from_usual, message, post, send};
use crate::{
    admin::read,
    system::{DEMO_ACCOUNT, OTHER, OTHER_SENDER, OWN_SENDER as OURS, POOL_SENDER, custom, with},
};

/// Returns the sender in the phone's newest text.
async fn newest_sender(system: &System, count: usize) -> Value {
    system.until_handset(&PHONE, count).await[count - 1]["from"].clone()
}

/// Returns a request to the conversation with the phone.
fn to_thread(text: &str) -> Value {
    json!({"threadId": PHONE.parse::<u64>().unwrap(), "message": text})
}

async fn refused(system: &System, body: &Value) -> (u16, String) {
    let answer = post(system, body).await;
    (answer.status.as_u16(), answer.body["message"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn longcode_is_the_id_of_any_sender_of_the_account() {
    let system = System::start().await;
    for (index, sender) in [OURS, "12345", "CM.com", "mplus-test"].into_iter().enumerate() {
        let id = sender.parse::<SenderId>().unwrap().number();
        for longcode in [json!(id), json!(id.to_string())] {
            send(&system, &with(message(&PHONE, "x"), "longcodeId", longcode)).await;
        }
        assert_eq!(newest_sender(&system, 2 * index + 2).await, sender);
    }
}

#[tokio::test]
async fn default_sender_is_the_accounts_or_a_shared_one() {
    let system = System::with_config(TestConfig::new().pool(&[POOL_SENDER])).await;
    send(&system, &from_usual(&PHONE, "shared")).await;
    assert_eq!(newest_sender(&system, 1).await, POOL_SENDER);

    read(&system, &["account", "set", DEMO_ACCOUNT, "--default-sender", "12345"]).await;
    system.advance(31).await;
    send(&system, &from_usual(&PHONE, "own")).await;
    assert_eq!(newest_sender(&system, 2).await, "12345");

    read(&system, &["sender", "remove", "12345"]).await;
    system.advance(31).await;
    let words = "longcodeId is required: the account no longer owns its default sender";
    assert_eq!(refused(&system, &from_usual(&PHONE, "gone")).await, (403, words.to_owned()));
}

#[tokio::test]
async fn shared_sender_of_a_reply_can_answer_it() {
    let system = System::with_config(TestConfig::new().pool(&[POOL_SENDER])).await;
    let longcode = |to: &str| with(from_usual(to, "x"), "longcodeId", POOL_SENDER.parse::<u64>().unwrap());
    let not_ours = "longcodeId is not the ID of a sender of this account";
    assert_eq!(refused(&system, &longcode(&PHONE)).await, (403, not_ours.to_owned()));

    send(&system, &from_usual(&PHONE, "Hello")).await;
    system.until_handset(&PHONE, 1).await;
    system.reply_from(&PHONE, POOL_SENDER, "Hi").await;
    let reply = system.until_callback("replies").await.into_json();
    let response = json!({"subscribers": [reply["fromNumber"]], "message": "x", "longcodeId": reply["longcodeId"]});
    send(&system, &response).await;
    assert_eq!(newest_sender(&system, 2).await, POOL_SENDER);
    // A shared sender is refused for a number with which the account has no conversation over it.
    let both = json!([format!("+{PHONE}"), format!("+{}", PHONE.nth(1))]);
    assert_eq!(refused(&system, &with(longcode(&PHONE), "subscribers", both)).await, (403, not_ours.to_owned()));
    assert!(system.handset(&PHONE.nth(1)).await.is_empty());
}

#[tokio::test]
async fn exhausted_pool_names_each_number() {
    let system = System::with_config(TestConfig::new().pool(&[POOL_SENDER])).await;
    let other = json!({"subscribers": [format!("+{PHONE}")], "message": "Theirs"});
    let path = system.request(reqwest::Method::POST, "/v3/send").bearer_auth(OTHER).json(&other);
    assert_eq!(crate::system::answer(path).await.status, 200);
    let both = json!([format!("+{}", PHONE.nth(1)), format!("+{PHONE}")]);
    let answered = post(&system, &with(from_usual(&PHONE, "Ours"), "subscribers", both)).await;
    let errors = &answered.body["errors"];
    assert_eq!((answered.status.as_u16(), errors.as_array().map(Vec::len)), (400, Some(1)), "{}", answered.body);
    assert_eq!(
        (&errors[0]["field"], &errors[0]["index"], &errors[0]["code"]),
        (&json!("subscribers"), &json!(1), &json!("pool_exhausted"))
    );
}

#[tokio::test]
async fn thread_continues_over_the_newest_sender() {
    let system = System::with_config(TestConfig::new().pool(&[POOL_SENDER])).await;
    let words = "threadId names no conversation of this account: there is no message or reply yet";
    assert_eq!(refused(&system, &to_thread("x")).await, (400, words.to_owned()));
    // Another account's conversation does not count.
    let theirs = with(custom(OTHER_SENDER, &PHONE, "Theirs"), "id", "b2693dfe-0813-427a-bc2f-62b0e9292403");
    system.send_one(OTHER, theirs).await;
    system.until_handset(&PHONE, 1).await;
    assert_eq!(refused(&system, &to_thread("x")).await, (400, words.to_owned()));

    send(&system, &message(&PHONE, "Hello")).await;
    assert_eq!(newest_sender(&system, 2).await, OURS);
    send(&system, &to_thread("again")).await;
    assert_eq!(newest_sender(&system, 3).await, OURS);
    // A reply to another sender is newer.
    system.reply_from(&PHONE, "12345", "Hi").await;
    system.until_callback("replies").await;
    send(&system, &to_thread("answer")).await;
    assert_eq!(newest_sender(&system, 4).await, "12345");
    // The newest message is from a shared sender.
    send(&system, &from_usual(&PHONE, "shared")).await;
    assert_eq!(newest_sender(&system, 5).await, POOL_SENDER);
    send(&system, &to_thread("over it")).await;
    assert_eq!(newest_sender(&system, 6).await, POOL_SENDER);
    system.reply_from(&PHONE, POOL_SENDER, "Hi").await;
    system.until_callbacks("replies", 2).await;
    send(&system, &to_thread("and after a reply")).await;
    assert_eq!(newest_sender(&system, 7).await, POOL_SENDER);
    // A named sender wins.
    send(&system, &with(to_thread("named"), "longcodeId", "2222")).await;
    assert_eq!(newest_sender(&system, 8).await, "2222");
}

#[tokio::test]
async fn thread_over_a_sender_that_is_gone_is_forbidden() {
    let system = System::start().await;
    send(&system, &with(message(&PHONE, "x"), "longcodeId", "12345")).await;
    system.until_handset(&PHONE, 1).await;
    read(&system, &["sender", "remove", "12345"]).await;
    system.advance(31).await;
    let words = "threadId is a conversation over a sender that the account no longer owns";
    assert_eq!(refused(&system, &to_thread("x")).await, (403, words.to_owned()));
}

#[tokio::test]
async fn national_number_gets_the_accounts_country_code() {
    let config = TestConfig::new().account(DEMO_ACCOUNT, |account| account.country_code = Some("1".parse().unwrap()));
    let system = System::with_config(config).await;
    for (index, number) in [json!("5555555555"), json!(5_555_555_555_u64)].into_iter().enumerate() {
        send(&system, &with(message(&PHONE, "x"), "subscribers", json!([number]))).await;
        system.until_handset("15555555555", index + 1).await;
    }
    let twice = json!(["5555555555", "+15555555555"]);
    let words = "subscribers[1] is there twice";
    assert_eq!(refused(&system, &with(message(&PHONE, "x"), "subscribers", twice)).await, (400, words.to_owned()));
    let words = "subscribers[0] needs a '+' and its country code, because the account has no default country";
    let plain = System::start().await;
    let national = with(message(&PHONE, "x"), "subscribers", json!(["5555555555"]));
    assert_eq!(refused(&plain, &national).await, (400, words.to_owned()));
}
