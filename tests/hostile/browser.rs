//! A web page of another site, in a browser on the machine where `local` runs. The page posts, links or loads images
//! across sites, or points its own host name at 127.0.0.1, so that it may read the answers.

use std::fmt;

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use shared::domain::Vendor;
use strum::IntoEnumIterator;
use tests::{
    Phone, System,
    carrier::receipts_path,
    system::{DEMO, OWN_SENDER, answer, owned},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use url::Url;

const PHONE: Phone = Phone::delivers();

/// The headers by which a browser marks a foreign page's request. The first is the name in the refusal.
const FOREIGN: [(&str, &str); 6] = [
    ("Origin", "https://evil.example"),
    ("Origin", "http://localhost.evil.example:3000"),
    ("Origin", "null"),
    ("Sec-Fetch-Site", "cross-site"),
    ("Host", "evil.example"),
    ("Host", "127.0.0.1.evil.example:3000"),
];

/// The same headers, of pages on this machine.
const OWN: [(&str, &str); 5] = [
    ("Origin", "http://localhost:5173"),
    ("Origin", "https://127.0.0.1"),
    ("Sec-Fetch-Site", "same-site"),
    ("Sec-Fetch-Site", "none"),
    ("Host", "LOCALHOST:3000"),
];

/// A request with an effect, or with an answer that a page must not read.
struct Attack {
    method: Method,
    path: String,
    /// The `x-amz-target` of a call to AWS.
    target: Option<&'static str>,
    body: Value,
    /// The answer's status if the request is not refused.
    status: u16,
}

impl Attack {
    fn new(method: Method, path: impl Into<String>, body: Value, status: u16) -> Self {
        Self { method, path: path.into(), target: None, body, status }
    }

    fn on_aws(target: &'static str, body: Value) -> Self {
        Self { target: Some(target), ..Self::new(Method::POST, "/", body, 200) }
    }

    async fn send(&self, system: &System, server: &Url, (header, value): (&str, &str)) -> Response {
        let request = system.client.request(self.method.clone(), server.join(&self.path).unwrap());
        let mut request = request.header(header, value).body(self.body.to_string());
        if let Some(target) = self.target {
            let signed = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/any/aws4_request, SignedHeaders=host, \
                          Signature=0";
            request = request.header("x-amz-target", target).header("authorization", signed);
            request = request.header("x-amz-date", "20260101T000000Z");
            request = request.header("content-type", "application/x-amz-json-1.0");
        }
        request.send().await.unwrap()
    }
}

impl fmt::Display for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.method, self.path, self.target.unwrap_or_default())
    }
}

/// Returns the attacks on the emulator, which the gateway passes on.
fn on_emulator() -> Vec<Attack> {
    let handset = format!("/handsets/{PHONE}");
    let outage = |down: bool| Attack::new(Method::PUT, "/carriers/loopback/outage", json!({"down": down}), 204);
    let submit = json!({"reference": "page", "from": OWN_SENDER, "to": PHONE, "text": "From a page", "channel": "sms"});
    vec![
        Attack::new(Method::POST, "/clock", json!({"advance_seconds": 60}), 200),
        Attack::new(Method::GET, &handset, Value::Null, 200),
        Attack::new(Method::PUT, format!("{handset}/channels"), json!({"rcs": "fails"}), 200),
        Attack::new(Method::POST, format!("{handset}/replies"), json!({"to": OWN_SENDER, "text": "STOP"}), 202),
        Attack::new(Method::POST, "/sinks/page", Value::Null, 200),
        Attack::new(Method::GET, "/sinks/receipts", Value::Null, 200),
        Attack::new(Method::POST, "/loopback/messages", submit, 202),
        outage(true),
        outage(false),
        Attack::on_aws("secretsmanager.GetSecretValue", json!({"SecretId": "CarrierSecrets"})),
        Attack::on_aws("DynamoDB_20120810.Scan", json!({"TableName": "DirectoryTable"})),
        Attack::on_aws("AmazonSQS.ListQueues", json!({})),
    ]
}

