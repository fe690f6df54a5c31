//! One run of a scenario: what the client, the carriers and the clock do, and how the
//! deployed system recovers: queues deliver again, ticks come, a client asks again
//! under the same name, and a carrier brings again what was not taken.

use std::{collections::BTreeSet, time::Duration};

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};
use shared::domain::State;
use tests::system::answer;

use crate::{
    proxy::{Plan, Submit},
    scenario::{Account, Door, Name, Scenario, Then},
    stage::{ClientRequest, QUEUES, Stage},
};

/// How often a client asks that is not answered. A fault strikes once.
const ASKS: usize = 6;
/// How much time passes when nothing can be done: small steps first, since most that
/// waits does not wait long, then more than a queue's visibility time-out.
const STEPS: [u64; 4] = [2, 10, 30, 91];
const MOST_STEPS: usize = 150;
/// By how much the second post's run is apart from the first's.
const ANOTHER: usize = 1 << 20;
/// How far ahead a tick looks, but for a little.
const TICK_AHEAD: SignedDuration = SignedDuration::from_secs(110);

/// What a client was told in a run.
#[derive(Debug, Default)]
pub struct Promises {
    /// The texts of what was posted.
    pub texts: BTreeSet<String>,
    /// How often the client asked for the same, for the one that has no name.
    pub asked: usize,
    /// The ids in the answers that said 200.
    pub answered: Vec<String>,
    pub is_accepted: bool,
    /// The ids of those that the client asked to have back, and of those that it got.
    pub cancel_asked: BTreeSet<String>,
    pub cancelled: BTreeSet<String>,
    pub replies: usize,
}

impl Promises {
    /// Notes what a client is about to post.
    pub fn promise(&mut self, scenario: &Scenario, run: usize) {
        self.texts.extend((0..scenario.messages).map(|place| Scenario::text(run, place)));
        self.is_accepted = false;
    }

    /// Notes what the client was answered.
    pub fn note_answer(&mut self, door: Door, answer: Option<(u16, String)>) {
        self.asked += 1;
        let Some((200, body)) = answer.filter(|(_, body)| is_accepted(door, body)) else { return };
        let body: Value = serde_json::from_str(&body).unwrap_or_default();
        let ids = body["messages"].as_array().into_iter().flatten();
        self.answered.extend(ids.filter_map(|one| Some(one["messageUuid"].as_str()?.to_owned())));
        self.is_accepted = true;
    }

    /// Notes what the client was answered that wants a message back. Says whether it
    /// knows what became of its wish.
    pub fn note_cancel(&mut self, id: &str, answer: Option<(u16, String)>) -> bool {
        self.cancel_asked.insert(id.to_owned());
        let Some((200, body)) = answer else { return false };
        let shown: Value = serde_json::from_str(&body).unwrap();
        if shown["state"] == State::Cancelled.as_str() {
            self.cancelled.insert(id.to_owned());
        }
        true
    }
}

/// Runs a scenario to its end, if it has one. `run` tells its texts and names from
/// those of other runs.
pub async fn live(stage: &mut Stage, scenario: &Scenario, run: usize, plan: Plan) -> (Promises, Rest) {
    stage.seed(run as u64);
    if let Some(behavior) = scenario.rcs {
        stage.set_channels(&scenario.number(0), &json!({"rcs": behavior})).await;
    }
    stage.proxy.begin_run(plan);
    let mut life = Life { stage, scenario, promises: Promises::default() };
    life.post(run).await;
    match scenario.then {
        Then::Nothing => {}
        Then::Cancel => life.cancel().await,
        Then::Another => {
            life.come_to_rest().await;
            life.post(run + ANOTHER).await;
        }
        Then::Reply => {
            life.come_to_rest().await;
            if reply(life.stage, scenario, &life.promises).await {
                life.promises.replies += 1;
            }
        }
    }
    let rest = life.come_to_rest().await;
    (life.promises, rest)
}

