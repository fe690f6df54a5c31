//! What a message costs, in the requests and units that AWS bills: each function
//! is called by itself, and the world's meter read before and after. `cargo test
//! budget -- --nocapture` prints the table.

use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use serde_json::{Value, json};
use shared::runtime::Environment;

use crate::system::{System, answer, invocation, owned, shared, with};

const TOKEN: &str = "loopback-webhook-token";

/// What a step may cost. Reads of the directory are left out: a warm function
/// makes each twice a minute, whatever it handles.
struct Budget {
    step: &'static str,
    messages: f64,
    writes: f64,
    reads: f64,
    sqs: f64,
}

/// The functions of one system whose own gateway has ended, so that nothing
/// runs but what is called.
struct Functions {
    system: System,
    environment: Environment,
}

impl Functions {
    async fn start() -> Self {
        let system = System::start().await.without_gateway().await;
        Self { environment: system.environment(), system }
    }

    /// Runs a step, and gives what it cost.
    async fn cost(&self, step: impl Future<Output = ()>) -> Value {
        let meter = self.system.world.url().join("meter").unwrap();
        self.system.client.delete(meter.clone()).send().await.unwrap();
        step.await;
        answer(self.system.client.get(meter)).await.body
    }

    /// Takes the jobs that wait in a queue, as Lambda would bring them.
    async fn take(&self, queue: &str) -> SqsEvent {
        let wanted = json!({"QueueUrl": self.system.queue_url(queue), "MaxNumberOfMessages": 10});
        let received = self.system.aws("AmazonSQS.ReceiveMessage", &wanted).await;
        let mut event = SqsEvent::default();
        for message in received["Messages"].as_array().into_iter().flatten() {
            let mut record = SqsMessage::default();
            record.message_id = message["MessageId"].as_str().map(str::to_owned);
            record.body = message["Body"].as_str().map(str::to_owned);
            event.records.push(record);
        }
        event
    }
}

/// The units of one kind, of all operations but those that read the directory:
/// the caller has warmed it up.
fn units(meter: &Value, kind: &str) -> f64 {
    meter["total"][kind].as_f64().unwrap()
}

fn sends(meter: &Value) -> f64 {
    let of = |operation: &str| meter["sqs"][operation]["requests"].as_f64().unwrap_or_default();
    of("SendMessage") + of("SendMessageBatch")
}

fn check(budget: &Budget, meter: &Value) {
    let per = |total: f64| total / budget.messages;
    let measured = [per(units(meter, "write_units")), per(units(meter, "read_units")), per(sends(meter))];
    let allowed = [budget.writes, budget.reads, budget.sqs];
    println!(
        "{:<34} writes {:>5.2} of {:<5} reads {:>5.2} of {:<5} sqs {:>5.2} of {}",
        budget.step, measured[0], allowed[0], measured[1], allowed[1], measured[2], allowed[2]
    );
    for (measured, allowed) in measured.iter().zip(allowed) {
        assert!(*measured <= allowed + 1e-9, "{}: {meter:#}", budget.step);
    }
}

