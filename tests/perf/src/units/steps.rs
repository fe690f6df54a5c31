//! Costs of each step, for a message and for batches.

use std::time::Duration;

use ::shared::domain::{Unmatched, UnmatchedKind, WebhookItem};
use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    Phone, carrier,
    system::{CM_TOKEN, System, TOKEN, invocation, owned, shared, with},
};

use super::{Stage, Step, Used};

/// Phones for which only the test sends receipts. The phone that replies got a single message, because a
/// reply reads the conversation.
const QUIET: Phone = Phone::delivers_without_receipt();

/// A little more than the delay before an unmatched item's first retry.
const FIRST_TRY_AFTER: Duration = Duration::from_secs(65);

/// Measures each step with warm caches.
pub async fn steps() -> anyhow::Result<Vec<Step>> {
    let stage = Stage::of(System::start().await).await;
    let functions = Functions::of(&stage)?;
    let mut steps = Box::pin(functions.accepts()).await?;
    steps.extend(Box::pin(functions.on_the_way()).await?);
    let used = stage.cost(async { Ok(functions.tick.handle(u64::MAX).await?) }).await?;
    steps.push(Step { name: "tick, idle".to_owned(), messages: 1.0, used });
    Ok(steps)
}

struct Functions<'a> {
    stage: &'a Stage,
    /// As long as callback URLs are in practice, because an item over 1 KB costs more.
    sink: String,
    send: send::Send,
    dispatch: dispatch::Dispatch,
    dlr: dlr_webhook::DlrWebhook,
    mo: mo_webhook::MoWebhook,
    callback: callback::Callback,
    tick: schedule_tick::ScheduleTick,
}

impl<'a> Functions<'a> {
    fn of(stage: &'a Stage) -> anyhow::Result<Self> {
        let environment = &stage.environment;
        Ok(Self {
            stage,
            sink: stage.system.sink("a-sink-with-quite-a-long-name"),
            send: send::Send::new(environment)?,
            dispatch: dispatch::Dispatch::new(environment)?,
            dlr: dlr_webhook::DlrWebhook::new(environment)?,
            mo: mo_webhook::MoWebhook::new(environment)?,
            callback: callback::Callback::new(environment)?,
            tick: schedule_tick::ScheduleTick::new(environment)?,
        })
    }

    /// Returns a message with a full segment, from the account's own number.
    fn message(&self, to: &str) -> Value {
        with(owned(to, &"x".repeat(160)), "callback", self.sink.as_str())
    }

    async fn accept(&self, messages: Vec<Value>) -> anyhow::Result<Value> {
        let response = self.send.handle(invocation("/message", &json!({"messages": messages}))).await;
        anyhow::ensure!(response.status() == 200, "accept answered {}", response.status());
        Ok(serde_json::from_slice::<Value>(response.body())?["messages"].take())
    }

    /// Accepts a message and returns its ID.
    async fn accepted(&self, to: &str) -> anyhow::Result<String> {
        let accepted = self.accept(vec![self.message(to)]).await?;
        Ok(accepted[0]["messageUuid"].as_str().unwrap_or_default().to_owned())
    }

    async fn accepting(&self, name: &str, messages: Vec<Value>) -> anyhow::Result<Step> {
        let count = f64::from(u32::try_from(messages.len())?);
        let used = self.stage.cost(async { self.accept(messages).await.map(drop) }).await?;
        Ok(Step { name: name.to_owned(), messages: count, used })
    }

    /// Accepts a batch and returns its ID.
    async fn batch(&self, batch: &Value) -> anyhow::Result<String> {
        let response = self.send.handle(invocation("/batch?allowMulti", batch)).await;
        anyhow::ensure!(response.status() == 200, "accept answered {}", response.status());
        let answer: Value = serde_json::from_slice(response.body())?;
        Ok(answer["identifier"].as_str().unwrap_or_default().to_owned())
    }

    async fn batches(&self, later: &str) -> anyhow::Result<Vec<Step>> {
        const COUNT: u32 = 1_000;
        let to: Vec<_> = (0..COUNT).map(|index| format!("44770091{index:04}")).collect();
        let one = self.message(&to[0]);
        let batch =
            json!({"from": one["from"]["value"], "message": one["body"], "destinations": to, "callback": self.sink});
        let step = |name: &str, used| Step { name: name.to_owned(), messages: COUNT.into(), used };
        let used = self.stage.cost(async { self.batch(&batch).await.map(drop) }).await?;
        let at_once = step("accept, a batch of 1,000", used);
        let scheduled = with(batch, "send_at", later);
        let used = self.stage.cost(async { self.batch(&scheduled).await.map(drop) }).await?;
        let later = step("accept, a scheduled batch of 1,000", used);
        let path = format!("/batch/{}", self.batch(&scheduled).await?);
        let mut cancel = invocation(&path, &Value::Null);
        *cancel.method_mut() = Method::DELETE;
        let cancel = self.send.handle(cancel);
        let used = self.stage.cost(async { succeeded(&cancel.await) }).await?;
        Ok(vec![at_once, later, step("cancel, a batch of 1,000", used)])
    }

