//! Endpoints: a failing endpoint opens its circuit breaker, and is disabled if it is gone or fails for days.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tests::{Response, System, TestConfig, TestServer};

use super::{DAY, PHONE, SECRET, send, sent_at};
use crate::{
    admin::{admin, printed, read},
    system::{DEMO, DEMO_ACCOUNT, OTHER, OTHER_SENDER, OWN_SENDER, custom, owned, with},
};

async fn on_record(system: &System) -> Vec<Value> {
    let listed = read(system, &["endpoint", "list", "--account", "demo", "--reveal"]).await;
    listed["endpoints"].as_array().unwrap().clone()
}

#[tokio::test]
async fn disabled_endpoint_gets_missed_events_by_replay() {
    let system = System::start().await;
    let started = system.now().await.to_string();
    let client = TestServer::answering(410).await;
    let endpoint = client.at("dr");
    send(&system, client.at("dr?id=1")).await;
    client.until_calls(&system, 1).await;
    let notice = system.until_callback("notices").await;
    system.advance(31).await;
    for id in [2, 3] {
        send(&system, client.at(&format!("dr?id={id}"))).await;
    }
    system.until_idle().await;
    system.advance(7 * 86_400).await;
    system.until_idle().await;
    assert_eq!(client.calls(), 1);
    let known = on_record(&system).await;
    assert_eq!((known.len(), &known[0]["url"], known[0]["disabled_since"].is_string()), (1, &json!(endpoint), true));
    assert_eq!(notice.json()["type"], "endpoint.disabled");
    assert_eq!(notice.json()["timestamp"], known[0]["disabled_since"]);
    assert_eq!(
        notice.json()["data"],
        json!({"url": endpoint, "since": known[0]["failing_since"], "reason": "gone for good (410)"})
    );

    client.answers(200);
    printed(&system, &["endpoint", "enable", "demo", &client.at("dr?id=7")]).await;
    let replayed = read(&system, &["callback", "replay", "demo", "--since", &started, "--yes"]).await;
    assert_eq!(replayed, json!({"messages": 3, "replies": 0, "withheld": 0}));
    system.advance(32).await;
    client.until_calls(&system, 4).await;
    system.until_idle().await;
    let ids = client.headers("webhook-id");
    assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (4, 3), "{ids:?}");
    assert!(ids[1..].contains(&ids[0]), "the first event keeps its ID");
    assert_eq!(on_record(&system).await, [] as [Value; 0]);
    assert_eq!(system.callbacks("notices").await.len(), 1);
}

#[tokio::test]
async fn enabled_endpoint_is_called_at_once() {
    let system = System::start().await;
    let client = TestServer::answering(410).await;
    send(&system, client.url().as_str()).await;
    system.until_callbacks("notices", 1).await;
    system.advance(31).await;
    send(&system, client.url().as_str()).await;
    system.until_idle().await;
    client.answers(200);
    // The worker has cached that the endpoint is disabled.
    printed(&system, &["endpoint", "enable", "demo", client.url().as_str()]).await;
    send(&system, client.url().as_str()).await;
    client.until_calls(&system, 2).await;
}

#[tokio::test]
async fn replay_right_after_the_url_was_set_is_delivered() {
    let system = System::start().await;
    let started = system.now().await.to_string();
    printed(&system, &["account", "set", "demo", "--no-reply-url"]).await;
    system.advance(31).await;
    system.reply_from(&PHONE, OWN_SENDER, "Is anybody there?").await;
    // Every worker has cached the account without a reply URL.
    send(&system, system.sink("receipts")).await;
    system.until_callbacks("receipts", 1).await;
    system.until_idle().await;
    printed(&system, &["account", "set", "demo", "--reply-url", &system.sink("found")]).await;
    let replay = ["callback", "replay", "demo", "--since", &started, "--url", &system.sink("found"), "--yes"];
    assert_eq!(read(&system, &replay).await["replies"], 1);
    // A callback sent at once would be dropped, because of that cache.
    system.until_only_delayed().await;
    system.advance(32).await;
    system.until_callbacks("found", 1).await;
}