#[tokio::test]
async fn each_step_stays_within_its_budget() {
    let functions = Functions::start().await;
    let environment = &functions.environment;
    let send = send::Send::new(environment).unwrap();
    let dispatch = dispatch::Dispatch::new(environment).unwrap();
    let dlr = dlr_webhook::DlrWebhook::new(environment).unwrap();
    let mo = mo_webhook::MoWebhook::new(environment).unwrap();
    let callback = callback::Callback::new(environment).unwrap();
    let tick = schedule_tick::ScheduleTick::new(environment).unwrap();

    // As long as one segment gets, with a callback: the item must stay below one kilobyte.
    let sink = functions.system.sink("a-sink-with-quite-a-long-name");
    let message = |to: &str| with(owned(to, &"x".repeat(160)), "callback", sink.as_str());
    let accept = async |messages: Vec<Value>| {
        let response = send.handle(invocation("/message", &json!({"messages": messages}))).await;
        assert_eq!(response.status(), 200);
        serde_json::from_slice::<Value>(response.body()).unwrap()["messages"].clone()
    };
    let check_step = |step, messages, writes, reads, sqs, meter: &Value| {
        check(&Budget { step, messages, writes, reads, sqs }, meter);
    };

    accept(vec![message("447700900301")]).await; // warms the directory
    let meter = functions.cost(async { drop(accept(vec![message("447700900302")]).await) }).await;
    check_step("accept 1", 1.0, 3.0, 0.0, 1.0, &meter);
    let named = || json!({"from": {"type": "custom", "value": "sender-id"}, "to": "447700900303", "body": "x"});
    accept(vec![named()]).await;
    let meter = functions.cost(async { drop(accept(vec![named()]).await) }).await;
    check_step("accept 1, cannot be answered", 1.0, 2.0, 0.0, 1.0, &meter);
    let later = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)).to_string();
    let scheduled = with(message("447700900304"), "send_at", later);
    let meter = functions.cost(async { drop(accept(vec![scheduled]).await) }).await;
    check_step("accept 1, scheduled", 1.0, 4.0, 0.0, 0.0, &meter);
    let many: Vec<_> = (0..100).map(|index| message(&format!("4477009003{index:02}"))).collect();
    let meter = functions.cost(async { drop(accept(many).await) }).await;
    check_step("accept 100, each", 100.0, 3.0, 0.0, 0.1, &meter);

    let pooled = |to: &str| with(shared(to, "Hello"), "callback", sink.as_str());
    accept(vec![pooled("447700900310")]).await;
    let meter = functions.cost(async { drop(accept(vec![pooled("447700900311")]).await) }).await;
    check_step("accept 1, shared, first contact", 1.0, 4.0, 0.5, 1.0, &meter);
    let meter = functions.cost(async { drop(accept(vec![pooled("447700900311")]).await) }).await;
    check_step("accept 1, shared, known", 1.0, 3.0, 0.5, 1.0, &meter);

    functions.take("JobsQueue").await;
    let accepted = accept(vec![message("447700900305")]).await;
    let id = accepted[0]["messageUuid"].as_str().unwrap();
    let job = |id: &str| {
        let mut record = SqsMessage::default();
        record.body = Some(json!({"v": 1, "type": "submit", "message": id}).to_string());
        let mut event = SqsEvent::default();
        event.records.push(record);
        event
    };
    let warm = accept(vec![message("447700900306")]).await;
    dispatch.handle(job(warm[0]["messageUuid"].as_str().unwrap())).await;
    let meter = functions.cost(async { drop(dispatch.handle(job(id)).await) }).await;
    check_step("submit", 1.0, 2.0, 1.0, 0.0, &meter);

    let path = format!("/dlr/loopback/{TOKEN}/{id}");
    let receipt = json!({"id": "c", "reference": id, "status": "delivered", "code": "00", "description": "Delivered"});
    dlr.handle(invocation(&format!("/dlr/loopback/{TOKEN}/{}", uuid::Uuid::nil()), &receipt)).await; // warms the directory
    let meter = functions.cost(async { assert_eq!(dlr.handle(invocation(&path, &receipt)).await.status(), 200) }).await;
    check_step("receipt", 1.0, 1.0, 0.5, 1.0, &meter);
    let meter = functions.cost(async { assert_eq!(dlr.handle(invocation(&path, &receipt)).await.status(), 200) }).await;
    check_step("receipt, repeated", 1.0, 0.0, 0.5, 0.0, &meter);

    let told = functions.take("CallbacksQueue").await;
    assert_eq!(told.records.len(), 1);
    callback.handle(told.clone()).await; // warms the directory
    let meter = functions.cost(async { drop(callback.handle(told).await) }).await;
    check_step("callback", 1.0, 0.0, 0.5, 0.0, &meter);

    let reply = |id: &str| json!({"id": id, "from": "447700900305", "to": "441234567890", "text": "Yes please"});
    let path = format!("/mo/loopback/{TOKEN}");
    mo.handle(invocation(&path, &reply("r1"))).await; // warms the directory
    let meter =
        functions.cost(async { assert_eq!(mo.handle(invocation(&path, &reply("r2"))).await.status(), 200) }).await;
    check_step("reply", 1.0, 3.0, 3.0, 1.0, &meter);

    let meter = functions.cost(async { tick.handle(u64::MAX).await.unwrap() }).await;
    check_step("idle tick", 1.0, 0.0, 4.0, 0.0, &meter);
    assert_eq!(meter["dynamodb"]["Query"]["requests"], 8, "one query a shard");
}
