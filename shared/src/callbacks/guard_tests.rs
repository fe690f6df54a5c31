//! Attacks by a callback's owner: address spellings, DNS answers, redirects, and proxy settings. Tests have
//! no other network than this machine, so where they must reach a server, loopback counts as public.

use std::{
    collections::VecDeque,
    env,
    net::{IpAddr, SocketAddr},
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{CallbackOutcome, Caller, TIMEOUT, caller_tests::deliver, guard::Guard, public_address::is_public};
use crate::{domain::CallbackUrl, runtime::HttpStack};

/// A resolver with a scripted answer for each query.
#[derive(Clone, Default)]
struct Answers(Arc<Mutex<VecDeque<Vec<IpAddr>>>>);

impl Answers {
    fn of(answers: &[&[&str]]) -> Self {
        let parse = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        Self(Arc::new(Mutex::new(answers.iter().map(parse).collect())))
    }

    fn left(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

impl Resolve for Answers {
    fn resolve(&self, _: Name) -> Resolving {
        let answer = self.0.lock().unwrap().pop_front().expect("unexpected query");
        let addresses = answer.into_iter().map(|address| SocketAddr::new(address, 0));
        Box::pin(async move { Ok(Box::new(addresses) as Addrs) })
    }
}

struct Server {
    port: u16,
    requests: Arc<AtomicUsize>,
}

impl Server {
    async fn answering(head: &str) -> Self {
        let answer = format!("HTTP/1.1 {head}\r\nconnection: close\r\n\r\n");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let server = Self { port: listener.local_addr().unwrap().port(), requests: Arc::default() };
        let requests = Arc::clone(&server.requests);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
                requests.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        server
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn caller(guard: Guard) -> Caller {
    Caller::new(&HttpStack::new().unwrap(), guard, TIMEOUT).unwrap()
}

#[track_caller]
fn assert_refused(answer: &CallbackOutcome, url: &str) {
    let CallbackOutcome::Failed { reason, .. } = answer else { panic!("{url} was called") };
    assert!(reason.contains("not public"), "{url}: {reason}");
}

#[tokio::test]
async fn private_address_is_refused_in_every_spelling() {
    // Every name resolves to loopback here.
    for url in [
        "http://127.0.0.1:9/",
        "http://127.0.0.1.:9/",
        "http://127.1:9/",
        "http://127.0.1:9/",
        "http://2130706433:9/",
        "http://0x7f000001:9/",
        "http://0X7F.0x0.0x0.0x1:9/",
        "http://0177.0.0.01:9/",
        "http://017700000001:9/",
        "http://127.0x0.0.01:9/",
        "http://0:9/",
        "http://%31%32%37.0.0.1:9/",
        "http://127%2e0%2e0%2e1:9/",
        "http://１２７.0.0.1:9/",
        "http://127。0。0。1:9/",
        "http://169.254.169.254/latest/meta-data/",
        "http://0xa9fea9fe/latest/meta-data/",
        "HTTP://[::1]:9/",
        "http://[0:0:0:0:0:0:0:1]:9/",
        "http://[::FFFF:7F00:1]:9/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:FF9B::A9FE:A9FE]/",
        "http://[fd00:EC2::254]/",
        "http:127.0.0.1:9/",
        "http:\\\\127.0.0.1:9\\",
        "http://localhost:9/",
        "http://LOCALHOST.:9/",
        "http://metadata.google.internal/",
    ] {
        let caller = caller(Guard::new(Answers::of(&[&["127.0.0.1", "::1"]]), is_public));
        assert_refused(&deliver(&caller, url).await, url);
    }
    for url in ["http://public@127.0.0.1:9/", "http://public:x@127.0.0.1/", "http://[fe80::1%25eth0]/", "http://[::1"] {
        assert!(url.parse::<CallbackUrl>().is_err(), "{url}");
    }
}

#[tokio::test]
async fn names_of_this_machine_are_refused() {
    assert_refused(&deliver(&caller(Guard::public()), "http://localhost:9/").await, "localhost");
}

#[tokio::test]
async fn other_machines_are_refused_where_only_this_is_allowed() {
    for url in
        ["http://192.0.2.1:9/", "http://169.254.169.254/", "http://[::ffff:192.0.2.1]/", "http://callbacks.example/"]
    {
        assert_refused(&deliver(&caller(Guard::this_machine()), url).await, url);
    }
    let server = Server::answering("204 No Content").await;
    for host in ["127.0.0.1", "localhost", "LOCALHOST"] {
        let answer = deliver(&caller(Guard::this_machine()), &format!("http://{host}:{}/", server.port)).await;
        assert_eq!(answer, CallbackOutcome::Delivered { status: 204 }, "{host}");
    }
}

#[tokio::test]
async fn connection_uses_the_address_that_was_checked() {
    let server = Server::answering("204 No Content").await;
    let url = format!("http://rebinding.example:{}/", server.port);
    let answers = Answers::of(&[&["127.0.0.1"], &["169.254.169.254"], &["127.0.0.1"]]);
    let caller = caller(Guard::new(answers.clone(), |address| address.is_loopback()));
    // One query per connection, so there is no second answer to rebind to.
    assert_eq!(deliver(&caller, &url).await, CallbackOutcome::Delivered { status: 204 });
    assert_eq!((answers.left(), server.requests()), (2, 1));
    assert_refused(&deliver(&caller, &url).await, &url);
    assert_eq!(deliver(&caller, &url).await, CallbackOutcome::Delivered { status: 204 });
    assert_eq!((answers.left(), server.requests()), (0, 2));
}

#[tokio::test]
async fn private_addresses_are_dropped_from_a_mixed_answer() {
    let server = Server::answering("204 No Content").await;
    let url = format!("http://both.example:{}/", server.port);
    // Loopback must be dropped too, so our own server gets no request.
    let answers = Answers::of(&[&["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254"], &["10.0.0.1", "127.0.0.1"]]);
    assert_refused(&deliver(&caller(Guard::new(answers.clone(), is_public)), &url).await, &url);
    assert_eq!(server.requests(), 0);
    let only_loopback = caller(Guard::new(answers, |address| address.is_loopback()));
    assert_eq!(deliver(&only_loopback, &url).await, CallbackOutcome::Delivered { status: 204 });
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let inside = Server::answering("204 No Content").await;
    let caller = caller(Guard::new(Answers::default(), |address| address.is_loopback()));
    for status in [301, 302, 303, 307, 308] {
        let head = format!("{status} -\r\nlocation: http://127.0.0.1:{}/", inside.port);
        let outside = Server::answering(&head).await;
        let answer = deliver(&caller, &format!("http://127.0.0.1:{}/", outside.port)).await;
        assert_eq!(answer, CallbackOutcome::Failed { reason: format!("status {status}"), retry_after: None });
        assert_eq!((outside.requests(), inside.requests()), (1, 0), "{status}");
    }
}

/// A proxy would resolve and connect in our place, past the guard. The test runs itself in a child process
/// with other environment variables.
#[tokio::test]
async fn proxy_in_environment_does_not_bypass_the_guard() {
    const INNER: &str = "GUARD_TEST_BEHIND_PROXY";
    if env::var_os(INNER).is_some() {
        let server = Server::answering("204 No Content").await;
        let caller = caller(Guard::new(Answers::of(&[&["127.0.0.1"]]), |address| address.is_loopback()));
        let taken = deliver(&caller, &format!("http://client.example:{}/", server.port)).await;
        assert_eq!((taken, server.requests()), (CallbackOutcome::Delivered { status: 204 }, 1));
        assert_refused(&deliver(&self::caller(Guard::public()), "http://127.0.0.1:9/").await, "loopback");
        return;
    }
    let proxy = Server::answering("200 OK").await;
    let address = format!("http://127.0.0.1:{}", proxy.port);
    let mut again = Command::new(env::current_exe().unwrap());
    again.args(["--exact", "callbacks::guard_tests::proxy_in_environment_does_not_bypass_the_guard"]).env(INNER, "1");
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        again.env(name, &address);
    }
    let output = tokio::task::spawn_blocking(move || again.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!(proxy.requests(), 0);
}
