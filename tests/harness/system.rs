//! A whole system for one test: an emulator of AWS and the phone network, and a gateway.

use std::{
    fmt::Display,
    time::{Duration, Instant},
};

use local::{
    emulator::{Emulator, EmulatorOptions},
    gateway::{FunctionsFrom, Gateway, GatewayOptions},
};
use reqwest::{Client, Method, StatusCode};
use serde_json::json;
use shared::runtime::Metrics;
use tokio::net::TcpListener;
use url::Url;

use crate::config::TestConfig;
pub use crate::{
    client::{Answer, answer, client, invocation},
    messages::{custom, owned, shared, with},
};

/// The API keys of the two accounts, `demo` and `other`.
pub const DEMO: &str = "demo-key";
pub const OTHER: &str = "other-key";
pub const DEMO_ACCOUNT: &str = "demo";

/// A number of the demo account, without a rate limit.
pub const OWN_SENDER: &str = "441234567890";
/// The other account's number.
pub const OTHER_SENDER: &str = "449999999999";
/// The demo account's number with a rate limit, 10 messages a second.
pub const RATE_LIMITED_SENDER: &str = "441111111110";

/// The first shared sender ID in the pool.
pub const POOL_SENDER: &str = "448888888801";

/// The loopback carrier's webhook token.
pub const TOKEN: &str = "loopback-webhook-token";
/// CM.com's webhook token.
pub const CM_TOKEN: &str = "cm-webhook-token";

/// The timeout of the `until` functions.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// A running system. It ends when it is dropped.
pub struct System {
    pub emulator: Component<Emulator>,
    gateway: Option<Component<Gateway>>,
    pub client: Client,
}

/// Half of a system: the emulator or the gateway.
pub enum Component<T> {
    InProcess(T),
    /// Runs in another process, at this address.
    Remote(Url),
}

impl Component<Emulator> {
    pub fn url(&self) -> &Url {
        match self {
            Self::InProcess(emulator) => emulator.url(),
            Self::Remote(url) => url,
        }
    }
}

impl Component<Gateway> {
    fn url(&self) -> &Url {
        match self {
            Self::InProcess(gateway) => gateway.url(),
            Self::Remote(url) => url,
        }
    }
}

impl System {
    /// Starts a system with `local.toml`.
    pub async fn start() -> Self {
        Self::with_config(TestConfig::new()).await
    }

    pub async fn with_config(config: impl Into<TestConfig>) -> Self {
        Self::with_options(config, EmulatorOptions::default(), Metrics::none()).await
    }

    /// Starts a system with other emulator options.
    pub async fn in_emulator(config: impl Into<TestConfig>, options: EmulatorOptions) -> Self {
        Self::with_options(config, options, Metrics::none()).await
    }

    /// Starts a system whose gateway emits metrics.
    pub async fn with_metrics(metrics: Metrics) -> Self {
        Self::with_config_and_metrics(TestConfig::new(), metrics).await
    }

    pub async fn with_config_and_metrics(config: impl Into<TestConfig>, metrics: Metrics) -> Self {
        Self::with_options(config, EmulatorOptions::default(), metrics).await
    }

    /// Starts a system whose configuration depends on the emulator's address.
    pub async fn configured(options: EmulatorOptions, configure: impl FnOnce(&Url) -> TestConfig) -> Self {
        let emulator = Emulator::start(listener().await, options).unwrap();
        let config = configure(emulator.url());
        Self::with_emulator(emulator, config, Metrics::none()).await
    }

    /// Returns a system whose halves run in other processes.
    #[must_use]
    pub fn remote(emulator: Url, gateway: Url) -> Self {
        let gateway = Some(Component::Remote(gateway));
        Self { emulator: Component::Remote(emulator), gateway, client: client() }
    }

    async fn with_options(config: impl Into<TestConfig>, options: EmulatorOptions, metrics: Metrics) -> Self {
        let emulator = Emulator::start(listener().await, options).unwrap();
        Self::with_emulator(emulator, config.into(), metrics).await
    }

