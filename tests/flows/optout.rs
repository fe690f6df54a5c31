//! Opt-outs: a STOP, in any language or in the operator's own words, blocks later messages from the sender,
//! unless that sender is exempt. Each keyword is answered at most once a day.

mod answers;

use futures_util::future::join_all;
use jiff::ToSpan;
use serde_json::{Value, json};

use tests::{Phone, System, TestConfig};

use crate::{
    admin::{printed, read, refused},
    system::{DEMO, OWN_SENDER as OURS, POOL_SENDER, custom, owned, shared, with},
};

const PHONE: Phone = Phone::delivers();
/// After this time an operator's change has taken effect.
const CACHE_SECONDS: u64 = 31;

async fn with_keyword_answers() -> System {
    System::with_config(TestConfig::new().keyword_answers()).await
}

async fn deliver_reply(system: &System, id: &str, to: &str, text: &str) {
    system.deliver_reply(&json!({"id": id, "from": PHONE, "to": to, "text": text})).await;
}

/// Returns the texts on the phone, once all work is done.
async fn texts(system: &System) -> Vec<String> {
    system.until_idle().await;
    system.texts(&PHONE).await
}

/// Sends a message from our number; returns whether it was blocked.
async fn is_blocked(system: &System) -> bool {
    let message = system.send_one(DEMO, owned(&PHONE, "Hello")).await;
    system.until_idle().await;
    system.message(&message).await.state() == "blocked"
}

#[tokio::test]
async fn keywords_of_every_language_stop_and_start() {
    let system = System::start().await;
    for (index, (stop, start)) in [
        ("Arrêt!", "Start"),
        ("ABMELDEN.", "anmelden"),
        ("¡baja!", "Alta"),
        ("sair", "retomar"),
        (" Ferma ", "riprendi"),
        ("\"afmelden\"", "AANMELDEN"),
        // An accent of its own, and full-width letters.
        ("Arre\u{302}t", "ＳＴＡＲＴ"),
        ("ｓｔｏｐ！", "Start"),
    ]
    .into_iter()
    .enumerate()
    {
        deliver_reply(&system, &format!("stop-{index}"), OURS, stop).await;
        assert!(is_blocked(&system).await, "{stop}");
        deliver_reply(&system, &format!("start-{index}"), OURS, start).await;
        assert!(!is_blocked(&system).await, "{start}");
    }
    deliver_reply(&system, "no-keyword", OURS, "please stop").await;
    assert!(!is_blocked(&system).await, "only a whole message is a keyword");
}

#[tokio::test]
async fn operator_adds_and_removes_keywords() {
    let system = System::start().await;
    deliver_reply(&system, "1", OURS, "Basta").await;
    assert!(!is_blocked(&system).await);

    printed(&system, &["keyword", "add", "basta!", "--means", "stop"]).await;
    printed(&system, &["keyword", "add", "BASTA", "--means", "stop"]).await;
    let reason = refused(&system, &["keyword", "add", "Basta", "--means", "help"]).await;
    assert!(reason.contains("BASTA means stop already"), "{reason}");
    let listed = read(&system, &["keyword", "list"]).await["keywords"].as_array().unwrap().clone();
    let added: Vec<_> = listed.iter().filter(|word| word["built_in"] == false).collect();
    assert_eq!(added, [&json!({"word": "BASTA", "means": "stop", "built_in": false})]);
    assert!(listed.contains(&json!({"word": "ARRÊT", "means": "stop", "built_in": true})));

    system.advance(CACHE_SECONDS).await;
    deliver_reply(&system, "2", OURS, " basta.").await;
    assert!(is_blocked(&system).await);

    printed(&system, &["keyword", "remove", "basta"]).await;
    assert!(refused(&system, &["keyword", "remove", "basta"]).await.contains("is no keyword"));
    deliver_reply(&system, "3", OURS, "START").await;
    system.advance(CACHE_SECONDS).await;
    deliver_reply(&system, "4", OURS, "Basta").await;
    assert!(!is_blocked(&system).await);
}

#[tokio::test]
async fn word_counts_in_the_form_in_which_it_is_stored() {
    let system = System::start().await;
    let stored = json!({"id": {"S": "keywords"}, "word#BA\u{301}STA": {"S": "stop"}});
    system.put_item("DirectoryTable", stored).await;
    let reason = refused(&system, &["keyword", "add", "básta", "--means", "help"]).await;
    assert!(reason.contains("means stop already"), "{reason}");
    deliver_reply(&system, "1", OURS, "básta").await;
    assert!(is_blocked(&system).await);
    printed(&system, &["keyword", "remove", "básta"]).await;
    assert!(refused(&system, &["keyword", "remove", "ba\u{301}sta"]).await.contains("is no keyword"));
}

#[tokio::test]
async fn built_in_keyword_cannot_be_changed_or_removed() {
    let system = System::start().await;
    let reason = refused(&system, &["keyword", "add", "Stop!", "--means", "help"]).await;
    assert!(reason.contains("STOP is built in, and means stop"), "{reason}");
    assert!(refused(&system, &["keyword", "remove", "stop"]).await.contains("cannot be removed"));
}

#[tokio::test]
async fn keywords_added_concurrently_are_all_stored() {
    let system = System::start().await;
    let words = ["eins", "zwei", "drei", "vier", "fünf"];
    join_all(words.map(|word| {
        let system = &system;
        async move { printed(system, &["keyword", "add", word, "--means", "stop"]).await }
    }))
    .await;
    let listed = read(&system, &["keyword", "list"]).await;
    let added = listed["keywords"].as_array().unwrap().iter().filter(|word| word["built_in"] == false);
    assert_eq!(added.count(), words.len());
}

