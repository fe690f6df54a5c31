//! Lines after crashes: lost jobs, dead dealers, duplicate dealers, wrong counts.

use futures_util::future::join_all;
use serde_json::json;
use shared::{
    flow::operator::requeue::requeue,
    gateway::{Part, connect_gateway},
};
use strum::VariantArray;
use tests::System;

use super::{DEMO, OTHER_PHONE, PHONE, SENDER, arrivals, assert_order, assert_rate, numbered};
use crate::admin::printed;

#[tokio::test]
async fn lost_job_is_replaced_by_requeue_or_the_next_message() {
    let system = System::start().await.without_gateway().await;
    let send = send::Send::new(&system.environment_of("send")).unwrap();
    let post = async |phone: &str, count: usize| {
        let request = crate::system::invocation("/message", &json!({"messages": numbered(phone, count)}));
        assert_eq!(send.handle(request).await.status(), 200);
    };
    post(&PHONE, 3).await;
    system.purge_jobs().await;
    let gateway = connect_gateway(&system.environment(), Part::VARIANTS).unwrap();
    assert_eq!(requeue(&gateway).await.unwrap(), 3);
    assert_eq!(system.queue_length("SendSlotsQueue").await, 1, "one job for the sender");
    let system = system.with_gateway().await;
    system.until_handset(&PHONE, 3).await;

    let system = system.without_gateway().await;
    post(&OTHER_PHONE, 2).await;
    system.purge_jobs().await;
    post(&OTHER_PHONE, 2).await;
    let system = system.with_gateway().await;
    system.until_handset(&OTHER_PHONE, 4).await;
}

/// The dealer died with a lease. Its messages go when the lease has ended and a job comes.
#[tokio::test]
async fn dead_dealer_is_replaced_when_its_lease_has_ended() {
    let system = System::start().await;
    system.hold_send_slots(SENDER).await;
    system.send_all(DEMO, numbered(&PHONE, 5)).await;
    system.lease_send_slots_until(SENDER, system.now().await.as_millisecond() + 20_000).await;
    system.enqueue_deal(SENDER).await;
    system.until_idle().await;
    assert!(system.handset(&PHONE).await.is_empty(), "the dead dealer may have used the slots of its lease");
    system.advance(21).await;
    system.enqueue_deal(SENDER).await;
    system.until_handset(&PHONE, 5).await;
    assert_order(&arrivals(&system, &PHONE).await);
}

/// The queues are lost, and the dead dealer's lease goes on for 15 seconds.
#[tokio::test]
async fn requeue_waits_for_the_lease_of_a_dead_dealer() {
    let system = System::start().await;
    system.hold_send_slots(SENDER).await;
    system.send_all(DEMO, numbered(&PHONE, 2)).await;
    system.lease_send_slots_until(SENDER, system.now().await.as_millisecond() + 15_000).await;
    let gateway = connect_gateway(&system.environment(), Part::VARIANTS).unwrap();
    assert_eq!(requeue(&gateway).await.unwrap(), 2);
    system.until_only_delayed().await;
    assert!(system.handset(&PHONE).await.is_empty());
    system.advance(16).await;
    system.until_handset(&PHONE, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn duplicate_jobs_do_not_exceed_the_rate() {
    let system = System::start().await;
    system.send_all(DEMO, numbered(&PHONE, 30)).await;
    join_all((0..12).map(|_| system.enqueue_deal(SENDER))).await;
    system.until_handset(&PHONE, 30).await;
    system.until_idle().await;
    let came = arrivals(&system, &PHONE).await;
    assert_rate(&came, 10);
    assert_order(&came);
    assert_eq!(came.len(), 30);
}

/// A job may come for a sender without a record, or after the operator removed its limit.
#[tokio::test]
async fn dealer_of_a_sender_without_lines_or_limit_ends() {
    let system = System::start().await;
    system.enqueue_deal(SENDER).await;
    system.until_idle().await;

    system.hold_send_slots(SENDER).await;
    system.send_all(DEMO, numbered(&PHONE, 40)).await;
    printed(&system, &["sender", "rate", SENDER, "--unlimited"]).await;
    // Longer than the caches of the directory.
    system.advance(31).await;
    let began = system.now().await;
    system.free_send_slots(SENDER).await;
    system.until_handset(&PHONE, 40).await;
    let took = arrivals(&system, &PHONE).await[39].0.duration_since(began).as_secs_f64();
    assert!(took < 3.0, "{took} s");
    system.until_idle().await;
}

/// An update of a sender's record may change a hundred lines at most.
#[tokio::test]
async fn many_accounts_share_a_sender() {
    let system = System::start().await;
    system.hold_send_slots(SENDER).await;
    for number in 0..250 {
        system.set_waiting(SENDER, &format!("normal#account-{number}"), 0).await;
    }
    system.send_all(DEMO, numbered(&PHONE, 3)).await;
    system.free_send_slots(SENDER).await;
    system.until_handset(&PHONE, 3).await;
    system.until_idle().await;
    let left = system.waiting(SENDER).await;
    assert!(left.len() < 250 && left.values().all(|count| *count == 0), "{left:?}");
}

/// After a crash, a count may be too high, which is corrected, or too low, which loses no message.
#[tokio::test]
async fn wrong_counts_are_corrected() {
    let system = System::start().await;
    system.set_waiting(SENDER, "bulk#demo", 7).await;
    system.send_all(DEMO, numbered(&PHONE, 3)).await;
    system.until_handset(&PHONE, 3).await;
    for _ in 0..3 {
        system.until_only_delayed().await;
        system.advance(31).await;
    }
    system.until_idle().await;
    assert!(system.waiting(SENDER).await.is_empty());

    system.hold_send_slots(SENDER).await;
    system.send_all(DEMO, numbered(&OTHER_PHONE, 3)).await;
    system.set_waiting(SENDER, "normal#demo", -5).await;
    system.free_send_slots(SENDER).await;
    system.until_handset(&OTHER_PHONE, 3).await;
    system.until_idle().await;
    assert!(system.waiting(SENDER).await.is_empty());
}
