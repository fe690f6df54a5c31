//! A loopback proxy between the functions and their world. Every call that a
//! function makes to AWS, a carrier or a client goes through it, is counted, and
//! can go wrong. What carriers bring to the gateway it takes in for the test.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use reqwest::{Client, Url};
use shared::runtime::HttpStack;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::{
    fault::{Answer, Fault, Peer},
    http::{Request, hung_up},
};

/// How late a slow answer is.
const DELAY: Duration = Duration::from_millis(50);

/// A call that a function made.
#[derive(Clone, Debug)]
pub struct Call {
    pub function: &'static str,
    pub peer: Peer,
    pub name: String,
    /// Which of the invocations it was made by.
    pub invocation: usize,
}

impl Call {
    pub fn label(&self) -> String {
        format!("{}: {}", self.function, self.name)
    }
}

/// A receipt or reply that a carrier brings.
#[derive(Clone, Debug)]
pub struct Brought {
    pub path: String,
    pub body: Vec<u8>,
}

impl Brought {
    pub fn is_reply(&self) -> bool {
        self.path.starts_with("/mo/")
    }
}

/// When which call goes wrong.
pub type Plan = Box<dyn FnMut(usize, &Call) -> Option<Fault> + Send>;

#[derive(Default)]
struct State {
    plan: Option<Plan>,
    calls: Vec<Call>,
    struck: Vec<(Fault, usize)>,
    function: Option<&'static str>,
    invocation: usize,
    is_forgotten: bool,
    late: Vec<Request>,
    brought: VecDeque<Brought>,
    /// How many receipts and replies came in all, and how many submits a carrier took.
    came: usize,
    taken: usize,
}

struct Shared {
    upstream: OnceLock<Url>,
    client: Client,
    state: Mutex<State>,
    /// How many calls are under way, and whether the function that makes them is dead.
    under_way: watch::Sender<usize>,
    dead: watch::Sender<bool>,
    came: watch::Sender<usize>,
}

pub struct Proxy {
    pub url: Url,
    shared: Arc<Shared>,
}

impl Proxy {
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let shared = Arc::new(Shared {
            upstream: OnceLock::new(),
            client: HttpStack::new().unwrap().client().clone(),
            state: Mutex::default(),
            under_way: watch::Sender::new(0),
            dead: watch::Sender::new(false),
            came: watch::Sender::new(0),
        });
        tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { url, shared }
    }

    /// Says where the world is.
    pub fn lead_to(&self, upstream: &Url) {
        self.shared.upstream.set(upstream.clone()).unwrap();
    }

    /// Begins a run, in which the calls go wrong that the plan says.
    pub fn begin_run(&self, plan: Plan) {
        *self.shared.state() = State { plan: Some(plan), ..State::default() };
        self.shared.came.send_replace(0);
    }

    /// From here on all goes well.
    pub fn stop_failing(&self) {
        self.shared.state().plan = None;
    }

    /// What was called since the run began, and what went wrong.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.state().calls.clone()
    }

    pub fn struck(&self) -> Vec<(Fault, Call)> {
        let state = self.shared.state();
        state.struck.iter().map(|(fault, place)| (*fault, state.calls[*place].clone())).collect()
    }

    /// Whether something went wrong that can leave it open what became of a message:
    /// the call of a carrier, whatever came after it, or the worker itself.
    pub fn may_be_unknown(&self) -> bool {
        let state = self.shared.state();
        let asked_before = |place: usize| {
            let run = state.calls[..=place].iter().rev();
            run.take_while(|call| call.invocation == state.calls[place].invocation)
                .any(|call| call.peer == Peer::Carrier)
        };
        state.struck.iter().any(|(fault, place)| {
            let is_dead = matches!(fault, Fault::DieBefore | Fault::DieAfter);
            state.calls[*place].function == "dispatch" && (is_dead || asked_before(*place))
        })
    }

    /// Runs a function. None if it died, or whoever called it did not learn of its end.
    pub async fn invoke<T>(&self, function: &'static str, run: impl Future<Output = T>) -> Option<T> {
        {
            let mut state = self.shared.state();
            (state.function, state.is_forgotten) = (Some(function), false);
            state.invocation += 1;
        }
        self.shared.dead.send_replace(false);
        let mut dead = self.shared.dead.subscribe();
        let result = tokio::select! {
            biased;
            _ = dead.wait_for(|dead| *dead) => None,
            result = run => Some(result),
        };
        // What was on its way arrives, whether or not anybody waits for it.
        let mut under_way = self.shared.under_way.subscribe();
        let _ = under_way.wait_for(|count| *count == 0).await;
        self.shared.apply_late().await;
        let mut state = self.shared.state();
        state.function = None;
        result.filter(|_| !state.is_forgotten)
    }

    /// The next receipt or reply that is to be brought.
    pub fn next_brought(&self) -> Option<Brought> {
        self.shared.state().brought.pop_front()
    }

    /// What was not taken will be brought again.
    pub fn bring_again(&self, brought: Brought) {
        self.shared.state().brought.push_back(brought);
    }

    pub fn came(&self) -> usize {
        self.shared.state().came
    }

    /// How many submits carriers have taken.
    pub fn taken(&self) -> usize {
        self.shared.state().taken
    }

    /// Returns when so many receipts and replies have come.
    pub async fn until_came(&self, count: usize) {
        let mut came = self.shared.came.subscribe();
        let _ = came.wait_for(|so_far| *so_far >= count).await;
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&shared)));
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    stream.set_nodelay(true).unwrap();
    let mut buffer = Vec::new();
    while let Some(request) = Request::read(&mut stream, &mut buffer).await {
        let Some(answer) = shared.answer(request, &mut stream).await else { return };
        if !answer.write(&mut stream).await {
            return;
        }
    }
}

