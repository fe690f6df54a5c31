//! What becomes of a call: it is passed on, or meets its fault.

use std::time::Duration;

use reqwest::Url;
use tokio::net::TcpStream;

use super::{Call, Shared, State, Submit, destination, is_submit};
use crate::{
    fault::{Answer, Fault, Peer},
    http::{Request, hung_up},
    in_part::{self, InPart},
};

/// How late a slow answer is.
const DELAY: Duration = Duration::from_millis(50);
/// By how many milliseconds one of two that are at work at once may be ahead, and how
/// many a carrier's answer takes then, so that what it brings may be faster.
const JOSTLE_MS: usize = 4;
const ANSWER_MS: usize = 24;

/// A call under way.
struct Met {
    door: usize,
    invocation: usize,
    peer: Peer,
    name: String,
}

/// What is done with a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// It is answered, or broken off.
    Answer,
    /// It is left open until the caller hangs up.
    HangOn,
}

impl State {
    fn are_two_at_work(&self) -> bool {
        self.at_work.iter().all(Option::is_some)
    }

    /// How long a call waits for its turn.
    fn jostled(&self, most_ms: usize) -> Duration {
        let ms = if self.are_two_at_work() { self.jostle.index(most_ms) } else { 0 };
        Duration::from_millis(ms as u64)
    }
}

impl Shared {
    /// None breaks the connection off.
    pub(super) async fn answer(&self, request: Request, door: usize, stream: &mut TcpStream) -> Option<Answer> {
        if request.path.starts_with("/dlr/") || request.path.starts_with("/mo/") {
            return Some(self.receive_webhook(request));
        }
        let Some((peer, name)) = destination(&request) else { return Some(self.forward(request).await) };
        if *self.doors[door].dead.borrow() {
            // Dead functions call nobody.
            return None;
        }
        let under_way = &self.doors[door].under_way;
        under_way.send_modify(|count| *count += 1);
        self.wait(JOSTLE_MS).await;
        let (invocation, fault) = self.count(door, peer, &name);
        let met = Met { door, invocation, peer, name };
        let (answer, then) = self.meet(fault, &met, request).await;
        under_way.send_modify(|count| *count -= 1);
        if then == Then::HangOn {
            hung_up(stream).await;
        }
        answer
    }

    async fn wait(&self, most_ms: usize) {
        let jostled = self.state().jostled(most_ms);
        if !jostled.is_zero() {
            tokio::time::sleep(jostled).await;
        }
    }

    /// Notes the call, and says by which invocation it is made, and what is to befall it.
    fn count(&self, door: usize, peer: Peer, name: &str) -> (usize, Option<Fault>) {
        let state = &mut *self.state();
        let Some(at_work) = &mut state.at_work[door] else { return (0, None) };
        let invocation = at_work.invocation;
        let call = Call { function: at_work.function, peer, name: name.to_owned(), invocation };
        let place = state.calls.len();
        let planned = state.plan.as_mut().and_then(|plan| plan(place, &call));
        let fault = planned.filter(|fault| *fault == Fault::Forget || fault.befalls(&call, false));
        if let Some(fault) = fault {
            state.struck.push((fault, place));
        }
        state.calls.push(call);
        at_work.is_forgotten |= fault == Some(Fault::Forget);
        (invocation, fault)
    }

    async fn meet(&self, fault: Option<Fault>, met: &Met, request: Request) -> (Option<Answer>, Then) {
        let Some(fault) = fault else { return (Some(self.apply(met, request).await), Then::Answer) };
        match fault {
            Fault::Forget => (Some(self.apply(met, request).await), Then::Answer),
            Fault::Delay => {
                tokio::time::sleep(DELAY).await;
                (Some(self.apply(met, request).await), Then::Answer)
            }
            Fault::DieBefore | Fault::DieAfter => {
                if fault == Fault::DieAfter {
                    self.apply(met, request).await;
                }
                self.doors[met.door].dead.send_replace(true);
                (None, Then::HangOn)
            }
            Fault::LoseAnswer => {
                self.apply(met, request).await;
                (None, Then::Answer)
            }
            Fault::TimeOut => {
                self.apply(met, request).await;
                (None, Then::HangOn)
            }
            Fault::Break => (None, Then::Answer),
            Fault::Late => {
                self.state().late.push((met.invocation, request));
                (None, Then::Answer)
            }
            Fault::Straggle => {
                self.state().stragglers.push((met.invocation, request));
                (None, Then::Answer)
            }
            Fault::InPart if in_part::can_be(&met.name) => {
                let mut parts = InPart::of(&met.name, request);
                let of_done = match parts.done.take() {
                    Some(done) => Some(self.apply(met, done).await),
                    None => None,
                };
                (Some(parts.answer(of_done)), Then::Answer)
            }
            Fault::RefuseAfter => {
                self.apply(met, request).await;
                (fault.answer(met.peer), Then::Answer)
            }
            Fault::InPart | Fault::Throttle | Fault::ServerError | Fault::Refuse => {
                (fault.answer(met.peer), Then::Answer)
            }
        }
    }

    /// Has a call done, and then what was late for its turn.
    async fn apply(&self, met: &Met, request: Request) -> Answer {
        let answer = self.carry_out(met.invocation, request).await;
        self.apply_late().await;
        if met.peer == Peer::Carrier {
            let _ = self.held.subscribe().wait_for(|is_held| !is_held).await;
            self.wait(ANSWER_MS).await;
        }
        self.led_back(met, answer)
    }

    /// Whoever came by the second door finds its address where the first one's stands.
    fn led_back(&self, met: &Met, answer: Answer) -> Answer {
        let [first, its] = [&self.doors[0].url, &self.doors[met.door].url].map(Url::as_str);
        let Some(body) = std::str::from_utf8(&answer.body).ok().filter(|body| first != its && body.contains(first))
        else {
            return answer;
        };
        Answer { body: body.replace(first, its).into(), ..answer.without_checksum() }
    }

    pub(super) async fn apply_late(&self) {
        let late = std::mem::take(&mut self.state().late);
        for (invocation, request) in late {
            self.carry_out(invocation, request).await;
        }
    }

    /// Applies what comes after a whole invocation, if that is another one.
    pub(super) async fn apply_stragglers(&self, after: usize) {
        let all = std::mem::take(&mut self.state().stragglers);
        let (now, later): (Vec<_>, Vec<_>) = all.into_iter().partition(|(invocation, _)| *invocation != after);
        self.state().stragglers.extend(later);
        for (invocation, request) in now {
            self.carry_out(invocation, request).await;
        }
    }

    async fn carry_out(&self, invocation: usize, request: Request) -> Answer {
        let asked = is_submit(&request).then(|| request.clone());
        let answer = self.forward(request).await;
        if let Some(asked) = asked {
            let mut state = self.state();
            state.submits.extend(Submit::of(&asked, &answer, invocation));
            self.taken.send_replace(state.submits.len());
        }
        answer
    }

    async fn forward(&self, request: Request) -> Answer {
        let upstream = self.upstream.get().unwrap();
        request.forward(&self.client, upstream).await.unwrap()
    }
}
