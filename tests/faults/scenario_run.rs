//! Runs a scenario: plays the client, carriers, queues and clock, which retry as in the deployed system.
//! Queues redeliver, ticks fire, a client repeats its request unchanged, and a carrier posts a failed webhook
//! again.

use std::{collections::BTreeSet, time::Duration};

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};
use shared::domain::{BatchId, MessageId, State};
use tests::{clients::ClientRequest, system::answer};

use crate::{
    proxy::{Plan, Submit},
    scenario::{Account, FollowUp, Idempotency, Phone, Scenario},
    stage::{QUEUES, Stage},
};

/// Maximum attempts at a client's request: more than enough, because a run has only one fault.
const MAX_ATTEMPTS: usize = 6;
/// Seconds by which the clock advances while no work is due: short steps first, because most waits are
/// short, then more than a queue's visibility timeout.
const CLOCK_STEPS: [u64; 4] = [2, 10, 30, 91];
const MAX_STEPS: usize = 150;
/// Added to the run number for a second post, so its texts and IDs differ from those of the first.
const SECOND_POST_OFFSET: usize = 1 << 20;
/// A little less than the time that a tick looks ahead.
const TICK_AHEAD: SignedDuration = SignedDuration::from_secs(110);

/// A client's requests and the answers to them in a run.
#[derive(Debug, Default)]
pub struct ClientLog {
    pub texts: BTreeSet<String>,
    /// Number of messages in different requests.
    pub posted: usize,
    /// Number of attempts. Without idempotency, each may have created messages.
    pub attempts: usize,
    /// Message IDs in the answers.
    pub answered: Vec<String>,
    /// Batch IDs in the answers.
    pub batches: Vec<BatchId>,
    pub is_accepted: bool,
    /// IDs in cancellation requests.
    pub cancel_requested: BTreeSet<String>,
    /// IDs confirmed as cancelled.
    pub cancelled: BTreeSet<String>,
    pub replies: usize,
}

impl ClientLog {
    pub fn record_post(&mut self, scenario: &Scenario, run: usize) {
        self.texts.extend((0..scenario.messages).map(|index| scenario.text(run, index)));
        self.posted += scenario.messages;
        self.is_accepted = false;
    }

    /// Records the answer to a post, or `None` if the client got none.
    pub fn record_response(&mut self, scenario: &Scenario, answer: Option<(u16, String)>) {
        self.attempts += 1;
        let Some((200, body)) = answer.filter(|(_, body)| (scenario.format.accepts)(body)) else { return };
        let body: Value = serde_json::from_str(&body).unwrap_or_default();
        let ids = body["messages"].as_array().into_iter().flatten();
        self.answered.extend(ids.filter_map(|one| Some(one["messageUuid"].as_str()?.to_owned())));
        if let Some(batch) = body["identifier"].as_str().and_then(|id| id.parse::<BatchId>().ok()) {
            self.answered.extend(messages_of(scenario, batch));
            self.batches.push(batch);
        }
        self.is_accepted = true;
    }

    /// Records the answer to a batch's cancellation. Returns false if the client must repeat it.
    pub fn record_batch_cancel(&mut self, scenario: &Scenario, batch: BatchId, answer: Option<(u16, String)>) -> bool {
        self.cancel_requested.extend(messages_of(scenario, batch));
        let Some((200, body)) = answer else { return false };
        let counted: Value = serde_json::from_str(&body).unwrap();
        if counted["cancelled"] == scenario.messages {
            self.cancelled.extend(messages_of(scenario, batch));
        }
        true
    }

    /// Records the answer to a cancellation. Returns false if the client must repeat it.
    pub fn record_cancel(&mut self, id: &str, answer: Option<(u16, String)>) -> bool {
        self.cancel_requested.insert(id.to_owned());
        let Some((200, body)) = answer else { return false };
        let shown: Value = serde_json::from_str(&body).unwrap();
        if shown["state"] == State::Cancelled.into_str() {
            self.cancelled.insert(id.to_owned());
        }
        true
    }
}

/// Returns the IDs of a batch's messages.
fn messages_of(scenario: &Scenario, batch: BatchId) -> impl Iterator<Item = String> {
    let account = scenario.account.id();
    (0..scenario.messages).map(move |index| MessageId::of_batch(&account, batch, index).to_string())
}

/// Runs a scenario until no work is left, or until the steps run out. `run` makes its texts and IDs unique.
pub async fn run_scenario(stage: &mut Stage, scenario: &Scenario, run: usize, plan: Plan) -> (ClientLog, Idle) {
    stage.seed(run as u64);
    if let Some(behavior) = scenario.rcs {
        stage.set_channels(&scenario.number(0), &json!({"rcs": behavior})).await;
    }
    if scenario.phone == Phone::Unsubscribed {
        stage.unsubscribe(&scenario.number(0), scenario.account.number()).await;
    }
    stage.proxy.begin_run(plan);
    let mut scenario_run = ScenarioRun { stage, scenario, log: ClientLog::default() };
    scenario_run.post(run).await;
    match scenario.follow_up {
        FollowUp::Nothing => {}
        FollowUp::Cancel => scenario_run.cancel().await,
        FollowUp::Another => {
            scenario_run.run_until_idle().await;
            scenario_run.post(run + SECOND_POST_OFFSET).await;
        }
        FollowUp::Reply => {
            scenario_run.run_until_idle().await;
            if reply(scenario_run.stage, scenario, &scenario_run.log).await {
                scenario_run.log.replies += 1;
            }
        }
    }
    let idle = scenario_run.run_until_idle().await;
    (scenario_run.log, idle)
}

