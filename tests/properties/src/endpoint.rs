//! A local HTTP server that records requests and gives a preset answer.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use url::Url;

#[derive(Clone, Default)]
pub struct Answer {
    pub status: u16,
    /// Bytes, because a header need not be UTF-8.
    pub retry_after: Option<Vec<u8>>,
    pub body: Vec<u8>,
}

pub struct Endpoint {
    pub url: Url,
    exchange: Arc<Mutex<Exchange>>,
}

#[derive(Default)]
struct Exchange {
    answer: Answer,
    posted: Vec<Vec<u8>>,
}

impl Endpoint {
    /// # Panics
    /// No port is free.
    #[expect(clippy::expect_used, reason = "setup of the test")]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let exchange = Arc::new(Mutex::new(Exchange::default()));
        let shared = Arc::clone(&exchange);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let exchange = Arc::clone(&shared);
                thread::spawn(move || serve(stream, &exchange));
            }
        });
        Self { url: Url::parse(&format!("http://{address}/")).expect("a URL"), exchange }
    }

    /// Sets the answer and forgets earlier requests.
    pub fn answer(&self, answer: &Answer) {
        let mut exchange = lock(&self.exchange);
        exchange.answer = answer.clone();
        exchange.posted.clear();
    }

    /// Returns the bodies posted since the last [`Self::answer`].
    pub fn posted(&self) -> Vec<Vec<u8>> {
        lock(&self.exchange).posted.clone()
    }
}

fn lock(exchange: &Mutex<Exchange>) -> MutexGuard<'_, Exchange> {
    exchange.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers requests until the client closes the connection.
fn serve(mut stream: TcpStream, exchange: &Mutex<Exchange>) {
    let mut buffer = Vec::new();
    while let Some(body) = read(&mut stream, &mut buffer) {
        let mut exchange = lock(exchange);
        exchange.posted.push(body);
        let answer = exchange.answer.written();
        drop(exchange);
        if stream.write_all(&answer).is_err() {
            break;
        }
    }
}

/// Reads the body of the next request, or `None` at the end of the stream.
fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let head = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        fill(stream, buffer)?;
    };
    let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length = length.map_or(Some(0), |length| length.trim().parse::<usize>().ok())?;
    while buffer.len() < head + length {
        fill(stream, buffer)?;
    }
    let rest = buffer.split_off(head + length);
    let body = buffer.split_off(head);
    *buffer = rest;
    Some(body)
}

fn fill(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    let mut chunk = [0; 8192];
    let read = stream.read(&mut chunk).ok().filter(|read| *read > 0)?;
    buffer.extend_from_slice(&chunk[..read]);
    Some(())
}

impl Answer {
    fn written(&self) -> Vec<u8> {
        // These statuses have no body.
        let body: &[u8] = if matches!(self.status, 204 | 304) { &[] } else { &self.body };
        let mut written = format!("HTTP/1.1 {} Told\r\ncontent-length: {}\r\n", self.status, body.len()).into_bytes();
        if let Some(after) = &self.retry_after {
            written.extend_from_slice(b"retry-after: ");
            written.extend_from_slice(after);
            written.extend_from_slice(b"\r\n");
        }
        written.extend_from_slice(b"\r\n");
        written.extend_from_slice(body);
        written
    }
}
