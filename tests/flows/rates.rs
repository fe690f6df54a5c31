//! Rate limits: messages over a sender's rate wait for a send slot. The cost does not grow with the wait, and
//! other senders are not delayed.

mod cost;

use futures_util::future::join;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::{
    domain::{Rate, SenderId},
    flow::{Gateway, operator::requeue::requeue},
    gateway::{Part, connect_gateway},
    store::Messages,
};
use strum::VariantArray;

use tests::{Phone, ScriptedCarrier, SubmitAnswer, System, TestConfig};

use crate::system::{DEMO, RATE_LIMITED_SENDER as SENDER, answer, custom, invocation, owned, with};

const PHONE: Phone = Phone::delivers();
const OTHER_PHONE: Phone = PHONE.nth(1);

fn rate_limited(to: &str, body: &str) -> Value {
    custom(SENDER, to, body)
}

async fn one_per_second() -> System {
    System::with_config(TestConfig::new().rate(SENDER, 1)).await
}

fn time(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

fn gateway(system: &System) -> Gateway {
    connect_gateway(&system.environment(), Part::VARIANTS).unwrap()
}

/// Reserves send slots for so many messages, like a request that crashes before it stores them.
async fn reserve_send_slots(system: &System, count: usize, per_second: u16) {
    let time = Rate::new(per_second).unwrap().time_for(count);
    let sender = SENDER.parse::<SenderId>().unwrap();
    gateway(system).store.reserve_send_slots(&sender, time, system.now().await).await.unwrap();
}

/// Returns when the next send slot is free, in microseconds; `None` if no slot was ever reserved.
async fn free_at(system: &System) -> Option<i64> {
    let key = json!({"TableName": "MessagesTable", "Key": {"id": {"S": format!("slots#{SENDER}")}}});
    let found = system.aws("DynamoDB_20120810.GetItem", &key).await;
    Some(found["Item"]["free_at"]["N"].as_str()?.parse().unwrap())
}

/// Returns the messages on a phone with their times, in order.
async fn arrivals(system: &System, phone: &str) -> Vec<(Timestamp, String)> {
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

/// Waits until a message has a send slot in the future, and returns its time.
async fn until_waiting(system: &System, id: &str) -> Timestamp {
    system
        .until(&format!("{id} waits for its send slot"), async || {
            let message = system.message(id).await;
            message["not_before"].as_str().map(|_| time(&message["not_before"]))
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sender_keeps_rate_and_order_and_delays_no_other() {
    const COUNT: usize = 300;
    let system = System::start().await;
    let started = system.now().await;
    for start in (0..COUNT).step_by(100) {
        let messages: Vec<_> = (start..start + 100).map(|index| rate_limited(&PHONE, &index.to_string())).collect();
        system.send_all(DEMO, messages).await;
    }
    let others: Vec<_> = (0..COUNT).map(|index| owned(&OTHER_PHONE, &index.to_string())).collect();
    system.send_all(DEMO, others).await;
    system.until_handset(&OTHER_PHONE, COUNT).await;
    assert!(system.handset(&PHONE).await.len() < COUNT, "the unlimited messages came first");

    loop {
        // We wait for the messages that were due two seconds ago: the queue rounds its delays to seconds, and
        // one second is tolerance.
        let due = (system.now().await.duration_since(started).as_secs() - 2).max(0) * 10;
        let due = usize::try_from(due).unwrap().min(COUNT);
        system.until_handset(&PHONE, due).await;
        if due == COUNT {
            break;
        }
        system.advance(1).await;
    }
    let came = arrivals(&system, &PHONE).await;
    assert_eq!(came.len(), COUNT);
    let elapsed = came[COUNT - 1].0.duration_since(started).as_secs_f64();
    assert!((27.0..=33.0).contains(&elapsed), "{elapsed} s");
    for (position, (at, text)) in came.iter().enumerate() {
        let index: usize = text.parse().unwrap();
        assert!(position.abs_diff(index) <= 20, "message {index} came at position {position}");
        let slot = started + SignedDuration::from_millis(i64::try_from(index).unwrap() * 100);
        assert!(*at >= slot, "{index} came at {at}, before {slot}");
    }
}

#[tokio::test]
async fn message_waiting_for_a_slot_is_queued_and_shows_when() {
    let system = one_per_second().await;
    let ids: Vec<_> = ["now", "then"].map(|text| rate_limited(&PHONE, text)).into();
    let sent = system.send_all(DEMO, ids).await;
    let first = system.until_state(&sent[0], "delivered").await;
    assert_eq!(first.get("not_before"), None);
    reserve_send_slots(&system, 60, 1).await;
    let last = system.send_one(DEMO, rate_limited(&PHONE, "last")).await;
    let last = system.message(&last).await;
    assert_eq!((last.state(), last.attempts()), ("queued", 0));
    let wait = time(&last["not_before"]).duration_since(time(&first["created_at"]));
    assert_eq!(wait.as_secs(), 62);
    system.advance(60).await;
    advance_until(&system, &PHONE, 3).await;
    assert_eq!(system.until_state(&last["id"], "delivered").await.get("not_before"), None);
}

#[tokio::test]
async fn wait_over_15_minutes_uses_a_wake_time_and_ends_on_time() {
    let system = one_per_second().await;
    reserve_send_slots(&system, 1_000, 1).await;
    let id = system.send_one(DEMO, rate_limited(&PHONE, "At last")).await.id;
    let slot = until_waiting(&system, &id).await;
    assert_eq!(system.queue_length("JobsQueue").await, 0, "it has a wake time and no job");

    system.advance(880).await;
    assert_eq!(system.queue_length("JobsQueue").await, 1, "the tick looks two minutes ahead");
    system.advance(115).await;
    assert!(system.handset(&PHONE).await.is_empty());
    let (came, _) = advance_until(&system, &PHONE, 1).await[0].clone();
    let late = came.duration_since(slot).as_secs_f64();
    assert!((-1.0..3.0).contains(&late), "{late} s late");
    system.until_state(&id, "delivered").await;
    system.advance(3_600).await;
    system.until_idle().await;
    assert_eq!(system.handset(&PHONE).await.len(), 1);
}

#[tokio::test]
async fn concurrent_requests_get_separate_send_slots() {
    let system = System::start().await;
    let messages: Vec<_> = (0..20).map(|index| rate_limited(&PHONE, &index.to_string())).collect();
    let request = json!({"messages": messages});
    let started = system.now().await;
    join(system.send(DEMO, &request), system.send(DEMO, &request)).await;
    let stored = system.scan("MessagesTable").await;
    let items = stored.iter().filter(|item| item.get("state").is_some());
    // The first message does not wait: its slot is its time of acceptance.
    let slot = |item: &Value| {
        let at = item.get("not_before").unwrap_or(&item["at"]);
        at["N"].as_str().unwrap().parse::<i64>().unwrap()
    };
    let mut slots: Vec<_> = items.map(slot).collect();
    slots.sort_unstable();
    assert_eq!(slots.len(), 40);
    for two in slots.windows(2) {
        assert!((99..=101).contains(&(two[1] - two[0])), "{slots:?}");
    }
    assert!(slots[0] >= started.as_millisecond());
    advance_until(&system, &PHONE, 40).await;
}

#[tokio::test]
async fn scheduled_messages_get_send_slots_when_they_are_due() {
    let system = one_per_second().await;
    let at = system.now().await + SignedDuration::from_secs(3_600);
    let later: Vec<_> =
        (0..5).map(|index| with(rate_limited(&PHONE, &index.to_string()), "send_at", at.to_string())).collect();
    let sent = system.send_all(DEMO, later).await;
    assert_eq!(free_at(&system).await, None, "no slot is reserved before");
    system.advance(3_600).await;
    let came = advance_until(&system, &PHONE, 5).await;
    let elapsed = came[4].0.duration_since(came[0].0).as_secs_f64();
    assert!((3.0..=7.0).contains(&elapsed), "{elapsed} s");
    for message in sent {
        let message = system.until_state(&message, "delivered").await;
        assert_eq!(message.states(), ["scheduled", "submitting", "submitted", "delivered"]);
        assert_eq!(message.attempts(), 1);
    }
}

#[tokio::test]
async fn retry_at_a_busy_carrier_uses_another_send_slot() {
    const BUSY: Phone = Phone::busy_twice();
    let system = one_per_second().await;
    let mut messages = vec![rate_limited(&BUSY, "Busy")];
    messages.extend((0..10).map(|index| rate_limited(&PHONE, &index.to_string())));
    let sent = system.send_all(DEMO, messages).await;
    let last = until_waiting(&system, &sent[10].id).await;
    let again = until_waiting(&system, &sent[0].id).await;
    assert_eq!(again.duration_since(last).as_millis(), 1_000, "behind the waiting messages");
    let waiting = system.message(&sent[0].id).await;
    assert_eq!((waiting.state(), waiting.attempts()), ("queued", 1));
    advance_until(&system, &PHONE, 10).await;
    advance_until(&system, &BUSY, 1).await;
    let delivered = system.until_state(&sent[0], "delivered").await;
    assert_eq!(delivered.attempts(), 3);
    assert_eq!(system.handset(&BUSY).await.len(), 1);
}

#[tokio::test]
async fn slots_of_a_crashed_request_cost_idle_time_only() {
    let system = System::start().await;
    reserve_send_slots(&system, 50, 10).await;
    let started = system.now().await;
    system.send_one(DEMO, rate_limited(&PHONE, "Behind it")).await;
    let (came, _) = advance_until(&system, &PHONE, 1).await[0].clone();
    let waited = came.duration_since(started).as_secs_f64();
    assert!((4.0..8.0).contains(&waited), "{waited} s");
}

#[tokio::test]
async fn dry_run_and_repeat_use_no_send_slot() {
    let system = System::start().await;
    let request = json!({"messages": [rate_limited(&PHONE, "Once")]});
    answer(system.request(reqwest::Method::POST, "/message?isDryrun=true").bearer_auth(DEMO).json(&request)).await;
    assert_eq!(free_at(&system).await, None);

    let one = json!({"messages": [with(rate_limited(&PHONE, "One"), "id", "b2693dfe-0813-427a-bc2f-62b0e9292403")]});
    let many: Vec<_> = (0..30).map(|index| rate_limited(&PHONE, &index.to_string())).collect();
    let many = json!({"messages": many});
    let keyed = async || {
        let request = system.request(reqwest::Method::POST, "/message").bearer_auth(DEMO).json(&many);
        answer(request.header("Idempotency-Key", "thirty")).await.body
    };
    let (first, all) = (system.send(DEMO, &one).await, keyed().await);
    let reserved_until = free_at(&system).await.unwrap();
    assert_eq!((system.send(DEMO, &one).await, keyed().await), (first, all));
    assert_eq!(free_at(&system).await, Some(reserved_until));
    advance_until(&system, &PHONE, 31).await;
    system.advance(60).await;
    system.until_idle().await;
    assert_eq!(system.handset(&PHONE).await.len(), 31, "the jobs of the repeats submitted nothing");
}

#[tokio::test]
async fn early_job_leaves_the_message_to_its_send_slot() {
    let system = one_per_second().await;
    reserve_send_slots(&system, 100, 1).await;
    let id = system.send_one(DEMO, rate_limited(&PHONE, "Not yet")).await.id;
    system.purge_jobs().await;
    system.enqueue_submit(&id).await;
    system.until_only_delayed().await;
    let waiting = system.message(&id).await;
    assert_eq!((waiting.state(), waiting.attempts()), ("queued", 0));
    system.advance(102).await;
    system.until_handset(&PHONE, 1).await;
    system.until_idle().await;
    assert_eq!(system.handset(&PHONE).await.len(), 1);
}

#[tokio::test]
async fn message_waiting_for_a_send_slot_can_be_cancelled() {
    let system = one_per_second().await;
    for ahead in [100, 2_000] {
        reserve_send_slots(&system, ahead, 1).await;
        let id = system.send_one(DEMO, rate_limited(&PHONE, "Never mind")).await.id;
        let cancelled = system.cancel(&id).await;
        assert_eq!(cancelled.body["state"], "cancelled", "{}", cancelled.body);
    }
    system.advance(4_000).await;
    system.until_idle().await;
    assert!(system.handset(&PHONE).await.is_empty());
}

#[tokio::test]
async fn lost_jobs_are_requeued_for_their_send_slots() {
    let system = one_per_second().await;
    reserve_send_slots(&system, 100, 1).await;
    system.send_one(DEMO, rate_limited(&PHONE, "Its job is lost")).await;
    reserve_send_slots(&system, 1_000, 1).await;
    system.send_one(DEMO, rate_limited(&OTHER_PHONE, "On a wake")).await;
    system.purge_jobs().await;
    assert_eq!(requeue(&gateway(&system)).await.unwrap(), 1);
    system.advance(90).await;
    assert!(system.handset(&PHONE).await.is_empty());
    system.advance(12).await;
    system.until_handset(&PHONE, 1).await;
    system.advance(1_000).await;
    system.until_handset(&OTHER_PHONE, 1).await;
}

#[tokio::test]
async fn sender_keeps_its_rate_after_a_standstill() {
    let system = System::start().await.without_gateway().await;
    let send = send::Send::new(&system.environment()).unwrap();
    let messages: Vec<_> = (0..40).map(|index| rate_limited(&PHONE, &index.to_string())).collect();
    let answered = send.handle(invocation("/message", &json!({"messages": messages}))).await;
    assert_eq!(answered.status(), 200);
    system.advance(3_600).await;
    let system = system.with_gateway().await;
    let came = advance_until(&system, &PHONE, 40).await;
    let elapsed = came[39].0.duration_since(came[0].0).as_secs_f64();
    assert!(elapsed > 2.9, "40 came in {elapsed} s");
}

#[tokio::test]
async fn expiry_before_the_send_slot_is_reported_on_time() {
    let system = one_per_second().await;
    reserve_send_slots(&system, 10_000, 1).await;
    let until = (system.now().await + SignedDuration::from_secs(120)).strftime("%Y-%m-%d %H:%M:%S GMT").to_string();
    let message = json!({"from": SENDER, "to": [{"number": format!("00{PHONE}")}], "body": {"content": "Soon"}, "validity": until});
    let posted = system.request(reqwest::Method::POST, "/v1.0/message").header("X-CM-PRODUCTTOKEN", DEMO);
    let posted = answer(posted.json(&json!({"messages": {"msg": [message]}}))).await;
    assert_eq!(posted.status, 200, "{}", posted.body);
    let id = system.newest().await.id().to_owned();
    system.advance(100).await;
    assert_eq!(system.message(&id).await.state(), "queued");
    system.advance(25).await;
    system.until_state(&id, "expired").await;
    assert!(system.handset(&PHONE).await.is_empty());
}

#[tokio::test]
async fn slot_waits_do_not_extend_the_busy_deadline() {
    let carrier = ScriptedCarrier::start([SubmitAnswer::Busy]).await;
    let config = TestConfig::new().carrier_endpoint("loopback", carrier.url());
    let system = System::with_config(config).await;
    let accepted = system.send(DEMO, &json!({"messages": [rate_limited(&PHONE, "Hello")]})).await;
    let id = &accepted[0].id;
    for attempts in 1..=3 {
        system.until_state_after(id, "queued", attempts).await;
        // The slots of the next nine hours are reserved, so the next attempt waits.
        reserve_send_slots(&system, 9 * 3_600 * 10, 10).await;
        system.advance(60).await;
        until_waiting(&system, id).await;
        system.advance(9 * 3_600 + 60).await;
    }
    let message = system.until_state(id, "expired").await;
    let reason = message.last_reason();
    assert!(reason.contains("for a day"), "{reason}");
    assert_eq!(carrier.requests().len(), 4);
}
