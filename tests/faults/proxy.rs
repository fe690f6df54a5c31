//! A proxy between the functions and the emulator, on the loopback interface. Every call from a function to
//! AWS, a carrier or a client passes through here, is recorded, and can be hit by a fault. Webhooks from the
//! carriers are kept for the test to deliver.
//!
//! The proxy has two ports, so two functions can run at once and each call is attributed to the right
//! function. In answers on the second port we replace the first port's URL by the second's, so calls to a
//! stored URL (an endpoint, a callback) use the second port, too.

mod enqueued;
mod inject;
mod submit;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use local::emulator::wire;
use reqwest::{Client, Url};
use shared::runtime::{Clock, HttpStack, Random};
use tests::Request;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

pub use self::{enqueued::Enqueued, submit::Submit};
use crate::fault::{Answer, Fault, Peer};

pub const PORTS: [usize; 2] = [0, 1];

#[derive(Clone, Debug)]
pub struct Call {
    pub function: &'static str,
    pub peer: Peer,
    pub name: String,
    /// Number of the invocation that made the call, from 1.
    pub invocation: usize,
}

impl Call {
    pub fn label(&self) -> String {
        format!("{}: {}", self.function, self.name)
    }
}

#[derive(Clone, Debug)]
pub struct WebhookRequest {
    pub path: String,
    pub body: Vec<u8>,
}

impl WebhookRequest {
    pub fn is_reply(&self) -> bool {
        self.path.starts_with("/mo/")
    }
}

/// Chooses the fault for a call, if any. The first argument is the call's index in the run.
pub type Plan = Box<dyn FnMut(usize, &Call) -> Option<Fault> + Send>;

struct State {
    plan: Option<Plan>,
    calls: Vec<Call>,
    injected: Vec<(Fault, usize)>,
    invocations: usize,
    running: [Option<Running>; 2],
    /// Requests delayed by `Fault::Late`, each with the number of its invocation.
    late: Vec<(usize, Request)>,
    /// The same for `Fault::Straggle`.
    stragglers: Vec<(usize, Request)>,
    webhooks: VecDeque<WebhookRequest>,
    webhook_count: usize,
    submits: Vec<Submit>,
    enqueued: Vec<Enqueued>,
    /// Varies the order of calls from two concurrent functions.
    jitter: Random,
}

struct Running {
    function: &'static str,
    invocation: usize,
    is_result_lost: bool,
}

impl State {
    fn new(plan: Option<Plan>) -> Self {
        Self {
            plan,
            calls: Vec::new(),
            injected: Vec::new(),
            invocations: 0,
            running: [None, None],
            late: Vec::new(),
            stragglers: Vec::new(),
            webhooks: VecDeque::new(),
            webhook_count: 0,
            submits: Vec::new(),
            enqueued: Vec::new(),
            jitter: Random::seeded(1),
        }
    }
}

struct Port {
    url: Url,
    /// Number of calls in progress.
    in_flight: watch::Sender<usize>,
    /// Whether the port's function is dead.
    dead: watch::Sender<bool>,
}

struct Shared {
    upstream: OnceLock<Url>,
    /// The functions' clock.
    clock: OnceLock<Clock>,
    client: Client,
    ports: [Port; 2],
    state: Mutex<State>,
    webhook_count: watch::Sender<usize>,
    /// Number of accepted submits.
    accepted: watch::Sender<usize>,
    /// Whether the carriers' answers are held back.
    held: watch::Sender<bool>,
}

pub struct Proxy {
    pub url: Url,
    shared: Arc<Shared>,
}

pub enum InvocationResult<T> {
    Returned(T),
    /// The function ended, but its caller did not get the result.
    ResultLost,
    Died,
}

impl<T> InvocationResult<T> {
    pub fn returned(self) -> Option<T> {
        match self {
            Self::Returned(result) => Some(result),
            Self::ResultLost | Self::Died => None,
        }
    }
}

impl Proxy {
    pub async fn start() -> Self {
        let listeners = [bind().await, bind().await];
        let ports = listeners.each_ref().map(|(_, url)| Port {
            url: url.clone(),
            in_flight: watch::Sender::new(0),
            dead: watch::Sender::new(false),
        });
        let shared = Arc::new(Shared {
            upstream: OnceLock::new(),
            clock: OnceLock::new(),
            client: HttpStack::new().unwrap().client().clone(),
            ports,
            state: Mutex::new(State::new(None)),
            webhook_count: watch::Sender::new(0),
            accepted: watch::Sender::new(0),
            held: watch::Sender::new(false),
        });
        for (port, (listener, _)) in listeners.into_iter().enumerate() {
            tokio::spawn(accept(listener, port, Arc::clone(&shared)));
        }
        Self { url: shared.ports[0].url.clone(), shared }
    }

    pub fn set_upstream(&self, upstream: &Url) {
        self.shared.upstream.set(upstream.clone()).unwrap();
    }

    pub fn set_clock(&self, clock: &Clock) {
        self.shared.clock.set(clock.clone()).unwrap();
    }

    pub fn port_url(&self, port: usize) -> &Url {
        &self.shared.ports[port].url
    }

    pub fn begin_run(&self, plan: Plan) {
        *self.shared.state() = State::new(Some(plan));
        self.shared.webhook_count.send_replace(0);
        self.shared.accepted.send_replace(0);
        self.shared.held.send_replace(false);
    }

    pub fn stop_faults(&self) {
        self.shared.state().plan = None;
    }

    pub fn calls(&self) -> Vec<Call> {
        self.shared.state().calls.clone()
    }