#[tokio::test]
async fn all_endpoints_of_a_client_are_enabled_at_once() {
    let system = System::start().await;
    let started = system.now().await.to_string();
    let client = TestServer::answering(410).await;
    for id in 1..=3 {
        send(&system, client.at(&format!("dr/{id}"))).await;
    }
    send(&system, system.sink("others")).await;
    system.until_callbacks("notices", 3).await;
    system.until_idle().await;
    let replay = ["callback", "replay", "demo", "--since", &started];
    let asked = admin(&system, &replay).await;
    assert!(asked.code == 2 && asked.err.contains("3 of them are for disabled endpoints"), "{}", asked.err);
    let withheld = read(&system, &[&replay[..], &["--yes"]].concat()).await;
    assert_eq!(withheld, json!({"messages": 4, "replies": 0, "withheld": 3}));
    system.advance(32).await;
    system.until_idle().await;
    assert_eq!((client.calls(), system.callbacks("others").await.len()), (3, 2));

    for unclear in
        [&["endpoint", "enable", "demo"][..], &["endpoint", "enable", "demo", client.url().as_str(), "--all"]]
    {
        assert_eq!(admin(&system, unclear).await.code, 2, "{unclear:?}");
    }
    client.answers(200);
    let on = read(&system, &["endpoint", "enable", "demo", "--all"]).await;
    assert_eq!(on["urls"], json!(vec![format!("{}…", client.url()); 3]), "paths may hold tokens");
    assert_eq!(on_record(&system).await, [] as [Value; 0]);
    let none = admin(&system, &["endpoint", "enable", "demo", "--all"]).await;
    assert!(none.code == 0 && none.err.contains("No endpoint of demo is disabled"), "{}", none.err);
    assert_eq!(read(&system, &[&replay[..], &["--yes"]].concat()).await["withheld"], 0);
    system.advance(32).await;
    client.until_calls(&system, 6).await;
}

#[tokio::test]
async fn retry_after_applies_to_all_events_of_the_endpoint() {
    let system = System::start().await;
    let busy = Response::status(429).with_header("retry-after", "600");
    let client = TestServer::responding(busy).await;
    send(&system, client.url().as_str()).await;
    client.until_calls(&system, 1).await;
    system.until_only_delayed().await;
    for _ in 0..3 {
        system.advance(60).await;
        send(&system, client.url().as_str()).await;
        system.until_only_delayed().await;
    }
    system.advance(300).await;
    system.until_only_delayed().await;
    assert_eq!(client.calls(), 1);
    assert!(on_record(&system).await[0]["open_until"].is_string());
    // Events that came during the pause wait longer, by up to half of what was left of it.
    system.advance(600).await;
    client.until_calls(&system, 2).await;
}

#[tokio::test]
async fn notice_has_only_the_standard_webhooks_signature() {
    let system = System::start().await;
    send(&system, TestServer::answering(410).await.url().as_str()).await;
    let notice = system.until_callback("notices").await;
    let signed = Webhook::new(SECRET).unwrap().sign(notice.id(), notice.sent_at(), notice.body().as_bytes()).unwrap();
    assert_eq!(notice.header("webhook-signature"), signed);
    assert!(!notice.has_header("signature"), "the signature of a dialect");
}

#[tokio::test]
async fn endpoint_is_disabled_after_five_days_of_failures() {
    let system = System::start().await;
    let client = TestServer::answering(500).await;
    send(&system, client.url().as_str()).await;
    client.until_calls(&system, 1).await;
    for _ in 0..(6 * 24 / 3) {
        system.advance(3 * 3_600).await;
        system.until_only_delayed().await;
        if !system.callbacks("notices").await.is_empty() {
            break;
        }
    }
    let notice = system.until_callback("notices").await;
    assert_eq!(notice.json()["data"]["reason"], "status 500");
    let made = sent_at(&client);
    let lasted = made.last().unwrap() - made[0];
    assert!((5 * DAY..6 * DAY).contains(&lasted) && made.len() > 10, "{lasted} s, {} calls", made.len());
    // The event leaves the queues and is no dead letter, because a replay can send it from its record.
    system.until_idle().await;
    assert_eq!(system.queue_length("CallbacksDeadLetters").await, 0);
    send(&system, client.url().as_str()).await;
    system.until_idle().await;
    assert_eq!(client.calls(), made.len());
}

#[tokio::test]
async fn endpoint_that_recovers_within_five_days_stays_enabled() {
    let system = System::start().await;
    let client = TestServer::answering(500).await;
    for round in 1..=2 {
        client.answers(500);
        send(&system, client.url().as_str()).await;
        for _ in 0..13 {
            system.advance(8 * 3_600).await;
            system.until_only_delayed().await;
        }
        assert_eq!(on_record(&system).await.len(), 1, "round {round}");
        client.answers(200);
        system.advance(8 * 3_600).await;
        system.until_idle().await;
        assert_eq!(on_record(&system).await, [] as [Value; 0], "round {round}");
    }
    assert!(system.callbacks("notices").await.is_empty());
}

#[tokio::test]
async fn failed_notice_is_retried_and_disables_nothing() {
    for status in [500, 410] {
        let notices = format!("/sinks/notices?status={status}");
        let config = TestConfig::new().account(DEMO_ACCOUNT, |account| account.notice_url = Some(notices));
        let system = System::with_config(config).await;
        let client = TestServer::answering(410).await;
        send(&system, client.url().as_str()).await;
        system.until_callbacks("notices", 1).await;
        for _ in 0..30 {
            system.advance(6 * 3_600).await;
            system.until_only_delayed().await;
        }
        let callbacks = system.callbacks("notices").await;
        assert!(
            if status == 500 { callbacks.len() > 10 } else { callbacks.len() == 1 },
            "{status}: {}",
            callbacks.len()
        );
        assert!(callbacks.iter().all(|again| again.id() == callbacks[0].id()));
        let known = on_record(&system).await;
        assert_eq!((known.len(), &known[0]["url"]), (1, &json!(client.url())), "{status}");
    }
}

