//! Metrics: each event is counted once, by account and carrier.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use shared::runtime::Metrics;

use tests::{Phone, Response, System, TestConfig, TestServer, webhook_path};

use crate::{
    admin::printed,
    system::{DEMO, OTHER, OWN_SENDER, answer, owned, shared, with},
};

const PHONE: Phone = Phone::delivers();

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Returns the sum for each count, and the number of samples for each time, by account, carrier and
    /// metric.
    fn sums(&self) -> BTreeMap<(String, String, String), u64> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let mut sums = BTreeMap::new();
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let dimension = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
            for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap() {
                let name = metric["Name"].as_str().unwrap();
                let value = line[name].as_u64().unwrap_or_else(|| line[name].as_array().unwrap().len() as u64);
                *sums.entry((dimension("Account"), dimension("Carrier"), name.to_owned())).or_default() += value;
            }
        }
        sums
    }
}

#[tokio::test]
async fn callbacks_dropped_for_a_disabled_endpoint_are_counted() {
    let log = Log::default();
    let system = System::with_metrics(Metrics::to("test", log.clone())).await;
    let callback = system.failing_sink("gone", 410);
    for _ in 0..2 {
        system.send_one(DEMO, with(owned(&PHONE, "Hello"), "callback", callback.as_str())).await;
        system.until_callbacks("notices", 1).await;
        // The worker caches for half a minute that the endpoint has no failures.
        system.advance(31).await;
    }
    system.until_idle().await;
    let counted = async || {
        let sums = log.sums();
        let of = |metric: &str| sums.get(&("demo".to_owned(), "-".to_owned(), metric.to_owned())).copied();
        let counted = ["EndpointsDisabled", "CallbackFailures", "CallbacksWithheld", "CallbacksDelivered"].map(of);
        // The delivered callback is the notice.
        (counted == [Some(1), Some(1), Some(2), Some(1)]).then_some(())
    };
    system.until("the endpoint, its failure, both callbacks and the notice are counted", counted).await;
}

#[tokio::test]
async fn callbacks_dropped_for_a_missing_url_are_counted() {
    let log = Log::default();
    let system = System::with_metrics(Metrics::to("test", log.clone())).await;
    let started = system.now().await.to_string();
    system.reply_from(&PHONE, OWN_SENDER, "Yes").await;
    system.until_callbacks("replies", 1).await;
    printed(&system, &["callback", "replay", "demo", "--since", &started, "--yes"]).await;
    printed(&system, &["account", "set", "demo", "--no-reply-url"]).await;
    system.advance(62).await;
    system.until_idle().await;
    let key = ("demo".to_owned(), "-".to_owned(), "CallbacksWithheld".to_owned());
    system.until("it is counted", async || (log.sums().get(&key) == Some(&1)).then_some(())).await;
    assert_eq!(system.callbacks("replies").await.len(), 1);
}

#[tokio::test]
async fn refused_and_repeated_webhooks_are_counted() {
    let log = Log::default();
    let system = System::with_metrics(Metrics::to("test", log.clone())).await;
    let asked = system.send_one(DEMO, owned(&PHONE, "Coming?")).await;
    system.until_state(&asked, "delivered").await;
    let (receipts, replies) = (webhook_path("dlr", "loopback"), webhook_path("mo", "loopback"));
    let receipt = json!({"id": "c1", "reference": asked["messageUuid"], "status": "read"});
    let reply = json!({"id": "r1", "from": PHONE, "to": OWN_SENDER, "text": "Yes"});
    let lookalike = json!({"id": "c1", "status": 7});
    for (path, body, status) in [
        (receipts.as_str(), &receipt, 200),
        (&receipts, &receipt, 200),
        (&replies, &reply, 200),
        (&replies, &reply, 200),
        (&receipts, &lookalike, 400),
        (&replies, &lookalike, 400),
        ("/dlr/loopback/wrong", &receipt, 404),
        ("/mo/nobody/wrong", &reply, 404),
    ] {
        assert_eq!(system.post_webhook(path, body).await.status, status, "{path} {body}");
    }
    let counted = async || {
        let sums = log.sums();
        let of = |carrier: &str, metric: &str| sums.get(&("-".to_owned(), carrier.to_owned(), metric.to_owned()));
        let counted = (of("loopback", "Repeated"), of("-", "WebhooksRefused"));
        (counted == (Some(&2), Some(&4))).then_some(())
    };
    system.until("two repeated and four refused webhooks are counted", counted).await;
    system.until_idle().await;
    assert_eq!(system.callbacks("replies").await.len(), 1);
}

