//! Rate limits: messages over a sender's rate wait on lines for its send slots.

mod fair;
mod lines;
mod room;

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Accepted, Phone, ScriptedCarrier, SubmitAnswer, System, TestConfig, rate_excess};

use crate::system::{DEMO, RATE_LIMITED_SENDER as SENDER, answer, custom, invocation, owned, with};

const PHONE: Phone = Phone::delivers();
const OTHER_PHONE: Phone = PHONE.nth(1);

fn rate_limited(to: &str, body: &str) -> Value {
    custom(SENDER, to, body)
}

fn numbered(to: &str, count: usize) -> Vec<Value> {
    (0..count).map(|index| rate_limited(to, &index.to_string())).collect()
}

async fn one_per_second() -> System {
    System::with_config(TestConfig::new().rate(SENDER, 1)).await
}

/// Returns the messages on a phone with their times, in order.
async fn arrivals(system: &System, phone: &str) -> Vec<(Timestamp, String)> {
    let time = |value: &Value| value.as_str().unwrap().parse().unwrap();
    let shown = system.handset(phone).await;
    shown.iter().map(|one| (time(&one["received_at"]), one["text"].as_str().unwrap().to_owned())).collect()
}

/// Advances the clock second by second until a phone has so many messages.
async fn advance_until(system: &System, phone: &str, count: usize) -> Vec<(Timestamp, String)> {
    system
        .until(&format!("{phone} has {count}"), async || {
            system.advance(1).await;
            let came = arrivals(system, phone).await;
            (came.len() >= count).then_some(came)
        })
        .await
}

fn assert_rate(came: &[(Timestamp, String)], per_second: u16) {
    let times: Vec<_> = came.iter().map(|(at, _)| at.as_millisecond()).collect();
    assert_eq!(rate_excess(&times, per_second), None);
}