pub fn cancel(account: Account, id: &str) -> ClientRequest {
    ClientRequest::new(account.key(), Method::DELETE, &format!("/messages/{id}"))
}

pub fn cancel_batch(account: Account, batch: BatchId) -> ClientRequest {
    ClientRequest::new(account.key(), Method::DELETE, &format!("/batch/{batch}"))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    Reached,
    TimedOut,
}

struct ScenarioRun<'a> {
    stage: &'a mut Stage,
    scenario: &'a Scenario,
    log: ClientLog,
}

impl ScenarioRun<'_> {
    async fn post(&mut self, run: usize) {
        let client_request = self.scenario.client_request(run, &self.stage.proxy.url, self.stage.now());
        self.log.record_post(self.scenario, run);
        for _ in 0..MAX_ATTEMPTS {
            let answer = self.stage.send_request(0, &client_request).await;
            self.log.record_response(self.scenario, answer);
            if self.log.is_accepted {
                return;
            }
        }
    }

    async fn cancel(&mut self) {
        for batch in self.log.batches.clone() {
            let client_request = cancel_batch(self.scenario.account, batch);
            for _ in 0..MAX_ATTEMPTS {
                let answer = self.stage.send_request(0, &client_request).await;
                if self.log.record_batch_cancel(self.scenario, batch, answer) {
                    return;
                }
            }
        }
        for id in self.log.answered.clone() {
            let client_request = cancel(self.scenario.account, &id);
            for _ in 0..MAX_ATTEMPTS {
                let answer = self.stage.send_request(0, &client_request).await;
                if self.log.record_cancel(&id, answer) {
                    break;
                }
            }
        }
    }

    async fn run_until_idle(&mut self) -> Idle {
        let (scenario, replies) = (self.scenario, self.log.replies);
        run_until_idle(self.stage, |accepted| scenario.webhook_count(accepted) + replies).await
    }
}

/// Lets the phone reply to this run's last message. Returns false if it did not, for example because it shows
/// only messages from earlier runs.
async fn reply(stage: &Stage, scenario: &Scenario, log: &ClientLog) -> bool {
    let number = scenario.number(0);
    let shown = stage.system.handset(&number).await;
    let of_this_run = |shown: &&Value| log.texts.contains(shown["text"].as_str().unwrap());
    let Some(shown) = shown.iter().rfind(of_this_run) else { return false };
    let reply = stage.system.request(Method::POST, &format!("/handsets/{number}/replies"));
    let photo = json!({"url": "https://media.example/1.jpg", "content_type": "image/jpeg"});
    let said = json!({"to": shown["from"], "text": "Yes please", "media": [photo]});
    answer(reply.json(&said)).await.status.is_success()
}

/// Processes all due work, and advances the clock as long as other work is left. `expected_webhooks` returns
/// how many receipts and replies to wait for after the given submits.
pub async fn run_until_idle(stage: &mut Stage, expected_webhooks: impl Fn(&[Submit]) -> usize) -> Idle {
    for step in 0..MAX_STEPS {
        process_due_work(stage, &expected_webhooks).await;
        let (queued, wake) = (stage.queued().await, stage.next_wake_at().await);
        let mut by = Duration::from_secs(CLOCK_STEPS[step.min(CLOCK_STEPS.len() - 1)]);
        match (queued, wake) {
            (0, None) => return Idle::Reached,
            (0, Some(wake)) => {
                let ahead = stage.time_until(wake) - TICK_AHEAD;
                by = Duration::try_from(ahead).unwrap_or_default().max(by);
            }
            _ => {}
        }
        stage.advance(by).await;
        // Skip ticks that would find no work.
        if wake.is_some_and(|wake| stage.time_until(wake) <= TICK_AHEAD) {
            stage.tick(0).await;
        }
    }
    Idle::TimedOut
}

async fn process_due_work(stage: &Stage, expected_webhooks: impl Fn(&[Submit]) -> usize) {
    loop {
        let mut is_idle = true;
        for queue in QUEUES {
            while stage.process_next_batch(queue).await {
                is_idle = false;
            }
            stage.until_webhooks(expected_webhooks(&stage.proxy.submits())).await;
            is_idle &= !deliver_webhooks(stage).await;
        }
        if is_idle {
            return;
        }
    }
}

/// Delivers the carriers' webhooks, with retries. Returns whether there were any.
async fn deliver_webhooks(stage: &Stage) -> bool {
    let mut any = false;
    while let Some(webhook) = stage.proxy.next_webhook() {
        any = true;
        if !stage.deliver_webhook(0, &webhook).await {
            stage.proxy.requeue_webhook(webhook);
        }
    }
    any
}

pub fn is_idempotent(scenario: &Scenario) -> bool {
    scenario.idempotency != Idempotency::None
}
