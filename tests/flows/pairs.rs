//! Every dialect with every carrier: each outcome reaches the client in the client's dialect. `--nocapture` shows the
//! table.

use shared::domain::{CarrierName, Dialect};
use strum::IntoEnumIterator;

use tests::{
    Callback, Phone, System, TestConfig, carriers,
    clients::{ClientMessage, DialectClient, SentMessage, client, main_format},
};

use crate::system::{DEMO, OWN_SENDER as OURS};

const DAY: u64 = 24 * 60 * 60;
/// Long enough for an answer on a busy machine.
const TIMEOUT_MS: u64 = 1_500;
const OUTCOMES: [&str; 5] = ["delivered", "failed", "reply", "unknown", "STOP"];

#[tokio::test]
async fn every_dialect_goes_through_every_carrier() {
    println!("{:<22}{}", "dialect in, carrier out", OUTCOMES.map(|outcome| format!("{outcome:>11}")).concat());
    for dialect in Dialect::iter() {
        for carrier in carriers() {
            let pair = Pair::new(dialect, carrier).await;
            let sent = pair.delivered().await;
            pair.failed().await;
            pair.reply(&sent).await;
            pair.unknown().await;
            pair.stop().await;
            let system = &pair.system;
            system.until_idle().await;
            for kind in ["receipt", "reply"] {
                assert!(system.unmatched(kind).await.is_empty(), "{}: unmatched {kind}", pair.name);
            }
            println!("{:<23}{}", pair.name, OUTCOMES.map(|_| format!("{:>11}", "ok")).concat());
        }
    }
}

struct Pair {
    system: System,
    dialect: Dialect,
    carrier: CarrierName,
    name: String,
    /// The URL of status callbacks.
    callback: String,
}

/// A message and our ID for it.
struct Sent {
    to: Phone,
    text: &'static str,
    reference: &'static str,
    id: String,
}

impl Pair {
    async fn new(dialect: Dialect, carrier: CarrierName) -> Self {
        let config = TestConfig::new().route_all_to(&[carrier.as_str()]).carrier_timeout_ms(TIMEOUT_MS);
        let system = System::with_config(config).await;
        let (name, callback) = (format!("{}, {carrier}", dialect.into_str()), system.sink("status"));
        Self { system, dialect, carrier, name, callback }
    }

    fn client(&self) -> &'static DialectClient {
        client(self.dialect)
    }

    fn message<'a>(&'a self, to: &'a Phone, text: &'a str, reference: &'a str) -> ClientMessage<'a> {
        ClientMessage { reference, ..ClientMessage::new(OURS, to, text, &self.callback) }
    }

    async fn send(&self, to: Phone, text: &'static str, reference: &'static str) -> Sent {
        let format = main_format(self.dialect);
        let request = (format.request)(DEMO, &[self.message(&to, text, reference)]);
        let (status, answer) = self.system.send_request(&request).await;
        assert!(status == 200 && (format.accepts)(&answer), "{}: {status} {answer}", self.name);
        let id = self.system.newest().await.id().to_owned();
        Sent { to, text, reference, id }
    }

    /// Waits until the message has the state and its carrier is the pair's, and the client was told.
    async fn until(&self, sent: &Sent, state: &str, is: fn(&DialectClient, &Callback, &SentMessage<'_>) -> bool) {
        let shown = self.system.until_state(&sent.id, state).await;
        if state != "blocked" {
            assert_eq!(shown.carrier(), self.carrier.as_str(), "{}, {state}", self.name);
        }
        let message = self.message(&sent.to, sent.text, sent.reference);
        let sent = SentMessage { message: &message, id: &sent.id };
        let told = |callback: &Callback| is(self.client(), callback, &sent);
        let callback = self.system.until_callback_that("status", &format!("{state}, {}", self.name), told).await;
        assert!(callback.has_header("webhook-signature"), "{}: {callback}", self.name);
    }

    async fn delivered(&self) -> Sent {
        let sent = self.send(Phone::delivers(), "Hello", "order-1").await;
        let shown = self.system.until_handset(&sent.to, 1).await;
        let expected = (1, &OURS.into(), &"Hello".into());
        assert_eq!((shown.len(), &shown[0]["from"], &shown[0]["text"]), expected, "{}", self.name);
        self.until(&sent, "delivered", |client, callback, sent| (client.is_delivery)(callback.json(), sent)).await;
        sent
    }

    async fn failed(&self) {
        let sent = self.send(Phone::fails(), "Nobody there?", "order-2").await;
        self.until_failed(&sent, "undelivered").await;
    }

    async fn until_failed(&self, sent: &Sent, state: &str) {
        self.until(sent, state, |client, callback, sent| (client.is_failure)(callback.json(), sent)).await;
    }

    /// Replies to a message with a text, and with a file.
    async fn reply(&self, sent: &Sent) {
        let (system, name) = (&self.system, &self.name);
        let message = self.message(&sent.to, sent.text, sent.reference);
        let answered = SentMessage { message: &message, id: &sent.id };
        system.reply_from(&sent.to, OURS, "Hi").await;
        let replies = system.until_callbacks("replies", 1).await;
        assert!((self.client().is_reply)(replies[0].json(), &answered, "Hi"), "{name}: {replies:?}");
        let url = "https://media.example/1.jpg";
        system.reply_with_files(&sent.to, OURS, "", &[url]).await;
        let replies = system.until_callbacks("replies", 2).await;
        let files: Vec<_> = replies.iter().flat_map(|reply| (self.client().files)(reply.json())).collect();
        assert_eq!(files, [url], "{name}: {replies:?}");
        let conversation = system.get(DEMO, &format!("/conversations/{}?sender={OURS}", sent.to)).await.body;
        let entries = conversation["messages"].as_array().unwrap();
        assert!(entries.iter().any(|entry| entry["in_reply_to"] == sent.id), "{name}: {entries:?}");
    }

    /// Sends to a phone whose carrier does not answer. A day later the message is given up.
    async fn unknown(&self) {
        let sent = self.send(Phone::unanswered(), "Anybody?", "order-3").await;
        self.system.until_state(&sent.id, "unknown").await;
        self.system.advance(DAY + 60).await;
        self.until_failed(&sent, "failed").await;
    }

    async fn stop(&self) {
        let sent = self.send(Phone::replies_stop(), "Offers!", "order-4").await;
        self.until(&sent, "delivered", |client, callback, sent| (client.is_delivery)(callback.json(), sent)).await;
        self.system.until_callbacks("replies", 3).await;
        self.system.until_idle().await;
        let sent = self.send(Phone::replies_stop(), "More offers!", "order-5").await;
        self.until_failed(&sent, "blocked").await;
        assert_eq!(self.system.texts(&sent.to).await, ["Offers!"], "{}", self.name);
    }
}
