//! Private data stays private: numbers, texts, keys, secrets, tokens, and URLs with tokens. Each gets a
//! unique value (a canary). We send all canaries through the system with as many failures as possible,
//! and search every output for them in every spelling.

mod commands;
mod spellings;
mod traffic;

use std::{
    io::{self, Write},
    panic,
    sync::{Arc, Mutex, OnceLock},
    thread,
};

use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shared::{
    domain::{AccountId, CallbackUrl, PhoneNumber},
    flow::query::{self as queries, Filter},
    gateway::{Part, connect_gateway},
    runtime::{Metrics, telemetry},
};
use strum::VariantArray;
use tests::{
    TestServer,
    system::{System, answer},
};
use tracing::level_filters::LevelFilter;

use self::{
    commands::{Records, Row},
    spellings::{Canary, assert_silent},
};
use crate::tool::admin;

/// A log buffer. Clones share it.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

/// Returns this process's log, which all functions, both halves of the local stack and the libraries
/// share. Lines are formatted as in a function with `LOG_LEVEL=trace`.
fn log() -> &'static Lines {
    static LOG: OnceLock<Lines> = OnceLock::new();
    LOG.get_or_init(|| {
        let lines = Lines::default();
        let out = lines.clone();
        tracing::subscriber::set_global_default(telemetry::lines(LevelFilter::TRACE, move || out.clone())).unwrap();
        lines
    })
}

#[test]
fn canary_is_found_in_any_spelling() {
    let canary = Canary::new("text", "Grüße, Kanarie 4711!");
    for spelt in [
        "…Grüße, Kanarie 4711!…",
        "Gr%C3%BC%C3%9Fe%2C%20Kanarie%204711%21",
        "Gr%C3%BC%C3%9Fe%2C+Kanarie+4711%21",
        "Gr%c3%bc%c3%9fe%2c%20Kanarie%204711%21",
        "R3LDvMOfZSwgS2FuYXJpZSA0NzExIQ==",
        "eEdyw7zDn2UsIEthbmFyaWUgNDcxMSE",
        "eHhHcsO8w59lLCBLYW5hcmllIDQ3MTEh",
        "4772c3bcc39f652c204b616e61726965203437313121",
        "4772C3BCC39F652C204B616E61726965203437313121",
        "[71, 114, 195, 188, 195, 159, 101, 44, 32, 75, 97, 110, 97, 114, 105, 101, 32, 52, 55, 49, 49, 33]",
        r"Gr\u00fc\u00dfe, Kanarie 4711!",
        r"Gr\xc3\xbc\xc3\x9fe, Kanarie 4711!",
        r"Gr\u{fc}\u{df}e, Kanarie 4711!",
    ] {
        assert!(canary.is_in(&format!("before {spelt} after")), "{spelt}");
    }
    assert!(!canary.is_in("Grüße, Kanarie 4712! R3LDvMOf 4772c3bc"));
    let number = Canary::number("447700924711");
    for spelt in
        ["+447700924711", "00447700924711", "07700924711", "(0)7700924711", "NDQ3NzAwOTI0NzEx", "%2B447700924711"]
    {
        assert!(number.is_in(spelt), "{spelt}");
    }
}

