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
    proxy::Plan,
    scenario::{Door, Name, Scenario, Then},
    stage::{QUEUES, Stage, Wish},
};

/// How often a client asks that is not answered. A fault strikes once.
const ASKS: usize = 6;
/// How much time passes when nothing can be done: small steps first, since most that
/// waits does not wait long, then more than a queue's visibility time-out.
const STEPS: [u64; 4] = [2, 10, 30, 91];
const MOST_STEPS: usize = 150;
/// By how much the second post's run is apart from the first's.
const ANOTHER: usize = 1 << 20;
/// How far ahead a tick looks, and a little.
const TICK_AHEAD: SignedDuration = SignedDuration::from_secs(90);

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
    pub is_cancelled: bool,
    pub replies: usize,
}

impl Promises {
    /// Notes what a client is about to post.
    pub fn promise(&mut self, scenario: &Scenario, run: usize) {
        self.texts.extend((0..scenario.messages).map(|place| Scenario::text(run, place)));
        self.is_accepted = false;
    }

    /// Asks once. Says whether it was accepted.
    pub async fn ask(&mut self, stage: &Stage, door: Door, wish: &Wish) -> bool {
        self.asked += 1;
        let Some((200, body)) = stage.ask(wish).await else { return false };
        if !is_accepted(door, &body) {
            return false;
        }
        let body: Value = serde_json::from_str(&body).unwrap_or_default();
        let ids = body["messages"].as_array().into_iter().flatten();
        self.answered.extend(ids.filter_map(|one| Some(one["messageUuid"].as_str()?.to_owned())));
        self.is_accepted = true;
        true
    }
}

/// Runs a scenario to its end, if it has one. `run` tells its texts and names from
/// those of other runs.
pub async fn live(stage: &mut Stage, scenario: &Scenario, run: usize, plan: Plan) -> (Promises, Rest) {
    stage.seed(run as u64);
    if let Some(conduct) = scenario.rcs {
        stage.set_channels(&scenario.number(0), &json!({"rcs": conduct})).await;
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
        let wish = self.scenario.wish(run, &self.stage.proxy.url, self.stage.now());
        self.promises.promise(self.scenario, run);
        for _ in 0..ASKS {
            if self.promises.ask(self.stage, self.scenario.door, &wish).await {
                return;
            }
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

    async fn come_to_rest(&mut self) -> Rest {
        let (scenario, replies) = (self.scenario, self.promises.replies);
        come_to_rest(self.stage, |taken| scenario.brings(taken) + replies).await
    }
}

/// The phone answers what it shows of these promises. Says whether it could: earlier
/// runs wrote to it, too.
pub async fn reply(stage: &Stage, scenario: &Scenario, promises: &Promises) -> bool {
    let number = scenario.number(0);
    let shown = stage.system.handset(&number).await;
    let of_this_run = |shown: &&Value| promises.texts.contains(shown["text"].as_str().unwrap());
    let Some(shown) = shown.iter().rfind(of_this_run) else { return false };
    let reply = stage.system.request(Method::POST, &format!("/handsets/{number}/replies"));
    answer(reply.json(&json!({"to": shown["from"], "text": "Yes please"}))).await.status.is_success()
}

/// Lets everything happen that is due, and time pass while anything waits. `owed`
/// says how many receipts and replies the network brings for so many taken submits.
pub async fn come_to_rest(stage: &mut Stage, owed: impl Fn(usize) -> usize) -> Rest {
    for step in 0..MOST_STEPS {
        do_what_is_due(stage, &owed).await;
        let (queued, wake) = (stage.queued().await, stage.next_wake().await);
        let mut by = Duration::from_secs(STEPS[step.min(STEPS.len() - 1)]);
        match (queued, wake) {
            (0, None) => return Rest::Came,
            (0, Some(wake)) => {
                let ahead = stage.left_until(wake) - TICK_AHEAD;
                by = Duration::try_from(ahead).unwrap_or_default().max(by);
            }
            _ => {}
        }
        stage.advance(by).await;
        // One that failed is followed by the next.
        let _ = stage.tick().await;
    }
    Rest::Never
}

async fn do_what_is_due(stage: &Stage, owed: impl Fn(usize) -> usize) {
    loop {
        let mut is_idle = true;
        for queue in QUEUES {
            while stage.work(queue).await {
                is_idle = false;
            }
            stage.until_came(owed(stage.proxy.taken())).await;
            is_idle &= !bring(stage).await;
        }
        if is_idle {
            return;
        }
    }
}

/// What carriers have brought; what is not taken is brought again.
pub async fn bring(stage: &Stage) -> bool {
    let mut any = false;
    while let Some(brought) = stage.proxy.next_brought() {
        any = true;
        if !stage.bring(&brought).await {
            stage.proxy.bring_again(brought);
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
