//! Submits over a socket to a scripted gateway.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use jiff::Timestamp;
use reqwest::Client;
use serde_json::{Value, json};

use super::submit::{submit, tests::Sent};
use crate::{
    domain::{CarrierSettings, Outcome},
    runtime::HttpStack,
};

enum Does {
    Answers(u16, String),
    AnswersWith(&'static str),
    Closes,
    /// Keeps the connection open until the client closes it.
    Waits,
}

/// A received request, with its head in lower case.
struct Posted {
    head: String,
    body: Value,
}

impl Posted {
    fn message(&self) -> &Value {
        let [message] = self.body["messages"]["msg"].as_array().unwrap().as_slice() else { panic!("{}", self.body) };
        message
    }
}

struct Gateway {
    settings: CarrierSettings,
    posted: Arc<Mutex<Vec<Posted>>>,
}

impl Gateway {
    fn that(does: impl Fn(&Posted) -> Does + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let posted = Arc::new(Mutex::new(Vec::new()));
        let (does, kept) = (Arc::new(does), Arc::clone(&posted));
        thread::spawn(move || {
            for connection in listener.incoming() {
                let (does, kept) = (Arc::clone(&does), Arc::clone(&kept));
                thread::spawn(move || serve(connection.unwrap(), &*does, &kept));
            }
        });
        Self {
            settings: CarrierSettings { endpoint, timeout_ms: 20_000, lookup: false, receipts_by_id: false },
            posted,
        }
    }

    fn answering(status: u16, body: impl Into<String>) -> Self {
        let body = body.into();
        Self::that(move |_| Does::Answers(status, body.clone()))
    }

    fn with_timeout_ms(mut self, timeout_ms: u64) -> Self {
        self.settings.timeout_ms = timeout_ms;
        self
    }

    async fn submit(&self) -> Outcome {
        submit(&client(), &self.settings, "token", &Sent::numbered(1).submission(), Timestamp::UNIX_EPOCH).await
    }

    fn requests(&self) -> usize {
        self.posted.lock().unwrap().len()
    }
}

fn serve(mut connection: TcpStream, does: &(impl Fn(&Posted) -> Does + ?Sized), kept: &Mutex<Vec<Posted>>) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or_default() == 0 {
            return;
        }
    }
    let head = head.to_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let posted = Posted { head, body: serde_json::from_slice(&body).unwrap() };
    let done = does(&posted);
    kept.lock().unwrap().push(posted);
    let _ = match done {
        Does::Answers(status, body) => {
            let length = body.len();
            write!(connection, "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
        }
        Does::AnswersWith(answer) => connection.write_all(answer.as_bytes()),
        Does::Closes => Ok(()),
        Does::Waits => reader.read_to_end(&mut Vec::new()).map(|_| ()),
    };
}

fn client() -> Client {
    HttpStack::new().unwrap().careful_client().unwrap()
}

fn listed(msg: &Value, code: u16) -> Value {
    json!({"to": msg["to"][0]["number"], "reference": msg["reference"], "parts": 1, "messageErrorCode": code})
}

fn accepts(posted: &Posted) -> Does {
    let listed = listed(posted.message(), 0);
    Does::Answers(200, json!({"details": "Created", "errorCode": 0, "messages": [listed]}).to_string())
}

const ACCEPTED: Outcome = Outcome::Accepted { carrier_id: None };

fn rejected(reason: &str) -> Outcome {
    Outcome::Rejected { reason: reason.to_owned() }
}

fn unknown(reason: &str) -> Outcome {
    Outcome::Unknown { reason: reason.to_owned() }
}

fn busy(retry_after: Option<u64>, reason: &str) -> Outcome {
    Outcome::Busy { retry_after: retry_after.map(Duration::from_secs), reason: reason.to_owned() }
}

#[tokio::test]
async fn token_is_in_the_header_with_or_without_trailing_slash() {
    for (path, expected) in
        [("", "/v1.0/message"), ("proxy/cm", "/proxy/cm/v1.0/message"), ("proxy/", "/proxy/v1.0/message")]
    {
        let mut gateway = Gateway::that(accepts);
        gateway.settings.endpoint = gateway.settings.endpoint.join(path).unwrap();
        assert_eq!(gateway.submit().await, ACCEPTED);
        let posted = gateway.posted.lock().unwrap();
        assert!(posted[0].head.starts_with(&format!("post {expected} http/1.1\r\n")), "{}", posted[0].head);
        assert!(posted[0].head.contains("\r\nx-cm-producttoken: token\r\n"));
        assert!(posted[0].head.contains("\r\ncontent-type: application/json\r\n"));
    }
}

