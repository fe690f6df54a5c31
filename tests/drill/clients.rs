//! Clients that post as fast as they are answered, and keep a diary of what they
//! asked for and what they were promised.

use std::{collections::BTreeMap, time::Duration};

use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use shared::runtime::HttpStack;
use tests::system::{DEMO, owned, shared, with};
use tokio::sync::watch;
use url::Url;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one that was not answered waits before it asks again.
const PAUSE: Duration = Duration::from_millis(50);
/// How many messages the requests have, in turn.
const SIZES: [usize; 4] = [1, 1, 3, 12];

/// Where a client's answers, and what it is told, differ.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Door {
    Mplus,
    Cm,
}

/// What clients asked for. A message's text is its name.
#[derive(Default)]
pub struct Diary {
    /// Every message that was posted, with its number.
    pub asked: BTreeMap<String, String>,
    /// Those that were answered with 200.
    pub accepted: Vec<String>,
    /// Requests that were not answered.
    pub unanswered: usize,
}

impl Diary {
    pub fn add(&mut self, other: Self) {
        self.asked.extend(other.asked);
        self.accepted.extend(other.accepted);
        self.unanswered += other.unanswered;
    }
}

/// A client, which knows each of its requests by a name.
pub struct Client {
    place: usize,
    door: Door,
    /// Whether it asks again, under the same name, until it is answered.
    is_stubborn: bool,
    emulator: Url,
    gateway: watch::Receiver<Url>,
    stop: watch::Receiver<bool>,
    http: reqwest::Client,
    diary: Diary,
}

impl Client {
    pub fn new(place: usize, emulator: Url, gateway: watch::Receiver<Url>, stop: watch::Receiver<bool>) -> Self {
        let door = if place % 4 == 3 { Door::Cm } else { Door::Mplus };
        let is_stubborn = place % 4 != 2;
        let http = HttpStack::new().unwrap().builder().timeout(PATIENCE).build().unwrap();
        Self { place, door, is_stubborn, emulator, gateway, stop, http, diary: Diary::default() }
    }

    pub async fn run(mut self) -> Diary {
        let mut request = 0;
        while !*self.stop.borrow() {
            self.post(request).await;
            request += 1;
        }
        self.diary
    }

    async fn post(&mut self, request: usize) {
        let named = |index| format!("drill {}-{request}-{index}", self.place);
        let names: Vec<_> = (0..SIZES[request % SIZES.len()]).map(named).collect();
        // Each client has phones of its own, which all numbers but the fictional ones are.
        let numbers: Vec<_> =
            (0..names.len()).map(|index| format!("4479{:02}{:04}{index:02}", self.place, request % 50)).collect();
        self.diary.asked.extend(names.iter().cloned().zip(numbers.iter().cloned()));
        loop {
            match self.request(request, &names, &numbers).send().await {
                Ok(answer) if answer.status() == StatusCode::OK => {
                    self.diary.accepted.extend(names);
                    return;
                }
                // A server that is going down may say so.
                Ok(answer) => assert!(answer.status().is_server_error(), "{}", answer.status()),
                Err(_) => self.diary.unanswered += 1,
            }
            tokio::time::sleep(PAUSE).await;
            if !self.is_stubborn {
                return;
            }
        }
    }

    fn request(&self, request: usize, names: &[String], numbers: &[String]) -> RequestBuilder {
        let (path, body) = match self.door {
            Door::Mplus => ("message", self.mplus(names, numbers)),
            Door::Cm => ("v1.0/message", cm(names, numbers)),
        };
        let url = self.gateway.borrow().join(path).unwrap();
        let request = self.http.post(url).header("idempotency-key", format!("drill-{}-{request}", self.place));
        request.header("x-cm-producttoken", DEMO).bearer_auth(DEMO).json(&body)
    }

    fn mplus(&self, names: &[String], numbers: &[String]) -> Value {
        let callback = self.emulator.join("sinks/receipts").unwrap();
        let message = |(name, number): (&String, &String)| {
            let message = if self.place.is_multiple_of(2) { shared(number, name) } else { owned(number, name) };
            with(message, "callback", callback.as_str())
        };
        json!({"messages": names.iter().zip(numbers).map(message).collect::<Vec<_>>()})
    }
}

fn cm(names: &[String], numbers: &[String]) -> Value {
    let message = |(name, number): (&String, &String)| json!({"from": "441234567890", "to": [{"number": format!("00{number}")}], "body": {"content": name}});
    json!({"messages": {"msg": names.iter().zip(numbers).map(message).collect::<Vec<_>>()}})
}
