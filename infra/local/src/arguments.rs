//! Command-line arguments.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use local::gateway::FunctionsFrom;
use url::Url;

/// Run the messaging gateway on this machine, with emulated AWS services, carriers and handsets
#[derive(Debug, Parser)]
#[command(version)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Port to listen on at 127.0.0.1; 0 picks a free one
    #[arg(long, default_value_t = 3000, value_name = "N")]
    port: u16,

    /// Accounts, keys, senders, carriers and routes [default: infra/local/local.toml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Run only the gateway, with the `local emulator` at this address
    #[arg(long, value_name = "URL", conflicts_with_all = ["data", "dynamodb", "sqs"])]
    pub emulator: Option<Url>,

    /// Use the functions of `cargo lambda watch` at this address
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "http://127.0.0.1:9000")]
    watch: Option<Url>,

    /// Run the output of `cargo lambda build` as Lambda does; DIR is target/lambda
    #[arg(long, value_name = "DIR", conflicts_with = "watch")]
    functions: Option<PathBuf>,

    /// Call back only this machine, and look up no names
    #[arg(long, conflicts_with = "watch")]
    pub offline: bool,

    #[command(flatten)]
    services: Services,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run only the emulator: AWS services, carriers and handsets, sinks, clock
    Emulator(EmulatorArguments),
}

#[derive(Debug, Args)]
pub struct EmulatorArguments {
    /// Port to listen on at 127.0.0.1; 0 picks a free one
    #[arg(long, default_value_t = 3001, value_name = "N")]
    port: u16,

    #[command(flatten)]
    services: Services,
}

#[derive(Debug, Args)]
pub struct Services {
    /// Keep the tables in this folder across restarts
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Use this DynamoDB instead of the embedded one
    #[arg(long, value_name = "URL")]
    pub dynamodb: Option<Url>,

    /// Use this SQS instead of the embedded one
    #[arg(long, value_name = "URL")]
    pub sqs: Option<Url>,
}

impl Arguments {
    pub fn port(&self) -> u16 {
        match &self.command {
            Some(Command::Emulator(emulator)) => emulator.port,
            None => self.port,
        }
    }

    pub fn functions(&self) -> FunctionsFrom {
        match (&self.functions, &self.watch) {
            (Some(folder), _) => FunctionsFrom::Binaries(folder.clone()),
            (None, Some(endpoint)) => FunctionsFrom::Watched(endpoint.clone()),
            (None, None) => FunctionsFrom::InProcess,
        }
    }

    pub fn services(&self) -> &Services {
        match &self.command {
            Some(Command::Emulator(emulator)) => &emulator.services,
            None => &self.services,
        }
    }
}
