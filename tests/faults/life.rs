//! One run of a scenario: what the client, the carriers and the clock do, and how the
//! deployed system recovers: queues deliver again, ticks come, a client asks again
//! under the same name, and a carrier brings again what was not taken.

use std::time::Duration;

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};
use shared::domain::State;
use tests::system::answer;

use crate::{
    proxy::Plan,
    scenario::{Door, Name, OURS, Scenario, Sender, Then},
    stage::{QUEUES, Stage, Wish},
};

/// How often a client asks that is not answered. A fault strikes once.
const ASKS: usize = 6;
/// How much time passes when nothing can be done: small steps first, since most that
/// waits does not wait long, then more than a queue's visibility time-out.
const STEPS: [u64; 4] = [2, 10, 30, 91];
const MOST_STEPS: usize = 150;
/// How far ahead a tick looks, and a little.
const TICK_AHEAD: SignedDuration = SignedDuration::from_secs(90);

/// What a client was told in a run.
#[derive(Debug, Default)]
pub struct Promises {
    /// How many messages were posted that have a name each.
    pub posted: usize,
    /// How often the client asked for the same, for the one that has no name.
    pub asked: usize,
    /// The ids in the answers that said 200.
    pub answered: Vec<String>,
    pub is_accepted: bool,
    pub is_cancelled: bool,
    pub replies: usize,
    /// Whether the queues and wakes were empty at the end.
    pub came_to_rest: bool,
}

/// Runs a scenario to its end. `run` tells its texts and names from those of other runs.
pub async fn live(stage: &mut Stage, scenario: &Scenario, run: usize, plan: Plan) -> Promises {
    stage.seed(run as u64);
    if let Some(conduct) = scenario.rcs {
        stage.set_channels(&scenario.number(0), &json!({"rcs": conduct})).await;
    }
    stage.proxy.begin_run(plan);
    let mut life = Life { stage, scenario, promises: Promises::default() };
    let sink = life.stage.proxy.url.join("sinks/status").unwrap();
    let wish = scenario.wish(run, &sink, life.stage.now());
    life.post(&wish, scenario.messages).await;
    match scenario.then {
        Then::Nothing => {}
        Then::Cancel => life.cancel().await,
        Then::Another => {
            life.come_to_rest().await;
            let another = scenario.wish(run + (1 << 20), &sink, life.stage.now());
            life.post(&another, scenario.messages).await;
        }
        Then::Reply => {
            life.come_to_rest().await;
            life.reply().await;
        }
    }
    life.promises.came_to_rest = life.come_to_rest().await;
    life.promises
}

struct Life<'a> {
    stage: &'a mut Stage,
    scenario: &'a Scenario,
    promises: Promises,
}

impl Life<'_> {
    /// Until it is accepted.
    async fn post(&mut self, wish: &Wish, messages: usize) {
        self.promises.posted += messages;
        self.promises.is_accepted = false;
        for _ in 0..ASKS {
            self.promises.asked += 1;
            let answered = self.stage.ask(wish).await;
            let Some((200, body)) = answered else { continue };
            if !is_accepted(self.scenario.door, &body) {
                continue;
            }
            let body: Value = serde_json::from_str(&body).unwrap_or_default();
            let ids = body["messages"].as_array().into_iter().flatten();
            self.promises.answered.extend(ids.filter_map(|one| Some(one["messageUuid"].as_str()?.to_owned())));
            self.promises.is_accepted = true;
            return;
        }
    }

    async fn cancel(&mut self) {
        let Some(id) = self.promises.answered.first() else { return };
        let wish = Wish::new(Method::DELETE, &format!("/messages/{id}"));
        for _ in 0..ASKS {
            if let Some((200, body)) = self.stage.ask(&wish).await {
                let shown: Value = serde_json::from_str(&body).unwrap();
                self.promises.is_cancelled = shown["state"] == State::Cancelled.as_str();
                return;
            }
        }
    }

    /// The phone answers whoever wrote to it.
    async fn reply(&mut self) {
        let number = self.scenario.number(0);
        let sender = match self.scenario.sender {
            Sender::Shared => {
                let shown = self.stage.system.handset(&number).await;
                shown.last().map_or_else(String::new, |shown| shown["from"].as_str().unwrap().to_owned())
            }
            _ => OURS.to_owned(),
        };
        let reply = self.stage.system.request(Method::POST, &format!("/handsets/{number}/replies"));
        let said = answer(reply.json(&json!({"to": sender, "text": "Yes please"}))).await;
        if said.status.is_success() {
            self.promises.replies += 1;
        }
    }

    /// Lets everything happen that is due, and time pass while anything waits. Says
    /// whether it ever ended.
    async fn come_to_rest(&mut self) -> bool {
        for step in 0..MOST_STEPS {
            self.do_what_is_due().await;
            let (queued, wake) = (self.stage.queued().await, self.stage.next_wake().await);
            let mut by = Duration::from_secs(STEPS[step.min(STEPS.len() - 1)]);
            match (queued, wake) {
                (0, None) => return true,
                (0, Some(wake)) => {
                    let ahead = self.stage.left_until(wake) - TICK_AHEAD;
                    by = Duration::try_from(ahead).unwrap_or_default().max(by);
                }
                _ => {}
            }
            self.stage.advance(by).await;
            // One that failed is followed by the next.
            let _ = self.stage.tick().await;
        }
        false
    }

    async fn do_what_is_due(&mut self) {
        loop {
            let mut is_idle = true;
            for queue in QUEUES {
                while self.stage.work(queue).await {
                    is_idle = false;
                }
                let owed = self.scenario.brings(self.stage.proxy.taken()) + self.promises.replies;
                self.stage.until_came(owed).await;
                is_idle &= !self.bring().await;
            }
            if is_idle {
                return;
            }
        }
    }

    /// What carriers have brought; what is not taken is brought again.
    async fn bring(&self) -> bool {
        let mut any = false;
        while let Some(brought) = self.stage.proxy.next_brought() {
            any = true;
            if !self.stage.bring(&brought).await {
                self.stage.proxy.bring_again(brought);
            }
        }
        any
    }
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