/// Whom it calls, and what for; none for what no function calls.
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
    match request.path.as_str() {
        _ if is_submit(request) => Some((Peer::Carrier, "carrier".to_owned())),
        path if path.starts_with("/carrier/messages/") => Some((Peer::Carrier, "carrier, asked".to_owned())),
        path if path.starts_with("/sinks/") => Some((Peer::Client, "client".to_owned())),
        _ => None,
    }
}

fn is_submit(request: &Request) -> bool {
    matches!(request.path.as_str(), "/carrier/messages" | "/cm/v1.0/message")
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// None breaks the connection off.
    async fn answer(&self, request: Request, stream: &mut TcpStream) -> Option<Answer> {
        if request.path.starts_with("/dlr/") || request.path.starts_with("/mo/") {
            let mut state = self.state();
            state.brought.push_back(Brought { path: request.path, body: request.body });
            state.came += 1;
            self.came.send_replace(state.came);
            return Some(Answer::ok());
        }
        let Some((peer, name)) = destination(&request) else { return Some(self.forward(request).await) };
        if *self.dead.borrow() {
            // Dead functions call nobody.
            return None;
        }
        self.under_way.send_modify(|count| *count += 1);
        let fault = self.count(peer, name);
        let (answer, then) = self.meet(fault, peer, request).await;
        self.under_way.send_modify(|count| *count -= 1);
        if then == Then::HangOn {
            hung_up(stream).await;
        }
        answer
    }

    fn count(&self, peer: Peer, name: String) -> Option<Fault> {
        let state = &mut *self.state();
        let call = Call { function: state.function?, peer, name, invocation: state.invocation };
        let place = state.calls.len();
        let planned = state.plan.as_mut().and_then(|plan| plan(place, &call));
        let fault = planned.filter(|fault| *fault == Fault::Forget || fault.befalls(peer, false));
        if let Some(fault) = fault {
            state.struck.push((fault, place));
        }
        state.calls.push(call);
        state.is_forgotten |= fault == Some(Fault::Forget);
        fault
    }

    async fn meet(&self, fault: Option<Fault>, peer: Peer, request: Request) -> (Option<Answer>, Then) {
        let Some(fault) = fault else { return (Some(self.apply(request).await), Then::Answer) };
        match fault {
            Fault::Forget => (Some(self.apply(request).await), Then::Answer),
            Fault::Delay => {
                tokio::time::sleep(DELAY).await;
                (Some(self.apply(request).await), Then::Answer)
            }
            Fault::DieBefore | Fault::DieAfter => {
                if fault == Fault::DieAfter {
                    self.apply(request).await;
                }
                self.dead.send_replace(true);
                (None, Then::HangOn)
            }
            Fault::LoseAnswer => {
                self.apply(request).await;
                (None, Then::Answer)
            }
            Fault::TimeOut => {
                self.apply(request).await;
                (None, Then::HangOn)
            }
            Fault::Break => (None, Then::Answer),
            Fault::Late => {
                self.state().late.push(request);
                (None, Then::Answer)
            }
            Fault::RefuseAfter => {
                self.apply(request).await;
                (fault.answer(peer), Then::Answer)
            }
            Fault::Throttle | Fault::ServerError | Fault::Refuse => (fault.answer(peer), Then::Answer),
        }
    }

    /// Has a call done, and then what was late for its turn.
    async fn apply(&self, request: Request) -> Answer {
        let is_submit = is_submit(&request);
        let answer = self.forward(request).await;
        if is_submit && answer.is_success() {
            self.state().taken += 1;
        }
        self.apply_late().await;
        answer
    }

    async fn apply_late(&self) {
        let late = std::mem::take(&mut self.state().late);
        for request in late {
            let is_submit = is_submit(&request);
            let answer = self.forward(request).await;
            if is_submit && answer.is_success() {
                self.state().taken += 1;
            }
        }
    }

    async fn forward(&self, request: Request) -> Answer {
        let upstream = self.upstream.get().unwrap();
        request.forward(&self.client, upstream).await.unwrap()
    }
}

/// What is done with a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// It is answered, or broken off.
    Answer,
    /// It is left open until the caller hangs up.
    HangOn,
}
