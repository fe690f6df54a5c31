//! The operator's tool, with a file for each noun of the command line.
//!
//! The tool writes no log. An API key or callback secret is printed once, at creation.

mod account;
mod arguments;
mod callback;
mod carrier;
mod clock;
mod connect;
mod dead_letters;
mod endpoint;
mod failure;
mod key;
mod keyword;
mod message;
mod output;
mod pool;
mod requeue;
mod route;
mod secret;
mod sender;
mod unmatched;

use std::{ffi::OsString, io};

use shared::{
    runtime::{Clock, Environment, Random},
    store::DynamoDirectory,
};

pub use self::arguments::commands;
use self::{
    arguments::{Arguments, Command},
    connect::Connection,
    failure::Failure,
    output::Report,
};

/// Output and exit code: 0 done; 1 not done; 2 usage error, or `--yes` is missing.
#[derive(Debug)]
pub struct Done {
    pub code: u8,
    pub out: String,
    pub err: String,
}

/// Dependencies for commands on the directory.
struct Context {
    directory: DynamoDirectory,
    clock: Clock,
    random: Random,
}

/// Runs a command line with the program's name first. `input` reads standard input, for commands with a secret
/// as input.
pub async fn run<I, T>(words: I, environment: &Environment, input: impl FnOnce() -> io::Result<String>) -> Done
where
    I: IntoIterator<Item = T>,
    T: Into<OsString>,
{
    let arguments = match Arguments::parse_words(words) {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => {
            return Done { code: 2, out: String::new(), err: output::lines(&error.render().to_string()) };
        }
        Err(help_or_version) => return Done { code: 0, out: help_or_version.render().to_string(), err: String::new() },
    };
    let json = arguments.json;
    match carry_out(arguments, environment, input).await {
        Ok(report) => Done { code: 0, out: report.shown(json), err: report.notes() },
        Err(failure) => Done { code: failure.code(), out: String::new(), err: failure.shown(json) },
    }
}

async fn carry_out(
    arguments: Arguments,
    environment: &Environment,
    input: impl FnOnce() -> io::Result<String>,
) -> Result<Report, Failure> {
    let environment = &clock::follow(arguments.connection.local.as_ref(), environment).await?;
    let connection = Connection::open(arguments.connection, environment).await?;
    let context = async || {
        let directory = connection.directory().await?;
        Ok::<_, Failure>(Context { directory, clock: environment.clock.clone(), random: environment.random.clone() })
    };
    match arguments.command {
        Command::Account(command) => account::run(command, &context().await?, &connection, environment).await,
        Command::Key(command) => key::run(command, &context().await?).await,
        Command::Secret(command) => secret::run(command, &context().await?, &connection, environment).await,
        Command::Sender(command) => sender::run(command, &context().await?).await,
        Command::Pool(command) => pool::run(command, &context().await?, &connection).await,
        Command::Keyword(command) => keyword::run(command, &context().await?).await,
        Command::Carrier(command) => carrier::run(command, &context().await?, &connection, environment, input).await,
        Command::Route(command) => route::run(command, &context().await?).await,
        Command::Endpoint(command) => endpoint::run(command, &context().await?).await,
        Command::Callback(command) => callback::run(command, &connection, environment).await,
        Command::Message(command) => message::run(command, &connection, environment).await,
        Command::Unmatched(command) => unmatched::run(command, &connection, environment).await,
        Command::DeadLetters(command) => dead_letters::run(command, &connection).await,
        Command::Requeue(command) => requeue::run(command, &connection, environment).await,
    }
}