/// Returns the attacks on the gateway's API, with the demo account's key.
fn on_api(message_id: &str) -> Vec<Attack> {
    let message = json!({"messages": [owned(&PHONE, "From a page")]});
    let receipt = json!({"reference": message_id, "status": "undelivered"});
    let query = format!("producttoken={DEMO}&from={OWN_SENDER}&to={}&body=From+an+image", PHONE.with_00());
    vec![
        Attack::new(Method::POST, format!("/message?key={DEMO}"), message, 200),
        Attack::new(Method::GET, format!("/gateway.ashx?{query}"), Value::Null, 200),
        Attack::new(Method::GET, format!("/messages?key={DEMO}"), Value::Null, 200),
        Attack::new(Method::POST, receipts_path(), receipt, 200),
    ]
}

/// Returns what the attacks would change.
async fn state(system: &System) -> Value {
    let mut state = json!({"messages": system.scan("MessagesTable").await});
    for path in ["/handsets", "/sinks", "/carriers", "/clock"] {
        state[path] = answer(system.request(Method::GET, path)).await.body;
    }
    state["/clock"]["now"].take();
    state
}

async fn assert_refused(response: Response, header: &str, what: &str) {
    assert_eq!(response.status(), StatusCode::FORBIDDEN, "{what}");
    assert_eq!(response.headers()["content-type"], "application/problem+json", "{what}");
    assert!(!response.headers().contains_key("access-control-allow-origin"), "{what}");
    let text = response.text().await.unwrap();
    let problem: Value = serde_json::from_str(&text).unwrap();
    let (status, field) = (&problem["status"], &problem["errors"][0]["field"]);
    assert_eq!((status, field), (&json!(403), &json!(header)), "{what}");
    assert!(problem["detail"].as_str().unwrap().starts_with(&format!("{header} must ")), "{what}: {text}");
    assert!(!text.contains("evil"), "{what}: {text}");
}

#[tokio::test]
async fn foreign_page_can_neither_act_nor_read() {
    let system = System::start().await;
    let message = json!({"callback": system.sink("receipts"), "from": {"type": "custom", "value": OWN_SENDER},
        "to": PHONE, "body": "Hello"});
    let id = system.send_one(DEMO, message).await.id.clone();
    system.until_state(&id, "delivered").await;
    system.until_callback("receipts").await;
    system.until_idle().await;

    let (gateway, emulator) = (system.url("/"), system.emulator.url().clone());
    let attacks = [(&gateway, on_api(&id)), (&gateway, on_emulator()), (&emulator, on_emulator())];
    let before = state(&system).await;
    let mut obeyed = Vec::new();
    let all = || attacks.iter().flat_map(|(server, all)| all.iter().map(move |attack| (server, attack)));
    for (server, attack) in all() {
        for mark in FOREIGN {
            let response = attack.send(&system, server, mark).await;
            let what = format!("{attack} with {}: {}", mark.0, mark.1);
            if response.status() == StatusCode::FORBIDDEN {
                assert_refused(response, mark.0, &what).await;
            } else {
                obeyed.push(format!("{what} got {}", response.status()));
            }
        }
    }
    assert!(obeyed.is_empty(), "{} requests were obeyed:\n{}", obeyed.len(), obeyed.join("\n"));
    assert_eq!(state(&system).await, before);

    for (server, attack) in all() {
        for mark in OWN {
            let status = attack.send(&system, server, mark).await.status();
            assert_eq!(status, attack.status, "{attack} with {}: {}", mark.0, mark.1);
        }
    }
    let after = state(&system).await;
    for changed in ["messages", "/handsets", "/sinks", "/carriers", "/clock"] {
        assert_ne!(after[changed], before[changed], "{changed}");
    }
}

/// Returns the paths that a server lists at `/`, with their methods.
async fn listed(system: &System, server: &Url) -> Vec<(Method, String)> {
    let text = system.client.get(server.clone()).send().await.unwrap().text().await.unwrap();
    let route = |line: &str| {
        let mut words = line.strip_prefix("  ")?.split_whitespace();
        Some((words.next()?.parse().unwrap(), words.next()?.to_owned()))
    };
    text.lines().filter_map(route).collect()
}