/// A client's wish to have a message back.
pub fn cancel(account: Account, id: &str) -> ClientRequest {
    ClientRequest::new(account.key(), Method::DELETE, &format!("/messages/{id}"))
}

/// Whether everything that was to be done got done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    Came,
    Never,
}

struct Life<'a> {
    stage: &'a mut Stage,
    scenario: &'a Scenario,
    promises: Promises,
}

impl Life<'_> {
    /// Until it is accepted.
    async fn post(&mut self, run: usize) {
        let client_request = self.scenario.client_request(run, &self.stage.proxy.url, self.stage.now());
        self.promises.promise(self.scenario, run);
        for _ in 0..ASKS {
            let answer = self.stage.send_request(0, &client_request).await;
            self.promises.note_answer(self.scenario.door, answer);
            if self.promises.is_accepted {
                return;
            }
        }
    }

    async fn cancel(&mut self) {
        for id in self.promises.answered.clone() {
            let client_request = cancel(self.scenario.account, &id);
            for _ in 0..ASKS {
                let answer = self.stage.send_request(0, &client_request).await;
                if self.promises.note_cancel(&id, answer) {
                    break;
                }
            }
        }
    }

    async fn come_to_rest(&mut self) -> Rest {
        let (scenario, replies) = (self.scenario, self.promises.replies);
        come_to_rest(self.stage, |taken| scenario.webhook_count(taken.len()) + replies).await
    }
}

/// The phone answers what it shows of these promises. Says whether it could: earlier
/// runs wrote to it, too.
async fn reply(stage: &Stage, scenario: &Scenario, promises: &Promises) -> bool {
    let number = scenario.number(0);
    let shown = stage.system.handset(&number).await;
    let of_this_run = |shown: &&Value| promises.texts.contains(shown["text"].as_str().unwrap());
    let Some(shown) = shown.iter().rfind(of_this_run) else { return false };
    let reply = stage.system.request(Method::POST, &format!("/handsets/{number}/replies"));
    answer(reply.json(&json!({"to": shown["from"], "text": "Yes please"}))).await.status.is_success()
}

/// Lets everything happen that is due, and time pass while anything waits. `expected_webhooks`
/// says how many receipts and replies the network brings for those submits.
pub async fn come_to_rest(stage: &mut Stage, expected_webhooks: impl Fn(&[Submit]) -> usize) -> Rest {
    for step in 0..MOST_STEPS {
        do_what_is_due(stage, &expected_webhooks).await;
        let (queued, wake) = (stage.queued().await, stage.next_wake_at().await);
        let mut by = Duration::from_secs(STEPS[step.min(STEPS.len() - 1)]);
        match (queued, wake) {
            (0, None) => return Rest::Came,
            (0, Some(wake)) => {
                let ahead = stage.time_until(wake) - TICK_AHEAD;
                by = Duration::try_from(ahead).unwrap_or_default().max(by);
            }
            _ => {}
        }
        stage.advance(by).await;
        // A tick that finds nothing comes and goes.
        if wake.is_some_and(|wake| stage.time_until(wake) <= TICK_AHEAD) {
            stage.tick(0).await;
        }
    }
    Rest::Never
}

async fn do_what_is_due(stage: &Stage, expected_webhooks: impl Fn(&[Submit]) -> usize) {
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

/// What carriers have brought; what is not taken is brought again.
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

fn is_accepted(door: Door, body: &str) -> bool {
    match door {
        Door::Mplus => true,
        Door::CmJson => serde_json::from_str::<Value>(body).is_ok_and(|answer| answer["errorCode"] == 0),
        // Whatever is wrong is told in words.
        Door::CmXml | Door::CmGet => body.is_empty(),
    }
}

/// Whether a repeat of its posts is known as one.
pub fn is_named(scenario: &Scenario) -> bool {
    scenario.name_by != Name::Nothing
}
