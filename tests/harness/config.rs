//! Configurations: `local.toml` with changes.

use std::collections::{BTreeMap, HashSet};

use local::config::{AccountConfig, CarrierConfig, Config};
use shared::domain::{CarrierName, CarrierSettings, OnUnknown, Route, Routes, SenderTable, Vendor};
use url::Url;

use crate::system::DEMO_ACCOUNT;

/// Returns a carrier's name.
#[must_use]
pub fn carrier(name: &str) -> CarrierName {
    name.parse().unwrap()
}

/// Returns the settings of a carrier without options.
#[must_use]
pub fn carrier_settings(vendor: Vendor, endpoint: &Url) -> CarrierSettings {
    CarrierSettings {
        vendor,
        endpoint: endpoint.clone(),
        timeout_ms: 30_000,
        lookup: false,
        receipts_by_id: false,
        country_code: None,
        webhook_url: None,
        sender_ids: SenderTable::default(),
    }
}

/// Returns a route without conditions, with the preferred carrier first.
#[must_use]
pub fn route_to(carriers: &[&str]) -> Route {
    Route::to(carriers.iter().copied().map(carrier).collect())
}

/// Returns the first carrier in `local.toml` of each vendor.
#[must_use]
pub fn carrier_of_each_vendor() -> Vec<CarrierName> {
    let mut seen = HashSet::new();
    carrier_configs().into_iter().filter(|(_, carrier)| seen.insert(carrier.vendor)).map(|(name, _)| name).collect()
}

/// Returns the carriers of `local.toml`.
#[must_use]
pub fn carrier_configs() -> BTreeMap<CarrierName, CarrierConfig> {
    TestConfig::new().0.carriers
}

/// Returns the names of the carriers of `local.toml`, sorted.
#[must_use]
pub fn carriers() -> Vec<CarrierName> {
    carrier_configs().into_keys().collect()
}

/// Returns the vendor of a carrier of `local.toml`.
#[must_use]
pub fn vendor_of(name: CarrierName) -> Vendor {
    carrier_configs()[&name].vendor
}

/// Returns the positions of the routes in `local.toml` that name a carrier, from 1.
#[must_use]
pub fn route_positions(name: &str) -> Vec<usize> {
    let routes = TestConfig::new().0.routes.0;
    (1..).zip(routes).filter(|(_, route)| route.carriers.contains(&carrier(name))).map(|(at, _)| at).collect()
}

/// Returns the webhook path of a carrier of `local.toml` for receipts (`dlr`) or replies (`mo`).
#[must_use]
pub fn webhook_path(kind: &str, name: &str) -> String {
    format!("/{kind}/{name}/{}", carrier_configs()[&carrier(name)].webhook_token)
}

/// A builder for configurations, which starts with `local.toml`.
///
/// ```ignore
/// System::with_config(TestConfig::new().carrier_timeout_ms(300).on_unknown(OnUnknown::Resend)).await
/// ```
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
    pub fn route_all_to(self, carriers: &[&str]) -> Self {
        self.routes([route_to(carriers)])
    }

    /// Changes a carrier.
    #[must_use]
    pub fn carrier(mut self, name: &str, change: impl FnOnce(&mut CarrierConfig)) -> Self {
        change(self.0.carriers.get_mut(&carrier(name)).expect("a carrier of local.toml"));
        self
    }

    /// Changes all carriers.
    #[must_use]
    pub fn each_carrier(mut self, mut change: impl FnMut(CarrierName, &mut CarrierConfig)) -> Self {
        self.0.carriers.iter_mut().for_each(|(name, carrier)| change(*name, carrier));
        self
    }

    /// Adds a carrier like `model`, with changes.
    #[must_use]
    pub fn another_carrier(mut self, name: &str, model: &str, change: impl FnOnce(&mut CarrierConfig)) -> Self {
        let mut another = self.0.carriers[&carrier(model)].clone();
        change(&mut another);
        self.0.carriers.insert(carrier(name), another);
        self
    }

    /// Removes the carriers of all other vendors.
    #[must_use]
    pub fn only_carriers_of(mut self, vendor: Vendor) -> Self {
        self.0.carriers.retain(|_, carrier| carrier.vendor == vendor);
        self
    }

    /// Replaces a carrier's address, which is the emulator's by default.
    #[must_use]
    pub fn carrier_endpoint(self, name: &str, endpoint: &Url) -> Self {
        self.carrier(name, |carrier| carrier.endpoint = Some(endpoint.clone()))
    }

    /// Enables lookups at the loopback carrier.
    #[must_use]
    pub fn carrier_lookup(self) -> Self {
        self.carrier("loopback", |carrier| carrier.lookup = true)
    }

    /// Matches the loopback carrier's receipts by its own IDs.
    #[must_use]
    pub fn receipts_by_id(self) -> Self {
        self.carrier("loopback", |carrier| carrier.receipts_by_id = true)
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

    /// Adds accounts.
    #[must_use]
    pub fn accounts(mut self, more: impl IntoIterator<Item = AccountConfig>) -> Self {
        self.0.accounts.extend(more);
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
