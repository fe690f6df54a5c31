//! What becomes of a call: it is passed on, or meets its fault.

use std::time::Duration;

use reqwest::Url;
use tokio::net::TcpStream;

use super::{Call, Shared, State, Submit, destination, is_submit};
use crate::{
    fault::{Answer, Fault, Peer},
    http::{Request, until_closed},
    partial_batch::{self, PartialBatch},
};

/// How late a slow answer is.
const DELAY: Duration = Duration::from_millis(50);
/// By how many milliseconds one of two that are at work at once may be ahead, and how
/// many a carrier's answer takes then, so that what it brings may be faster.
const JITTER_MS: usize = 4;
const ANSWER_MS: usize = 24;

/// A call under way.
struct CallContext {
    port: usize,
    invocation: usize,
    peer: Peer,
    name: String,
}

/// What is done with a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ConnectionAction {
    /// It is answered, or broken off.
    Respond,
    /// It is left open until the caller hangs up.
    KeepOpen,
}

impl State {
    fn are_two_running(&self) -> bool {
        self.running.iter().all(Option::is_some)
    }

    /// How long a call waits for its turn.
    fn jitter_delay(&self, most_ms: usize) -> Duration {
        let ms = if self.are_two_running() { self.jitter.index(most_ms) } else { 0 };
        Duration::from_millis(ms as u64)
    }
}

impl Shared {
    /// None breaks the connection off.
    pub(super) async fn answer(&self, request: Request, port: usize, stream: &mut TcpStream) -> Option<Answer> {
        if request.path.starts_with("/dlr/") || request.path.starts_with("/mo/") {
            return Some(self.receive_webhook(request));
        }
        let Some((peer, name)) = destination(&request) else { return Some(self.forward(request).await) };
        if *self.ports[port].dead.borrow() {
            // Dead functions call nobody.
            return None;
        }
        let in_flight = &self.ports[port].in_flight;
        in_flight.send_modify(|count| *count += 1);
        self.wait(JITTER_MS).await;
        let (invocation, fault) = self.record_call(port, peer, &name);
        let context = CallContext { port, invocation, peer, name };
        let (answer, action) = self.inject(fault, &context, request).await;
        in_flight.send_modify(|count| *count -= 1);
        if action == ConnectionAction::KeepOpen {
            until_closed(stream).await;
        }
        answer
    }

    async fn wait(&self, most_ms: usize) {
        let jitter_delay = self.state().jitter_delay(most_ms);
        if !jitter_delay.is_zero() {
            tokio::time::sleep(jitter_delay).await;
        }
    }

    /// Notes the call, and says by which invocation it is made, and what is to befall it.
    fn record_call(&self, port: usize, peer: Peer, name: &str) -> (usize, Option<Fault>) {
        let state = &mut *self.state();
        let Some(running) = &mut state.running[port] else { return (0, None) };
        let invocation = running.invocation;
        let call = Call { function: running.function, peer, name: name.to_owned(), invocation };
        let index = state.calls.len();
        let planned = state.plan.as_mut().and_then(|plan| plan(index, &call));
        let fault = planned.filter(|fault| *fault == Fault::Forget || fault.applies_to(&call, false));
        if let Some(fault) = fault {
            state.injected.push((fault, index));
        }
        state.calls.push(call);
        running.is_result_lost |= fault == Some(Fault::Forget);
        (invocation, fault)
    }

    async fn inject(
        &self,
        fault: Option<Fault>,
        context: &CallContext,
        request: Request,
    ) -> (Option<Answer>, ConnectionAction) {
        let Some(fault) = fault else { return (Some(self.apply(context, request).await), ConnectionAction::Respond) };
        match fault {
            Fault::Forget => (Some(self.apply(context, request).await), ConnectionAction::Respond),
            Fault::Delay => {
                tokio::time::sleep(DELAY).await;
                (Some(self.apply(context, request).await), ConnectionAction::Respond)
            }
            Fault::DieBefore | Fault::DieAfter => {
                if fault == Fault::DieAfter {
                    self.apply(context, request).await;
                }
                self.ports[context.port].dead.send_replace(true);
                (None, ConnectionAction::KeepOpen)
            }
            Fault::LoseAnswer => {
                self.apply(context, request).await;
                (None, ConnectionAction::Respond)
            }
            Fault::TimeOut => {
                self.apply(context, request).await;
                (None, ConnectionAction::KeepOpen)
            }
            Fault::Break => (None, ConnectionAction::Respond),
            Fault::Late => {
                self.state().late.push((context.invocation, request));
                (None, ConnectionAction::Respond)
            }
            Fault::Straggle => {
                self.state().stragglers.push((context.invocation, request));
                (None, ConnectionAction::Respond)
            }
            Fault::PartialBatch if partial_batch::is_batch(&context.name) => {
                let mut parts = PartialBatch::of(&context.name, request);
                let of_done = match parts.done.take() {
                    Some(done) => Some(self.apply(context, done).await),
                    None => None,
                };
                (Some(parts.answer(of_done)), ConnectionAction::Respond)
            }
            Fault::RefuseAfter => {
                self.apply(context, request).await;
                (fault.answer(context.peer), ConnectionAction::Respond)
            }
            Fault::PartialBatch | Fault::Throttle | Fault::ServerError | Fault::Refuse => {
                (fault.answer(context.peer), ConnectionAction::Respond)
            }
        }
    }

    /// Has a call done, and then what was late for its turn.
    async fn apply(&self, context: &CallContext, request: Request) -> Answer {
        let answer = self.forward_and_record(context.invocation, request).await;
        self.apply_late().await;
        if context.peer == Peer::Carrier {
            let _ = self.held.subscribe().wait_for(|is_held| !is_held).await;
            self.wait(ANSWER_MS).await;
        }
        self.rewrite_proxy_url(context, answer)
    }

    /// Whoever came by the second door finds its address where the first one's stands.
    fn rewrite_proxy_url(&self, context: &CallContext, answer: Answer) -> Answer {
        let [first, its] = [&self.ports[0].url, &self.ports[context.port].url].map(Url::as_str);
        let Some(body) = std::str::from_utf8(&answer.body).ok().filter(|body| first != its && body.contains(first))
        else {
            return answer;
        };
        Answer { body: body.replace(first, its).into(), ..answer.without_checksum() }
    }

    pub(super) async fn apply_late(&self) {
        let late = std::mem::take(&mut self.state().late);
        for (invocation, request) in late {
            self.forward_and_record(invocation, request).await;
        }
    }

    /// Applies what comes after a whole invocation, if that is another one.
    pub(super) async fn apply_stragglers(&self, after: usize) {
        let all = std::mem::take(&mut self.state().stragglers);
        let (now, later): (Vec<_>, Vec<_>) = all.into_iter().partition(|(invocation, _)| *invocation != after);
        self.state().stragglers.extend(later);
        for (invocation, request) in now {
            self.forward_and_record(invocation, request).await;
        }
    }

    async fn forward_and_record(&self, invocation: usize, request: Request) -> Answer {
        let submit_request = is_submit(&request).then(|| request.clone());
        let answer = self.forward(request).await;
        if let Some(submit_request) = submit_request {
            let mut state = self.state();
            state.submits.extend(Submit::of(&submit_request, &answer, invocation));
            self.accepted.send_replace(state.submits.len());
        }
        answer
    }

    async fn forward(&self, request: Request) -> Answer {
        let upstream = self.upstream.get().unwrap();
        request.forward(&self.client, upstream).await.unwrap()
    }
}
