//! The operator's tool: accounts, their keys, secrets and senders, the pool,
//! keywords, carriers and routes, endpoints that fail, and what went wrong. One file for each noun of the command line.
//!
//! Nothing is logged. A key or secret is printed once, when it is made.

mod account;
mod arguments;
mod callback;
mod carrier;
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

use clap::Parser;
use shared::{
    runtime::{Clock, Environment, Random},
    store::DynamoDirectory,
};

use self::{
    arguments::{Arguments, Command},
    connect::Connection,
    failure::Failure,
    output::Report,
};

/// What a run printed, and its exit code: 0 done, 1 not done, 2 not understood.
#[derive(Debug)]
pub struct Done {
    pub code: u8,
    pub out: String,
    pub err: String,
}

/// What every command on the directory needs.
struct Context {
    directory: DynamoDirectory,
    clock: Clock,
    random: Random,
}

/// Runs one command line, of which the first word is the program's name. A
/// command that wants a secret asks for one line of standard input.
pub async fn run<I, T>(words: I, environment: &Environment, line: impl FnOnce() -> io::Result<String>) -> Done
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let arguments = match Arguments::try_parse_from(words) {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => {
            return Done { code: 2, out: String::new(), err: error.render().to_string() };
        }
        // Help and version.
        Err(shown) => return Done { code: 0, out: shown.render().to_string(), err: String::new() },
    };
    let json = arguments.json;
    match carry_out(arguments, environment, line).await {
        Ok(report) => Done { code: 0, out: report.shown(json), err: report.notes() },
        Err(failure) => Done { code: failure.code(), out: String::new(), err: failure.shown(json) },
    }
}

async fn carry_out(
    arguments: Arguments,
    environment: &Environment,
    line: impl FnOnce() -> io::Result<String>,
) -> Result<Report, Failure> {
    let connection = Connection::open(arguments.connection, environment).await?;
    let context = async || {
        let directory = connection.directory().await?;
        Ok::<_, Failure>(Context { directory, clock: environment.clock.clone(), random: environment.random.clone() })
    };
    match arguments.command {
        Command::Account(command) => account::run(command, &context().await?).await,
        Command::Key(command) => key::run(command, &context().await?).await,
        Command::Secret(command) => secret::run(command, &context().await?).await,
        Command::Sender(command) => sender::run(command, &context().await?).await,
        Command::Pool(command) => pool::run(command, &context().await?).await,
        Command::Keyword(command) => keyword::run(command, &context().await?).await,
        Command::Carrier(command) => carrier::run(command, &context().await?, &connection, line).await,
        Command::Route(command) => route::run(command, &context().await?).await,
        Command::Endpoint(command) => endpoint::run(command, &context().await?).await,
        Command::Callback(command) => callback::run(command, &connection, environment).await,
        Command::Message(command) => message::run(command, &connection).await,
        Command::Unmatched(command) => unmatched::run(command, &connection, environment).await,
        Command::DeadLetters(command) => dead_letters::run(command, &connection).await,
        Command::Requeue(command) => requeue::run(command, &connection, environment).await,
    }
}
