//! Everything outside the gateway, on a single port: DynamoDB, SQS and Secrets Manager in their wire
//! formats, simulated carriers with handsets, sinks for callbacks, a movable clock, and a meter
//! for AWS usage.
//!
//! The gateway may be killed and restarted, even on another port, while the emulator keeps running. The
//! emulator retries receipts and replies until the gateway accepts them, as real carriers do.

mod aws;
mod behavior;
mod carriers;
mod channels;
mod clock;
mod dynamodb;
mod engine;
mod fairness;
mod handsets;
mod json_line;
mod meter;
mod network;
mod phone;
mod problem;
mod queue_changes;
mod queues;
mod secrets;
mod sinks;
mod sqs;
mod sqs_limits;
mod tables;
#[cfg(test)]
mod tests;
mod transit;
mod upstream;
mod webhooks;

pub use self::carriers::wire;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::serve::ListenerExt as _;
use shared::runtime::TlsError;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{info, warn};
use url::Url;

use self::aws::Aws;
use self::carriers::Carriers;
use self::clock::EmulatorClock;
use self::dynamodb::DynamoDb;
use self::handsets::Handsets;
use self::meter::Meter;
use self::network::Network;
use self::problem::Problem;
use self::sinks::Sinks;
use self::sqs::Sqs;
use crate::{
    browser_guard,
    template::{Names, Permissions, Template, TemplateError},
};

/// How long [`Emulator::stop`] waits for requests in flight.
const STOP_WITHIN: Duration = Duration::from_secs(1);
const SWEEP_EVERY: Duration = Duration::from_mins(3);
/// DynamoDB's request limit, the largest in the emulator.
const LARGEST_BODY: usize = 16 * 1024 * 1024;

#[derive(Debug, Clone)]
pub struct EmulatorOptions {
    /// Folder for the tables; with `None` they are in memory. Items of tables in a folder expire by the
    /// machine's clock, not the emulator's.
    pub data: Option<PathBuf>,
    /// Replaces the embedded DynamoDB.
    pub dynamodb: Option<Url>,
    /// Replaces the embedded SQS. The emulator's clock does not move its timers.
    pub sqs: Option<Url>,
    /// How late a slow carrier answers a submit.
    pub answer_delay: Duration,
}

impl Default for EmulatorOptions {
    fn default() -> Self {
        Self { data: None, dynamodb: None, sqs: None, answer_delay: Duration::from_secs(30) }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("could not listen on 127.0.0.1: {0}")]
    Listener(#[from] std::io::Error),
    #[error("could not open the tables: {0}")]
    Tables(String),
    #[error(transparent)]
    Client(#[from] TlsError),
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error("the listener's address is not valid in a URL: {0}")]
    Address(#[from] url::ParseError),
}

/// A running emulator. Dropping it stops it.
pub struct Emulator {
    url: Url,
    tasks: JoinSet<()>,
    stop_on_drop: DropGuard,
}

impl Emulator {
    /// Starts the emulator in the current Tokio runtime. It serves on `listener` once this returns.
    ///
    /// # Errors
    /// If the tables in `options.data` cannot be opened.
    pub fn start(listener: TcpListener, options: EmulatorOptions) -> Result<Self, StartError> {
        let url = Url::parse(&format!("http://{}/", listener.local_addr()?))?;
        let stopping = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let client = upstream::client()?;
        let template = Template::ours()?;
        let permissions = Permissions::of(template, &Names::of(template, &url))?;
        let clock = Arc::new(EmulatorClock::default());
        let meter = Arc::new(Meter::default());

        let dynamodb = if let Some(elsewhere) = options.dynamodb {
            DynamoDb::external(elsewhere, client.clone(), Arc::clone(&meter))
        } else {
            let tables = dynamodb::open(options.data.as_deref(), Arc::clone(&clock))?;
            DynamoDb::embedded(tables, Arc::clone(&meter))
        };
        let dynamodb = Arc::new(dynamodb);
        let sqs = Arc::new(match options.sqs {
            Some(elsewhere) => Sqs::external(elsewhere, client.clone(), Arc::clone(&meter)),
            None => Sqs::embedded(&url, Arc::clone(&clock), Arc::clone(&meter), stopping.clone()),
        });
        tasks.spawn(sweep_regularly(Arc::clone(&dynamodb), stopping.clone()));

        let carriers = Arc::new(Carriers::new(Arc::clone(&clock), &client, &stopping));
        let handsets = Arc::new(Handsets::new(Arc::clone(&clock), Arc::clone(&carriers)));
        let network = Arc::new(Network::new(
            Arc::clone(&handsets),
            Arc::clone(&carriers),
            Arc::clone(&clock),
            options.answer_delay,
            stopping.clone(),
        ));
        let router = Router::new()
            .merge(transit::routes(carriers.transit().clone()))
            .merge(carriers::routes(&network, &carriers))
            .merge(handsets::routes(handsets))
            .merge(sinks::routes(Arc::new(Sinks::new(Arc::clone(&clock)))))
            .merge(meter::routes(Arc::clone(&meter)))
            .merge(clock::routes(clock, Arc::clone(&dynamodb), Arc::clone(&sqs)))
            .merge(aws::routes(Arc::new(Aws::new(dynamodb, sqs, permissions, meter))))
            .method_not_allowed_fallback(async || Problem::method_not_allowed())
            .layer(DefaultBodyLimit::max(LARGEST_BODY));
        tasks.spawn(serve(listener, browser_guard::guard(router), stopping.clone()));

        info!(%url, "emulator started");
        Ok(Self { url, tasks, stop_on_drop: stopping.drop_guard() })
    }

    /// Returns the address, with a trailing slash.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Stops within about a second: ends long polls and delayed answers. Undelivered receipts and replies are
    /// lost.
    pub async fn stop(self) {
        let Self { mut tasks, stop_on_drop, .. } = self;
        drop(stop_on_drop);
        let all = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_WITHIN, all).await.is_err() {
            warn!("stopped with requests in flight");
        }
        info!("emulator stopped");
    }
}

async fn serve(listener: TcpListener, router: Router, stopping: CancellationToken) {
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            warn!(%error, "could not set TCP_NODELAY");
        }
    });
    let served = axum::serve(listener, router).with_graceful_shutdown(stopping.cancelled_owned()).await;
    if let Err(error) = served {
        warn!(%error, "HTTP server ended");
    }
}

async fn sweep_regularly(dynamodb: Arc<DynamoDb>, stopping: CancellationToken) {
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(SWEEP_EVERY) => dynamodb.sweep().await,
        }
    }
}
