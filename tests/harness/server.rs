//! Scripted HTTP servers, which record their requests.
//!
//! A server stands for a client's callback URL, for a carrier ([`ScriptedCarrier`](crate::ScriptedCarrier)),
//! or for another system that the gateway calls.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::Url;
use serde_json::Value;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};

use crate::{client::client, request::Request, system::System};

/// A response to a request.
#[derive(Clone, Debug)]
pub enum Response {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
    /// Sends these bytes, which need not be HTTP, and closes the connection.
    Bytes(Vec<u8>),
    /// Closes the connection without an answer.
    Disconnect,
    /// Keeps the connection open without an answer, until the caller gives up.
    Hang,
    /// Sends a byte a second, until the caller gives up.
    Drip,
    /// Forwards the request to a server, and returns that server's answer.
    Forward(Url),
    /// Forwards the request to a server, and closes the connection without the answer.
    LoseAnswer(Url),
    /// Responds after a delay.
    After(Duration, Box<Self>),
}

impl Response {
    /// Returns an answer with an empty body.
    pub fn status(status: u16) -> Self {
        Self::Answer { status, headers: Vec::new(), body: String::new() }
    }

    pub fn json(status: u16, body: &Value) -> Self {
        Self::Answer { status, headers: Vec::new(), body: body.to_string() }
    }

    /// Adds a header to an answer.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name, value.into()));
        }
        self
    }

    /// Returns an answer in XML.
    pub fn xml(status: u16, body: impl Into<String>) -> Self {
        Self::Answer { status, headers: Vec::new(), body: body.into() }.with_header("content-type", "text/xml")
    }

    async fn write(self, request: &Request, stream: &mut TcpStream) {
        match self {
            Self::Answer { status, headers, body } => {
                let headers =
                    headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<Vec<_>>().concat();
                let length = body.len();
                let head =
                    format!("HTTP/1.1 {status} Scripted\r\n{headers}content-length: {length}\r\nconnection: close\r\n");
                let _ = stream.write_all(format!("{head}\r\n{body}").as_bytes()).await;
            }
            Self::Bytes(bytes) => drop(stream.write_all(&bytes).await),
            Self::Disconnect => {}
            Self::Hang => until_closed(stream, false).await,
            Self::Drip => until_closed(stream, true).await,
            Self::Forward(to) => {
                let answer = forward(request, &to).await;
                let _ = stream.write_all(&answer).await;
            }
            Self::LoseAnswer(to) => drop(forward(request, &to).await),
            Self::After(delay, response) => {
                tokio::time::sleep(delay).await;
                Box::pin(response.write(request, stream)).await;
            }
        }
    }
}

/// Sends a request to another server, and returns the bytes of its answer.
async fn forward(request: &Request, to: &Url) -> Vec<u8> {
    let is_ours = |name: &str| ["host", "connection", "content-length", "transfer-encoding"].contains(&name);
    let mut forwarded = client().request(request.method.clone(), to.join(&request.path).unwrap());
    for (name, value) in request.headers.iter().filter(|(name, _)| !is_ours(name)) {
        forwarded = forwarded.header(name, value);
    }
    let answer = forwarded.body(request.body.clone()).send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = answer.bytes().await.unwrap();
    let headers = headers.iter().filter(|(name, _)| !is_ours(name.as_str()));
    let headers: Vec<_> = headers.map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap())).collect();
    let (headers, length) = (headers.concat(), body.len());
    let head = format!("HTTP/1.1 {status} Forwarded\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n");
    [head.as_bytes(), &body].concat()
}

/// Waits until the caller closes the connection. If `drips`, sends a byte a second until then.
async fn until_closed(stream: &mut TcpStream, drips: bool) {
    let (mut request, mut answer) = stream.split();
    let drip = async {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if drips && answer.write_all(b"H").await.is_err() {
                return;
            }
        }
    };
    let mut nowhere = tokio::io::sink();
    tokio::select! {
        _ = tokio::io::copy(&mut request, &mut nowhere) => {}
        () = drip => {}
    }
}

type Script = dyn FnMut(&Request) -> Response + Send;

/// A server with its own address. It runs until the test ends.
pub struct TestServer {
    url: Url,
    shared: Arc<Shared>,
}

struct Shared {
    script: Mutex<Box<Script>>,
    requests: Mutex<Vec<Request>>,
    open: AtomicUsize,
}

impl TestServer {
    /// Answers every request with a status, until [`answers`](Self::answers) changes it.
    pub async fn answering(status: u16) -> Self {
        Self::responding(Response::status(status)).await
    }

    /// Gives every request the same response.
    pub async fn responding(response: Response) -> Self {
        Self::with(move |_| response.clone()).await
    }

    /// Gives these responses in order, and repeats the last.
    pub async fn scripted(responses: impl IntoIterator<Item = Response>) -> Self {
        let mut left: VecDeque<_> = responses.into_iter().collect();
        Self::with(move |_| next(&mut left)).await
    }

    /// Gives each request the response that `script` returns.
    pub async fn with(script: impl FnMut(&Request) -> Response + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let shared = Arc::new(Shared {
            script: Mutex::new(Box::new(script)),
            requests: Mutex::default(),
            open: AtomicUsize::default(),
        });
        let server = Self { url, shared: Arc::clone(&shared) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        server
    }

    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the URL for a path, which has no leading slash.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Answers every request with a status from now on.
    pub fn answers(&self, status: u16) {
        *lock(&self.shared.script) = Box::new(move |_| Response::status(status));
    }

    /// Returns the requests so far, in order.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    pub fn calls(&self) -> usize {
        lock(&self.shared.requests).len()
    }

    /// Counts the requests that are neither answered nor given up by the caller.
    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// Returns a header's values, in order. Every request must have the header.
    pub fn headers(&self, name: &str) -> Vec<String> {
        let value = |request: &Request| request.header(name).expect(name).to_owned();
        self.requests().iter().map(value).collect()
    }

    pub async fn until_calls(&self, system: &System, count: usize) {
        let what = format!("the server was called {count} times");
        system.until(&what, async || (self.calls() >= count).then_some(())).await;
    }
}

/// Returns a URL whose port is closed.
pub async fn unreachable_url() -> Url {
    let free = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
    format!("http://{free}/").parse().unwrap()
}

/// Takes the next item from a script; repeats the last.
pub(crate) fn next<T: Clone>(script: &mut VecDeque<T>) -> T {
    let last = (script.len() == 1).then(|| script.front().cloned()).flatten();
    last.or_else(|| script.pop_front()).expect("a script is not empty")
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let Some(request) = Request::read(&mut stream, &mut Vec::new()).await else { return };
    shared.open.fetch_add(1, Ordering::SeqCst);
    let response = {
        let mut requests = lock(&shared.requests);
        requests.push(request.clone());
        lock(&shared.script)(&request)
    };
    response.write(&request, &mut stream).await;
    shared.open.fetch_sub(1, Ordering::SeqCst);
}

pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
