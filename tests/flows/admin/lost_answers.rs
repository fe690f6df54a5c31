//! If the answer of AWS to a write is lost, the SDK retries and finds the write done. The tool reports success.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use reqwest::{Client, Method, StatusCode, Url};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{PHONE, admin_by, read};
use crate::system::{DEMO, System, owned, with};

/// Starts a proxy that drops the first answer to `operation`. Returns its URL and a counter of such requests.
async fn proxy_losing_response(system: &System, operation: &'static str) -> (Url, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let (calls, emulator) = (Arc::new(AtomicUsize::new(0)), system.emulator.url().clone());
    let counted = Arc::clone(&calls);
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let (emulator, counted) = (emulator.clone(), Arc::clone(&counted));
            tokio::spawn(async move { proxy_request(connection, &emulator, operation, &counted).await });
        }
    });
    (url, calls)
}

/// Forwards one request, and closes the connection with or without an answer.
async fn proxy_request(mut connection: TcpStream, emulator: &Url, operation: &str, calls: &AtomicUsize) -> Option<()> {
    let mut request = Vec::new();
    let head = loop {
        if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            break String::from_utf8(request[..end].to_vec()).ok()?;
        }
        (connection.read_buf(&mut request).await.ok()? > 0).then_some(())?;
    };
    let headers: Vec<_> = head.lines().skip(1).filter_map(|line| line.split_once(": ")).collect();
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.map_or(0, |(_, length)| length.parse().unwrap());
    while request.len() < head.len() + 4 + length {
        (connection.read_buf(&mut request).await.ok()? > 0).then_some(())?;
    }
    let mut first = head.split(' ');
    let method: Method = first.next()?.parse().ok()?;
    let mut passed = Client::new().request(method, emulator.join(first.next()?).unwrap());
    for (name, value) in &headers {
        if !["host", "connection", "content-length"].contains(&name.to_ascii_lowercase().as_str()) {
            passed = passed.header(*name, *value);
        }
    }
    let answer = passed.body(request[head.len() + 4..].to_vec()).send().await.unwrap();
    if headers.iter().any(|(_, value)| value.ends_with(operation)) && calls.fetch_add(1, Ordering::Relaxed) == 0 {
        return None;
    }
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = answer.bytes().await.unwrap();
    let kept = |name: &str| !["connection", "content-length", "transfer-encoding"].contains(&name);
    let kept = headers.iter().filter(|(name, _)| kept(name.as_str()));
    let kept: Vec<_> = kept.map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap())).collect();
    let head = format!("HTTP/1.1 {status} -\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
    connection.write_all(&[head.as_bytes(), kept.concat().as_bytes(), b"\r\n", &body].concat()).await.ok()
}

/// Runs a command through the proxy, and expects success despite the lost answer.
async fn run_despite_lost_response(system: &System, operation: &'static str, words: &[&str]) -> String {
    let (proxy, calls) = proxy_losing_response(system, operation).await;
    let done = admin_by(system, &proxy, words).await;
    assert_eq!(done.code, 0, "{words:?}: {}", done.err);
    assert!(calls.load(Ordering::Relaxed) > 1, "{words:?}: no answer was lost");
    done.err
}

#[tokio::test]
async fn sender_removal_with_lost_answer_is_reported_as_done() {
    let system = System::start().await;
    let done = run_despite_lost_response(&system, "DeleteItem", &["sender", "remove", "449999999999"]).await;
    assert!(done.contains("no longer the account other's"), "{done}");
}

#[tokio::test]
async fn pool_removal_with_lost_answer_is_reported_as_done() {
    let system = System::start().await;
    let pool = read(&system, &["pool", "list"]).await;
    let sender = pool["pool"][0].as_str().unwrap();
    let done = run_despite_lost_response(&system, "UpdateItem", &["pool", "remove", sender]).await;
    assert!(done.contains("no conversation begins"), "{done}");
}

#[tokio::test]
async fn endpoint_enabled_with_lost_answer_is_reported_as_enabled() {
    let system = System::start().await;
    let gone = format!("{}?status={}", system.sink("gone"), StatusCode::GONE.as_u16());
    system.send_one(DEMO, with(owned(PHONE, "Hello"), "callback", gone)).await;
    system.until_sink_requests("notices", 1).await;
    let done =
        run_despite_lost_response(&system, "DeleteItem", &["endpoint", "enable", "demo", &system.sink("gone")]).await;
    assert!(done.contains("It was disabled since"), "{done}");
}
