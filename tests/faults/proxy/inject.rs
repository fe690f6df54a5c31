//! Applies a call, or injects its fault.

use std::time::Duration;

use reqwest::Url;
use tests::Request;
use tokio::net::TcpStream;

use super::{Call, Enqueued, Shared, State, Submit, destination, is_submit, submit::SENT_AT};
use crate::{
    fault::{Answer, Fault, Peer},
    http::{forward, until_closed},
    partial_batch::{self, PartialBatch},
};

const DELAY: Duration = Duration::from_millis(50);
/// Maximum random delay before each call, in milliseconds, while two functions run.
const JITTER_MS: usize = 4;
/// The same before a carrier's answer. It is longer, so a receipt may overtake the answer.
const ANSWER_MS: usize = 24;

struct CallContext {
    port: usize,
    invocation: usize,
    peer: Peer,
    name: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ConnectionAction {
    /// Answer, or break off at once.
    Respond,
    /// Stay open, without an answer, until the caller hangs up.
    KeepOpen,
}

impl State {
    fn are_two_running(&self) -> bool {
        self.running.iter().all(Option::is_some)
    }

    /// Returns a random delay if two functions run, otherwise zero.
    fn jitter_delay(&self, most_ms: usize) -> Duration {
        let ms = if self.are_two_running() { self.jitter.index(most_ms) } else { 0 };
        Duration::from_millis(ms as u64)
    }
}

impl Shared {
    /// Answers a request; `None` breaks off the connection.
    pub(super) async fn answer(&self, mut request: Request, port: usize, stream: &mut TcpStream) -> Option<Answer> {
        if request.path.starts_with("/dlr/") || request.path.starts_with("/mo/") {
            return Some(self.receive_webhook(request));
        }
        let Some((peer, name)) = destination(&request) else { return Some(self.forward(request).await) };
        if *self.ports[port].dead.borrow() {
            return None;
        }
        if is_submit(&request)
            && let Some(clock) = self.clock.get()
        {
            request.headers.push((SENT_AT.to_owned(), clock.now().to_string()));
        }
        let in_flight = &self.ports[port].in_flight;
        in_flight.send_modify(|count| *count += 1);
        self.wait(JITTER_MS).await;
        let (invocation, fault) = self.record_call(port, peer, &name);
        self.state().enqueued.extend(Enqueued::of(&request));
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

    /// Records a call, and returns the number of its invocation and its fault, if any.
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

    async fn apply(&self, context: &CallContext, request: Request) -> Answer {
        let answer = self.forward_and_record(context.invocation, request).await;
        self.apply_late().await;
        if context.peer == Peer::Carrier {
            let _ = self.held.subscribe().wait_for(|is_held| !is_held).await;
            self.wait(ANSWER_MS).await;
        }
        self.rewrite_proxy_url(context, answer)
    }

    /// Replaces the first port's URL in an answer by the caller's port's.
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

    /// Applies the stragglers of all invocations except `after`, which has just ended.
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
        forward(request, &self.client, upstream).await.unwrap()
    }
}
