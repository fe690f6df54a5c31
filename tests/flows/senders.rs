//! Senders: owned ones for their owner only, shared ones locked for good.

use futures_util::future::join_all;
use local::config::Config;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::system::{DEMO, OTHER, System, owned, shared};

fn sender(message: &Value) -> &str {
    message["from"]["value"].as_str().unwrap()
}

#[tokio::test]
async fn only_the_owner_sends_from_an_owned_sender() {
    let system = System::start().await;
    system.send_one(DEMO, owned("447700900002", "Mine")).await;
    let answer = system.post(OTHER, &json!({"messages": [owned("447700900002", "Stolen")]})).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let fault = &answer.body["errors"][0];
    assert_eq!(
        (&fault["index"], &fault["field"], &fault["code"]),
        (&json!(0), &json!("from.value"), &json!("not_owned"))
    );
    // Nor may a sender of the pool be named outright.
    let pooled = json!({"from": {"type": "custom", "value": "448888888801"}, "to": "447700900002", "body": "x"});
    assert_eq!(system.post(DEMO, &json!({"messages": [pooled]})).await.status, StatusCode::FORBIDDEN);
    system.until_handset("447700900002", 1).await;
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
            senders[account].push(sender(&message).to_owned());
        }
        let [demo, other] = &mut senders;
        demo.dedup();
        other.dedup();
        assert_eq!((demo.len(), other.len()), (1, 1), "round {round}: {demo:?} {other:?}");
        assert_ne!(demo, other, "round {round}");
    }
}

#[tokio::test]
async fn an_exhausted_pool_is_an_error_that_says_so() {
    let config =
        Config::DEFAULT.lines().map(|line| if line.starts_with("pool") { "pool = [\"448888888801\"]" } else { line });
    let system = System::with_config(&config.collect::<Vec<_>>().join("\n")).await;
    system.send_one(DEMO, shared("447700900003", "Ours")).await;
    let request = json!({"messages": [shared("447700900004", "Free"), shared("447700900003", "Taken")]});
    let answer = system.post(OTHER, &request).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
    let fault = &answer.body["errors"][0];
    assert_eq!((&fault["index"], &fault["code"]), (&json!(1), &json!("pool_exhausted")));
    assert!(fault["message"].as_str().unwrap().contains("every shared sender ID"));
    system.until_queues_empty().await;
    assert!(system.handset("447700900004").await.is_empty(), "nothing of the request was sent");
    assert_eq!(sender(&system.send_one(DEMO, shared("447700900003", "Still ours")).await), "448888888801");
}

#[tokio::test]
async fn several_messages_to_one_number_in_a_request_share_its_sender() {
    let system = System::start().await;
    let request = json!({"messages": vec![shared("447700900005", "Part"); 20]});
    let mut senders: Vec<_> =
        system.send(DEMO, &request).await.iter().map(|message| sender(message).to_owned()).collect();
    senders.dedup();
    assert_eq!(senders.len(), 1);
}
