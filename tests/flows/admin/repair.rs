//! `admin dead-letters` and `admin requeue`.

use serde_json::{Value, json};

use super::{PHONE, admin, printed, read};
use crate::system::{DEMO, System, invocation, owned, with};

/// Returns what `admin dead-letters list` shows of a queue.
async fn dead_letters(system: &System, queue: &str) -> Value {
    let shown = read(system, &["dead-letters", "list"]).await;
    shown["dead_letters"].as_array().unwrap().iter().find(|shown| shown["queue"] == queue).unwrap().clone()
}

#[tokio::test]
async fn dead_letters_are_shown_and_replayed() {
    let system = System::start().await.without_gateway().await;
    let send = send::Send::new(&system.environment()).unwrap();
    let request = json!({"messages": [owned(&PHONE, "Given up")]});
    assert_eq!(send.handle(invocation("/message", &request)).await.status(), 200);
    let received = json!({"QueueUrl": system.queue_url("JobsQueue"), "VisibilityTimeout": 600});
    let received = system.aws("AmazonSQS.ReceiveMessage", &received).await;
    let job = received["Messages"][0]["Body"].as_str().unwrap();
    system.aws("AmazonSQS.PurgeQueue", &json!({"QueueUrl": system.queue_url("JobsQueue")})).await;
    let bury = json!({"QueueUrl": system.queue_url("JobsDeadLetters"), "MessageBody": job});
    system.aws("AmazonSQS.SendMessage", &bury).await;

    for _ in 0..2 {
        let jobs = dead_letters(&system, "jobs").await;
        assert_eq!(jobs["waiting"], 1);
        assert_eq!(jobs["letters"][0]["type"], "submit");
    }
    assert!(printed(&system, &["dead-letters", "list"]).await.contains("\njobs: 1 waiting\n"));
    assert_eq!(read(&system, &["dead-letters", "replay", "jobs"]).await["replaying"], 1);
    assert_eq!(read(&system, &["dead-letters", "replay", "callbacks"]).await["replaying"], 0);
    let jobs = dead_letters(&system, "jobs").await;
    assert_eq!((&jobs["waiting"], &jobs["replay"]["moved"]), (&json!(0), &json!(1)));
    system.with_gateway().await.until_handset(&PHONE, 1).await;
}

#[tokio::test]
async fn dead_lettered_callback_is_replayed() {
    let system = System::start().await;
    let message = with(owned(&PHONE, "Hello"), "callback", format!("{}?status=500", system.sink("failing")));
    system.send_one(DEMO, message).await;
    system.until_sink_requests("failing", 1).await;
    system.until_dead_lettered(1).await;
    let callbacks = dead_letters(&system, "callbacks").await;
    assert_eq!(
        (&callbacks["letters"][0]["type"], &callbacks["letters"][0]["state"]),
        (&json!("state"), &json!("delivered"))
    );
    let tries = system.sink_requests("failing").await.len();
    printed(&system, &["dead-letters", "replay", "callbacks"]).await;
    system.until_sink_requests("failing", tries + 1).await;
}

#[tokio::test]
async fn requeue_acts_only_when_confirmed() {
    let system = System::start().await.without_gateway().await;
    let send = send::Send::new(&system.environment()).unwrap();
    let request = json!({"messages": [owned(&PHONE, "Its job is lost")]});
    assert_eq!(send.handle(invocation("/message", &request)).await.status(), 200);
    system.aws("AmazonSQS.PurgeQueue", &json!({"QueueUrl": system.queue_url("JobsQueue")})).await;
    let unsure = admin(&system, &["requeue"]).await;
    assert!(unsure.code == 2 && unsure.err.contains("enqueue 1 message. Run it again with --yes"), "{}", unsure.err);
    let unsure = admin(&system, &["--json", "requeue"]).await;
    let counts: Value = serde_json::from_str(&unsure.err).unwrap();
    assert!(unsure.code == 2 && counts["messages"] == 1 && counts["error"].is_string(), "{counts}");
    assert_eq!(system.queue_length("JobsQueue").await, 0);
    assert_eq!(read(&system, &["requeue", "--yes"]).await["enqueued"], 1);
    system.with_gateway().await.until_handset(&PHONE, 1).await;
}