#[tokio::test]
async fn logs_and_metrics_hold_nothing_private_at_any_level() {
    let log = log();
    let metrics = Lines::default();
    let system = System::with_config_and_metrics(traffic::config(), Metrics::to("canary", metrics.clone())).await;
    traffic::run(&system).await;
    traffic::fail(&system).await;

    let written = log.text();
    // Control: the traffic took every path, and the log has the lowest level.
    for said in [
        "accepted",
        "callback delivered",
        "callback failed",
        "callback given up",
        "claimed",
        "unavailable",
        "unmatched",
        "unreadable webhook",
        "failed over",
        "keyword",
        "DynamoDB call",
        "unmatched",
    ] {
        assert!(written.contains(said), "'{said}' was not logged");
    }
    assert!(written.lines().all(|line| line.starts_with('{')), "a line is not JSON");
    assert!(metrics.text().lines().count() > 10);
    for canary in &traffic::canaries() {
        assert_silent(canary, "the log", &written);
        assert_silent(canary, "the metrics", &metrics.text());
    }

    // Control: a planted leak is found.
    let control = Canary::new("control", "a-canary-that-sings");
    tracing::trace!(target: "shared", url = "http://127.0.0.1/?t=a%2Dcanary%2Dthat%2Dsings", "planted");
    tracing::warn!(target: "hyper::client", "planted {:?}", "a-canary-that-sings".as_bytes());
    tracing::info!(target: "hyper::client", "below warning, from a library: a-canary-that-sings");
    let planted: Vec<_> = log.text().lines().filter(|line| control.is_in(line)).map(str::to_owned).collect();
    assert_eq!(planted.len(), 2, "{planted:?}");
}

#[test]
fn panic_log_has_the_location_without_content() {
    let log = log();
    let canary = Canary::new("text", "canary of a panic: ç");
    let usual = panic::take_hook();
    panic::set_hook(Box::new(telemetry::report_panic));
    // Panics, because it slices inside a character.
    let ended = thread::spawn(|| "canary of a panic: ç"[..20].to_owned()).join();
    panic::set_hook(usual);
    let words = ended.unwrap_err().downcast::<String>().unwrap();
    assert!(canary.is_in(&words), "{words}");
    let written = log.text();
    assert!(written.contains("\"message\":\"panicked\",\"panic.at\":\"tests/hostile/canary.rs:"));
    assert_silent(&canary, "the log", &written);
}

#[test]
fn each_command_of_the_tool_has_a_row() {
    let disabled = ["http://a.example/", "http://b.example/"].map(str::to_owned);
    let records = Records { round: 0, message: String::new(), reply: String::new(), key_id: String::new(), disabled };
    let commands = ::admin::commands();
    let is_of = |line: &str, command: &str| line == command || line.starts_with(&format!("{command} "));
    let rows = commands::rows(&records);
    let without_row: Vec<_> =
        commands.iter().filter(|command| !rows.iter().any(|row| is_of(&row.line, command))).collect();
    assert!(without_row.is_empty(), "these commands are not searched for private values: {without_row:?}");
    assert!(rows.iter().all(|row| commands.iter().any(|command| is_of(&row.line, command))));
}

#[tokio::test]
async fn dead_letters_and_tool_output_hold_nothing_private() {
    log();
    let system = System::with_config(traffic::config()).await;
    let message = traffic::run(&system).await;
    let unwilling = TestServer::answering(410).await;
    let mut canaries = traffic::canaries();
    for (round, format) in [None, Some("--json")].into_iter().enumerate() {
        system.until_dead_lettered(traffic::FAILED_CALLBACKS).await;
        let received = json!({"QueueUrl": system.queue_url("CallbacksDeadLetters"), "MaxNumberOfMessages": 10, "VisibilityTimeout": 0});
        let dead = system.aws("AmazonSQS.ReceiveMessage", &received).await.to_string();
        assert!(dead.contains("state"), "{dead}");
        for canary in &canaries {
            assert_silent(canary, "a dead letter", &dead);
        }
        // Unmatched receipts and replies of the first day are deleted by now.
        traffic::webhooks(&system).await;
        let disabled = traffic::disable_endpoints(&system, unwilling.url(), round).await;
        let (message, reply) = (message.clone(), newest_reply(&system).await);
        let key_id = hex::encode(Sha256::digest(traffic::OTHER_KEY))[..8].to_owned();
        for row in commands::rows(&Records { round, message, reply, key_id, disabled }) {
            let words: Vec<_> = row.line.split_whitespace().chain(format).collect();
            let done = admin(&system, &row.input, &words).await;
            assert_eq!(done.code, row.code, "{words:?}: {}", done.err);
            search(&row, &format!("{}{}", done.out, done.err), &mut canaries);
        }
    }
}

