//! `cargo run -p local`: the gateway and its emulator on one machine.

mod arguments;
mod first_steps;

use std::{io::Write, process::ExitCode};

use anyhow::Context;
use clap::Parser;
use local::{
    config::Config,
    emulator::{Emulator, EmulatorOptions},
    gateway::{Gateway, GatewayOptions},
};
use shared::runtime::{Metrics, Variables, telemetry};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};
use url::Url;

use self::arguments::{Arguments, Command};

#[tokio::main]
async fn main() -> ExitCode {
    if let Err(error) = run(Arguments::parse()).await {
        eprintln!("error: {error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    start_logging()?;
    let listener = TcpListener::bind(("127.0.0.1", arguments.port())).await.with_context(|| {
        format!("could not listen on 127.0.0.1:{0}; --port N takes another port, --port 0 a free one", arguments.port())
    })?;
    if let Some(Command::Emulator(_)) = &arguments.command {
        let emulator = Emulator::start(listener, emulator_options(&arguments))?;
        println!("emulator {}", without_slash(emulator.url()));
        print_for_people(&first_steps::with_emulator(emulator.url()));
        until_stop_signal().await?;
        emulator.stop().await;
        return Ok(());
    }

    let config = read_config(&arguments)?;
    let (emulator, inner) = if let Some(elsewhere) = &arguments.emulator {
        (elsewhere.clone(), None)
    } else {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let inner = Emulator::start(listener, emulator_options(&arguments))?;
        (inner.url().clone(), Some(inner))
    };
    let url = Url::parse(&format!("http://{}/", listener.local_addr()?))?;
    let steps = first_steps::with_gateway(&url, &config, &arguments.functions());
    let requeue = arguments.services().data.is_some();
    let functions = arguments.functions();
    let options =
        GatewayOptions { emulator, config, functions, metrics: Metrics::none(), offline: arguments.offline, requeue };
    let gateway = Gateway::start(listener, options).await?;
    println!("ready {}", without_slash(gateway.url()));
    print_for_people(&steps);
    until_stop_signal().await?;
    gateway.stop().await;
    if let Some(emulator) = inner {
        emulator.stop().await;
    }
    Ok(())
}

fn emulator_options(arguments: &Arguments) -> EmulatorOptions {
    let services = arguments.services();
    EmulatorOptions {
        data: services.data.clone(),
        dynamodb: services.dynamodb.clone(),
        sqs: services.sqs.clone(),
        ..EmulatorOptions::default()
    }
}

fn read_config(arguments: &Arguments) -> anyhow::Result<Config> {
    let Some(file) = &arguments.config else { return Ok(Config::parse(Config::DEFAULT)?) };
    let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    Config::parse(&text).with_context(|| format!("reading {}", file.display()))
}

/// Prints to standard error. Standard output has only the address, and a program that read it may close it.
fn print_for_people(text: &str) {
    if tracing::enabled!(tracing::Level::INFO) {
        // We start even if standard error is closed.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// Logs readable lines to standard error, at `LOG_LEVEL`. Each line names its target, which tells whether the
/// emulator or the gateway wrote it.
fn start_logging() -> anyhow::Result<()> {
    let targets = telemetry::targets(telemetry::level(&Variables::of_process())?);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).compact();
    tracing_subscriber::registry().with(targets).with(lines).init();
    Ok(())
}

async fn until_stop_signal() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        _ = terminate.recv() => Ok(()),
    }
}

fn without_slash(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}
