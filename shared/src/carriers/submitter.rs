//! Submits messages: gets the carrier's key, asks the circuit breaker, and calls the connector once.

use std::time::Duration;

use jiff::Timestamp;
use tracing::{info, warn};

use super::circuit_breaker::CircuitBreakers;
use crate::{
    domain::{CarrierName, CarrierSettings, LookupOutcome, Outcome, Submission, SubmitReference},
    runtime::{Clock, error_chain},
    store::{CarrierSecrets, SecretStore, SecretsManager},
    vendors::{cm::carrier as cm, loopback::carrier as loopback},
};

fn open_circuit(until: Timestamp, now: Timestamp) -> Outcome {
    let reason = "the circuit breaker is open after repeated failures".to_owned();
    Outcome::Busy { reason, retry_after: Duration::try_from(until.duration_since(now)).ok() }
}

/// Submits messages to carriers over one shared HTTP client.
pub struct Submitter<S = SecretsManager> {
    http: reqwest::Client,
    secrets: CarrierSecrets<S>,
    circuits: CircuitBreakers,
    clock: Clock,
}

impl<S: SecretStore> Submitter<S> {
    #[must_use]
    pub fn new(http: reqwest::Client, secrets: CarrierSecrets<S>, clock: Clock) -> Self {
        Self { http, secrets, circuits: CircuitBreakers::default(), clock }
    }

    /// Returns `Busy` if the carrier's circuit is open, or `None` if we may call the carrier.
    pub fn open_circuit(&self, carrier: CarrierName) -> Option<Outcome> {
        let now = self.clock.now();
        self.circuits.open_until(carrier, now).map(|until| open_circuit(until, now))
    }

    /// Submits the message at most once, and waits for the answer up to the carrier's timeout.
    pub async fn submit(
        &self,
        carrier: CarrierName,
        settings: &CarrierSettings,
        submission: &Submission<'_>,
    ) -> Outcome {
        let key = match self.key(carrier).await {
            Ok(key) => key,
            Err(busy) => return busy,
        };
        let begun = self.clock.now();
        if let Some(until) = self.circuits.admit(carrier, begun) {
            return open_circuit(until, begun);
        }
        let outcome = match carrier {
            CarrierName::Loopback => loopback::submit::submit(&self.http, settings, submission, begun).await,
            CarrierName::Cm => cm::submit::submit(&self.http, settings, &key, submission, begun).await,
        };
        if let Some(until) = self.circuits.record(carrier, &outcome, self.clock.now()) {
            info!(carrier = carrier.into_str(), %until, "carrier paused");
        }
        outcome
    }

    /// Asks for the outcome of a submit that got no answer. Returns `Unknown` without a call if the carrier's
    /// lookups are off or its circuit is open.
    pub async fn look_up(
        &self,
        carrier: CarrierName,
        settings: &CarrierSettings,
        reference: SubmitReference,
    ) -> LookupOutcome {
        if !settings.lookup || self.open_circuit(carrier).is_some() {
            return LookupOutcome::Unknown;
        }
        match carrier {
            CarrierName::Loopback => loopback::lookup::look_up(&self.http, settings, reference).await,
            CarrierName::Cm => LookupOutcome::Unknown,
        }
    }

    /// Returns the carrier's key, empty if it requires none, or `Busy` while we have none.
    async fn key(&self, carrier: CarrierName) -> Result<String, Outcome> {
        if !carrier.wants_key() {
            return Ok(String::new());
        }
        let reason = match self.secrets.key(carrier).await {
            Ok(Some(key)) => return Ok(key),
            Ok(None) => "the carrier's key is not set",
            Err(error) => {
                warn!(carrier = carrier.into_str(), error = error_chain(&error), "could not read the carrier's key");
                "could not read the carrier's key"
            }
        };
        Err(Outcome::Busy { retry_after: None, reason: reason.to_owned() })
    }
}
