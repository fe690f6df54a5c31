//! `admin sender rate`.

use tests::TestConfig;

use super::{DEMO, PHONE, System, admin, json, printed, read, refused, shared};

#[tokio::test]
async fn rate_limit_applies_until_it_is_removed() {
    let system = System::start().await;
    let unknown = refused(&system, &["sender", "rate", "441110000009", "--per-second", "5"]).await;
    assert!(unknown.contains("no account has"), "{unknown}");
    for (sender, rate) in [("12345", "5"), ("448888888801", "20")] {
        let set = read(&system, &["sender", "rate", sender, "--per-second", rate]).await;
        assert_eq!(set, json!({"sender": sender, "per_second": rate.parse::<u16>().unwrap()}));
    }
    let demo = read(&system, &["account", "show", "demo"]).await;
    assert_eq!(demo["rates"], json!({"12345": 5, "441111111110": 10}));
    assert!(printed(&system, &["account", "show", "demo"]).await.contains("12345 (5 a second)"));
    assert_eq!(read(&system, &["pool", "list"]).await["rates"], json!({"448888888801": 20}));
    assert!(printed(&system, &["pool", "list"]).await.starts_with("448888888801 (20 a second)\n"));

    printed(&system, &["sender", "remove", "12345"]).await;
    printed(&system, &["sender", "add", "12345", "--account", "other"]).await;
    assert_eq!(read(&system, &["account", "show", "other"]).await["rates"], json!({"12345": 5}));
    printed(&system, &["sender", "rate", "12345", "--unlimited"]).await;
    assert_eq!(read(&system, &["account", "show", "other"]).await["rates"], json!({}));

    for words in
        [vec!["--per-second", "0"], vec!["--per-second", "1001"], vec!["--per-second", "5", "--unlimited"], vec![]]
    {
        let done = admin(&system, &[&["sender", "rate", "12345"], words.as_slice()].concat()).await;
        assert_eq!(done.code, 2, "{}", done.err);
    }
}

#[tokio::test]
async fn rate_limit_of_a_shared_sender_applies() {
    let system = System::with_config(TestConfig::new().pool(&["448888888801"])).await;
    printed(&system, &["sender", "rate", "448888888801", "--per-second", "1"]).await;
    system.hold_send_slots("448888888801").await;
    let messages: Vec<_> = (0..5).map(|index| shared(&PHONE, &index.to_string())).collect();
    let sent = system.send(DEMO, &json!({"messages": messages})).await;
    let last = system.message(&sent[4]["messageUuid"]).await;
    assert_eq!(last["waits_for_send_slot"], true, "{last}");
}
