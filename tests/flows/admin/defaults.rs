//! `admin account set --default-sender` and `--country`.

use serde_json::{Value, json};

use super::{admin, printed, read, refused};
use crate::system::System;

#[tokio::test]
async fn default_sender_must_be_the_accounts_own() {
    let system = System::start().await;
    let default_sender = async |words: &[&str]| {
        let words = [&["account", "set", "demo"], words].concat();
        read(&system, &words).await["account"]["default_sender"].clone()
    };
    assert_eq!(default_sender(&["--default-sender", "441234567890"]).await, json!("441234567890"));
    assert!(printed(&system, &["account", "show", "demo"]).await.contains("default sender"));
    for foreign in ["449999999999", "448888888801", "447000000000"] {
        let words = refused(&system, &["account", "set", "demo", "--default-sender", foreign]).await;
        assert!(words.contains("is not the account demo's, and nothing was changed"), "{words}");
    }
    assert_eq!(
        default_sender(&["--name", "Renamed"]).await,
        json!("441234567890"),
        "omitted options keep their values"
    );
    assert_eq!(default_sender(&["--no-default-sender"]).await, Value::Null);
    let both = ["account", "set", "demo", "--default-sender", "441234567890", "--no-default-sender"];
    assert_eq!(admin(&system, &both).await.code, 2);
}

#[tokio::test]
async fn country_is_one_whose_national_numbers_we_can_read() {
    let system = System::start().await;
    let country = async |words: &[&str]| {
        let words = [&["account", "set", "demo"], words].concat();
        read(&system, &words).await["account"]["country"].clone()
    };
    assert_eq!(country(&["--country", "+1"]).await, json!("1"));
    assert_eq!(country(&["--name", "Renamed"]).await, json!("1"));
    for (code, words) in [("39", "cannot read"), ("US", "is not a country calling code")] {
        let done = admin(&system, &["account", "set", "demo", "--country", code]).await;
        assert_eq!(done.code, 2);
        assert!(done.err.contains(words), "{}", done.err);
    }
    assert_eq!(country(&["--no-country"]).await, Value::Null);
}
