//! `admin secret`: while a callback secret is replaced, the client can verify every callback.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use shared::domain::WebhookSecret;

use super::{PHONE, printed, read, verifies};
use crate::system::System;

/// Returns whether the dialect's own signature verifies with the secret.
fn verifies_own(secret: &str, request: &Value) -> bool {
    let header = |name: &str| request["headers"][name].as_str().unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.parse::<WebhookSecret>().unwrap().bytes()).unwrap();
    mac.update(format!("{}.{}", header("timestamp"), request["body"].as_str().unwrap()).as_bytes());
    mac.verify_slice(&hex::decode(header("signature")).unwrap()).is_ok()
}

#[tokio::test]
async fn both_secrets_verify_until_the_old_one_is_retired() {
    let system = System::start().await;
    let first =
        printed(&system, &["account", "create", "acme", "--name", "A", "--reply-url", &system.sink("acme")]).await;
    printed(&system, &["sender", "add", "441110000001", "--account", "acme"]).await;
    let second = printed(&system, &["secret", "rotate", "acme"]).await;
    assert_ne!(first, second);
    let callback = async |count: usize| {
        system.reply(&PHONE, &"441110000001".into(), "Signed").await;
        let callback = system.until_sink_requests("acme", count).await.remove(count - 1);
        [&first, &second].map(|secret| (verifies(secret, &callback), verifies_own(secret, &callback)))
    };
    // The header `signature` holds a single signature. It is made with the old secret until that is retired.
    assert_eq!(callback(1).await, [(true, true), (true, false)]);

    assert_eq!(read(&system, &["secret", "retire", "acme"]).await["retired"], 1);
    system.advance(31).await;
    assert_eq!(callback(2).await, [(false, false), (true, true)]);
    assert_eq!(read(&system, &["secret", "retire", "acme"]).await["retired"], 0, "the last secret cannot be retired");
}