#[tokio::test]
async fn every_path_refuses_foreign_pages() {
    let system = System::start().await;
    for (server, least) in [(system.url("/"), 50), (system.emulator.url().clone(), 18)] {
        let mut routes = listed(&system, &server).await;
        assert!(routes.len() >= least, "{server} lists {} routes", routes.len());
        let vendors = Vendor::iter().flat_map(|vendor| [format!("/{vendor}/messages"), format!("/{vendor}/v3/x")]);
        let others = ["/", "/123456789012/JobsQueue", "/no/such//path", "/%7b"].map(str::to_owned);
        routes.extend(vendors.chain(others).map(|path| (Method::POST, path)));
        for (method, path) in routes {
            let url = server.join(&path).unwrap();
            for method in [method, Method::OPTIONS, "BREW".parse().unwrap()] {
                for (header, value) in FOREIGN {
                    let request = system.client.request(method.clone(), url.clone()).header(header, value);
                    let what = format!("{method} {url} with {header}: {value}");
                    assert_refused(request.send().await.unwrap(), header, &what).await;
                }
                let own = system.client.request(method.clone(), url.clone()).send().await.unwrap();
                assert_ne!(own.status(), StatusCode::FORBIDDEN, "{method} {url}");
            }
        }
    }
}

/// Returns the status of the answer to bytes.
async fn raw(server: &Url, request: &str) -> u16 {
    let mut stream = TcpStream::connect((server.host_str().unwrap(), server.port().unwrap())).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; "HTTP/1.1 200".len()];
    stream.read_exact(&mut head).await.unwrap();
    std::str::from_utf8(&head[9..]).unwrap().parse().unwrap()
}

#[tokio::test]
async fn each_host_in_a_request_counts() {
    let system = System::start().await;
    for server in [&system.url("/"), system.emulator.url()] {
        for (request, status) in [
            ("GET /clock HTTP/1.1\r\nhost: localhost\r\n\r\n", 200),
            ("GET /clock HTTP/1.0\r\nhost: localhost\r\n\r\n", 200),
            ("GET http://127.0.0.1/clock HTTP/1.1\r\nhost: localhost\r\n\r\n", 200),
            ("GET /clock HTTP/1.0\r\n\r\n", 403),
            ("GET /clock HTTP/1.1\r\n\r\n", 403),
            ("GET /clock HTTP/1.1\r\nhost:\r\n\r\n", 403),
            ("GET /clock HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\n\r\n", 403),
            ("GET /clock HTTP/1.1\r\nhost: evil.example\r\nhost: localhost\r\n\r\n", 403),
            ("GET /clock HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\n\r\n", 403),
            ("GET http://evil.example/clock HTTP/1.1\r\nhost: localhost\r\n\r\n", 403),
            ("GET http://127.0.0.1/clock HTTP/1.1\r\nhost: evil.example\r\n\r\n", 403),
            ("OPTIONS * HTTP/1.1\r\nhost: evil.example\r\n\r\n", 403),
            ("CONNECT evil.example:80 HTTP/1.1\r\nhost: localhost\r\n\r\n", 403),
            // The answer does not wait for the body.
            ("POST /clock HTTP/1.1\r\nhost: evil.example\r\ncontent-length: 1000000\r\n\r\n", 403),
            ("POST /sinks/page HTTP/1.1\r\nhost: evil.example\r\ntransfer-encoding: chunked\r\n\r\n", 403),
        ] {
            assert_eq!(raw(server, request).await, status, "{server} {request}");
        }
    }
    // A target that is not part of a valid URI.
    for (target, host, status) in [("/messages?\"", "evil.example", 403), ("http://evil.example/\"", "localhost", 403)]
    {
        let request = format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n");
        assert_eq!(raw(&system.url("/"), &request).await, status, "{request}");
    }
}