#[tokio::test]
async fn request_error_is_not_blamed_on_the_message() {
    let reason = "101: Authentication of the request failed";
    let gateway =
        Gateway::answering(400, include_str!("../../../../../tests/fixtures/carriers/cm/answer-no-account.json"));
    assert_eq!(gateway.submit().await, busy(None, reason));
    assert_eq!(gateway.requests(), 1);
    for (status, body, expected) in [
        (404, "", busy(None, "status 404")),
        (405, "<html>", busy(None, "status 405")),
        (500, "{\"details\":\"Unknown Error\",\"errorCode\":999}", unknown("status 500")),
        (502, "", unknown("status 502")),
        (504, "", unknown("status 504")),
        (307, "", unknown("status 307")),
        (200, "", unknown("status 200, unreadable answer")),
        (200, "ok", unknown("status 200, unreadable answer")),
        (200, "{\"errorCode\":0,\"messages\":[]}", unknown("answer 0 does not list the message")),
        (400, "{\"errorCode\":202}", rejected("202: This request is malformed")),
        (413, "", rejected("status 413")),
    ] {
        assert_eq!(Gateway::answering(status, body).submit().await, expected, "{status} {body}");
    }
}

#[tokio::test]
async fn status_429_or_503_is_busy_until_retry_after() {
    for (answer, expected) in [
        ("HTTP/1.1 429 X\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n", busy(Some(7), "busy (status 429)")),
        ("HTTP/1.1 503 X\r\nretry-after: 30\r\ncontent-length: 0\r\n\r\n", busy(Some(30), "busy (status 503)")),
        // The date is half a minute after the request.
        (
            "HTTP/1.1 503 X\r\nretry-after: Thu, 01 Jan 1970 00:00:30 GMT\r\ncontent-length: 0\r\n\r\n",
            busy(Some(30), "busy (status 503)"),
        ),
        ("HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n", busy(None, "busy (status 503)")),
    ] {
        assert_eq!(Gateway::that(move |_| Does::AnswersWith(answer)).submit().await, expected);
    }
}

#[tokio::test]
async fn without_an_answer_the_outcome_is_unknown() {
    let closing = Gateway::that(|_| Does::Closes);
    assert_eq!(closing.submit().await, unknown("the connection broke"));
    assert_eq!(closing.requests(), 1, "the message must not be posted again");
    let silent = Gateway::that(|_| Does::Waits).with_timeout_ms(100);
    assert_eq!(silent.submit().await, unknown("no answer in time"));
    let cut_off = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"errorCode\":0";
    let unreadable = unknown("status 200, unreadable answer");
    assert_eq!(Gateway::that(move |_| Does::AnswersWith(cut_off)).submit().await, unreadable);
}

#[tokio::test]
async fn huge_answer_is_not_read() {
    for (length, expected) in [(1 << 15, ACCEPTED), (1 << 16, unknown("status 200, unreadable answer"))] {
        let gateway = Gateway::that(move |posted| {
            let listed = listed(posted.message(), 0);
            let answer = json!({"details": "x".repeat(length), "errorCode": 0, "messages": [listed]});
            Does::Answers(200, answer.to_string())
        });
        assert_eq!(gateway.submit().await, expected);
    }
}

#[tokio::test]
async fn failure_to_connect_is_busy() {
    let mut gateway = Gateway::that(accepts);
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    gateway.settings.endpoint = format!("http://{unused}").parse().unwrap();
    assert_eq!(gateway.submit().await, busy(None, "no connection to the carrier"));
    gateway.settings.endpoint = "ftp://127.0.0.1/".parse().unwrap();
    assert_eq!(gateway.submit().await, busy(None, "could not build the request"));
    gateway.settings.endpoint = "mailto:a@b.example".parse().unwrap();
    assert_eq!(gateway.submit().await, busy(None, "invalid endpoint or key"));
    assert_eq!(gateway.requests(), 0);
}
