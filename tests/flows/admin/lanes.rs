//! `admin key lane` and `admin sender lane`.

use super::{DEMO, PHONE, System, admin, json, owned, printed, read, refused};
use crate::system::{OWN_SENDER, custom};

/// Returns the lane of a new message.
async fn lane_with(system: &System, key: &str) -> String {
    let sent = system.send_one(key, owned(&PHONE, "Hello")).await;
    system.message(&sent).await["lane"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn key_has_a_lane_until_it_is_removed() {
    let system = System::start().await;
    let issued = read(&system, &["key", "issue", "demo", "--lane", "bulk"]).await;
    assert_eq!(issued["lane"], "bulk");
    let (key, id) = (issued["key"].as_str().unwrap(), issued["key_id"].as_str().unwrap());
    assert_eq!(lane_with(&system, key).await, "bulk");
    assert_eq!(lane_with(&system, DEMO).await, "normal");
    assert!(printed(&system, &["key", "list", "demo"]).await.contains("bulk"));

    read(&system, &["key", "lane", "demo", id, "--lane", "urgent"]).await;
    system.advance(31).await;
    assert_eq!(lane_with(&system, key).await, "urgent");
    let keys = read(&system, &["key", "list", "demo"]).await;
    let of_key = |keys: &serde_json::Value| {
        keys["keys"].as_array().unwrap().iter().find(|one| one["id"] == id).unwrap()["lane"].clone()
    };
    assert_eq!(of_key(&keys), "urgent");
    read(&system, &["key", "lane", "demo", id, "--no-lane"]).await;
    assert_eq!(of_key(&read(&system, &["key", "list", "demo"]).await), json!(null));
    system.advance(31).await;
    assert_eq!(lane_with(&system, key).await, "normal");
}

#[tokio::test]
async fn sender_has_a_lane_until_it_is_removed() {
    let system = System::start().await;
    let set = read(&system, &["sender", "lane", OWN_SENDER, "--lane", "urgent"]).await;
    assert_eq!(set, json!({"sender": OWN_SENDER, "lane": "urgent"}));
    assert_eq!(lane_with(&system, DEMO).await, "urgent");
    let listed = read(&system, &["sender", "list", "--account", "demo"]).await;
    let of_sender = listed["senders"].as_array().unwrap().iter().find(|one| one["sender"] == OWN_SENDER).unwrap();
    assert_eq!(of_sender["lane"], "urgent");

    // Another sender keeps the usual lane.
    let other = system.send_one(DEMO, custom("12345", &PHONE, "Hello")).await;
    assert_eq!(system.message(&other).await["lane"], "normal");
    read(&system, &["sender", "lane", OWN_SENDER, "--no-lane"]).await;
    system.advance(31).await;
    assert_eq!(lane_with(&system, DEMO).await, "normal");
}

#[tokio::test]
async fn wrong_lane_is_refused() {
    let system = System::start().await;
    let unknown = refused(&system, &["sender", "lane", "441110000009", "--lane", "bulk"]).await;
    assert!(unknown.contains("no account has"), "{unknown}");
    let unknown = refused(&system, &["key", "lane", "demo", "00000000", "--lane", "bulk"]).await;
    assert!(unknown.contains("has no key"), "{unknown}");
    for words in [vec!["--lane", "fast"], vec!["--lane", "bulk", "--no-lane"], vec![]] {
        let done = admin(&system, &[&["sender", "lane", "12345"], words.as_slice()].concat()).await;
        assert_eq!(done.code, 2, "{}", done.err);
    }
}