#[tokio::test]
async fn metrics_count_what_happened() {
    let log = Log::default();
    let system = System::with_metrics(Metrics::to("test", log.clone())).await;
    let with_callback = |to: Phone| with(owned(&to, "Hello"), "callback", system.sink("receipts"));
    let named = with(with_callback(Phone::repeats_receipt()), "id", "0197a3a0-0000-7000-8000-000000000001");
    for _ in 0..2 {
        system.send_one(DEMO, named.clone()).await;
    }
    for phone in [Phone::fails(), Phone::rejects(), Phone::busy_twice()] {
        system.send_one(DEMO, with_callback(phone)).await;
    }
    let asked = system.send_one(OTHER, shared(&PHONE, "Coming?")).await;
    system.until_handset(&PHONE, 1).await;
    system.reply_from(&PHONE, &asked.sender, "Yes").await;
    system.until_callbacks("other-replies", 1).await;
    system.until_callbacks("receipts", 4).await;
    let silent = Phone::delivers_without_receipt();
    let later = (system.now().await + jiff::SignedDuration::from_mins(6)).to_string();
    system.send_one(DEMO, with(owned(&silent, "Later"), "send_at", later)).await;
    system.advance(360).await;
    system.until_handset(&silent, 1).await;
    system.until_idle().await;

    let expected = [
        ("demo", "-", "Accepted", 5),
        ("demo", "loopback", "Submitted", 4),
        ("demo", "loopback", "SubmitDelay", 4),
        ("demo", "loopback", "Busy", 2),
        ("demo", "loopback", "Delivered", 2),
        ("demo", "loopback", "Failed", 2),
        ("demo", "-", "CallbacksDelivered", 4),
        ("demo", "-", "CallbackDelay", 4),
        ("other", "-", "Accepted", 1),
        ("other", "loopback", "Submitted", 1),
        ("other", "loopback", "Delivered", 1),
        ("other", "loopback", "Replies", 1),
        ("other", "-", "CallbacksDelivered", 1),
        ("-", "loopback", "Repeated", 4),
        ("-", "-", "ScheduledWork", 1),
    ];
    let expected: BTreeMap<_, u64> = expected
        .map(|(account, carrier, metric, count)| ((account.to_owned(), carrier.to_owned(), metric.to_owned()), count))
        .into();
    system
        .until("all is counted", async || {
            let sums = log.sums();
            expected.iter().all(|(key, count)| sums.get(key) == Some(count)).then_some(())
        })
        .await;
    let others: BTreeSet<_> = log.sums().into_keys().filter(|key| !expected.contains_key(key)).collect();
    let known = [("-", "-", "ScheduleDelay"), ("other", "loopback", "SubmitDelay"), ("other", "-", "CallbackDelay")];
    let known = known.map(|(account, carrier, metric)| (account.to_owned(), carrier.to_owned(), metric.to_owned()));
    assert_eq!(others, known.into());
}

/// A carrier that refuses everything raises the metric with each attempt, and gets 20 seconds between them.
#[tokio::test]
async fn each_refusal_is_counted() {
    let log = Log::default();
    let blocked = || Response::Answer { status: 403, headers: Vec::new(), body: "Blocked".to_owned() };
    let carrier = TestServer::with(move |_| blocked()).await;
    let config = TestConfig::new().carrier_endpoint("loopback", carrier.url());
    let system = System::with_config_and_metrics(config, Metrics::to("test", log.clone())).await;
    let sent = system.send_one(DEMO, owned(&PHONE, "Hello")).await;
    let key = ("demo".to_owned(), "loopback".to_owned(), "Refused".to_owned());
    for attempts in 1..=4 {
        system.until_state_after(&sent, "queued", attempts).await;
        system.until("it is counted", async || (log.sums().get(&key) == Some(&attempts)).then_some(())).await;
        system.advance(15).await;
        system.until_only_delayed().await;
        assert_eq!(system.message(&sent).await.attempts(), attempts);
        system.advance(10).await;
    }
}

#[tokio::test]
async fn resends_of_unknown_outcomes_are_counted() {
    let log = Log::default();
    let system = System::with_metrics(Metrics::to("test", log.clone())).await;
    let request = system.request(reqwest::Method::POST, "/message").bearer_auth(DEMO).header("On-Unknown", "resend");
    let accepted = answer(request.json(&json!({"messages": [owned(&Phone::unanswered(), "Hello")]}))).await;
    let id = &accepted.body["messages"][0]["messageUuid"];
    system.until_state(id, "unknown").await;
    system.advance(125).await;
    let counted = |metric: &str| {
        let key = ("demo".to_owned(), "loopback".to_owned(), metric.to_owned());
        log.sums().get(&key).copied().unwrap_or_default()
    };
    system.until("both are counted", async || ((counted("Unknown"), counted("Resent")) == (2, 1)).then_some(())).await;
}