    pub fn injected(&self) -> Vec<(Fault, Call)> {
        let state = self.shared.state();
        state.injected.iter().map(|(fault, index)| (*fault, state.calls[*index].clone())).collect()
    }

    /// Returns whether an injected fault can leave a message's outcome unknown: `dispatch` died, or the fault
    /// hit `dispatch`'s call to the carrier or a later call of that invocation. SQS calls count only if
    /// `dispatch` died, because they do not record the outcome.
    pub fn may_be_unknown(&self) -> bool {
        let state = self.shared.state();
        let called_carrier_before = |index: usize| {
            let of_run = |call: &&Call| call.invocation == state.calls[index].invocation;
            state.calls[..=index].iter().filter(of_run).any(|call| call.peer == Peer::Carrier)
        };
        state.injected.iter().any(|(fault, index)| {
            let is_dead = matches!(fault, Fault::DieBefore | Fault::DieAfter);
            let Call { function, peer, .. } = &state.calls[*index];
            *function == "dispatch" && (is_dead || (*peer != Peer::Aws("SQS") && called_carrier_before(*index)))
        })
    }

    pub async fn invoke<T>(
        &self,
        port: usize,
        function: &'static str,
        run: impl Future<Output = T>,
    ) -> InvocationResult<T> {
        let Port { dead, in_flight, .. } = &self.shared.ports[port];
        {
            let mut state = self.shared.state();
            state.invocations += 1;
            let invocation = state.invocations;
            state.running[port] = Some(Running { function, invocation, is_result_lost: false });
        }
        dead.send_replace(false);
        let mut is_dead = dead.subscribe();
        let result = tokio::select! {
            biased;
            _ = is_dead.wait_for(|dead| *dead) => None,
            result = run => Some(result),
        };
        // Calls in progress are still applied, although a dead function does not wait for them.
        let _ = in_flight.subscribe().wait_for(|count| *count == 0).await;
        // We reset this, because a function on the other port may call a client URL stored with this port.
        dead.send_replace(false);
        let ended = self.shared.state().running[port].take().unwrap();
        self.shared.apply_late().await;
        self.shared.apply_stragglers(ended.invocation).await;
        match result {
            None => InvocationResult::Died,
            Some(_) if ended.is_result_lost => InvocationResult::ResultLost,
            Some(result) => InvocationResult::Returned(result),
        }
    }

    pub fn is_running(&self, port: usize) -> bool {
        self.shared.state().running[port].is_some()
    }

    pub fn invocations(&self) -> usize {
        self.shared.state().invocations
    }

    pub fn next_webhook(&self) -> Option<WebhookRequest> {
        self.shared.state().webhooks.pop_front()
    }

    pub fn requeue_webhook(&self, webhook: WebhookRequest) {
        self.shared.state().webhooks.push_back(webhook);
    }

    pub fn webhook_count(&self) -> usize {
        self.shared.state().webhook_count
    }

    /// Returns the accepted submits, in order.
    pub fn submits(&self) -> Vec<Submit> {
        self.shared.state().submits.clone()
    }

    /// Returns the jobs and callbacks of all requests to SQS, applied or not.
    pub fn enqueued(&self) -> Vec<Enqueued> {
        self.shared.state().enqueued.clone()
    }

    pub async fn until_webhooks(&self, count: usize) {
        let _ = self.shared.webhook_count.subscribe().wait_for(|so_far| *so_far >= count).await;
    }

    /// Holds back the carriers' answers until called with `false`. Submits are still accepted.
    pub fn hold_carriers(&self, is_held: bool) {
        self.shared.held.send_replace(is_held);
    }

    pub async fn until_accepted(&self, count: usize) {
        let _ = self.shared.accepted.subscribe().wait_for(|so_far| *so_far >= count).await;
    }
}

async fn bind() -> (TcpListener, Url) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    (listener, url)
}

async fn accept(listener: TcpListener, port: usize, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, port, Arc::clone(&shared)));
    }
}

async fn serve(mut stream: TcpStream, port: usize, shared: Arc<Shared>) {
    stream.set_nodelay(true).unwrap();
    let mut buffer = Vec::new();
    while let Some(request) = Request::read(&mut stream, &mut buffer).await {
        let Some(answer) = shared.answer(request, port, &mut stream).await else { return };
        if !answer.write(&mut stream).await {
            return;
        }
    }
}

/// Returns the called system and the call's name; `None` if no function makes such a request.
fn destination(request: &Request) -> Option<(Peer, String)> {
    if let Some(target) = request.header("x-amz-target") {
        let (service, operation) = target.split_once('.')?;
        let service = match service {
            "DynamoDB_20120810" => "DynamoDB",
            "AmazonSQS" => "SQS",
            _ => "secrets",
        };
        return Some((Peer::Aws(service), format!("{service} {operation}")));
    }
    match wire::call(&request.method, &request.path) {
        Some((_, wire::Call::Submit)) => Some((Peer::Carrier, "carrier".to_owned())),
        Some((_, wire::Call::Login)) => Some((Peer::Carrier, "carrier login".to_owned())),
        Some((_, wire::Call::Lookup)) => Some((Peer::Carrier, "carrier lookup".to_owned())),
        None if request.path.starts_with("/sinks/") => Some((Peer::Client, "client".to_owned())),
        None => None,
    }
}

fn is_submit(request: &Request) -> bool {
    matches!(wire::call(&request.method, &request.path), Some((_, wire::Call::Submit)))
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn receive_webhook(&self, request: Request) -> Answer {
        let mut state = self.state();
        state.webhooks.push_back(WebhookRequest { path: request.path, body: request.body });
        state.webhook_count += 1;
        self.webhook_count.send_replace(state.webhook_count);
        Answer::ok()
    }
}
