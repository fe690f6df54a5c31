//! Submits messages: gets the carrier's secret, asks the circuit breaker, and calls the connector once.

use std::time::Duration;

use jiff::Timestamp;
use tracing::{info, warn};

use super::circuit_breaker::{CircuitBreakers, Opened, SubmitKey};
use crate::{
    domain::{
        AccountId, Carrier, CarrierName, CarrierSecret, Channel, LookupOutcome, Outcome, Submission, SubmitReference,
    },
    runtime::{Clock, error_chain},
    store::{CarrierSecrets, SecretStore, SecretsManager},
    vendors::{Connection, Sessions, below},
};

fn busy(reason: String) -> Outcome {
    Outcome::Busy { retry_after: None, reason }
}

fn open_circuit(until: Timestamp, now: Timestamp) -> Outcome {
    let reason = "the circuit breaker is open after repeated failures".to_owned();
    Outcome::Busy { reason, retry_after: Duration::try_from(until.duration_since(now)).ok() }
}

/// Submits messages to carriers over one shared HTTP client.
pub struct Submitter<S = SecretsManager> {
    http: reqwest::Client,
    secrets: CarrierSecrets<S>,
    circuits: CircuitBreakers,
    sessions: Sessions,
    clock: Clock,
}

impl<S: SecretStore> Submitter<S> {
    #[must_use]
    pub fn new(http: reqwest::Client, secrets: CarrierSecrets<S>, clock: Clock) -> Self {
        Self { http, secrets, circuits: CircuitBreakers::default(), sessions: Sessions::default(), clock }
    }

    /// Returns `Busy` if a circuit is open for this submit, or `None` if we may call the carrier.
    pub fn open_circuit(&self, key: SubmitKey<'_>) -> Option<Outcome> {
        let now = self.clock.now();
        self.circuits.open_until(key, now).map(|until| open_circuit(until, now))
    }

    /// Returns whether the carrier accepted a message on the channel after this time.
    pub fn has_accepted_since(&self, carrier: CarrierName, channel: Channel, since: Timestamp) -> bool {
        self.circuits.has_accepted_since(carrier, channel, since)
    }

    /// Submits the message at most once, and waits for the answer up to the carrier's timeout.
    pub async fn submit(&self, carrier: &Carrier, submission: &Submission<'_>, key: SubmitKey<'_>) -> Outcome {
        let Carrier { name, settings } = carrier;
        let secret = match self.secret(carrier).await {
            Ok(secret) => secret,
            Err(reason) => return busy(reason),
        };
        let connection = self.connection(carrier, &secret);
        if settings.vendor.profile().takes_webhook_url && connection.receipts.is_none() {
            return busy("the carrier has no address for receipts".to_owned());
        }
        // We check this before the circuit breaker, because a long text says nothing about the carrier.
        if submission.content.is_none()
            && let Err(error) = settings.vendor.profile().check_text(submission.text)
        {
            return Outcome::Rejected { reason: error.to_string() };
        }
        let begun = self.clock.now();
        if let Some(until) = self.circuits.admit(key, begun) {
            return open_circuit(until, begun);
        }
        let outcome = settings.vendor.submit(&connection, submission, begun).await;
        let outcome = secret.secrets().fold(outcome, Outcome::without_secret);
        match self.circuits.record(key, &outcome, self.clock.now()) {
            Some(Opened { until, for_all: true }) => info!(carrier = name.as_str(), %until, "carrier paused"),
            Some(Opened { until, for_all: false }) => {
                info!(carrier = name.as_str(), account.id = %key.account, %until, "carrier paused for an account");
            }
            None => {}
        }
        outcome
    }

    /// Asks for the outcome of a submit that got no answer. Returns `Unknown` without a call if the carrier's
    /// lookups are off, its circuit is open, or it has no credentials.
    pub async fn look_up(&self, carrier: &Carrier, account: &AccountId, reference: SubmitReference) -> LookupOutcome {
        let settings = &carrier.settings;
        let open_until = self.circuits.lookup_open_until(carrier.name, account, self.clock.now());
        if !settings.lookup || open_until.is_some() {
            return LookupOutcome::Unknown;
        }
        let Ok(secret) = self.secret(carrier).await else { return LookupOutcome::Unknown };
        settings.vendor.look_up(&self.connection(carrier, &secret), reference).await
    }

