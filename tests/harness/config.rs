//! Configurations: `local.toml` with changes.

use local::config::{AccountConfig, CarrierConfig, Config};
use shared::domain::{CarrierName, OnUnknown, Route, Routes};
use url::Url;

use crate::system::DEMO_ACCOUNT;

/// A builder for configurations, which starts with `local.toml`.
///
/// ```ignore
/// System::with_config(TestConfig::new().carrier_timeout_ms(300).on_unknown(OnUnknown::Resend)).await
/// ```
#[derive(Debug)]
pub struct TestConfig(Config);

impl Default for TestConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl TestConfig {
    /// Starts with `local.toml`, unchanged.
    pub fn new() -> Self {
        Self::from(Config::DEFAULT)
    }

    /// Replaces the pool of shared sender IDs.
    #[must_use]
    pub fn pool(mut self, senders: &[&str]) -> Self {
        self.0.pool = senders.iter().map(|sender| sender.parse().unwrap()).collect();
        self
    }

    /// Limits a sender to so many messages a second.
    #[must_use]
    pub fn rate(mut self, sender: &str, per_second: u16) -> Self {
        self.0.rates.insert(sender.parse().unwrap(), per_second.try_into().unwrap());
        self
    }

    /// Replaces the routes. The first that matches a message applies.
    #[must_use]
    pub fn routes(mut self, routes: impl IntoIterator<Item = Route>) -> Self {
        self.0.routes = Routes(routes.into_iter().collect());
        self
    }

    /// Sends all messages through these carriers, preferred first.
    #[must_use]
    pub fn route_all_to(self, carriers: &[CarrierName]) -> Self {
        self.routes([Route::to(carriers.to_vec())])
    }

    /// Changes a carrier.
    #[must_use]
    pub fn carrier(mut self, name: CarrierName, change: impl FnOnce(&mut CarrierConfig)) -> Self {
        change(self.0.carriers.get_mut(&name).expect("a carrier of local.toml"));
        self
    }

    /// Replaces a carrier's address, which is the emulator's by default.
    #[must_use]
    pub fn carrier_endpoint(self, name: CarrierName, endpoint: &Url) -> Self {
        self.carrier(name, |carrier| carrier.endpoint = Some(endpoint.clone()))
    }

    /// Enables lookups at the loopback carrier.
    #[must_use]
    pub fn carrier_lookup(self) -> Self {
        self.carrier(CarrierName::Loopback, |carrier| carrier.lookup = true)
    }

    /// Matches the loopback carrier's receipts by its own IDs.
    #[must_use]
    pub fn receipts_by_id(self) -> Self {
        self.carrier(CarrierName::Loopback, |carrier| carrier.receipts_by_id = true)
    }

    /// Sets the timeout for every carrier.
    #[must_use]
    pub fn carrier_timeout_ms(mut self, timeout_ms: u64) -> Self {
        for carrier in self.0.carriers.values_mut() {
            carrier.timeout_ms = timeout_ms;
        }
        self
    }

    /// Changes an account.
    #[must_use]
    pub fn account(mut self, id: &str, change: impl FnOnce(&mut AccountConfig)) -> Self {
        let account = self.0.accounts.iter_mut().find(|account| account.id.as_str() == id);
        change(account.expect("an account of local.toml"));
        self
    }

    /// Changes all accounts.
    #[must_use]
    pub fn each_account(mut self, change: impl FnMut(&mut AccountConfig)) -> Self {
        self.0.accounts.iter_mut().for_each(change);
        self
    }

    /// Sets the demo account's policy for unknown outcomes.
    #[must_use]
    pub fn on_unknown(self, on_unknown: OnUnknown) -> Self {
        self.account(DEMO_ACCOUNT, |account| account.on_unknown = on_unknown)
    }

    /// Enables every account's keyword answers, with the default texts.
    #[must_use]
    pub fn keyword_answers(self) -> Self {
        self.each_account(|account| {
            (account.stop_text, account.start_text, account.help_text) = (None, None, None);
        })
    }

    pub(crate) fn into_config(self) -> Config {
        self.0
    }
}

impl From<&str> for TestConfig {
    fn from(toml: &str) -> Self {
        Self(Config::parse(toml).unwrap())
    }
}

impl From<&String> for TestConfig {
    fn from(toml: &String) -> Self {
        Self::from(toml.as_str())
    }
}
