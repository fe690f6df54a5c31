//! An endpoint that fails is left alone for a while, one that is gone or fails for days
//! is off, and its owner is told.

use std::collections::BTreeSet;

use local::config::Config;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use super::{Client, DAY, FAILS_EVERY, PHONE, SECRET, endpoint, header, send, sent_at};
use crate::{
    admin::{admin, printed, read},
    system::{DEMO, System, owned, with},
};

/// What is on record of the demo account's endpoints.
async fn on_record(system: &System) -> Vec<Value> {
    let listed = read(system, &["endpoint", "list", "--account", "demo"]).await;
    listed["endpoints"].as_array().unwrap().clone()
}

#[tokio::test]
async fn disabled_endpoint_gets_missed_events_by_replay() {
    let system = System::start().await;
    let started = system.now().await.to_string();
    let client = Client::answering(410);
    send(&system, format!("{}?id=1", client.url)).await;
    client.until_calls(&system, 1).await;
    let notice = &system.until_sink_requests("notices", 1).await[0];
    system.advance(31).await;
    for id in [2, 3] {
        send(&system, format!("{}?id={id}", client.url)).await;
    }
    system.until_queues_empty().await;
    system.advance(7 * 86_400).await;
    system.until_queues_empty().await;
    assert_eq!(client.calls(), 1);
    let known = on_record(&system).await;
    assert_eq!((known.len(), &known[0]["url"], known[0]["disabled_since"].is_string()), (1, &json!(client.url), true));
    assert_eq!(notice["json"]["type"], "endpoint.disabled");
    assert_eq!(notice["json"]["timestamp"], known[0]["disabled_since"]);
    assert_eq!(
        notice["json"]["data"],
        json!({"url": client.url, "since": known[0]["failing_since"], "reason": "gone for good (410)"})
    );

    client.answers(200);
    printed(&system, &["endpoint", "enable", "demo", &format!("{}?id=7", client.url)]).await;
    let replayed = read(&system, &["callback", "replay", "demo", "--since", &started, "--yes"]).await;
    assert_eq!(replayed, json!({"messages": 3, "replies": 0, "withheld": 0}));
    system.advance(32).await;
    client.until_calls(&system, 4).await;
    system.until_queues_empty().await;
    let ids = client.headers("webhook-id");
    assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (4, 3), "{ids:?}");
    assert!(ids[1..].contains(&ids[0]), "the first bears its id again");
    assert_eq!(on_record(&system).await, [] as [Value; 0]);
    assert_eq!(system.sink_requests("notices").await.len(), 1);
}

#[tokio::test]
async fn enabled_endpoint_is_called_at_once() {
    let system = System::start().await;
    let client = Client::answering(410);
    send(&system, client.url.as_str()).await;
    system.until_sink_requests("notices", 1).await;
    system.advance(31).await;
    send(&system, client.url.as_str()).await;
    system.until_queues_empty().await;
    client.answers(200);
    // The worker has just read that it is off.
    printed(&system, &["endpoint", "enable", "demo", &client.url]).await;
    send(&system, client.url.as_str()).await;
    client.until_calls(&system, 2).await;
}

#[tokio::test]
async fn replay_right_after_the_url_was_set_is_delivered() {
    let system = System::start().await;
    let started = system.now().await.to_string();
    printed(&system, &["account", "set", "demo", "--no-reply-url"]).await;
    system.advance(31).await;
    system.reply(PHONE, &"441234567890".into(), "Is anybody there?").await;
    // Every worker knows the account without it.
    send(&system, system.sink("receipts")).await;
    system.until_sink_requests("receipts", 1).await;
    system.until_queues_empty().await;
    printed(&system, &["account", "set", "demo", "--reply-url", &system.sink("found")]).await;
    let replay = ["callback", "replay", "demo", "--since", &started, "--url", &system.sink("found"), "--yes"];
    assert_eq!(read(&system, &replay).await["replies"], 1);
    // What is told at once would be lost, and what is told later is not.
    system.until_only_delayed().await;
    system.advance(32).await;
    system.until_sink_requests("found", 1).await;
}

