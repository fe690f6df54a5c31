//! Senders: only its account may use an owned sender, and a shared sender stays locked to one account for
//! each recipient.

use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::json;
use tests::{Phone, System, TestConfig};

use crate::system::{DEMO, OTHER, POOL_SENDER, custom, owned, shared};

const PHONE: Phone = Phone::delivers();

#[tokio::test]
async fn only_the_owner_sends_from_an_owned_sender() {
    let system = System::start().await;
    system.send_one(DEMO, owned(&PHONE, "Mine")).await;
    let answer = system.post(OTHER, &json!({"messages": [owned(&PHONE, "Stolen")]})).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let error = &answer.body["errors"][0];
    assert_eq!(
        (&error["index"], &error["field"], &error["code"]),
        (&json!(0), &json!("from.value"), &json!("not_owned"))
    );
    // The pool's senders cannot be named either.
    let pooled = custom(POOL_SENDER, &PHONE, "x");
    assert_eq!(system.post(DEMO, &json!({"messages": [pooled]})).await.status, StatusCode::FORBIDDEN);
    system.until_handset(&PHONE, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_first_contacts_give_each_account_its_own_sender() {
    let system = &System::start().await;
    for round in 0..50 {
        let number = &format!("4477110{round:05}");
        let sends = (0..64).map(async |index| {
            let key = if index % 2 == 0 { DEMO } else { OTHER };
            (index % 2, system.send_one(key, shared(number, "First contact")).await)
        });
        let mut senders = [Vec::new(), Vec::new()];
        for (account, message) in join_all(sends).await {
            senders[account].push(message.sender);
        }
        let [demo, other] = &mut senders;
        demo.dedup();
        other.dedup();
        assert_eq!((demo.len(), other.len()), (1, 1), "round {round}: {demo:?} {other:?}");
        assert_ne!(demo, other, "round {round}");
    }
}

#[tokio::test]
async fn exhausted_pool_is_reported() {
    let system = System::with_config(TestConfig::new().pool(&[POOL_SENDER])).await;
    let (taken, free) = (PHONE, PHONE.nth(1));
    system.send_one(DEMO, shared(&taken, "Ours")).await;
    let request = json!({"messages": [shared(&free, "Free"), shared(&taken, "Taken")]});
    let answer = system.post(OTHER, &request).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
    let error = &answer.body["errors"][0];
    assert_eq!((&error["index"], &error["code"]), (&json!(1), &json!("pool_exhausted")));
    assert!(error["message"].as_str().unwrap().contains("every shared sender ID"));
    system.until_idle().await;
    assert!(system.handset(&free).await.is_empty(), "nothing of the request was sent");
    assert_eq!(system.send_one(DEMO, shared(&taken, "Still ours")).await.sender, POOL_SENDER);
}

#[tokio::test]
async fn messages_of_a_request_to_one_number_share_its_sender() {
    let system = System::start().await;
    let messages = system.send_all(DEMO, vec![shared(&PHONE, "Part"); 20]).await;
    let mut senders: Vec<_> = messages.iter().map(|message| &message.sender).collect();
    senders.dedup();
    assert_eq!(senders.len(), 1);
}
