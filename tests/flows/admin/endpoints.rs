//! `admin endpoint` and `admin callback replay`.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{PHONE, admin, hidden, printed, read, refused};
use crate::system::{DEMO, System, owned, with};

/// Sends a message whose callback is answered with the status.
async fn called_back(system: &System, sink: &str, status: StatusCode) -> Value {
    let callback = format!("{}?status={}", system.sink(sink), status.as_u16());
    let message = system.send_one(DEMO, with(owned(&PHONE, "Hello"), "callback", callback)).await;
    system.until_sink_requests(sink, 1).await;
    system.until_state(&message["messageUuid"], "delivered").await.into_json()
}

fn ids(requests: &[Value]) -> Vec<&str> {
    requests.iter().map(|request| request["headers"]["webhook-id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn failing_endpoints_are_listed_without_query_and_re_enabled() {
    let system = System::start().await;
    assert_eq!(printed(&system, &["endpoint", "list"]).await, "no failing endpoints");
    called_back(&system, "gone", StatusCode::GONE).await;
    called_back(&system, "failing", StatusCode::SERVICE_UNAVAILABLE).await;
    system.until_sink_requests("notices", 1).await;
    let listed = system
        .until("both are listed", async || {
            let listed = read(&system, &["endpoint", "list"]).await["endpoints"].as_array().unwrap().clone();
            (listed.len() == 2).then_some(listed)
        })
        .await;
    assert_eq!((&listed[0]["url"], &listed[1]["url"]), (&json!(hidden(&system)), &json!(hidden(&system))));
    let revealed = read(&system, &["endpoint", "list", "--reveal"]).await["endpoints"].take();
    let urls = [&revealed[0]["url"], &revealed[1]["url"]];
    assert_eq!(urls, [&json!(system.sink("gone")), &json!(system.sink("failing"))], "without the query");
    assert_eq!((&listed[0]["account"], &listed[1]["reason"]), (&json!("demo"), &json!("status 503")));
    assert!(listed[0]["disabled_since"].is_string() && listed[1]["disabled_since"].is_null());
    let text = printed(&system, &["endpoint", "list", "--account", "demo"]).await;
    assert!(
        text.starts_with("ACCOUNT  STATE") && text.contains("disabled since") && text.lines().count() == 3,
        "{text}"
    );
    assert!(text.contains(&hidden(&system)) && !text.contains("sinks"), "{text}");
    let revealed = printed(&system, &["endpoint", "list", "--reveal"]).await;
    assert!(!revealed.contains("status=") && revealed.contains(&system.sink("failing")), "{revealed}");
    assert_eq!(read(&system, &["endpoint", "list", "--account", "other"]).await["endpoints"], json!([]));
    assert!(refused(&system, &["endpoint", "list", "--account", "nobody"]).await.contains("no account nobody"));

    let on = ["endpoint", "enable", "demo", &format!("{}?any=query", system.sink("gone"))];
    let switched = admin(&system, &on).await;
    let words = format!("was disabled since {}", listed[0]["disabled_since"].as_str().unwrap());
    assert!(switched.code == 0 && switched.err.contains(&words) && switched.err.contains("replay"), "{}", switched.err);
    assert!(!switched.err.contains("sinks"), "{}", switched.err);
    assert!(refused(&system, &on).await.contains("so it is enabled"));
    let off = admin(&system, &["endpoint", "enable", "demo", &system.sink("failing")]).await;
    assert!(off.code == 0 && off.err.contains("was not disabled") && !off.err.contains("replay"), "{}", off.err);
    assert_eq!(read(&system, &["endpoint", "list"]).await["endpoints"], json!([]));
}

#[tokio::test]
async fn replay_sends_recorded_events_again_under_their_ids() {
    let system = System::start().await;
    let before = system.now().await.to_string();
    called_back(&system, "receipts", StatusCode::OK).await;
    system.advance(60).await;
    let between = system.now().await.to_string();
    called_back(&system, "others", StatusCode::OK).await;
    system.send_one(DEMO, owned(&PHONE, "Without a callback")).await;
    system.reply(&PHONE, &"441234567890".into(), "Yes").await;
    system.until_sink_requests("replies", 1).await;
    system.until_idle().await;

    let unsure = admin(&system, &["callback", "replay", "demo", "--since", &before]).await;
    assert!(unsure.code == 2 && unsure.err.contains("2 messages and 1 reply"), "{}", unsure.err);
    assert!(unsure.err.contains("--yes"), "{}", unsure.err);
    let unsure = admin(&system, &["--json", "callback", "replay", "demo", "--since", &before]).await;
    let counts: Value = serde_json::from_str(&unsure.err).unwrap();
    assert!(unsure.code == 2 && counts["messages"] == 2 && counts["replies"] == 1, "{counts}");
    system.until_idle().await;
    assert_eq!(system.sink_requests("receipts").await.len(), 1, "no callback was sent");

    let replay = async |more: &[&str]| {
        let words = [&["callback", "replay", "demo", "--since", &before, "--yes"], more].concat();
        let replayed = read(&system, &words).await;
        system.advance(32).await;
        system.until_idle().await;
        (replayed["messages"].as_u64().unwrap(), replayed["replies"].as_u64().unwrap())
    };
    assert_eq!(replay(&["--until", &between]).await, (1, 0));
    assert_eq!((system.sink_requests("receipts").await.len(), system.sink_requests("others").await.len()), (2, 1));
    assert_eq!(replay(&["--url", &system.sink("others")]).await, (1, 0));
    assert_eq!(replay(&["--url", &system.sink("replies")]).await, (0, 1));
    assert_eq!(replay(&[]).await, (2, 1));
    for (sink, count) in [("receipts", 3), ("others", 3), ("replies", 3)] {
        let callbacks = system.sink_requests(sink).await;
        assert_eq!(callbacks.len(), count, "{sink}");
        assert!(ids(&callbacks).iter().all(|id| *id == ids(&callbacks)[0]), "{sink}: one event ID");
        assert!(callbacks.iter().all(|again| again["body"] == callbacks[0]["body"]), "{sink}: the same body");
    }

    assert_eq!(admin(&system, &["callback", "replay", "demo", "--since", "yesterday"]).await.code, 2);
    let turned = ["callback", "replay", "demo", "--since", &between, "--until", &before];
    assert_eq!(admin(&system, &turned).await.code, 2);
    assert!(refused(&system, &["callback", "replay", "nobody", "--since", &before]).await.contains("no account"));
}