    async fn with_emulator(emulator: Emulator, config: TestConfig, metrics: Metrics) -> Self {
        let gateway = start_gateway(emulator.url(), config, metrics, false).await;
        Self {
            emulator: Component::InProcess(emulator),
            gateway: Some(Component::InProcess(gateway)),
            client: client(),
        }
    }

    /// Stops the gateway; the emulator goes on.
    pub async fn without_gateway(mut self) -> Self {
        if let Some(Component::InProcess(gateway)) = self.gateway.take() {
            gateway.stop().await;
        }
        self
    }

    /// Starts a gateway again, on another port and with `local.toml`.
    pub async fn with_gateway(self) -> Self {
        self.restart_gateway(false).await
    }

    /// Starts a gateway that enqueues the jobs of all waiting messages again, because the queues were lost.
    pub async fn with_requeueing_gateway(self) -> Self {
        self.restart_gateway(true).await
    }

    async fn restart_gateway(self, requeue: bool) -> Self {
        let gateway = start_gateway(self.emulator.url(), TestConfig::new(), Metrics::none(), requeue).await;
        Self { gateway: Some(Component::InProcess(gateway)), ..self }
    }

    /// Returns the URL for a path at the gateway, or at the emulator while there is no gateway.
    pub fn url(&self, path: &str) -> Url {
        self.gateway.as_ref().map_or(self.emulator.url(), Component::<Gateway>::url).join(path).unwrap()
    }

    /// Moves the clock. When this returns, the gateway has enqueued all work that became due.
    pub async fn advance(&self, seconds: u64) {
        let moved = answer(self.request(Method::POST, "/clock").json(&json!({"advance_seconds": seconds}))).await;
        assert_eq!(moved.status, StatusCode::OK, "{}", moved.body);
    }

    /// Moves the clock, and waits until the system is idle.
    pub async fn advance_and_settle(&self, seconds: u64) {
        self.advance(seconds).await;
        self.until_idle().await;
    }

    /// Returns the time on the system's clock.
    pub async fn now(&self) -> jiff::Timestamp {
        let shown = answer(self.request(Method::GET, "/clock")).await;
        shown.body["now"].as_str().unwrap().parse().unwrap()
    }

    /// Waits until a condition holds; fails with its description after 30 seconds.
    pub async fn until<T>(&self, what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
        self.until_within(TIMEOUT, what, look).await
    }

    pub(crate) async fn until_within<T>(
        &self,
        timeout: Duration,
        what: &str,
        mut look: impl AsyncFnMut() -> Option<T>,
    ) -> T {
        self.until_found(timeout, what, async || look().await.ok_or("nothing")).await
    }

    /// Waits until `look` succeeds; if it takes too long, fails with its last error.
    pub(crate) async fn until_found<T, E: Display>(
        &self,
        timeout: Duration,
        what: &str,
        mut look: impl AsyncFnMut() -> Result<T, E>,
    ) -> T {
        let started = Instant::now();
        loop {
            match look().await {
                Ok(found) => return found,
                Err(seen) => {
                    assert!(started.elapsed() < timeout, "waited {timeout:?} in vain until {what}; saw {seen}");
                }
            }
            // The gaps grow, so that polling does not slow the system down.
            tokio::time::sleep(Duration::from_millis(10) + started.elapsed() / 8).await;
        }
    }
}

async fn listener() -> TcpListener {
    TcpListener::bind(("127.0.0.1", 0)).await.unwrap()
}

async fn start_gateway(emulator: &Url, config: TestConfig, metrics: Metrics, requeue: bool) -> Gateway {
    let (config, functions) = (config.into_config(), FunctionsFrom::InProcess);
    let options = GatewayOptions { emulator: emulator.clone(), config, functions, metrics, offline: false, requeue };
    Gateway::start(listener().await, options).await.unwrap()
}
