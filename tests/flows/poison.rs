//! Messages that a firewall before the carrier refuses, in an answer that is not the vendor's.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use tests::{Phone, Request, Response, TestConfig, TestServer};

use crate::system::{DEMO, OTHER, OTHER_SENDER, System, custom, owned};

const PHONE: Phone = Phone::delivers();
const OTHER_PHONE: Phone = PHONE.nth(1);
/// The firewall refuses texts with this.
const SUSPECT: &str = "<script>";

/// Starts a carrier behind a firewall.
async fn firewall(refuses: impl Fn(&str) -> bool + Send + 'static) -> TestServer {
    let mut count = 0;
    TestServer::with(move |request: &Request| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        if request.method == Method::POST && refuses(&body) {
            let page = "<html><body>Request blocked. Incident 4711</body></html>".to_owned();
            return Response::Answer { status: 403, headers: vec![("content-type", "text/html".into())], body: page };
        }
        count += 1;
        Response::json(202, &json!({"id": count.to_string()}))
    })
    .await
}

async fn system_behind(firewall: &TestServer) -> System {
    System::with_config(TestConfig::new().carrier_endpoint("loopback", firewall.url())).await
}

/// Counts the requests with this text.
fn count(server: &TestServer, text: &str) -> usize {
    let has_text = |request: &Request| String::from_utf8_lossy(&request.body).contains(text);
    server.requests().iter().filter(|request| has_text(request)).count()
}

/// Sends messages of the other account, one after another, and returns the median time from the post to the carrier.
async fn median_time_of_other(system: &System, carrier: &TestServer) -> Duration {
    const SAMPLES: usize = 25;
    let mut times = Vec::new();
    for index in 0..SAMPLES {
        let text = format!("sample {index} of the other");
        let started = Instant::now();
        system.send_one(OTHER, custom(OTHER_SENDER, &OTHER_PHONE, &text)).await;
        system.until(&text, async || (count(carrier, &text) == 1).then_some(())).await;
        times.push(started.elapsed());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    times.sort_unstable();
    times[SAMPLES / 2]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn messages_that_a_firewall_refuses_delay_no_other_account() {
    const POISON: usize = 300;
    let carrier = firewall(|body| body.contains(SUSPECT)).await;
    let at_rest = median_time_of_other(&system_behind(&carrier).await, &carrier).await;

    let carrier = firewall(|body| body.contains(SUSPECT)).await;
    let system = system_behind(&carrier).await;
    let mut poison = Vec::new();
    for _ in 0..POISON / 100 {
        let messages = (0..100).map(|index| owned(&PHONE, &format!("{SUSPECT} {index}")));
        poison.extend(system.send_all(DEMO, messages).await);
    }
    let beside = median_time_of_other(&system, &carrier).await;
    println!("median at rest {at_rest:?}, beside {POISON} refused messages {beside:?}");
    assert!(beside <= 2 * at_rest, "{beside:?}, at rest {at_rest:?}");
    // Messages of the other account pass between the retries.
    for round in 0..12 {
        system.advance(5).await;
        let text = format!("round {round}");
        system.send_one(OTHER, custom(OTHER_SENDER, &OTHER_PHONE, &text)).await;
        system.until(&text, async || (count(&carrier, &text) == 1).then_some(())).await;
    }
    for message in poison {
        let rejected = system.until_state(&message, "rejected").await;
        assert!(rejected.last_reason().contains("status 403, 3 times"), "{}", rejected.last_reason());
    }
    assert!(count(&carrier, SUSPECT) <= 3 * POISON, "{} requests", count(&carrier, SUSPECT));
}

#[tokio::test]
async fn message_is_not_rejected_while_the_carrier_refuses_all() {
    let carrier = firewall(|_| true).await;
    let system = system_behind(&carrier).await;
    let sent = system.send_one(DEMO, owned(&PHONE, "Innocent")).await;
    let has_tried = async || {
        system.advance(60).await;
        (system.message(&sent).await.attempts() >= 5).then_some(())
    };
    system.until("it was tried five times", has_tried).await;
    system.until_only_delayed().await;
    let waiting = system.message(&sent).await;
    assert_eq!(waiting.get("failed_attempts"), None, "{waiting}");
    let cancelled = system.cancel(&sent).await;
    assert_eq!(cancelled.body["state"], "cancelled", "no carrier has it: {}", cancelled.body);
}

/// Only a refusal after which the carrier has accepted another message counts against the refused one.
#[tokio::test]
async fn refused_message_is_rejected_if_others_pass_in_between() {
    let carrier = firewall(|body| body.contains(SUSPECT)).await;
    let system = system_behind(&carrier).await;
    let poison = system.send_one(DEMO, owned(&PHONE, SUSPECT)).await;
    for attempts in 1..=4 {
        system.until_state_after(&poison, "queued", attempts).await;
        // After the third refusal, the second and third have not counted.
        if attempts >= 3 {
            let other = system.send_one(DEMO, owned(&PHONE, "Innocent")).await;
            system.until_state(&other, "submitted").await;
        }
        system.advance(60).await;
    }
    let rejected = system.until_state(&poison, "rejected").await;
    assert!(rejected.last_reason().contains("status 403, 3 times"), "{}", rejected.last_reason());
    assert_eq!(rejected.attempts(), 5);
}
