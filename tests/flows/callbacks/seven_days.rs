//! The retries of a callback that always fails, attempt by attempt over seven days.

use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use shared::{callbacks::retry_gap, queue::CallbackJob};
use tests::{System, TestServer};

use super::{DAY, send};
use crate::admin::read;

/// The longest SQS delay.
const MAX_QUEUE_DELAY_SECONDS: u64 = 900;

/// Receives and deletes the only job in the queue.
async fn receive(system: &System) -> Option<SqsMessage> {
    let url = json!({"QueueUrl": system.queue_url("CallbacksQueue"), "WaitTimeSeconds": 0});
    let received = system.aws("AmazonSQS.ReceiveMessage", &url).await;
    let found = received["Messages"].as_array()?.first()?.clone();
    let mut job = SqsMessage::default();
    job.message_id = found["MessageId"].as_str().map(str::to_owned);
    job.body = found["Body"].as_str().map(str::to_owned);
    let delete = json!({"QueueUrl": url["QueueUrl"], "ReceiptHandle": found["ReceiptHandle"]});
    system.aws("AmazonSQS.DeleteMessage", &delete).await;
    Some(job)
}

#[tokio::test]
async fn callback_is_retried_with_backoff_for_seven_days() {
    let system = System::start().await;
    let started = system.now().await.to_string();
    let client = TestServer::answering(200).await;
    send(&system, client.url().as_str()).await;
    client.until_calls(&system, 1).await;
    system.until_idle().await;
    // From here on the test is the worker, and sets its clock to the second.
    let system = system.without_gateway().await;
    client.answers(503);
    assert_eq!(read(&system, &["callback", "replay", "demo", "--since", &started, "--yes"]).await["messages"], 1);
    system.advance(32).await;
    let environment = system.environment();
    let callback = callback::Callback::new(&environment).unwrap();
    let (mut clock_offset, mut attempts, mut planned) = (0_u64, Vec::<Timestamp>::new(), Vec::new());
    while system.queue_length("CallbacksDeadLetters").await == 0 {
        let job = receive(&system).await.expect("a job is due after the longest delay of the queue");
        let (calls, now) = (client.calls(), environment.clock.now());
        planned.extend(CallbackJob::read(job.body.as_deref().unwrap()).unwrap().not_before);
        let mut event = SqsEvent::default();
        event.records = vec![job];
        assert!(callback.handle(event).await.batch_item_failures.is_empty());
        if client.calls() > calls {
            assert_eq!(client.calls(), calls + 1);
            attempts.push(now);
        }
        system.reset_endpoint_health().await;
        let waiting = system.queue_length("CallbacksQueue").await + system.queue_length("CallbacksDeadLetters").await;
        assert_eq!(waiting, 1, "the event is in one queue");
        clock_offset += MAX_QUEUE_DELAY_SECONDS;
        system.advance(MAX_QUEUE_DELAY_SECONDS).await;
        environment.clock.set_ahead(Duration::from_secs(clock_offset));
    }
    planned.dedup();
    assert_eq!(planned.len(), attempts.len() - 1);
    let gap = |(from, until): (&Timestamp, &Timestamp)| until.duration_since(*from).as_secs_f64();
    let gaps: Vec<_> = attempts.iter().zip(&planned).map(gap).collect();
    let (last, others) = gaps.split_last().unwrap();
    assert!(*last <= 21_600.0 * 1.2 + 1.0, "the last gap ends with the seven days: {last} s");
    for (attempt, gap) in (1..).zip(others) {
        let usual = retry_gap(attempt).as_secs_f64();
        // Jitter changes a gap by up to a fifth, and the attempt itself takes up to a second.
        assert!((usual * 0.8..usual * 1.2 + 1.0).contains(gap), "gap {attempt}: {gap} s for {usual} s");
    }
    let is_jittered = |gap: &&f64| (**gap - 21_600.0).abs() > 60.0;
    assert!(gaps.iter().skip(9).filter(is_jittered).count() > 10, "the gaps have jitter: {gaps:?}");
    let lasted = attempts.last().unwrap().duration_since(attempts[0]).as_secs();
    assert!((7 * DAY..=7 * DAY + MAX_QUEUE_DELAY_SECONDS.cast_signed()).contains(&lasted), "{lasted} s");
    // About nine attempts in the first eight hours, then one every five to seven hours.
    assert!((30..=43).contains(&attempts.len()), "{} attempts", attempts.len());
}

#[tokio::test]
async fn replayed_sqs_dead_letter_gets_a_new_retry_period() {
    let system = System::start().await;
    let client = TestServer::answering(500).await;
    send(&system, client.url().as_str()).await;
    client.until_calls(&system, 1).await;
    system.until_only_delayed().await;
    let system = system.without_gateway().await;
    system.advance(MAX_QUEUE_DELAY_SECONDS).await;
    let mut dead = receive(&system).await.unwrap();
    let mut job = CallbackJob::read(dead.body.as_deref().unwrap()).unwrap();
    // We make it look like a job whose worker crashed ten days ago, after a day with attempts.
    let ago = |days: i64| Some(job.created_at - SignedDuration::from_hours(24 * days));
    (job.attempts, job.first_attempt_at, job.not_before) = (8, ago(11), ago(10));
    dead.body = Some(job.write());
    let environment = system.environment();
    environment.clock.set_ahead(Duration::from_secs(MAX_QUEUE_DELAY_SECONDS));
    let mut event = SqsEvent::default();
    event.records = vec![dead];
    let callback = callback::Callback::new(&environment).unwrap();
    assert!(callback.handle(event).await.batch_item_failures.is_empty());
    assert_eq!((client.calls(), system.queue_length("CallbacksDeadLetters").await), (2, 0));
    system.advance(MAX_QUEUE_DELAY_SECONDS).await;
    let again = CallbackJob::read(receive(&system).await.unwrap().body.as_deref().unwrap()).unwrap();
    assert!(again.attempts == 1 && again.first_attempt_at > Some(job.created_at), "{again:?}");
}