    async fn accepts(&self) -> anyhow::Result<Vec<Step>> {
        self.accept(vec![self.message(&QUIET.nth(1))]).await?;
        let named = || json!({"from": {"type": "custom", "value": "sender-id"}, "to": QUIET.nth(3), "body": "x"});
        self.accept(vec![named()]).await?;
        let later = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)).to_string();
        let many = |count: u32| (0..count).map(|index| self.message(&format!("44770090{index:04}"))).collect();
        let pooled = |to: &str| with(shared(to, "Hello"), "callback", self.sink.as_str());
        self.accept(vec![pooled(&QUIET.nth(10))]).await?;
        let batches = Box::pin(self.batches(&later)).await?;
        let mut steps = vec![
            self.accepting("accept, 1 in a request", vec![self.message(&QUIET.nth(2))]).await?,
            self.accepting("accept, 100 in a request", many(100)).await?,
            self.accepting("accept, 1,000 in a request", many(1_000)).await?,
            self.accepting("accept, sender without replies", vec![named()]).await?,
            self.accepting("accept, scheduled", vec![with(self.message(&QUIET.nth(4)), "send_at", later)]).await?,
            self.accepting("accept, shared sender, first contact", vec![pooled(&QUIET.nth(11))]).await?,
            self.accepting("accept, shared sender, known", vec![pooled(&QUIET.nth(11))]).await?,
        ];
        steps.extend(batches);
        Ok(steps)
    }

    async fn on_the_way(&self) -> anyhow::Result<Vec<Step>> {
        let (stage, dispatch) = (self.stage, &self.dispatch);
        let one = |name: &str, used| Step { name: name.to_owned(), messages: 1.0, used };
        let (warm, id) = (self.accepted(&QUIET.nth(6)).await?, self.accepted(&QUIET.nth(5)).await?);
        dispatch.handle(job(&warm)).await;
        let mut steps = vec![one(
            "submit",
            stage.cost(async { finished(dispatch.handle(job(&id)).await.batch_item_failures.len()) }).await?,
        )];

        let pooled = self.accept(vec![shared(&QUIET.nth(12), "Hello")]).await?;
        let pooled = pooled[0]["messageUuid"].as_str().unwrap_or_default().to_owned();
        let used =
            stage.cost(async { finished(dispatch.handle(job(&pooled)).await.batch_item_failures.len()) }).await?;
        steps.push(one("submit, shared sender, first contact", used));

        let receipt = json!({
            "id": "c", "reference": id, "status": "delivered", "code": "00", "description": "Delivered",
            "network": "23410", "operator": "Loop Mobile", "country": "GB", "parts": 2,
            "price": {"amount": "0.0800", "currency": "EUR"},
        });
        Box::pin(self.unmatched("")).await?;
        for name in ["receipt", "receipt, repeated"] {
            let delivery = self.dlr.handle(invocation(&format!("/dlr/loopback/{TOKEN}/{id}"), &receipt));
            steps.push(one(name, stage.cost(async { succeeded(&delivery.await) }).await?));
        }

        let callbacks = stage.receive("CallbacksQueue").await;
        anyhow::ensure!(callbacks.records.len() == 1, "{} callbacks are enqueued", callbacks.records.len());
        self.callback.handle(callbacks.clone()).await;
        let delivery = async { finished(self.callback.handle(callbacks).await.batch_item_failures.len()) };
        steps.push(one("callback", stage.cost(delivery).await?));
        steps.push(one("callback, endpoint disabled", Box::pin(self.callback_withheld()).await?));
        steps.push(one("callback, failed", Box::pin(self.failed_callback()).await?));

        let reply = |id: &str| json!({"id": id, "from": QUIET.nth(5), "to": "441234567890", "text": "Yes please"});
        let path = format!("/mo/loopback/{TOKEN}");
        self.mo.handle(invocation(&path, &reply("r1"))).await;
        let delivery = self.mo.handle(invocation(&path, &reply("r2")));
        steps.push(one("reply", stage.cost(async { succeeded(&delivery.await) }).await?));
        steps.extend(Box::pin(self.unmatched("receipt, unmatched")).await?);
        steps.extend(Box::pin(self.over_channels()).await?);
        Ok(steps)
    }

    async fn failed_callback(&self) -> anyhow::Result<Used> {
        let callbacks = self.enqueued_callback(format!("{}?status=500", self.sink)).await?;
        let delivery = async { finished(self.callback.handle(callbacks).await.batch_item_failures.len()) };
        self.stage.cost(delivery).await
    }

    /// Measures a callback to an endpoint that answered 410 before.
    async fn callback_withheld(&self) -> anyhow::Result<Used> {
        let gone = format!("{}-gone?status=410", self.sink);
        self.callback.handle(self.enqueued_callback(gone.clone()).await?).await;
        // Takes the notice of the disabled endpoint off the queue.
        self.stage.receive("CallbacksQueue").await;
        let callbacks = self.enqueued_callback(gone).await?;
        let delivery = async { finished(self.callback.handle(callbacks).await.batch_item_failures.len()) };
        self.stage.cost(delivery).await
    }

    /// Delivers a message and returns its callback job.
    async fn enqueued_callback(&self, callback: String) -> anyhow::Result<SqsEvent> {
        let message = with(self.message(&QUIET.nth(7)), "callback", callback);
        let accepted = self.accept(vec![message]).await?;
        let id = accepted[0]["messageUuid"].as_str().unwrap_or_default().to_owned();
        self.dispatch.handle(job(&id)).await;
        let receipt = json!({"id": "c", "reference": id, "status": "delivered", "code": "00"});
        succeeded(&self.dlr.handle(invocation(&format!("/dlr/loopback/{TOKEN}/{id}"), &receipt)).await)?;
        let callbacks = self.stage.receive("CallbacksQueue").await;
        anyhow::ensure!(callbacks.records.len() == 1, "{} callbacks are enqueued", callbacks.records.len());
        Ok(callbacks)
    }

    /// Measures storing an unmatched receipt and retrying it, but not the tick that enqueues the retry.
    async fn unmatched(&self, name: &str) -> anyhow::Result<[Step; 2]> {
        let one = |name: &str, used| Step { name: name.to_owned(), messages: 1.0, used };
        let nobody = uuid::Uuid::new_v4();
        let receipt = json!({"id": "c", "reference": nobody, "status": "delivered", "code": "00"});
        let delivery = self.dlr.handle(invocation(&format!("/dlr/loopback/{TOKEN}"), &receipt));
        let unmatched = self.stage.cost(async { succeeded(&delivery.await) }).await?;
        let payload = receipt.to_string();
        let delivery = WebhookItem::in_body(&payload, 0);
        let id = Unmatched::new(UnmatchedKind::Receipt, carrier("loopback"), delivery, jiff::Timestamp::now()).id;
        let job = json!({"v": 1, "type": "unmatched", "kind": id.kind, "carrier": id.carrier, "uuid": id.uuid});
        let again = async { finished(self.dispatch.handle(batch_of(&job)).await.batch_item_failures.len()) };
        self.stage.environment.clock.set_ahead(FIRST_TRY_AFTER);
        let again = self.stage.cost(again).await?;
        self.stage.environment.clock.set_ahead(Duration::ZERO);
        Ok([one(name, unmatched), one(&format!("{name}, retried"), again)])
    }

    /// Measures submits on two channels, and a failover to the second.
    async fn over_channels(&self) -> anyhow::Result<Vec<Step>> {
        let (stage, dispatch) = (self.stage, &self.dispatch);
        let one = |name: &str, used| Step { name: name.to_owned(), messages: 1.0, used };
        let phone = QUIET.nth(7);
        let submit = async |name: &str, behavior: &str| {
            let set = stage.system.request(Method::PUT, &format!("/handsets/{phone}/channels"));
            set.json(&json!({"rcs": behavior})).send().await?.error_for_status()?;
            let message = with(self.message(&phone), "channels", json!(["rcs", "sms"]));
            let id = self.accept(vec![message]).await?[0]["messageUuid"].as_str().unwrap_or_default().to_owned();
            let run = async { finished(dispatch.handle(job(&id)).await.batch_item_failures.len()) };
            Ok::<_, anyhow::Error>((one(name, stage.cost(run).await?), id))
        };
        let next_channel = |id: &str| {
            let failed = json!({"v": 1, "type": "failed", "message": id, "channel_index": 0, "carrier": "cm", "status": "undelivered"});
            async move { finished(dispatch.handle(batch_of(&failed)).await.batch_item_failures.len()) }
        };
        // Warms the caches.
        let (_, id) = submit("", "silent").await?;
        next_channel(&id).await?;
        let path = format!("/dlr/cm/{CM_TOKEN}");
        succeeded(&self.dlr.handle(invocation(&path, &json!({"messages": {"msg": []}}))).await)?;
        let (refused, _) = submit("submit, rejected on the first of two channels", "rejects").await?;
        let (accepted, id) = submit("submit, accepted on the first of two channels", "silent").await?;

        let report = json!({"to": phone, "reference": id, "status": {"code": "3", "errorCode": "5"}});
        let failure = self.dlr.handle(invocation(&path, &json!({"messages": {"msg": report}})));
        let failed = stage.cost(async { succeeded(&failure.await) }).await?;
        let next = stage.cost(next_channel(&id)).await?;
        Ok(vec![refused, accepted, one("receipt, the first of two channels failed", failed), one("fail over", next)])
    }
}

pub(super) fn job(message: &str) -> SqsEvent {
    batch_of(&json!({"v": 1, "type": "submit", "message": message}))
}

fn batch_of(job: &Value) -> SqsEvent {
    let mut record = SqsMessage::default();
    record.body = Some(job.to_string());
    let mut event = SqsEvent::default();
    event.records.push(record);
    event
}

pub(super) fn finished(failed: usize) -> anyhow::Result<()> {
    anyhow::ensure!(failed == 0, "{failed} jobs of a batch failed");
    Ok(())
}

pub(super) fn succeeded(response: &lambda_http::Response<lambda_http::Body>) -> anyhow::Result<()> {
    anyhow::ensure!(response.status() == 200, "a webhook answered {}", response.status());
    Ok(())
}