    /// Returns the carrier as its vendor's code sees it.
    fn connection<'a>(&'a self, Carrier { name, settings }: &'a Carrier, secret: &'a CarrierSecret) -> Connection<'a> {
        let newest = settings.webhook_url.as_ref().zip(secret.webhook_tokens.first());
        let receipts = newest.map(|(base, token)| below(base, &["dlr", name.as_str(), token]));
        let (http, sessions, credentials) = (&self.http, &self.sessions, &secret.credentials);
        Connection { name: *name, http, settings, credentials, receipts, sessions }
    }

    /// Returns the carrier's secret, with valid credentials.
    ///
    /// # Errors
    /// Why the carrier cannot be called now.
    async fn secret(&self, Carrier { name, settings }: &Carrier) -> Result<CarrierSecret, String> {
        let secret = self.secrets.secret(*name).await.map_err(|error| {
            warn!(carrier = name.as_str(), error = error_chain(&error), "could not read the carrier's secret");
            "could not read the carrier's secret".to_owned()
        })?;
        let checked = settings.vendor.profile().check_credentials(&secret.credentials);
        checked.map(|()| secret).map_err(|error| format!("the carrier's credential {error}"))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader, Read, Write},
        net::TcpListener,
        sync::LazyLock,
        thread,
    };

    use super::*;
    use crate::{
        domain::{
            CarrierSettings, Channel, CredentialPart, Groupings, PhoneNumber, SegmentLimit, SenderId, SenderTable,
            Text, Vendor,
        },
        runtime::HttpStack,
        store::{SecretsByCarrier, StoreError},
    };

    const KEY: &str = "aaaabbbbcccc111222333";
    const TOKEN: &str = "0f8b414c517bf0fc053bff1280adff42";

    struct OneSecret;

    impl SecretStore for OneSecret {
        async fn carriers(&self) -> Result<SecretsByCarrier, StoreError> {
            let credentials = [(CredentialPart::Key, KEY.to_owned())].into_iter().collect();
            let secret =
                CarrierSecret { credentials, webhook_tokens: vec![TOKEN.to_owned()], ..CarrierSecret::default() };
            Ok([("one".parse().unwrap(), secret)].into_iter().collect())
        }
    }

    fn submission(text: &Text) -> Submission<'_> {
        static TO: LazyLock<PhoneNumber> = LazyLock::new(|| "447911000001".parse().unwrap());
        static FROM: LazyLock<SenderId> = LazyLock::new(|| "SenderName".parse().unwrap());
        static GROUPINGS: LazyLock<Groupings> = LazyLock::new(Groupings::default);
        Submission {
            reference: "0197a3a0000070008000000000000001".parse().unwrap(),
            to: &TO,
            from: &FROM,
            text,
            channel: Channel::Sms,
            content: None,
            expires_at: None,
            groupings: &GROUPINGS,
        }
    }

    fn key<'a>(carrier: &Carrier, account: &'a AccountId, submission: &Submission<'_>) -> SubmitKey<'a> {
        let (channel, message) = (submission.channel, submission.reference.message);
        SubmitKey { carrier: carrier.name, account, channel, message, was_refused: false }
    }

    /// Starts a carrier that rejects the next submit with these words.
    fn rejecting(words: &str) -> Carrier {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}/", listener.local_addr().unwrap());
        let answer = format!("HTTP/1.1 400 X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{words}", words.len());
        thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(connection.try_clone().unwrap());
            let (mut line, mut length) = (String::new(), 0);
            while reader.read_line(&mut line).unwrap() > 2 {
                let header = line.to_ascii_lowercase();
                length = header.strip_prefix("content-length: ").map_or(length, |value| value.trim().parse().unwrap());
                line.clear();
            }
            reader.read_exact(&mut vec![0; length]).unwrap();
            connection.write_all(answer.as_bytes()).unwrap();
        });
        carrier_at(endpoint)
    }

    fn carrier_at(endpoint: String) -> Carrier {
        let settings = CarrierSettings {
            vendor: Vendor::Cymba,
            endpoint: endpoint.parse().unwrap(),
            timeout_ms: 20_000,
            lookup: false,
            receipts_by_id: false,
            country_code: None,
            webhook_url: Some("https://gateway.example/".parse().unwrap()),
            sender_ids: SenderTable::default(),
        };
        Carrier { name: "one".parse().unwrap(), settings }
    }

    #[tokio::test]
    async fn too_long_text_is_refused_without_a_request() {
        let clock = Clock::system();
        let http = HttpStack::new().unwrap().carrier_client().unwrap();
        let submitter = Submitter::new(http, CarrierSecrets::new(OneSecret, clock.clone()), clock);
        // Nothing listens there, so a request would find the carrier busy.
        let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut carrier = carrier_at(format!("http://{unused}/"));
        carrier.settings.vendor = Vendor::Mta;
        for (text, expected) in [
            ("é".repeat(161), Outcome::Rejected { reason: "the text has more than 160 characters".to_owned() }),
            ("é".repeat(160), busy("no connection to the carrier".to_owned())),
        ] {
            let text = Text::parse(&text, SegmentLimit(10)).unwrap();
            let account = "acme".parse().unwrap();
            let submission = submission(&text);
            let outcome = submitter.submit(&carrier, &submission, key(&carrier, &account, &submission)).await;
            assert_eq!(outcome, expected);
        }
    }

    #[tokio::test]
    async fn rejection_quotes_neither_key_nor_webhook_token() {
        let clock = Clock::system();
        let http = HttpStack::new().unwrap().carrier_client().unwrap();
        let submitter = Submitter::new(http, CarrierSecrets::new(OneSecret, clock.clone()), clock);
        let text = Text::parse("Hi", SegmentLimit(1)).unwrap();
        for (words, kept) in [
            ("unknown sender".to_owned(), "unknown sender"),
            (format!("unknown key {KEY}"), "…"),
            (format!("callback https://gateway.example/dlr/one/{TOKEN}/x is no URL"), "…"),
        ] {
            let account = "acme".parse().unwrap();
            let carrier = rejecting(&format!("\"{words}\""));
            let submission = submission(&text);
            let outcome = submitter.submit(&carrier, &submission, key(&carrier, &account, &submission)).await;
            assert_eq!(outcome, Outcome::Rejected { reason: format!("status 400: {kept}") });
        }
    }
}
