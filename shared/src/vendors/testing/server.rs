//! A scripted HTTP server on a socket: keeps each request, and answers as told.

use std::{
    collections::HashMap,
    fmt,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use url::Url;

/// Limit on an endless answer, in bytes. A client that reads this much would read on for ever.
pub(super) const ENDLESS: usize = 64 << 20;

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Http {
        status: u16,
        headers: Vec<String>,
        body: Vec<u8>,
    },
    /// Closes the connection without an answer.
    Closes,
    /// Keeps the connection open until the client closes it.
    Late,
    /// Sends a body that does not end.
    Endless(u16),
}

impl Answer {
    pub(super) fn with_body(&self, body: Vec<u8>) -> Self {
        match self {
            Self::Http { status, headers, .. } => Self::Http { status: *status, headers: headers.clone(), body },
            other => other.clone(),
        }
    }
}

/// Reads a status code, lines of headers, an empty line and the body: `"429\nretry-after: 7\n\nslow down"`.
impl From<&str> for Answer {
    fn from(text: &str) -> Self {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines().map(str::to_owned);
        let status = lines.next().and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no status: {text}"));
        Self::Http { status, headers: lines.collect(), body: body.into() }
    }
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

/// A received request.
#[derive(Clone, Default)]
pub(super) struct Request {
    /// Method and target: `POST /messages`.
    pub(super) line: String,
    /// `name: value`, with the name in lower case.
    pub(super) headers: Vec<String>,
    pub(super) body: Vec<u8>,
}

impl Request {
    pub(super) fn has_header(&self, expected: &str) -> bool {
        self.headers.iter().any(|header| header == expected)
    }

    /// Returns whether the request is the one described: its line, some of its headers, and its body.
    pub(super) fn is(&self, expected: &str) -> bool {
        let (head, body) = expected.split_once("\n\n").unwrap_or((expected, ""));
        let mut lines = head.lines();
        let line = lines.next().unwrap_or_default();
        self.line == line && lines.all(|line| self.has_header(line)) && self.body == body.as_bytes()
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n\n{}", self.line, self.headers.join("\n"), String::from_utf8_lossy(&self.body))
    }
}

#[derive(Clone)]
pub(super) struct Server {
    pub(super) url: Url,
    answer: Arc<Mutex<Answer>>,
    /// Special answers, by request line, such as `POST /login`.
    special: Arc<Mutex<HashMap<String, Answer>>>,
    requests: Arc<Mutex<Vec<Request>>>,
    /// Bytes of endless answers that clients have taken.
    taken: Arc<AtomicUsize>,
}

impl Server {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            url: format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap(),
            answer: Arc::new(Mutex::new(Answer::Closes)),
            special: Arc::default(),
            requests: Arc::default(),
            taken: Arc::default(),
        };
        let serving = server.clone();
        thread::spawn(move || {
            for connection in listener.incoming() {
                let server = serving.clone();
                thread::spawn(move || server.serve(connection.unwrap()));
            }
        });
        server
    }

    pub(super) fn answer_with(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// Answers requests with this line differently.
    pub(super) fn answer_to(&self, line: &str, answer: Answer) {
        self.special.lock().unwrap().insert(line.to_owned(), answer);
    }

    /// Returns the requests since the last call.
    pub(super) fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }

    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }

    fn serve(&self, mut connection: TcpStream) {
        let mut reader = BufReader::new(connection.try_clone().unwrap());
        let Some(request) = read(&mut reader) else { return };
        let answer = self.answer_of(&request.line);
        self.requests.lock().unwrap().push(request);
        // The client may hang up at any time, so the result does not matter.
        let _ = match answer {
            Answer::Http { status, headers, body } => answered(&mut connection, status, headers, &body),
            Answer::Closes => Ok(()),
            Answer::Late => reader.read_to_end(&mut Vec::new()).map(|_| ()),
            Answer::Endless(status) => self.pour(&mut connection, status),
        };
    }

    fn answer_of(&self, line: &str) -> Answer {
        let special = self.special.lock().unwrap().get(line).cloned();
        special.unwrap_or_else(|| self.answer.lock().unwrap().clone())
    }

    fn pour(&self, connection: &mut TcpStream, status: u16) -> std::io::Result<()> {
        write!(connection, "HTTP/1.1 {status} X\r\nconnection: close\r\n\r\n")?;
        let piece = [b'x'; 1 << 14];
        let mut sent = 0;
        while sent < ENDLESS {
            connection.write_all(&piece)?;
            sent += piece.len();
            self.taken.fetch_add(piece.len(), Ordering::SeqCst);
        }
        Ok(())
    }
}

fn answered(connection: &mut TcpStream, status: u16, mut headers: Vec<String>, body: &[u8]) -> std::io::Result<()> {
    if !headers.iter().any(|header| header.starts_with("content-length:")) {
        headers.push(format!("content-length: {}", body.len()));
    }
    headers.push("connection: close".to_owned());
    write!(connection, "HTTP/1.1 {status} X\r\n{}\r\n\r\n", headers.join("\r\n"))?;
    connection.write_all(body)
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0).map(|_| line.trim_end().to_owned())
    };
    let first = line()?;
    let mut request = Request { line: first.trim_end_matches(" HTTP/1.1").to_owned(), ..Request::default() };
    while let Some(header) = line().filter(|header| !header.is_empty()) {
        let (name, value) = header.split_once(": ").unwrap_or((&header, ""));
        request.headers.push(format!("{}: {value}", name.to_ascii_lowercase()));
    }
    let length = request.headers.iter().find_map(|header| header.strip_prefix("content-length: "));
    request.body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut request.body).ok()?;
    Some(request)
}
