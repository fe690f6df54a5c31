//! Scheduled messages: sent once, at their time, unless they were cancelled.

use std::time::Duration;

use futures_util::future::join;
use jiff::ToSpan;
use reqwest::StatusCode;
use schedule_tick::ScheduleTick;
use serde_json::json;
use tests::{Accepted, Phone, System};

use crate::system::{DEMO, OTHER, owned, with};

const PHONE: Phone = Phone::delivers();

async fn scheduled(system: &System, seconds: i64) -> Accepted {
    let at = system.now().await + seconds.seconds();
    let message = with(owned(&PHONE, "Later"), "send_at", at.to_string());
    system.send_one(DEMO, message).await
}

#[tokio::test]
async fn scheduled_message_arrives_once_at_its_time() {
    let system = System::start().await;
    let message = scheduled(&system, 86_400).await;
    assert_eq!(message["scheduled"], true);
    assert_eq!(system.message(&message).await.state(), "scheduled");

    system.advance(86_400 - 600).await;
    system.until_idle().await;
    assert!(system.handset(&PHONE).await.is_empty(), "ten minutes early");

    system.advance(600).await;
    system.until_handset(&PHONE, 1).await;
    system.until_state(&message, "delivered").await;
    system.advance(3_600).await;
    system.until_idle().await;
    assert_eq!(system.handset(&PHONE).await.len(), 1);
}

#[tokio::test]
async fn queue_delays_scheduled_work_to_the_exact_second() {
    let system = System::start().await;
    let message = scheduled(&system, 3_600).await;
    let at: jiff::Timestamp = message["send_at"].as_str().unwrap().parse().unwrap();
    // A tick looks two minutes ahead, so it enqueues with about a minute's delay.
    system.advance(3_600 - 60).await;
    assert!(system.handset(&PHONE).await.is_empty());
    system.advance(61).await;
    system.until_handset(&PHONE, 1).await;
    let message = system.until_state(&message, "delivered").await;
    let change = message.history().iter().find(|change| change["state"] == "submitting").unwrap();
    let submitted: jiff::Timestamp = change["at"].as_str().unwrap().parse().unwrap();
    assert!(submitted >= at, "{submitted} is before {at}");
}

#[tokio::test]
async fn near_and_past_times_are_sent_at_once() {
    let system = System::start().await;
    for seconds in [-86_400, 0, 290] {
        assert_eq!(scheduled(&system, seconds).await["scheduled"], false, "{seconds}");
    }
    system.until_handset(&PHONE, 3).await;
}

#[tokio::test]
async fn cancelled_message_is_never_sent() {
    let system = System::start().await;
    let message = scheduled(&system, 3_600).await;
    assert_eq!(system.delete(OTHER, &format!("/messages/{}", message.id)).await.status, StatusCode::NOT_FOUND);
    let cancelled = system.cancel(&message).await;
    assert_eq!((cancelled.status, &cancelled.body["state"]), (StatusCode::OK, &"cancelled".into()));
    assert_eq!(system.cancel(&message).await.status, StatusCode::OK, "a repeat changes nothing");
    system.advance(7_200).await;
    system.until_idle().await;
    assert!(system.handset(&PHONE).await.is_empty());
}

#[tokio::test]
async fn submitted_message_cannot_be_cancelled() {
    let system = System::start().await;
    let message = system.send_one(DEMO, owned(&PHONE, "Gone")).await;
    system.until_state(&message, "delivered").await;
    let answer = system.cancel(&message).await;
    assert_eq!((answer.status, &answer.body["type"]), (StatusCode::CONFLICT, &"urn:problem:too-late".into()));
}

#[tokio::test]
async fn cancel_racing_a_tick_has_one_winner() {
    let system = System::start().await;
    let (mut sent, mut cancelled) = (0, 0);
    for _ in 0..15 {
        let message = scheduled(&system, 400).await;
        let ((), answer) = join(system.advance(400), system.cancel(&message)).await;
        system.until_idle().await;
        let state = system.message(&message).await.state().to_owned();
        if answer.status == StatusCode::OK {
            assert_eq!(state, "cancelled");
            cancelled += 1;
        } else {
            assert_eq!(answer.status, StatusCode::CONFLICT);
            sent += 1;
        }
        assert_eq!(system.handset(&PHONE).await.len(), sent, "after {cancelled} cancelled and {sent} sent");
    }
}

#[tokio::test]
async fn scheduled_work_of_a_later_release_blocks_no_other() {
    let system = System::start().await;
    for shard in 0..shared::store::WAKE_SHARDS {
        let item = json!({
            "id": {"S": format!("novelty#{shard}")}, "wake_shard": {"N": shard.to_string()}, "wake_at": {"N": "1"},
        });
        system.put_item("MessagesTable", item).await;
    }
    let message = scheduled(&system, 3_600).await;
    system.advance(3_600).await;
    system.until_state(&message, "delivered").await;
}

/// Without workers, ticks do not add job after job. A job that was lost is replaced.
#[tokio::test]
async fn backlog_of_ten_minutes_adds_no_second_job() {
    const COUNT: u64 = 50;
    let system = System::start().await;
    for _ in 0..COUNT {
        scheduled(&system, 3_600).await;
    }
    let system = system.without_gateway().await;
    let environment = system.environment_of("schedule-tick");
    let tick = ScheduleTick::new(&environment).unwrap();
    for minutes in 60..70 {
        environment.clock.set_ahead(Duration::from_mins(minutes));
        tick.handle(u64::MAX).await.unwrap();
    }
    assert_eq!(system.queue_length("JobsQueue").await, COUNT);

    system.purge_jobs().await;
    environment.clock.set_ahead(Duration::from_mins(60 + 31));
    tick.handle(u64::MAX).await.unwrap();
    assert_eq!(system.queue_length("JobsQueue").await, COUNT);
    let system = system.with_gateway().await;
    system.advance(91 * 60).await;
    let count = usize::try_from(COUNT).unwrap();
    system.until_handset(&PHONE, count).await;
    system.until_idle().await;
    assert_eq!(system.handset(&PHONE).await.len(), count);
}
