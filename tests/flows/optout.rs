//! Opt-outs: a keyword is obeyed, answered once, and blocks all that follows; in
//! every language, in the operator's own words, and not for what nobody can be
//! without.

mod answers;

use futures_util::future::join_all;
use jiff::ToSpan;
use local::config::Config;
use serde_json::{Value, json};

use crate::{
    admin::{printed, read, refused},
    system::{DEMO, System, owned, shared, with},
};

const PHONE: &str = "447700900010";
/// A number that the demo account owns.
const OURS: &str = "441234567890";
const NO_TEXTS: &str = "stop_text = \"\"\nstart_text = \"\"\nhelp_text = \"\"\n";
/// For how long what an operator changed may not be seen.
const CACHE_SECONDS: u64 = 31;

/// A system whose accounts answer keywords in the usual words.
async fn with_keyword_answers() -> System {
    System::with_config(&Config::DEFAULT.replace(NO_TEXTS, "")).await
}

/// Brings a reply as the carrier would.
async fn deliver_reply(system: &System, id: &str, to: &str, text: &str) {
    system.deliver_reply(&json!({"id": id, "from": PHONE, "to": to, "text": text})).await;
}

/// What that phone got, once all is quiet.
async fn texts(system: &System) -> Vec<String> {
    system.until_queues_empty().await;
    system.handset(PHONE).await.iter().map(|one| one["text"].as_str().unwrap().to_owned()).collect()
}

/// Whether the phone gets what is sent from our number now.
async fn is_blocked(system: &System) -> bool {
    let message = system.send_one(DEMO, owned(PHONE, "Hello")).await;
    system.until_queues_empty().await;
    system.message(&message["messageUuid"]).await["state"] == "blocked"
}

#[tokio::test]
async fn words_of_every_language_stop_and_start() {
    let system = System::start().await;
    for (index, (stop, start)) in [
        ("Arrêt!", "Start"),
        ("ABMELDEN.", "anmelden"),
        ("¡baja!", "Alta"),
        ("sair", "retomar"),
        (" Ferma ", "riprendi"),
        ("\"afmelden\"", "AANMELDEN"),
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
async fn a_built_in_word_can_be_neither_changed_nor_removed() {
    let system = System::start().await;
    let reason = refused(&system, &["keyword", "add", "Stop!", "--means", "help"]).await;
    assert!(reason.contains("STOP is built in, and means stop"), "{reason}");
    assert!(refused(&system, &["keyword", "remove", "stop"]).await.contains("cannot be removed"));
}

#[tokio::test]
async fn words_that_operators_add_at_the_same_time_are_all_kept() {
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
    let scheduled = system.send_one(DEMO, with(owned(PHONE, "Later"), "send_at", at)).await;
    // This one's carrier is busy for a while.
    let busy = "447700900710";
    let waiting = system.send_one(DEMO, owned(busy, "Soon")).await;
    system
        .until("the carrier was asked", async || {
            let message = system.message(&waiting["messageUuid"]).await;
            (message["attempts"] == 1 && message["state"] == "queued").then_some(())
        })
        .await;
    deliver_reply(&system, "1", OURS, "STOP").await;
    system.reply(busy, &OURS.into(), "STOP").await;
    system.until_sink_requests("replies", 2).await;
    system.advance(3_600).await;
    system.until_state(&scheduled["messageUuid"], "blocked").await;
    system.until_state(&waiting["messageUuid"], "blocked").await;
    assert_eq!(texts(&system).await.len(), 1, "the confirmation");
}

#[tokio::test]
async fn exempt_sender_is_not_blocked_by_a_recorded_opt_out() {
    let system = with_keyword_answers().await;
    printed(&system, &["sender", "exempt", OURS]).await;
    assert_eq!(read(&system, &["account", "show", "demo"]).await["exempt"], json!([OURS]));
    deliver_reply(&system, "1", OURS, "STOP").await;
    assert!(!is_blocked(&system).await);
    assert_eq!(texts(&system).await, ["Hello"], "nobody says that no more will come");

    let another = json!({"from": {"type": "custom", "value": "12345"}, "to": PHONE, "body": "Not exempt"});
    deliver_reply(&system, "2", "12345", "STOP").await;
    let another = system.send_one(DEMO, another).await;
    system.until_state(&another["messageUuid"], "blocked").await;

    printed(&system, &["sender", "exempt", OURS, "--not"]).await;
    system.advance(CACHE_SECONDS).await;
    assert!(is_blocked(&system).await);
}

#[tokio::test]
async fn an_exemption_is_its_owners_and_ends_with_it() {
    let system = System::start().await;
    assert!(refused(&system, &["sender", "exempt", "448888888801"]).await.contains("shared"));
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
async fn a_stop_to_a_shared_sender_blocks_no_other_sender() {
    let system = with_keyword_answers().await;
    let message = system.send_one(DEMO, shared(PHONE, "Hello")).await;
    system.until_state(&message["messageUuid"], "delivered").await;
    let sender = message["from"]["value"].as_str().unwrap();
    deliver_reply(&system, "1", sender, "STOP").await;
    let came = system.until_handset(PHONE, 2).await;
    assert_eq!(came[1]["from"], sender, "it is confirmed from there");
    let again = system.send_one(DEMO, shared(PHONE, "Hello?")).await;
    system.until_state(&again["messageUuid"], "blocked").await;
    assert!(!is_blocked(&system).await);
}

/// Brings a reply that was written at that time.
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
    let message = system.send_one(DEMO, with(owned(PHONE, "Later"), "send_at", at)).await;
    printed(&system, &["sender", "remove", OURS]).await;
    system.advance(CACHE_SECONDS).await;
    deliver_reply(&system, "1", OURS, "STOP").await;
    system.advance(3_600).await;
    system.until_state(&message["messageUuid"], "blocked").await;
}

#[tokio::test]
async fn a_word_that_cannot_be_read_stops_no_reply() {
    let system = System::start().await;
    let item = json!({"id": {"S": "keywords"}, "word#BASTA": {"S": "of a later release"}, "word#GENUG": {"S": "stop"}});
    system.aws("DynamoDB_20120810.PutItem", &json!({"TableName": "DirectoryTable", "Item": item})).await;
    deliver_reply(&system, "1", OURS, "Basta").await;
    assert!(!is_blocked(&system).await);
    deliver_reply(&system, "2", OURS, "Genug").await;
    assert!(is_blocked(&system).await);
}
