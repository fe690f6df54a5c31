//! The gateway as AWS would run it: tables and queues made from the template,
//! its functions called by HTTP routes, queues and schedules.
//!
//! It talks to its [`emulator`](crate::emulator) only over HTTP, wherever that is, and
//! can be killed and started again while the emulator lives on.

mod carriers;
mod functions;
mod processes;
mod provision;
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
    template::{Event, Function, Template},
};

/// The template that is deployed to AWS.
const TEMPLATE: &str = include_str!("../../../../template.yaml");

/// What a gateway is started with.
pub struct GatewayOptions {
    /// Where DynamoDB, SQS, the carriers and the clock are.
    pub emulator: Url,
    pub config: Config,
    pub functions: FunctionsFrom,
    /// Where the metrics go of functions in this process.
    pub metrics: Metrics,
    /// Whether the tables are from an earlier run, whose queues are lost.
    pub requeue: bool,
}

/// What the functions are.
#[derive(Default)]
pub enum FunctionsFrom {
    /// Their handlers, in this process.
    #[default]
    InProcess,
    /// Their binaries, at `NAME/bootstrap` in this folder, in processes of their own.
    Binaries(PathBuf),
    /// Whatever `cargo lambda watch` serves there.
    Watched(Url),
}

/// A running gateway. It ends when it is stopped or dropped.
pub struct Gateway {
    url: Url,
    tasks: JoinSet<()>,
    stop_on_drop: DropGuard,
}

impl Gateway {
    /// Serves on `listener` from when this returns.
    ///
    /// # Errors
    /// When the emulator does not answer, the template or configuration cannot be
    /// used, or a function does not start.
    pub async fn start(listener: TcpListener, options: GatewayOptions) -> anyhow::Result<Self> {
        let url = Url::parse(&format!("http://{}/", listener.local_addr()?))?;
        let http = HttpStack::new()?;
        let client = http.client().clone();
        let clock = Clock::system();
        let time = Time::for_emulator(client.clone(), options.emulator.clone(), clock.clone()).await?;

        let template = Template::parse(TEMPLATE)?;
        let names = provision::names(&template, &options.emulator)?;
        let sqs = provision::provision(&template, &names, &options.config, &options.emulator, http.clone()).await?;
        let described = template.functions(&names)?;
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
            requeue(&connect_gateway(&environment(variables), &[Part::Jobs])?).await?;
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
        let api = if let FunctionsFrom::Watched(endpoint) = &options.functions { endpoint } else { &url };
        carriers::register_webhooks(&client, &options.config, &options.emulator, api).await?;
        for function in &described {
            for event in &function.events {
                match event {
                    Event::Http { .. } => {}
                    Event::Queue { arn, batch_size, concurrency } => {
                        let source = sources::Source {
                            function: function.binary.clone(),
                            queue_url: provision::queue_url(&options.emulator, arn)?,
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
        info!(%url, emulator = %options.emulator, "the gateway is up");
        Ok(Self { url, tasks, stop_on_drop: stopping.drop_guard() })
    }

    /// Where this gateway answers, with a trailing slash.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Takes nothing new on, and returns when what is under way is done.
    pub async fn stop(self) {
        let Self { mut tasks, stop_on_drop, .. } = self;
        drop(stop_on_drop);
        let all = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(std::time::Duration::from_secs(5), all).await.is_err() {
            warn!("some work was cut off; its jobs are delivered again");
        }
        info!("the gateway has ended");
    }
}

/// The functions that the template describes, as they run against an emulator there.
///
/// # Errors
/// When the template cannot be used.
pub fn functions(emulator: &Url) -> anyhow::Result<Vec<Function>> {
    let template = Template::parse(TEMPLATE)?;
    Ok(template.functions(&provision::names(&template, emulator)?)?)
}

/// What each function is configured with on Lambda, against an emulator there. For
/// whoever runs a function by itself.
///
/// # Errors
/// When the template cannot be used.
pub fn settings(emulator: &Url) -> anyhow::Result<Vec<Settings>> {
    Ok(functions(emulator)?.iter().map(|function| functions::settings(function, emulator)).collect())
}
