//! `admin carrier`: named connections of vendors. Secrets Manager holds webhook tokens, credentials and signing
//! secrets, the directory other settings.

mod remove;
mod report;
mod secret;
mod settings;
mod simulation;
mod webhooks;

use std::io;

use shared::{
    domain::{Carrier, CarrierName, CarrierSecret, SettingError},
    runtime::Environment,
    store::{SecretStore, SecretsManager},
};

use self::report::Tokens;
use crate::{
    Context,
    arguments::{CarrierCommand, CarrierKey},
    connect::Connection,
    failure::Failure,
    output::Report,
};

const ONE_ACCOUNT: &str = "A carrier is one account at the vendor: for another account, add another carrier. Otherwise\n\
    lookups and receipts of messages under way go to the wrong account.";

/// The context of a carrier command.
struct Carriers<'a> {
    context: &'a Context,
    connection: &'a Connection,
    environment: &'a Environment,
    secrets: SecretsManager,
}

pub async fn run(
    command: CarrierCommand,
    context: &Context,
    connection: &Connection,
    environment: &Environment,
    input: impl FnOnce() -> io::Result<String>,
) -> Result<Report, Failure> {
    let carriers = Carriers { context, connection, environment, secrets: connection.carrier_secrets().await? };
    match command {
        CarrierCommand::Add(new) => settings::add(&carriers, new).await,
        CarrierCommand::Set(change) => settings::set(&carriers, change).await,
        CarrierCommand::List => report::list(&carriers).await,
        CarrierCommand::Show { name } => {
            let carrier = existing(context, name).await?;
            let secret = carriers.secrets.carriers().await?.remove(&name).unwrap_or_default();
            Ok(report::of(&carrier, &secret, Tokens::Shown, connection).await)
        }
        CarrierCommand::Key(CarrierKey { name, remove: true, .. }) => secret::remove_credentials(&carriers, name).await,
        CarrierCommand::Key(which) => secret::set_credentials(&carriers, which, input).await,
        CarrierCommand::SigningSecret { name, remove: true } => secret::remove_signing_secret(&carriers, name).await,
        CarrierCommand::SigningSecret { name, remove: false } => {
            secret::set_signing_secret(&carriers, name, input).await
        }
        CarrierCommand::Rotate { name } => secret::rotate(&carriers, name).await,
        CarrierCommand::Retire { name } => secret::retire(&carriers, name).await,
        CarrierCommand::Webhooks(which) => webhooks::register(&carriers, which).await,
        CarrierCommand::Remove(which) => remove::remove(&carriers, which).await,
    }
}

pub async fn existing(context: &Context, name: CarrierName) -> Result<Carrier, Failure> {
    context.directory.latest_carrier(name).await?.ok_or_else(|| missing(name))
}

fn missing(name: CarrierName) -> Failure {
    Failure::Refused(format!(
        "the carrier {name} is not set up; see `admin carrier list`, and add it with\n\
         `admin carrier add {name} --vendor VENDOR`"
    ))
}

/// A change was checked for a vendor, and by now the carrier is another vendor's, or gone.
fn replaced(name: CarrierName) -> Failure {
    Failure::Refused(format!(
        "another operator replaced or removed the carrier {name} at the same time, so this change was not made;\n\
         `admin carrier list` shows the carriers"
    ))
}

impl Carriers<'_> {
    /// Passes a change on to the simulated vendor if there is one, and reports the carrier after the change.
    async fn changed(&self, carrier: &Carrier, secret: &CarrierSecret, tokens: Tokens) -> Result<Report, Failure> {
        simulation::register(self, carrier, secret).await?;
        Ok(report::of(carrier, secret, tokens, self.connection).await)
    }
}

/// Refuses a setting before anything is written.
fn refused(error: SettingError) -> Failure {
    Failure::Refused(format!("{error}. Nothing was changed."))
}
