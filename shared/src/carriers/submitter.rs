//! Submits messages: gets the carrier's secret, asks the circuit breaker, and calls the connector once.

use std::time::Duration;

use jiff::Timestamp;
use tracing::{info, warn};

use super::circuit_breaker::CircuitBreakers;
use crate::{
    domain::{Carrier, CarrierName, CarrierSecret, LookupOutcome, Outcome, Submission, SubmitReference},
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

    /// Returns `Busy` if the carrier's circuit is open, or `None` if we may call the carrier.
    pub fn open_circuit(&self, carrier: CarrierName) -> Option<Outcome> {
        let now = self.clock.now();
        self.circuits.open_until(carrier, now).map(|until| open_circuit(until, now))
    }

    /// Submits the message at most once, and waits for the answer up to the carrier's timeout.
    pub async fn submit(&self, carrier: &Carrier, submission: &Submission<'_>) -> Outcome {
        let Carrier { name, settings } = carrier;
        let secret = match self.secret(carrier).await {
            Ok(secret) => secret,
            Err(reason) => return busy(reason),
        };
        let connection = self.connection(carrier, &secret);
        if settings.vendor.profile().takes_webhook_url && connection.receipts.is_none() {
            return busy("the carrier has no address for receipts".to_owned());
        }
        let begun = self.clock.now();
        if let Some(until) = self.circuits.admit(*name, begun) {
            return open_circuit(until, begun);
        }
        let outcome = settings.vendor.submit(&connection, submission, begun).await;
        if let Some(until) = self.circuits.record(*name, &outcome, self.clock.now()) {
            info!(carrier = name.as_str(), %until, "carrier paused");
        }
        outcome
    }

    /// Asks for the outcome of a submit that got no answer. Returns `Unknown` without a call if the carrier's
    /// lookups are off, its circuit is open, or it has no credentials.
    pub async fn look_up(&self, carrier: &Carrier, reference: SubmitReference) -> LookupOutcome {
        let settings = &carrier.settings;
        if !settings.lookup || self.open_circuit(carrier.name).is_some() {
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