#[tokio::test]
async fn all_endpoints_of_a_client_are_enabled_at_once() {
    let system = System::start().await;
    let started = system.now().await.to_string();
    let client = Client::answering(410);
    for id in 1..=3 {
        send(&system, format!("{}/{id}", client.url)).await;
    }
    send(&system, system.sink("others")).await;
    system.until_sink_requests("notices", 3).await;
    system.until_queues_empty().await;
    let replay = ["callback", "replay", "demo", "--since", &started];
    let asked = admin(&system, &replay).await;
    assert!(asked.code == 2 && asked.err.contains("3 of them are for disabled endpoints"), "{}", asked.err);
    let withheld = read(&system, &[&replay[..], &["--yes"]].concat()).await;
    assert_eq!(withheld, json!({"messages": 4, "replies": 0, "withheld": 3}));
    system.advance(32).await;
    system.until_queues_empty().await;
    assert_eq!((client.calls(), system.sink_requests("others").await.len()), (3, 2));

    for unclear in [&["endpoint", "enable", "demo"][..], &["endpoint", "enable", "demo", &client.url, "--all"]] {
        assert_eq!(admin(&system, unclear).await.code, 2, "{unclear:?}");
    }
    client.answers(200);
    let on = read(&system, &["endpoint", "enable", "demo", "--all"]).await;
    assert_eq!(on["urls"].as_array().unwrap().len(), 3, "{on}");
    assert_eq!(on_record(&system).await, [] as [Value; 0]);
    let none = admin(&system, &["endpoint", "enable", "demo", "--all"]).await;
    assert!(none.code == 0 && none.err.contains("No endpoint of demo is disabled"), "{}", none.err);
    assert_eq!(read(&system, &[&replay[..], &["--yes"]].concat()).await["withheld"], 0);
    system.advance(32).await;
    client.until_calls(&system, 6).await;
}

#[tokio::test]
async fn no_callback_before_the_retry_after_of_a_busy_client() {
    let system = System::start().await;
    let head = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 600\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (busy, requests) = endpoint(head.to_owned());
    let calls = || requests.lock().unwrap().len();
    send(&system, busy.as_str()).await;
    system.until("it was called", async || (calls() == 1).then_some(())).await;
    system.until_only_delayed().await;
    for _ in 0..3 {
        system.advance(60).await;
        send(&system, busy.as_str()).await;
        system.until_only_delayed().await;
    }
    system.advance(300).await;
    system.until_only_delayed().await;
    assert_eq!(calls(), 1);
    assert!(on_record(&system).await[0]["open_until"].is_string());
    // Those that came meanwhile wait for up to half as long again.
    system.advance(600).await;
    system.until("it is called again", async || (calls() > 1).then_some(())).await;
}

#[tokio::test]
async fn a_notice_is_signed_by_the_standard_webhooks_headers_alone() {
    let system = System::start().await;
    send(&system, Client::answering(410).url).await;
    let notice = &system.until_sink_requests("notices", 1).await[0];
    let (id, body) = (header(notice, "webhook-id"), notice["body"].as_str().unwrap());
    let signed = Webhook::new(SECRET).unwrap().sign(id, sent_at(notice), body.as_bytes()).unwrap();
    assert_eq!(header(notice, "webhook-signature"), signed);
    assert!(notice["headers"].get("signature").is_none(), "a dialect's own");
}

#[tokio::test]
async fn endpoint_is_disabled_after_five_days_of_failures() {
    let system = System::start().await;
    let client = Client::answering(500);
    send(&system, client.url.as_str()).await;
    client.until_calls(&system, 1).await;
    for _ in 0..(6 * 24 / 3) {
        system.advance(3 * 3_600).await;
        system.until_only_delayed().await;
        if !system.sink_requests("notices").await.is_empty() {
            break;
        }
    }
    let notice = &system.until_sink_requests("notices", 1).await[0];
    assert_eq!(notice["json"]["data"]["reason"], "status 500");
    let made: Vec<i64> = client.headers("webhook-timestamp").iter().map(|at| at.parse().unwrap()).collect();
    let lasted = made.last().unwrap() - made[0];
    assert!((5 * DAY..6 * DAY).contains(&lasted) && made.len() > 10, "{lasted} s, {} calls", made.len());
    // Nothing is left in the queues; what it was to be told is on record.
    system.until_queues_empty().await;
    assert_eq!(system.queue_length("CallbacksDeadLetters").await, 0);
    send(&system, client.url.as_str()).await;
    system.until_queues_empty().await;
    assert_eq!(client.calls(), made.len());
}