/// Checks the order. On a busy machine a submit may overtake the one before it, which began 50 or 100 ms earlier.
fn assert_order(came: &[(Timestamp, String)]) {
    let texts: Vec<_> = came.iter().map(|(_, text)| text.parse::<usize>().unwrap()).collect();
    let in_order = texts.iter().enumerate().all(|(position, index)| position.abs_diff(*index) <= 2);
    assert!(in_order, "{texts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sender_keeps_rate_and_order_and_delays_no_other() {
    const COUNT: usize = 60;
    let system = System::start().await;
    let messages = numbered(&PHONE, COUNT);
    let (first, second) = messages.split_at(COUNT / 2);
    system.send_all(DEMO, first.to_vec()).await;
    system.send_all(DEMO, second.to_vec()).await;
    system.send_all(DEMO, (0..300).map(|index| owned(&OTHER_PHONE, &index.to_string()))).await;
    system.until_handset(&OTHER_PHONE, 300).await;
    assert!(system.handset(&PHONE).await.len() < COUNT, "the unlimited messages came first");
    system.until_handset(&PHONE, COUNT).await;
    let came = arrivals(&system, &PHONE).await;
    assert_order(&came);
    assert_rate(&came, 10);
    system.until_idle().await;
    assert_eq!(system.waiting(SENDER).await.len(), 0, "no message is counted when the lines are empty");
}

#[tokio::test]
async fn waiting_message_says_so_and_can_be_cancelled() {
    let system = System::start().await;
    system.hold_send_slots(SENDER).await;
    let sent = system.send_all(DEMO, numbered(&PHONE, 3)).await;
    for one in &sent {
        let message = system.message(one).await;
        assert_eq!((message.state(), message.attempts(), &message["waits_for_send_slot"]), ("queued", 0, &json!(true)));
    }
    assert_eq!(system.waiting(SENDER).await["normal#demo"], 3);
    let cancelled = system.cancel(&sent[1].id).await;
    assert_eq!(cancelled.body["state"], "cancelled", "{}", cancelled.body);
    assert_eq!(system.waiting(SENDER).await["normal#demo"], 2);
    system.free_send_slots(SENDER).await;
    let delivered = system.until_state(&sent[2], "delivered").await;
    assert!(delivered.get("waits_for_send_slot").is_none());
    system.until_idle().await;
    assert_eq!(system.texts(&PHONE).await, ["0", "2"]);
    assert!(system.waiting(SENDER).await.is_empty());
}

#[tokio::test]
async fn concurrent_requests_share_the_rate() {
    let system = System::start().await;
    let requests = (0..10).map(|_| system.send_all(DEMO, numbered(&PHONE, 3)));
    futures_util::future::join_all(requests).await;
    system.until_handset(&PHONE, 30).await;
    assert_rate(&arrivals(&system, &PHONE).await, 10);
    system.until_idle().await;
    assert_eq!(system.handset(&PHONE).await.len(), 30);
}

#[tokio::test]
async fn scheduled_messages_join_the_line_when_they_are_due() {
    let system = one_per_second().await;
    let at = system.now().await + SignedDuration::from_secs(3_600);
    let later = numbered(&PHONE, 4).into_iter().map(|message| with(message, "send_at", at.to_string()));
    let sent = system.send_all(DEMO, later).await;
    assert!(system.waiting(SENDER).await.is_empty());
    system.advance(3_600).await;
    let came = advance_until(&system, &PHONE, 4).await;
    assert_rate(&came, 1);
    for message in sent {
        let message = system.until_state(&message, "delivered").await;
        assert_eq!(message.states(), ["scheduled", "submitting", "submitted", "delivered"]);
        assert_eq!(message.attempts(), 1);
    }
}

/// A retried message is late, so it goes before the others on its line.
#[tokio::test]
async fn retry_at_a_busy_carrier_goes_first() {
    const BUSY: Phone = Phone::busy_twice();
    let system = System::start().await;
    let retried = system.send_one(DEMO, rate_limited(&BUSY, "Busy")).await;
    system.until_state_after(&retried, "queued", 1).await;
    system.hold_send_slots(SENDER).await;
    let sent = system.send_all(DEMO, numbered(&PHONE, 5)).await;
    system.advance(3).await;
    system.until_message(&retried.id, "waits on its line", |message| message["waits_for_send_slot"] == true).await;
    system.free_send_slots(SENDER).await;
    let claimed = async |sent: &Accepted| {
        let message = system.until_state(sent, "delivered").await;
        let history = message.history().iter().filter(|change| change["state"] == "submitting");
        history.map(|change| change["at"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let first = claimed(&sent[0]).await;
    system.advance(5).await;
    let retries = claimed(&retried).await;
    assert_eq!(retries.len(), 3);
    assert!(retries[1] <= first[0], "{retries:?} {first:?}");
    assert_eq!(system.handset(&BUSY).await.len(), 1);
}

/// The retries come while the dealer is busy with others.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn retry_does_not_wait_for_the_next_dealer() {
    const BUSY: Phone = Phone::busy_twice();
    let system = System::start().await;
    let messages = [rate_limited(&BUSY, "Busy")].into_iter().chain(numbered(&PHONE, 90));
    system.send_all(DEMO, messages).await;
    system.until_handset(&BUSY, 1).await;
    let others = system.handset(&PHONE).await.len();
    assert!(others < 75, "{others} of 90 went before the last retry");
    assert_rate(&arrivals(&system, &PHONE).await, 10);
}

#[tokio::test]
async fn dry_run_and_repeat_are_not_counted() {
    let system = System::start().await;
    system.hold_send_slots(SENDER).await;
    let request = json!({"messages": [rate_limited(&PHONE, "Once")]});
    answer(system.request(Method::POST, "/message?isDryrun=true").bearer_auth(DEMO).json(&request)).await;
    assert!(system.waiting(SENDER).await.is_empty());

    let one = json!({"messages": [with(rate_limited(&PHONE, "One"), "id", "b2693dfe-0813-427a-bc2f-62b0e9292403")]});
    let many = json!({"messages": numbered(&PHONE, 30)});
    let keyed = async || {
        let request = system.request(Method::POST, "/message").bearer_auth(DEMO).json(&many);
        answer(request.header("Idempotency-Key", "thirty")).await.body
    };
    let (first, all) = (system.send(DEMO, &one).await, keyed().await);
    assert_eq!(system.waiting(SENDER).await["normal#demo"], 31);
    assert_eq!((system.send(DEMO, &one).await, keyed().await), (first, all));
    assert_eq!(system.waiting(SENDER).await["normal#demo"], 31);
    system.free_send_slots(SENDER).await;
    system.until_handset(&PHONE, 31).await;
    system.until_idle().await;
    assert_eq!(system.handset(&PHONE).await.len(), 31, "the repeats submitted nothing");
}

#[tokio::test]
async fn standstill_loses_no_message_order_or_rate() {
    const COUNT: usize = 40;
    let system = System::start().await.without_gateway().await;
    let send = send::Send::new(&system.environment()).unwrap();
    let answered = send.handle(invocation("/message", &json!({"messages": numbered(&PHONE, COUNT)}))).await;
    assert_eq!(answered.status(), 200);
    system.advance(120).await;
    let system = system.with_gateway().await;
    let restarted = system.now().await;
    system.until_handset(&PHONE, COUNT).await;
    let came = arrivals(&system, &PHONE).await;
    let waited = came[0].0.duration_since(restarted).as_secs_f64();
    assert!(waited < 5.0, "{waited} s");
    assert_order(&came);
    assert_rate(&came, 10);
}

#[tokio::test]
async fn expiry_on_the_line_is_reported_on_time() {
    let system = one_per_second().await;
    system.hold_send_slots(SENDER).await;
    let until = (system.now().await + SignedDuration::from_secs(120)).strftime("%Y-%m-%d %H:%M:%S GMT").to_string();
    let message = json!({"from": SENDER, "to": [{"number": format!("00{PHONE}")}], "body": {"content": "Soon"}, "validity": until});
    let posted = system.request(Method::POST, "/v1.0/message").header("X-CM-PRODUCTTOKEN", DEMO);
    let posted = answer(posted.json(&json!({"messages": {"msg": [message]}}))).await;
    assert_eq!(posted.status, 200, "{}", posted.body);
    let id = system.newest().await.id().to_owned();
    system.advance(100).await;
    assert_eq!(system.message(&id).await.state(), "queued");
    system.advance(25).await;
    system.until_state(&id, "expired").await;
    system.free_send_slots(SENDER).await;
    system.until_idle().await;
    assert!(system.handset(&PHONE).await.is_empty());
    assert!(system.waiting(SENDER).await.is_empty());
}

/// A message is retried for a day, not longer because of its waits on the line.
#[tokio::test]
async fn waits_on_the_line_do_not_extend_the_busy_deadline() {
    let carrier = ScriptedCarrier::start([SubmitAnswer::Busy]).await;
    let config = TestConfig::new().carrier_endpoint("loopback", carrier.url());
    let system = System::with_config(config).await;
    let sent = system.send_one(DEMO, rate_limited(&PHONE, "Hello")).await;
    for attempts in 1..=3 {
        system.until_state_after(&sent, "queued", attempts).await;
        system.until_only_delayed().await;
        system.hold_send_slots(SENDER).await;
        system.advance(9 * 3_600 + 60).await;
        let waits = |message: &tests::MessageView| message["waits_for_send_slot"] == true;
        system.until_message(&sent.id, "waits on its line", waits).await;
        system.free_send_slots(SENDER).await;
    }
    let message = system.until_state(&sent, "expired").await;
    let reason = message.last_reason();
    assert!(reason.contains("for a day"), "{reason}");
    assert_eq!(carrier.requests().len(), 4);
}
