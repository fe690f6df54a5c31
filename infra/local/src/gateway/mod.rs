//! The gateway as AWS runs it: tables and queues from the template, and functions invoked by HTTP routes,
//! queues and schedules.
//!
//! The gateway talks to its [`emulator`](crate::emulator) only over HTTP, so it can be killed and restarted
//! while the emulator keeps running.

mod carriers;
mod functions;
mod processes;
mod provision;
mod raw_target;
mod routes;
mod schedule;
mod sources;
mod time;

use std::{path::PathBuf, sync::Arc};

use shared::{
    flow::operator::requeue::requeue,
    gateway::{Part, connect_gateway},
    runtime::{Clock, Environment, HttpStack, Metrics, Random, Variables},
};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{info, warn};
use url::Url;

use self::{functions::Functions, time::Time};
use crate::{
    config::Config,
    lambda::Settings,
    template::{Event, Function, Names, Template, resolve},
};

pub struct GatewayOptions {
    /// The emulator's address.
    pub emulator: Url,
    pub config: Config,
    pub functions: FunctionsFrom,
    /// Where functions in this process record metrics; functions elsewhere do not use it.
    pub metrics: Metrics,
    /// Whether callbacks may reach only this machine.
    pub offline: bool,
    /// Whether to enqueue pending work again, because the tables outlived their queues.
    pub requeue: bool,
}

/// Where the functions run.
#[derive(Default)]
pub enum FunctionsFrom {
    /// In this process.
    #[default]
    InProcess,
    /// In separate processes: the binaries `NAME/bootstrap` in this folder.
    Binaries(PathBuf),
    /// In `cargo lambda watch` at this address.
    Watched(Url),
}

/// A running gateway. Dropping it stops it.
pub struct Gateway {
    url: Url,
    tasks: JoinSet<()>,
    stop_on_drop: DropGuard,
}

impl Gateway {
    /// Starts the gateway, which serves on `listener` once this returns.
    ///
    /// # Errors
    /// If the emulator answers with an error, the template or configuration is invalid, or a function does
    /// not start.
    pub async fn start(listener: TcpListener, options: GatewayOptions) -> anyhow::Result<Self> {
        let url = Url::parse(&format!("http://{}/", listener.local_addr()?))?;
        let http = HttpStack::new()?;
        let client = http.client().clone();
        let clock = Clock::system();
        let time = Time::for_emulator(client.clone(), options.emulator.clone(), clock.clone()).await?;

        let template = Template::ours()?;
        let names = Names::of(template, &options.emulator);
        let api = if let FunctionsFrom::Watched(endpoint) = &options.functions { endpoint } else { &url };
        let addresses = (&options.emulator, api);
        let sqs = provision::provision(template, &names, &options.config, addresses, http.clone()).await?;
        let mut described = template.functions(&names)?;
        functions::allow_private_callbacks(&mut described, if options.offline { "only" } else { "true" });
        let environment = |variables: Variables| Environment {
            variables,
            clock: clock.clone(),
            random: Random::of_system(),
            http: http.clone(),
            metrics: options.metrics.clone(),
        };
        if options.requeue {
            let dispatch = described.iter().find(|function| function.binary == "dispatch");
            let variables = dispatch.map(|function| function.environment.clone()).unwrap_or_default();
            let variables = provision::aws_variables(&options.emulator).with(variables);
            requeue(&connect_gateway(&environment(variables), &[Part::Jobs, Part::SendSlots])?).await?;
        }
        let functions = Arc::new(match &options.functions {
            FunctionsFrom::InProcess => Functions::in_process(&described, &options.emulator, environment)?,
            FunctionsFrom::Binaries(folder) => Functions::processes(&described, &options.emulator, folder)?,
            FunctionsFrom::Watched(endpoint) => Functions::watched(endpoint.clone(), client.clone()),
        });

        let stopping = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let router = routes::router(&described, &functions, &time, options.emulator.clone(), client.clone())?;
        tasks.spawn(routes::serve(listener, router, stopping.clone()));
        carriers::register(&client, &options.config, &options.emulator, api).await?;
        for function in &described {
            for event in &function.events {
                match event {
                    Event::Http { .. } => {}
                    Event::Queue { arn, batch_size, concurrency } => {
                        let source = sources::Source {
                            function: function.binary.clone(),
                            queue_url: resolve::queue_url(&options.emulator, arn.rsplit(':').next().unwrap_or(arn)),
                            arn: arn.clone(),
                            batch_size: *batch_size,
                        };
                        let polled = (&functions, &time, &sqs, &stopping);
                        sources::poll(source, *concurrency, polled, &mut tasks);
                    }
                    Event::Schedule { every } => {
                        tasks.spawn(schedule::run(
                            function.binary.clone(),
                            *every,
                            function.timeout,
                            Arc::clone(&functions),
                            Arc::clone(&time),
                            stopping.clone(),
                        ));
                    }
                }
            }
        }
        info!(%url, emulator = %options.emulator, "gateway started");
        Ok(Self { url, tasks, stop_on_drop: stopping.drop_guard() })
    }

    /// Returns the address, with a trailing slash.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Stops accepting work, and waits up to 5 s for the work in flight.
    pub async fn stop(self) {
        let Self { mut tasks, stop_on_drop, .. } = self;
        drop(stop_on_drop);
        let all = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(std::time::Duration::from_secs(5), all).await.is_err() {
            warn!("stopped with work in flight; its jobs will be redelivered");
        }
        info!("gateway stopped");
    }
}

/// Returns the template's functions, configured for an emulator at that address.
///
/// # Errors
/// If the template is invalid.
pub fn functions(emulator: &Url) -> anyhow::Result<Vec<Function>> {
    let template = Template::ours()?;
    Ok(template.functions(&Names::of(template, emulator))?)
}

/// Returns the Lambda settings of each function, to run it alone against an emulator.
///
/// # Errors
/// If the template is invalid.
pub fn settings(emulator: &Url) -> anyhow::Result<Vec<Settings>> {
    let mut described = functions(emulator)?;
    functions::allow_private_callbacks(&mut described, "true");
    Ok(described.iter().map(|function| functions::settings(function, emulator)).collect())
}