#[tokio::test]
async fn scheduled_and_deferred_messages_are_blocked_by_a_stop() {
    let system = with_keyword_answers().await;
    let at = (system.now().await + 1.hour()).to_string();
    let scheduled = system.send_one(DEMO, with(owned(&PHONE, "Later"), "send_at", at)).await;
    let busy = Phone::busy_twice();
    let waiting = system.send_one(DEMO, owned(&busy, "Soon")).await;
    system.until_state_after(&waiting, "queued", 1).await;
    deliver_reply(&system, "1", OURS, "STOP").await;
    system.reply_from(&busy, OURS, "STOP").await;
    system.until_callbacks("replies", 2).await;
    system.advance(3_600).await;
    system.until_state(&scheduled, "blocked").await;
    system.until_state(&waiting, "blocked").await;
    assert_eq!(texts(&system).await.len(), 1, "the confirmation");
}

#[tokio::test]
async fn exempt_sender_is_not_blocked_by_a_recorded_opt_out() {
    let system = with_keyword_answers().await;
    printed(&system, &["sender", "exempt", OURS]).await;
    assert_eq!(read(&system, &["account", "show", "demo"]).await["exempt"], json!([OURS]));
    deliver_reply(&system, "1", OURS, "STOP").await;
    assert!(!is_blocked(&system).await);
    assert_eq!(texts(&system).await, ["Hello"], "STOP is not confirmed");

    let another = custom("12345", &PHONE, "Not exempt");
    deliver_reply(&system, "2", "12345", "STOP").await;
    let another = system.send_one(DEMO, another).await;
    system.until_state(&another, "blocked").await;

    printed(&system, &["sender", "exempt", OURS, "--not"]).await;
    system.advance(CACHE_SECONDS).await;
    assert!(is_blocked(&system).await);
}

#[tokio::test]
async fn exemption_ends_with_the_ownership_of_its_sender() {
    let system = System::start().await;
    assert!(refused(&system, &["sender", "exempt", POOL_SENDER]).await.contains("shared"));
    assert!(refused(&system, &["sender", "exempt", "447000000001"]).await.contains("no account has"));
    printed(&system, &["sender", "exempt", OURS]).await;
    printed(&system, &["sender", "remove", OURS]).await;
    printed(&system, &["sender", "add", OURS, "--account", "other"]).await;
    assert_eq!(read(&system, &["account", "show", "other"]).await["exempt"], json!([]));
    printed(&system, &["sender", "remove", OURS]).await;
    printed(&system, &["sender", "add", OURS, "--account", "demo"]).await;
    assert_eq!(read(&system, &["account", "show", "demo"]).await["exempt"], json!([]));
    deliver_reply(&system, "1", OURS, "STOP").await;
    assert!(is_blocked(&system).await);
}

#[tokio::test]
async fn stop_to_a_shared_sender_blocks_no_other_sender() {
    let system = with_keyword_answers().await;
    let message = system.send_one(DEMO, shared(&PHONE, "Hello")).await;
    system.until_state(&message, "delivered").await;
    let sender = &message.sender;
    deliver_reply(&system, "1", sender, "STOP").await;
    let came = system.until_handset(&PHONE, 2).await;
    assert_eq!(came[1]["from"], *sender, "the confirmation comes from that sender");
    let again = system.send_one(DEMO, shared(&PHONE, "Hello?")).await;
    system.until_state(&again, "blocked").await;
    assert!(!is_blocked(&system).await);
}

/// Delivers a reply with a timestamp.
async fn deliver_reply_at(system: &System, id: &str, text: &str, at: jiff::Timestamp) {
    let reply = json!({"id": id, "from": PHONE, "to": OURS, "text": text, "at": at.to_string()});
    system.deliver_reply(&reply).await;
}

#[tokio::test]
async fn most_recent_of_stop_and_start_wins_in_any_order() {
    let system = System::start().await;
    let started = system.now().await - 10.minutes();
    deliver_reply_at(&system, "1", "START", started + 2.minutes()).await;
    deliver_reply_at(&system, "2", "STOP", started + 1.minute()).await;
    assert!(!is_blocked(&system).await);
    deliver_reply_at(&system, "3", "STOP", started + 4.minutes()).await;
    deliver_reply_at(&system, "4", "START", started + 3.minutes()).await;
    assert!(is_blocked(&system).await);
    deliver_reply_at(&system, "5", "START", started + 5.minutes()).await;
    assert!(!is_blocked(&system).await);
}

#[tokio::test]
async fn start_with_a_future_timestamp_is_overridden_by_a_stop() {
    let system = System::start().await;
    deliver_reply_at(&system, "1", "START", system.now().await + 2.hours()).await;
    deliver_reply(&system, "2", OURS, "STOP").await;
    assert!(is_blocked(&system).await);
}

#[tokio::test]
async fn stop_to_a_removed_sender_blocks_pending_messages() {
    let system = System::start().await;
    let at = (system.now().await + 1.hour()).to_string();
    let message = system.send_one(DEMO, with(owned(&PHONE, "Later"), "send_at", at)).await;
    printed(&system, &["sender", "remove", OURS]).await;
    system.advance(CACHE_SECONDS).await;
    deliver_reply(&system, "1", OURS, "STOP").await;
    system.advance(3_600).await;
    system.until_state(&message, "blocked").await;
}

#[tokio::test]
async fn unreadable_stored_keyword_blocks_no_reply() {
    let system = System::start().await;
    let item = json!({"id": {"S": "keywords"}, "word#BASTA": {"S": "of a later release"}, "word#GENUG": {"S": "stop"}});
    system.put_item("DirectoryTable", item).await;
    deliver_reply(&system, "1", OURS, "Basta").await;
    assert!(!is_blocked(&system).await);
    deliver_reply(&system, "2", OURS, "Genug").await;
    assert!(is_blocked(&system).await);
}
