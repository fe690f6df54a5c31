//! Misbehaving clients: each fails in time, and we read no body.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use reqwest::{
    StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{
    caller::{CallbackOutcome, CallbackRequest, Caller, LONGEST_RETRY_AFTER, judge},
    guard::Guard,
};
use crate::{
    domain::{CallbackUrl, EventId},
    runtime::HttpStack,
};

const PATIENCE: Duration = Duration::from_millis(600);
/// Bound on socket buffers plus the head that we read. The tests offer far more.
const MOST_TAKEN: usize = 32 << 20;

fn now() -> Timestamp {
    "2026-11-06T08:49:37Z".parse().unwrap()
}

fn answer(status: u16, retry_after: Option<&str>) -> CallbackOutcome {
    let mut headers = HeaderMap::new();
    if let Some(after) = retry_after {
        headers.insert(RETRY_AFTER, after.parse().unwrap());
    }
    judge(|status| status.is_success(), StatusCode::from_u16(status).unwrap(), &headers, now())
}

pub(super) async fn deliver(caller: &Caller, url: &str) -> CallbackOutcome {
    let request = CallbackRequest {
        url: &url.parse::<CallbackUrl>().unwrap(),
        event: EventId::new(uuid::Uuid::nil()),
        dialect_headers: Vec::new(),
        secrets: &[],
        at: now(),
        body: "{}".to_owned(),
        is_success: |status| status.is_success(),
    };
    caller.deliver(&request).await
}

async fn call(url: &str) -> CallbackOutcome {
    deliver(&Caller::new(&HttpStack::new().unwrap(), Guard::open(), PATIENCE).unwrap(), url).await
}

/// Starts a client that runs `conduct` on its first connection. Returns its URL.
async fn client<F>(scheme: &str, conduct: impl FnOnce(TcpStream) -> F + Send + 'static) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("{scheme}://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        // Closing a connection with unread bytes resets it and loses the answer.
        let _ = connection.read(&mut [0; 8192]).await;
        conduct(connection).await;
    });
    url
}

/// Returns the reason why the call fails.
async fn fails(url: &str) -> String {
    let begun = Instant::now();
    let CallbackOutcome::Failed { reason, .. } = call(url).await else { panic!("{url} is not a failure") };
    assert!(begun.elapsed() < PATIENCE * 3, "{:?}", begun.elapsed());
    reason
}

async fn pour(mut connection: TcpStream, what: &[u8], poured: &AtomicUsize) {
    while connection.write_all(what).await.is_ok() {
        poured.fetch_add(what.len(), Ordering::Relaxed);
    }
}

#[test]
fn only_2xx_is_delivered_and_a_redirect_is_a_failure() {
    assert_eq!(answer(204, None), CallbackOutcome::Delivered { status: 204 });
    assert_eq!(answer(410, None), CallbackOutcome::Gone);
    let failed = |status, retry_after| CallbackOutcome::Failed { reason: format!("status {status}"), retry_after };
    for status in [300, 301, 302, 303, 304, 307, 308, 400, 404, 500] {
        assert_eq!(answer(status, None), failed(status, None));
    }
}

#[test]
fn retry_after_is_read_in_seconds_or_as_a_date() {
    let wait = |retry_after: &str| match answer(500, Some(retry_after)) {
        CallbackOutcome::Failed { retry_after, .. } => retry_after.map(|wait| wait.as_secs()),
        other => panic!("{other:?}"),
    };
    assert_eq!(wait("120"), Some(120));
    assert_eq!(wait("Fri, 06 Nov 2026 08:51:37 GMT"), Some(120), "HTTP date");
    assert_eq!(wait("Friday, 06-Nov-26 08:51:37 GMT"), Some(120), "RFC 850");
    assert_eq!(wait("Fri Nov  6 08:51:37 2026"), Some(120), "asctime");
    for past in ["Fri, 06 Nov 2026 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT", "0", "-1", "soon", ""] {
        assert_eq!(wait(past), None, "{past:?}");
    }
    for long in ["99999999", "Sat, 06 Nov 2027 08:49:37 GMT"] {
        assert_eq!(wait(long), Some(LONGEST_RETRY_AFTER.as_secs()), "{long}");
    }
    assert_eq!(SignedDuration::try_from(LONGEST_RETRY_AFTER).unwrap(), SignedDuration::from_hours(24));
}