/// Panics if a command printed a private value that it may not print. A secret that it created becomes a canary.
fn search(row: &Row, printed: &str, canaries: &mut Vec<Canary>) {
    let (allowed, private): (Vec<_>, Vec<_>) =
        canaries.iter().partition(|canary| row.may_print.contains(&canary.what()));
    for canary in private {
        assert_silent(canary, &format!("`{}`", row.line), printed);
    }
    let created = secrets_in(printed);
    assert_eq!(!created.is_empty(), row.may_print.contains(&commands::NEW_SECRET), "`{}`: {printed}", row.line);
    // Control: the command prints what the table allows.
    let prints_any = !created.is_empty() || allowed.iter().any(|canary| canary.is_in(printed));
    assert_eq!(prints_any, !row.may_print.is_empty(), "`{}`: {printed}", row.line);
    canaries.extend(created.iter().map(|secret| Canary::new(commands::NEW_SECRET, secret)));
}

/// Returns the callback secrets, API keys and tokens that the tool created.
fn secrets_in(printed: &str) -> Vec<&str> {
    let is_secret = |word: &&str| {
        let is_token = word.len() == 64 && word.bytes().all(|b| b.is_ascii_hexdigit());
        is_token || word.starts_with("whsec_") || word.starts_with("gw_")
    };
    let words = printed.split(|c: char| !c.is_ascii_alphanumeric() && !"_-+=/".contains(c));
    words
        .map(|word| if word.starts_with("whsec_") { word } else { word.rsplit('/').next().unwrap() })
        .filter(is_secret)
        .collect()
}

async fn newest_reply(system: &System) -> String {
    let listed = admin(system, "", &["--json", "message", "list", "--account", "demo", "--limit", "1000"]).await;
    let listed: Value = serde_json::from_str(&listed.out).unwrap();
    let reply = listed["messages"].as_array().unwrap().iter().find(|line| line["direction"] == "in").unwrap();
    reply["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn another_client_sees_nothing_private() {
    log();
    let system = System::with_config(traffic::config()).await;
    let id = traffic::run(&system).await;
    let mut learnt = String::new();
    let key = traffic::OTHER_KEY;
    for path in [
        format!("/messages/{id}"),
        "/messages".to_owned(),
        format!("/conversations/{}", traffic::NUMBER),
        format!("/conversations/{}?sender=441234567890", traffic::NUMBER),
        format!("/messages?to={}", traffic::NUMBER),
    ] {
        let answered = answer(system.request(Method::GET, &path).bearer_auth(key)).await;
        learnt.push_str(&answered.body.to_string());
    }
    let cancelled = answer(system.request(Method::DELETE, &format!("/messages/{id}")).bearer_auth(key)).await;
    assert_eq!(cancelled.status, 404);
    learnt.push_str(&cancelled.body.to_string());
    for canary in &traffic::canaries() {
        assert_silent(canary, "another client", &learnt);
    }
}

#[tokio::test]
async fn debug_output_shows_nothing_private() {
    log();
    let system = System::with_config(traffic::config()).await;
    traffic::run(&system).await;
    let gateway = connect_gateway(&system.environment(), Part::VARIANTS).unwrap();
    let account = "demo".parse::<AccountId>().unwrap();
    let page = queries::list(&gateway, &account, &Filter::default(), None, 100).await.ok().unwrap();
    assert!(page.entries.len() > 10);
    let printed = format!("{page:?} {page:#?} {:?}", traffic::NUMBER.parse::<PhoneNumber>().unwrap());
    let printed = printed + &format!("{:?}", traffic::callback(&system).parse::<CallbackUrl>().unwrap());
    for canary in &traffic::canaries() {
        assert_silent(canary, "Debug", &printed);
    }
}