#[tokio::test]
async fn endpoint_that_recovers_within_five_days_stays_enabled() {
    let system = System::start().await;
    let client = Client::answering(500);
    for round in 1..=2 {
        client.answers(500);
        send(&system, client.url.as_str()).await;
        for _ in 0..13 {
            system.advance(8 * 3_600).await;
            system.until_only_delayed().await;
        }
        assert_eq!(on_record(&system).await.len(), 1, "round {round}");
        client.answers(200);
        system.advance(8 * 3_600).await;
        system.until_queues_empty().await;
        assert_eq!(on_record(&system).await, [] as [Value; 0], "round {round}");
    }
    assert!(system.sink_requests("notices").await.is_empty());
}

#[tokio::test]
async fn failed_notice_is_retried_and_disables_nothing() {
    for status in [500, 410] {
        let notices = format!("/sinks/notices?status={status}");
        let system = System::with_config(&Config::DEFAULT.replace("/sinks/notices", &notices)).await;
        let client = Client::answering(410);
        send(&system, client.url.as_str()).await;
        system.until_sink_requests("notices", 1).await;
        for _ in 0..30 {
            system.advance(6 * 3_600).await;
            system.until_only_delayed().await;
        }
        let callbacks = system.sink_requests("notices").await;
        assert!(
            if status == 500 { callbacks.len() > 10 } else { callbacks.len() == 1 },
            "{status}: {}",
            callbacks.len()
        );
        assert!(callbacks.iter().all(|again| header(again, "webhook-id") == header(&callbacks[0], "webhook-id")));
        let known = on_record(&system).await;
        assert_eq!((known.len(), &known[0]["url"]), (1, &json!(client.url)), "{status}");
    }
}

#[tokio::test]
async fn half_open_circuit_probes_once_and_closes_on_success() {
    const EVENTS: usize = 30;
    let system = System::start().await;
    let client = Client::answering(500);
    let message = with(owned(PHONE, "Hello"), "callback", client.url.as_str());
    system.send(DEMO, &json!({"messages": vec![message; EVENTS]})).await;
    client.until_calls(&system, EVENTS).await;
    // Each is due again after 5 seconds, and only the first to come is let through.
    system.advance(7).await;
    client.until_calls(&system, EVENTS + 1).await;
    let mut tries = 1;
    for _ in 0..6 {
        system.until_only_delayed().await;
        system.advance(60).await;
        tries += 1;
    }
    system.until_only_delayed().await;
    assert!(client.calls() <= EVENTS + tries, "{} calls", client.calls());
    assert!(on_record(&system).await[0]["open_until"].is_string());

    let failed = client.calls();
    client.answers(200);
    for _ in 0..30 {
        system.advance(60).await;
        system.until_only_delayed().await;
    }
    system.until_queues_empty().await;
    assert_eq!(client.calls(), failed + EVENTS);
    assert_eq!(client.headers("webhook-id").into_iter().collect::<BTreeSet<_>>().len(), EVENTS);
}

#[tokio::test]
async fn one_failure_in_twenty_does_not_open_the_circuit() {
    const EVENTS: usize = 200;
    let system = System::start().await;
    let client = Client::failing_intermittently();
    let message = with(owned(PHONE, "Hello"), "callback", client.url.as_str());
    system.send(DEMO, &json!({"messages": vec![message; EVENTS]})).await;
    // None waits for another: all are called without the clock being moved.
    client.until_calls(&system, EVENTS).await;
    let mut advanced = 0;
    while system.queue_length("CallbacksQueue").await > 0 && advanced < 300 {
        // Those that failed are due after their own gaps of 5 and 30 seconds.
        system.advance(7).await;
        advanced += 7;
        system.until_only_delayed().await;
    }
    assert!(advanced <= 60, "{advanced} s");
    let ids: BTreeSet<_> = client.headers("webhook-id").into_iter().collect();
    assert!(ids.len() == EVENTS && client.calls() <= EVENTS + EVENTS / FAILS_EVERY + 1, "{} calls", client.calls());
}

#[tokio::test]
async fn the_endpoints_of_one_account_are_not_anothers() {
    let system = System::start().await;
    let client = Client::answering(410);
    send(&system, client.url.as_str()).await;
    system.until_sink_requests("notices", 1).await;
    client.answers(200);
    let theirs =
        json!({"from": {"type": "custom", "value": "449999999999"}, "to": PHONE, "body": "Hi", "callback": client.url});
    system.send_one(crate::system::OTHER, theirs).await;
    client.until_calls(&system, 2).await;
}