#[test]
fn status_429_or_503_with_retry_after_means_busy() {
    let retry_after = Duration::from_secs(120);
    for status in [429, 503] {
        let reason = format!("status {status}");
        assert_eq!(answer(status, Some("120")), CallbackOutcome::Busy { reason: reason.clone(), retry_after });
        assert_eq!(answer(status, Some("soon")), CallbackOutcome::Failed { reason: reason.clone(), retry_after: None });
        assert_eq!(answer(status, None), CallbackOutcome::Failed { reason, retry_after: None });
    }
    let of_the_event = CallbackOutcome::Failed { reason: "status 413".to_owned(), retry_after: Some(retry_after) };
    assert_eq!(answer(413, Some("120")), of_the_event);
}

#[tokio::test]
async fn slow_or_silent_client_times_out() {
    let silent = client("http", async |connection| {
        tokio::time::sleep(PATIENCE * 10).await;
        drop(connection);
    });
    assert_eq!(fails(&silent.await).await, "no answer in time");
    let dripping = client("http", async |mut connection| {
        for byte in "HTTP/1.1 200 OK\r\nx-slow: ".bytes().chain(std::iter::repeat(b'a')) {
            if connection.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(PATIENCE / 20).await;
        }
    });
    assert_eq!(fails(&dripping.await).await, "no answer in time");
}

#[tokio::test]
async fn answer_with_up_to_256_headers_is_read() {
    for (headers, delivered) in [(101, true), (256, true), (257, false)] {
        let head = format!("HTTP/1.1 200 OK\r\n{}content-length: 0\r\n\r\n", "x-header: x\r\n".repeat(headers - 1));
        let verbose = client("http", async move |mut connection| drop(connection.write_all(head.as_bytes()).await));
        let outcome = call(&verbose.await).await;
        assert_eq!(outcome == CallbackOutcome::Delivered { status: 200 }, delivered, "{headers} headers: {outcome:?}");
    }
}

#[tokio::test]
async fn endless_head_is_not_read_to_its_end() {
    for head in ["x-header: x\r\n".repeat(1_000), "x".repeat(10_000)] {
        let poured = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&poured);
        let endless = client("http", async move |mut connection| {
            if connection.write_all(b"HTTP/1.1 200 OK\r\n").await.is_ok() {
                pour(connection, head.as_bytes(), &count).await;
            }
        });
        assert_eq!(fails(&endless.await).await, "the connection broke");
        assert!(poured.load(Ordering::Relaxed) < MOST_TAKEN, "{poured:?}");
    }
}

#[tokio::test]
async fn huge_body_is_not_read() {
    for (length, expected) in [("content-length: 1000000000000", 200), ("transfer-encoding: chunked", 500)] {
        let poured = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&poured);
        let head = format!("HTTP/1.1 {expected} -\r\n{length}\r\n\r\n");
        let (ended, end) = tokio::sync::oneshot::channel();
        let huge = client("http", async move |mut connection| {
            if connection.write_all(head.as_bytes()).await.is_ok() {
                let chunk = format!("2000\r\n{}\r\n", "x".repeat(0x2000));
                pour(connection, chunk.as_bytes(), &count).await;
            }
            let _ = ended.send(());
        });
        match call(&huge.await).await {
            CallbackOutcome::Delivered { status } => assert_eq!(status, expected),
            CallbackOutcome::Failed { reason, .. } => assert_eq!(reason, format!("status {expected}")),
            other => panic!("{other:?}"),
        }
        end.await.unwrap();
        assert!(poured.load(Ordering::Relaxed) < MOST_TAKEN, "{poured:?}");
    }
}

#[tokio::test]
async fn broken_connection_is_a_failure() {
    let closed = client("http", async |connection| drop(connection));
    assert_eq!(fails(&closed.await).await, "the connection broke");
    let half = client("http", async |mut connection| {
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-").await;
    });
    assert_eq!(fails(&half.await).await, "the connection broke");
    let other = client("http", async |mut connection| {
        let _ = connection.write_all(b"SSH-2.0-OpenSSH_9.9\r\n").await;
    });
    assert_eq!(fails(&other.await).await, "the connection broke");
    let refused = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
    assert_eq!(fails(&format!("http://{refused}/")).await, "no connection, or the address is not public");
}

#[tokio::test]
async fn broken_tls_is_a_failure() {
    let plain = client("https", async |mut connection| {
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    });
    assert_eq!(fails(&plain.await).await, "no connection, or the address is not public");
    let silent = client("https", async |connection| {
        tokio::time::sleep(PATIENCE * 10).await;
        drop(connection);
    });
    assert_eq!(fails(&silent.await).await, "no answer in time");
    let endless = client("https", async |connection| {
        // Handshake records of the maximum length.
        let record = [&[0x16, 3, 3, 0x40, 0][..], &[2; 0x4000]].concat();
        pour(connection, &record, &AtomicUsize::new(0)).await;
    });
    assert_eq!(fails(&endless.await).await, "no connection, or the address is not public");
}