#[tokio::test]
async fn half_open_circuit_probes_once_and_closes_on_success() {
    const EVENTS: usize = 30;
    let system = System::start().await;
    let client = TestServer::answering(500).await;
    let message = with(owned(&PHONE, "Hello"), "callback", client.url().as_str());
    system.send_all(DEMO, vec![message; EVENTS]).await;
    client.until_calls(&system, EVENTS).await;
    // Each event is due again after 5 seconds, and only the first event probes the endpoint.
    system.advance(7).await;
    client.until_calls(&system, EVENTS + 1).await;
    let mut probes = 1;
    for _ in 0..6 {
        system.until_only_delayed().await;
        system.advance(60).await;
        probes += 1;
    }
    system.until_only_delayed().await;
    assert!(client.calls() <= EVENTS + probes, "{} calls", client.calls());
    assert!(on_record(&system).await[0]["open_until"].is_string());

    let failed = client.calls();
    client.answers(200);
    for _ in 0..30 {
        system.advance(60).await;
        system.until_only_delayed().await;
    }
    system.until_idle().await;
    assert_eq!(client.calls(), failed + EVENTS);
    assert_eq!(client.headers("webhook-id").into_iter().collect::<BTreeSet<_>>().len(), EVENTS);
}

/// Two of a client's URLs fail, with many events waiting. Their events must not take all probes of the origin.
#[tokio::test]
async fn url_that_works_is_the_first_to_probe_the_origin() {
    const EVENTS: usize = 20;
    let system = System::start().await;
    let client =
        TestServer::with(|request| Response::status(if request.path.ends_with("/works") { 200 } else { 500 })).await;
    let message = |path: &str| with(owned(&PHONE, "Hello"), "callback", client.at(path).as_str());
    let calls = |path: &str| client.requests().iter().filter(|request| request.path.ends_with(path)).count();
    for path in ["one", "two"] {
        system.send_all(DEMO, vec![message(path); EVENTS]).await;
    }
    client.until_calls(&system, 2 * EVENTS).await;
    // After twenty minutes, a period lasts minutes.
    let is_open = |endpoint: &Value| endpoint["is_origin"] == true && endpoint["open_until"].is_string();
    let mut minutes = 0;
    while minutes < 20 || !on_record(&system).await.iter().any(is_open) {
        system.advance(60).await;
        system.until_only_delayed().await;
        minutes += 1;
    }

    system.send_one(DEMO, message("works")).await;
    system.until_only_delayed().await;
    assert_eq!(calls("/works"), 0, "the origin's circuit is open");
    // A circuit is open for a quarter of an hour at most, and an event waits half as long again.
    minutes = 0;
    while calls("/works") == 0 {
        assert!(minutes <= 24, "{} calls to the URLs that fail", client.calls());
        system.advance(60).await;
        system.until_only_delayed().await;
        minutes += 1;
    }
    // Its success closed the origin's circuit.
    system.send_one(DEMO, message("works")).await;
    system.until("the next event is delivered", async || (calls("/works") == 2).then_some(())).await;
}

#[tokio::test]
async fn one_failure_in_twenty_does_not_open_the_circuit() {
    const EVENTS: usize = 200;
    const FAILS_EVERY: usize = 20;
    let system = System::start().await;
    let mut calls = 0;
    let client = TestServer::with(move |_| {
        calls += 1;
        Response::status(if calls % FAILS_EVERY == 0 { 500 } else { 200 })
    })
    .await;
    let message = with(owned(&PHONE, "Hello"), "callback", client.url().as_str());
    system.send_all(DEMO, vec![message; EVENTS]).await;
    // No event waits for another: all are sent without the clock being moved.
    client.until_calls(&system, EVENTS).await;
    let mut advanced = 0;
    while system.queue_length("CallbacksQueue").await > 0 && advanced < 300 {
        // Failed events are due again after 5 seconds, and then after 30.
        system.advance(7).await;
        advanced += 7;
        system.until_only_delayed().await;
    }
    assert!(advanced <= 60, "{advanced} s");
    let ids: BTreeSet<_> = client.headers("webhook-id").into_iter().collect();
    assert!(ids.len() == EVENTS && client.calls() <= EVENTS + EVENTS / FAILS_EVERY + 1, "{} calls", client.calls());
}

#[tokio::test]
async fn endpoint_disabled_for_one_account_serves_another() {
    let system = System::start().await;
    let client = TestServer::answering(410).await;
    send(&system, client.url().as_str()).await;
    system.until_callbacks("notices", 1).await;
    client.answers(200);
    let theirs = with(custom(OTHER_SENDER, &PHONE, "Hi"), "callback", client.url().as_str());
    system.send_one(OTHER, theirs).await;
    client.until_calls(&system, 2).await;
}
